//! The client against a scripted server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::domain::ids::ChannelId;

use super::event::{Event, RequestError, SendError, Stopped};
use super::raw::Socket;
use super::scripted::{CHANNEL, ME, OTHER, Peer, Server, live, message};
use super::token::{TokenError, TokenSource};
use super::{Client, Options, State, backoff};

const SOON: Duration = Duration::from_millis(150);

fn channel() -> ChannelId {
    CHANNEL.parse().unwrap()
}

fn options(server: &Server) -> Options {
    let millis = Duration::from_millis;
    let backoff = backoff::Limits { min: millis(20), max: millis(60), ..backoff::Limits::default() };
    Options { backoff, ..Options::new(server.url(), TokenSource::Static("t".into())) }
}

fn started(server: &Server) -> (Client, Receiver<Event>) {
    Client::start(options(server)).unwrap()
}

/// The next event that is not about the connection, in short.
async fn next(events: &mut Receiver<Event>) -> String {
    loop {
        return match event(events).await {
            Event::Connected { .. } | Event::Disconnected { .. } | Event::Members(_) => continue,
            Event::Message(m) => format!("message {}", m.seq),
            Event::Updated(m) => format!("updated {}", m.seq),
            Event::Sent { ack, .. } => format!("sent {}", ack.seq),
            Event::Failed { error, .. } => format!("failed: {error}"),
            Event::Stopped { error } => format!("stopped: {error}"),
            other => format!("{other:?}"),
        };
    }
}

async fn event(events: &mut Receiver<Event>) -> Event {
    timeout(Duration::from_secs(5), events.recv()).await.expect("an event").expect("a running client")
}

/// Apart from news about the members.
async fn nothing_more(events: &mut Receiver<Event>) {
    while let Ok(event) = timeout(SOON, events.recv()).await {
        assert!(matches!(event, Some(Event::Members(_))), "{event:?}");
    }
}

#[tokio::test]
async fn a_message_whose_ack_was_lost_is_sent_again_under_the_same_client_id() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let id = client.send(channel(), "hello").await.unwrap();
    let mut peer = server.welcome(5).await;
    let first = peer.recv_type("message").await;
    drop(peer);
    let mut peer = server.welcome(5).await;
    let again = peer.recv_type("message").await;
    assert_eq!(first, again);
    assert_eq!(again["clientId"], id.to_string());
    assert_eq!(client.status().waiting, 1);
    peer.ack(&again, 6, false).await;
    assert_eq!(next(&mut events).await, "sent 6");
    assert_eq!(client.status().waiting, 0);
}

#[tokio::test]
async fn an_own_message_in_a_sync_counts_as_its_ack_and_is_not_shown_as_anothers() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(5).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.send_and_wait(channel(), "hello").await }
    });
    let sent = peer.recv_type("message").await;
    drop(peer);
    let mut peer = server.welcome(7).await;
    let sync = peer.recv_type("sync").await;
    assert_eq!(sync["channels"], json!({CHANNEL: 5}));
    assert_eq!(sync["epoch"], "e");
    let again = peer.recv_type("message").await;
    peer.page(&sync, vec![message(6, ME, Some(&sent["clientId"])), message(7, OTHER, None)], 7).await;
    peer.ack(&again, 6, true).await;
    assert_eq!(next(&mut events).await, "sent 6");
    assert_eq!(next(&mut events).await, "message 7");
    assert_eq!(waiting.await.unwrap().unwrap().seq, 6);
    nothing_more(&mut events).await;
}

#[tokio::test]
async fn an_own_message_that_the_last_session_sent_counts_as_its_ack_also_when_edited_since() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(5).await;
    for (seq, edited) in [(6, None), (7, Some("2026-01-01T00:00:09.000Z"))] {
        client.send(channel(), "hello").await.unwrap();
        let sent = peer.recv_type("message").await;
        let mut own = message(seq, ME, Some(&sent["clientId"]));
        own["updatedAt"] = json!(edited);
        peer.send(json!({"type": "message", "data": own})).await;
        assert_eq!(next(&mut events).await, format!("sent {seq}"));
        peer.ack(&sent, seq, true).await;
    }
    assert_eq!(next(&mut events).await, "updated 7");
    peer.send(live(8)).await;
    assert_eq!(next(&mut events).await, "message 8");
    nothing_more(&mut events).await;
}

