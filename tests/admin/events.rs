//! What happens on the node that is asked, as it happens.

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::shown::{id_of, send};
use super::started::{PATIENCE, Started};

/// Events as they come in.
struct Listener {
    answer: Response,
    text: String,
}

impl Listener {
    async fn open(daemon: &Started, query: &str) -> Self {
        Self::open_as(daemon, query, &daemon.admin_token()).await
    }

    async fn open_as(daemon: &Started, query: &str, token: &str) -> Self {
        let url = daemon.admin_url(&format!("/admin/events{query}"));
        let answer = Client::new().get(url).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut listener = Self { answer, text: String::new() };
        assert_eq!(listener.block().await.as_deref(), Some(": listening"));
        listener
    }

    /// What stands until the next empty line. None: it has ended.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let chunk = timeout(PATIENCE, self.answer.chunk()).await.expect("nothing comes").ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            let block = self.block().await?;
            let Some(rest) = block.strip_prefix("event: ") else {
                assert_eq!(block, ":", "a sign of life");
                continue;
            };
            let (kind, data) = rest.split_once("\ndata: ").unwrap();
            let event: Value = serde_json::from_str(data).unwrap();
            assert_eq!(event["type"], kind);
            return Some(event);
        }
    }

    async fn expect(&mut self, kind: &str) -> Value {
        let event = self.next().await.unwrap();
        assert_eq!(event["type"], kind, "{event}");
        assert_eq!(event["at"].as_str().map(str::len), Some(24), "{event}");
        event
    }
}

#[actix_web::test]
async fn what_happens_is_told_in_order_and_without_what_is_said() {
    let daemon = Started::new().await;
    let mut all = Listener::open(&daemon, "").await;
    let mut some = Listener::open(&daemon, "?type=message,session.closed&user=ana").await;
    let channel = daemon.group(&["ana", "ben"]).await;
    let created = all.expect("channel.created").await;
    assert_eq!(created["channel"], json!(channel));
    assert_eq!(created["users"].as_array().unwrap().len(), 2);
    let mut elsewhere = Listener::open(&daemon, &format!("?channel={}", uuid::Uuid::now_v7())).await;
    let mut here = Listener::open(&daemon, &format!("?channel={channel}")).await;
    let (mut ana, session) = daemon.connect("ana").await;
    let opened = all.expect("session.opened").await;
    assert_eq!(
        (&opened["session"], &opened["user"], &opened["address"]),
        (&json!(session), &json!(id_of("ana")), &json!("127.0.0.1"))
    );
    send(&mut ana, channel, "canary").await;
    let stored = all.expect("message.stored").await;
    assert_eq!(
        (&stored["channel"], &stored["seq"], &stored["user"]),
        (&json!(channel), &json!(1), &json!(id_of("ana")))
    );
    ana.send_json(&json!({"type": "delete", "messageId": stored["message"]})).await.unwrap();
    let changed = all.expect("message.changed").await;
    assert_eq!((&changed["message"], &changed["deleted"]), (&stored["message"], &json!(true)));
    daemon.ask("GET", &daemon.public_url("/api/v1/channels"), &[("authorization", "Bearer no".to_owned())]).await;
    assert_eq!(all.expect("refused").await["reason"], "malformed");
    let url = daemon.public_url(&format!("/api/v1/channels/{channel}"));
    let rename = Client::new().patch(url).bearer_auth(daemon.token("ana", None)).body(r#"{"name":"canary"}"#);
    assert_eq!(rename.send().await.unwrap().status(), 200);
    let renamed = all.expect("channel.changed").await;
    assert_eq!(
        (&renamed["change"], &renamed["version"]),
        (&json!("renamed"), &json!(changed["version"].as_i64().unwrap() + 1))
    );
    daemon.admin("DELETE", &format!("/admin/sessions/{session}")).await;
    let closed = all.expect("session.closed").await;
    assert_eq!((&closed["session"], &closed["code"]), (&json!(session), &json!(4403)));
    assert_eq!(daemon.admin("POST", "/admin/users/ana/revoke").await.status, 200);
    assert_eq!(all.expect("tokens.revoked").await["user"], json!(id_of("ana")));
    for expected in [&stored, &changed, &closed] {
        assert_eq!(&some.next().await.unwrap(), expected, "what was asked for and no more");
    }
    for expected in [&stored, &changed, &renamed] {
        assert_eq!(&here.next().await.unwrap(), expected);
        assert!(!expected.to_string().contains("canary"), "{expected}");
    }
    // A daemon that stops ends all of it.
    let stopping = tokio::task::spawn_local(daemon.stop());
    for listener in [&mut all, &mut some, &mut here, &mut elsewhere] {
        assert_eq!(listener.next().await, None);
    }
    stopping.await.unwrap();
}

#[actix_web::test]
async fn who_is_locked_out_hears_no_more_however_much_happens() {
    let daemon = Started::new().await;
    let mut listener = Listener::open_as(&daemon, "", &daemon.token("watcher", Some("admin"))).await;
    assert_eq!(daemon.admin("POST", "/admin/users/watcher/revoke").await.status, 200);
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        daemon.group(&["ana", "ben"]).await;
        if listener.next().await.is_none() {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "it goes on");
    }
    daemon.stop().await;
}

#[actix_web::test]
async fn so_many_listen_and_who_goes_makes_room() {
    let daemon = Started::new().await;
    let mut listeners = Vec::new();
    for _ in 0..16 {
        listeners.push(Listener::open(&daemon, "").await);
    }
    daemon.admin("GET", "/admin/events").await.refuses(503, "unavailable");
    listeners.pop();
    // It is noticed at the next sign of life, at the latest.
    let until = tokio::time::Instant::now() + PATIENCE;
    while daemon.admin("GET", "/admin/events?for=0").await.status == 503 {
        assert!(tokio::time::Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(listeners);
    daemon.stop().await;
}

#[actix_web::test]
async fn who_hears_nothing_for_long_is_not_cut_off() {
    let daemon = Started::with(|config| {
        config.timing.head_timeout = Duration::from_millis(100);
        config.timing.keep_alive = Duration::from_millis(6_500);
    })
    .await;
    let mut listener = Listener::open(&daemon, "?for=3600").await;
    for _ in 0..2 {
        assert_eq!(listener.block().await.as_deref(), Some(":"));
    }
    daemon.group(&["ana", "ben"]).await;
    listener.expect("channel.created").await;
    daemon.stop().await;
}

#[actix_web::test]
async fn what_cannot_be_asked_for_is_named() {
    let daemon = Started::new().await;
    for (query, words) in [
        ("type=message.unheard", "type must be some of session.opened"),
        ("channel=x", "channel "),
        ("for=-1", "for must be a whole number of seconds, 86400 at most"),
        ("for=86401", "for must be"),
    ] {
        let answer = daemon.admin("GET", &format!("/admin/events?{query}")).await;
        answer.refuses(422, "invalid_frame");
        assert!(answer.text.contains(words), "{query}: {}", answer.text);
    }
    daemon.stop().await;
}
