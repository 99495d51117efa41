//! The client against a scripted server: coming, going and tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::event::{Event, RequestError, SendError, Stopped};
use super::raw::Socket;
use super::scripted::Server;
use super::tests::{SOON, channel, connected, event, next, options, started};
use super::token::{TokenError, TokenSource};
use super::{Client, Options};

#[tokio::test]
async fn whom_an_admin_throws_out_does_not_come_back_by_itself() {
    let server = Server::start().await;
    let (_client, mut events) = started(&server);
    server.welcome(0).await.close(4403).await;
    assert_eq!(next(&mut events).await, "stopped: an admin ended the session");
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
    assert!(error.contains("waited for pong") && error.contains("heartbeatMs") && !error.contains("secret"), "{error}");
    peer.close(4403).await;
    assert_eq!(socket.recv_close(SOON).await.unwrap(), (Some(4403), "scripted".to_owned()));
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
async fn closing_says_goodbye_and_ends_the_events() {
    let server = Server::start().await;
    let (client, mut events) = started(&server);
    let mut peer = connected(&server, &client).await;
    let (left, ()) = tokio::join!(async { timeout(Duration::from_secs(3), client.close()).await }, peer.gone());
    left.expect("an end");
    assert_eq!(next(&mut events).await, "stopped: closed");
    assert_eq!(events.recv().await, None);
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