#[tokio::test]
async fn a_frame_that_is_too_big_for_the_server_is_not_sent_for_ever() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(0).await;
    client.send(channel(), "long").await.unwrap();
    client.send(channel(), "next").await.unwrap();
    peer.recv_type("message").await;
    peer.close(1009).await;
    assert!(next(&mut events).await.starts_with("failed: the server closed"));
    let mut peer = server.welcome(0).await;
    assert_eq!(peer.recv_type("message").await["content"], "next");
}

#[tokio::test]
async fn whom_an_admin_throws_out_does_not_come_back_by_itself() {
    let server = Server::start().await;
    let (_client, mut events) = started(&server);
    server.welcome(0).await.close(4403).await;
    assert_eq!(next(&mut events).await, "stopped: an admin ended this session");
}

#[tokio::test]
async fn a_raw_socket_says_what_went_over_the_line_but_no_token() {
    let server = Server::start().await;
    let url = server.url();
    let (socket, mut peer) = tokio::join!(Socket::connect(&url, "secret"), server.welcome(3));
    let mut socket = socket.unwrap();
    assert_eq!(peer.bearer, "secret");
    socket.send_json(&json!({"type": "auth", "token": "secret"})).await.unwrap();
    peer.recv_type("auth").await;
    assert_eq!(socket.recv_type("hello", SOON).await.unwrap()["protocol"], 1);
    let error = format!("{:?}", socket.recv_type("pong", SOON).await.unwrap_err());
    assert!(error.contains("waited for pong") && error.contains("hello") && !error.contains("secret"), "{error}");
    peer.close(4403).await;
    assert_eq!(socket.recv_close(SOON).await.unwrap(), (Some(4403), "scripted".to_owned()));
}

#[tokio::test]
async fn anothers_message_with_this_clients_id_is_no_ack() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(5).await;
    client.send(channel(), "hello").await.unwrap();
    let sent = peer.recv_type("message").await;
    peer.send(json!({"type": "message", "data": message(6, OTHER, Some(&sent["clientId"]))})).await;
    assert_eq!(next(&mut events).await, "message 6");
    assert_eq!(client.status().waiting, 1);
    peer.ack(&sent, 7, false).await;
    assert_eq!(next(&mut events).await, "sent 7");
}

#[tokio::test]
async fn a_gap_leads_to_a_sync_and_nothing_is_shown_twice() {
    let server = Server::start().await;
    let (_client, mut events) = started(&server);
    let mut peer = server.welcome(5).await;
    peer.send(live(6)).await;
    peer.send(live(8)).await;
    let sync = peer.recv_type("sync").await;
    assert_eq!(sync["channels"], json!({CHANNEL: 6}));
    peer.send(live(9)).await;
    peer.page(&sync, vec![message(7, OTHER, None), message(8, OTHER, None)], 8).await;
    peer.send(live(9)).await;
    peer.send(live(10)).await;
    for seq in 6..=10 {
        assert_eq!(next(&mut events).await, format!("message {seq}"));
    }
    nothing_more(&mut events).await;
    peer.recv_nothing(SOON).await;
}

#[tokio::test]
async fn later_messages_are_held_back_until_the_refused_one_is_through() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(0).await;
    for text in ["one", "two"] {
        client.send(channel(), text).await.unwrap();
    }
    let one = peer.recv_type("message").await;
    let refused = Instant::now();
    peer.refuse(&one, "rate_limited", Some(200)).await;
    let again = peer.recv_type("message").await;
    assert_eq!(one, again);
    assert!(refused.elapsed() >= Duration::from_millis(200));
    peer.recv_nothing(SOON).await;
    peer.ack(&again, 1, false).await;
    assert_eq!(peer.recv_type("message").await["content"], "two");
    assert_eq!(next(&mut events).await, "sent 1");
}

