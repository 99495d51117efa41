//! A user whose tokens are revoked is out with every one that was made until then, and nobody else is.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tenfour::config::AttachmentPlace;
use tenfour::domain::ids::JournalId;
use tenfour::domain::journal::Kind;

use crate::auth::{claims, signed};
use crate::daemon::{SECRET, Setup, TestDaemon, id_of};
use crate::socket::TestSocket;

const HOUR: Duration = Duration::from_hours(1);

on_each_database!(who_was_let_in_by_an_older_token_is_out_everywhere_and_comes_back_by_a_newer_one);

fn token(daemon: &TestDaemon, sub: &str) -> String {
    daemon.token_with(sub, sub, None, HOUR)
}

fn call(daemon: &TestDaemon, method: Method, path: &str, token: &str) -> RequestBuilder {
    Client::new().request(method, format!("http://{}/api/v1{path}", daemon.addr())).bearer_auth(token)
}

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

/// As an admin, who is told from when on tokens count.
async fn revoke(daemon: &TestDaemon, user: &str) -> Value {
    let url = format!("http://{}/admin/users/{user}/revoke", daemon.admin_addr());
    let admin = daemon.token_with("operator", "Operator", Some("admin"), HOUR);
    let answer = Client::new().post(url).bearer_auth(admin).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn who_was_let_in_by_an_older_token_is_out_everywhere_and_comes_back_by_a_newer_one(setup: Setup) {
    let mut daemon = setup.lasting().with(|config| config.attachments = Some(AttachmentPlace::Memory)).start().await;
    let channel = daemon.direct("ana", "bo").await;
    let old = token(&daemon, "ana");
    let without_iat = signed(&json!({"alg": "HS256"}), &claims(&json!({})), SECRET);
    let mut phone = TestSocket::connect("ana", &daemon.url(), &old).await;
    let mut dateless = TestSocket::connect("ana", &daemon.url(), &without_iat).await;
    let mut bo = daemon.connect("bo").await;
    let file = call(&daemon, Method::POST, "/attachments?name=a.txt", &old).body("a").send().await.unwrap();
    assert_eq!(file.status(), StatusCode::CREATED);
    let file: Value = serde_json::from_str(&file.text().await.unwrap()).unwrap();

    let told = revoke(&daemon, "ana").await;
    let before = chrono::DateTime::parse_from_rfc3339(told["issuedBefore"].as_str().unwrap()).unwrap();
    assert_eq!(told["user"], json!(id_of("ana")));
    assert!(before <= chrono::Utc::now(), "it is answered when the second is over: {told}");
    for socket in [&mut phone, &mut dateless] {
        assert_eq!(socket.expect_close().await, (Some(4401), "token revoked".to_owned()));
    }
    let new = token(&daemon, "ana");
    let mut ana = TestSocket::connect("ana", &daemon.url(), &new).await;
    bo.send_message(channel, "still here").await;
    ana.expect_text("still here").await;
    let download = format!("/attachments/{}", file["id"].as_str().unwrap());
    for restarted in [false, true] {
        if restarted {
            daemon.restart().await;
            ana = TestSocket::connect("ana", &daemon.url(), &new).await;
        }
        for refused in [&old, &without_iat] {
            assert!(TestSocket::try_connect("ana", &daemon.url(), refused).await.is_err());
            let answer = ana.ask_refused(json!({"type": "auth", "token": refused}), "unauthorized").await;
            assert_eq!(answer["message"], "the token was revoked; get a new one");
            for (method, path) in
                [(Method::GET, "/channels"), (Method::POST, "/attachments?name=b.txt"), (Method::GET, &download)]
            {
                assert_eq!(status(call(&daemon, method, path, refused)).await, StatusCode::UNAUTHORIZED, "{path}");
            }
        }
        assert_eq!(status(call(&daemon, Method::GET, "/channels", &new)).await, StatusCode::OK);
    }
    let records = daemon.parts().reader.records(JournalId::DAEMON, 0, 1_000).await.unwrap();
    let record = records.into_iter().find(|it| it.record.unwrap().kind == Kind::TokensRevoked).unwrap();
    let detail: Value = serde_json::from_str(&record.detail.unwrap()).unwrap();
    assert_eq!(detail, told);
    assert_eq!(record.record.unwrap().by.unwrap(), id_of("operator"));
}

#[tokio::test]
async fn a_session_that_was_renewed_since_stays_and_an_older_token_renews_none() {
    let daemon = Setup::in_memory().start().await;
    daemon.direct("ana", "bo").await;
    let old = token(&daemon, "ana");
    revoke(&daemon, "ana").await;
    let newer = token(&daemon, "ana");
    let mut ana = TestSocket::connect("ana", &daemon.url(), &newer).await;
    ana.ask_refused(json!({"type": "auth", "token": old}), "unauthorized").await;
    // Nothing is left to be revoked of what the first call left.
    let at = Instant::now();
    ana.ask_ok(json!({"type": "auth", "token": token(&daemon, "ana")})).await;
    assert!(at.elapsed() < Duration::from_secs(5));
    revoke(&daemon, "ana").await;
    assert_eq!(ana.expect_close().await.0, Some(4401));
}

#[tokio::test]
async fn who_is_not_known_yet_comes_in_by_a_newer_token_only() {
    let daemon = Setup::in_memory().start().await;
    let old = token(&daemon, "a new one");
    revoke(&daemon, "a%20new%20one").await;
    assert!(TestSocket::try_connect("new", &daemon.url(), &old).await.is_err());
    TestSocket::connect("new", &daemon.url(), &token(&daemon, "a new one")).await;
    let url = format!("http://{}/admin/users/{}/revoke", daemon.admin_addr(), "x".repeat(256));
    let admin = daemon.token_with("operator", "Operator", Some("admin"), HOUR);
    let answer = Client::new().post(url).bearer_auth(admin).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let answer = answer.text().await.unwrap();
    assert!(answer.contains("the user's id"), "{answer}");
}

#[tokio::test]
async fn an_admin_may_lock_out_the_applications_own_server_and_themselves() {
    let daemon = Setup::in_memory().start().await;
    let admin = daemon.token_with("operator", "Operator", Some("admin"), HOUR);
    revoke(&daemon, "operator").await;
    let sessions = |token: String| {
        status(Client::new().get(format!("http://{}/admin/sessions", daemon.admin_addr())).bearer_auth(token))
    };
    assert_eq!(sessions(admin).await, StatusCode::UNAUTHORIZED);
    assert_eq!(sessions(daemon.token_with("operator", "Operator", Some("admin"), HOUR)).await, StatusCode::OK);
}