#[tokio::test]
async fn a_definite_error_fails_one_message_and_the_rest_goes_on() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = server.welcome(0).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.send_and_wait(channel(), "one").await }
    });
    let one = peer.recv_type("message").await;
    client.send(channel(), "two").await.unwrap();
    peer.refuse(&one, "forbidden", None).await;
    assert_eq!(next(&mut events).await, "failed: forbidden: no");
    assert!(matches!(waiting.await.unwrap(), Err(SendError::Refused(refused)) if refused.code == "forbidden"));
    assert_eq!(peer.recv_type("message").await["content"], "two");
}

#[tokio::test]
async fn goaway_says_when_to_come_back() {
    let server = Server::start().await;
    let (_client, mut events) = started(&server);
    let mut peer = server.welcome(0).await;
    assert!(matches!(event(&mut events).await, Event::Connected { .. }));
    peer.send(json!({"type": "goaway", "reason": "restart", "reconnectInMs": 400})).await;
    peer.close(1001).await;
    let left = Instant::now();
    let Event::Disconnected { reason, retry_in } = event(&mut events).await else { panic!("still there") };
    assert!(reason.contains("1001"), "{reason}");
    assert!(retry_in >= Duration::from_millis(400), "{retry_in:?}");
    server.welcome(0).await;
    assert!(left.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn a_silent_server_is_pinged_and_then_left() {
    let server = Server::start().await;
    let mut options = options(&server);
    options.timing.grace = Duration::from_millis(200);
    let (_client, mut events) = Client::start(options).unwrap();
    let mut peer = server.accept().await;
    peer.hello("e", 0, 50).await;
    peer.recv_type("ping").await;
    peer.send(json!({"type": "pong", "serverTime": "2026-01-01T00:00:00.000Z"})).await;
    let heard = Instant::now();
    peer.gone().await;
    assert!(heard.elapsed() >= Duration::from_millis(240));
    assert!(matches!(event(&mut events).await, Event::Connected { .. }));
    let Event::Disconnected { reason, .. } = event(&mut events).await else { panic!("still there") };
    assert!(reason.contains("nothing heard"), "{reason}");
}

#[tokio::test]
async fn a_server_that_answers_pings_but_no_message_is_left() {
    let server = Server::start().await;
    let mut options = options(&server);
    options.timing.answer = Duration::from_millis(200);
    let (client, _events) = Client::start(options).unwrap();
    let mut peer = server.welcome(0).await;
    client.send(channel(), "hello").await.unwrap();
    let first = peer.recv_type("message").await;
    peer.gone().await;
    let mut peer = server.welcome(0).await;
    assert_eq!(peer.recv_type("message").await, first);
}

#[tokio::test]
async fn a_refused_token_ends_the_client_and_says_why() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    server.refuse(401).await;
    assert_eq!(next(&mut events).await, "stopped: the server refuses the token: the token has expired");
    assert_eq!(client.send(channel(), "too late").await, Err(SendError::Stopped));
    assert_eq!(client.edit(super::MessageId(uuid::Uuid::nil()), "x").await, Err(RequestError::Stopped));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let server = Server::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let token = TokenSource::callback(move || {
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, TokenError>(format!("token-{nth}")) }
    });
    let (_client, mut events) = Client::start(Options { token, ..options(&server) }).unwrap();
    assert_eq!(server.refuse(401).await, "token-0");
    let mut peer = server.welcome(0).await;
    assert_eq!(peer.bearer, "token-1");
    peer.close(4401).await;
    assert_eq!(server.refuse(401).await, "token-2");
    assert_eq!(server.refuse(401).await, "token-3");
    assert!(next(&mut events).await.starts_with("stopped: the server refuses"));
}

#[tokio::test]
async fn a_token_endpoint_that_is_down_is_no_reason_to_stop_but_its_refusal_is() {
    let server = Server::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let token = TokenSource::callback(move || {
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        async move {
            if nth == 0 { Err(TokenError::Unavailable("down".into())) } else { Err(TokenError::Refused("left".into())) }
        }
    });
    let (_client, mut events) = Client::start(Options { token, ..options(&server) }).unwrap();
    assert!(matches!(event(&mut events).await, Event::Disconnected { .. }));
    assert_eq!(event(&mut events).await, Event::Stopped { error: Stopped::Unauthorized("left".into()) });
}

#[tokio::test]
async fn a_fresh_token_is_sent_before_the_old_one_ends() {
    let server = Server::start().await;
    let token = TokenSource::callback(|| async {
        // `{"exp": now + 2}`, so that three quarters of it are about 1.5 s.
        let exp = chrono::Utc::now().timestamp() + 2;
        Ok::<_, TokenError>(format!("e30.{}.s", base64url(&format!(r#"{{"exp":{exp}}}"#))))
    });
    let (_client, _events) = Client::start(Options { token, ..options(&server) }).unwrap();
    let mut peer = server.welcome(0).await;
    let auth = peer.recv_type("auth").await;
    assert_ne!(auth["token"], Value::String(peer.bearer.clone()));
    peer.send(json!({"type": "ok", "ref": auth["ref"]})).await;
}

#[tokio::test]
async fn edits_are_answered_and_do_not_wait_for_a_connection() {
    let server = Server::start().await;
    let (client, _events) = started(&server);
    let id = super::MessageId(uuid::Uuid::nil());
    assert_eq!(client.edit(id, "x").await, Err(RequestError::NotConnected));
    let mut peer = connected(&server, &client).await;
    let edit = tokio::spawn({
        let client = client.clone();
        async move { client.edit(id, "y").await }
    });
    let frame = peer.recv_type("edit").await;
    peer.send(json!({"type": "ok", "ref": frame["ref"]})).await;
    assert_eq!(edit.await.unwrap(), Ok(()));
    let delete = tokio::spawn(async move { client.delete(id).await });
    peer.recv_type("delete").await;
    drop(peer);
    assert_eq!(delete.await.unwrap(), Err(RequestError::Lost));
}

#[tokio::test]
async fn a_read_mark_is_repeated_until_the_server_has_it() {
    let server = Server::start().await;
    let (client, _events) = started(&server);
    client.read(channel(), 4).await;
    client.read(channel(), 3).await;
    let mut peer = server.welcome(5).await;
    assert_eq!(peer.recv_type("read").await["seq"], 4);
    drop(peer);
    let mut peer = server.welcome(5).await;
    let read = peer.recv_type("read").await;
    client.read(channel(), 5).await;
    peer.recv_nothing(SOON).await;
    peer.send(json!({"type": "ok", "ref": read["ref"]})).await;
    assert_eq!(peer.recv_type("read").await["seq"], 5);
}

#[tokio::test]
async fn an_application_that_does_not_take_its_events_can_still_send() {
    let server = Server::start().await;
    let (client, mut events) = Client::start(Options { events: 1, ..options(&server) }).unwrap();
    let mut peer = connected(&server, &client).await;
    for seq in 1..=40 {
        peer.send(live(seq)).await;
    }
    client.send(channel(), "hello").await.unwrap();
    peer.recv_type("message").await;
    for seq in 1..=40 {
        assert_eq!(next(&mut events).await, format!("message {seq}"));
    }
}

#[tokio::test]
async fn closing_says_goodbye_and_ends_the_events() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = connected(&server, &client).await;
    let (left, ()) = tokio::join!(async { timeout(Duration::from_secs(3), client.close()).await }, peer.gone());
    left.expect("an end");
    assert_eq!(next(&mut events).await, "stopped: closed");
    assert_eq!(events.recv().await, None);
}

async fn connected(server: &Server, client: &Client) -> Peer {
    let peer = server.welcome(0).await;
    let mut status = client.status.clone();
    status.wait_for(|status| status.state == State::Live).await.unwrap();
    peer
}

fn base64url(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).for_each(|n| out.push(ALPHABET[(bits >> (18 - 6 * n)) as usize & 63].into()));
    }
    out
}
