//! A server of one's own making: a real WebSocket on a free port, whose every frame the test writes.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

pub(crate) const CHANNEL: &str = "0198c0de-0000-7000-8000-000000000007";
pub(crate) const ME: &str = "0198c0de-0000-7000-8000-000000000001";
pub(crate) const OTHER: &str = "0198c0de-0000-7000-8000-000000000002";
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Server {
    listener: TcpListener,
}

/// The server's side of one connection.
pub(crate) struct Peer {
    socket: WebSocketStream<TcpStream>,
    pub(crate) bearer: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws", self.listener.local_addr().unwrap())
    }

    pub(crate) async fn accept(&self) -> Peer {
        let (bearer, socket) = self.answer(None).await;
        Peer { socket: socket.unwrap(), bearer }
    }

    /// Accepts, and says a `hello` in which the channel stands at `version`.
    pub(crate) async fn welcome(&self, version: i64) -> Peer {
        let mut peer = self.accept().await;
        peer.hello("e", version, 30_000).await;
        peer
    }

    pub(crate) async fn refuse(&self, status: u16) -> String {
        let (bearer, refused) = self.answer(Some(status)).await;
        assert!(refused.is_err());
        bearer
    }

    // The type of the refusal is tungstenite's.
    #[allow(clippy::result_large_err)]
    async fn answer(&self, refusal: Option<u16>) -> (String, Result<WebSocketStream<TcpStream>, tungstenite::Error>) {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("a connection").unwrap();
        let mut bearer = String::new();
        let socket = accept_hdr_async(stream, |request: &Request, response: Response| {
            bearer = request.headers()["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned();
            let Some(status) = refusal else { return Ok(response) };
            let mut refused = ErrorResponse::new(Some(r#"{"detail":"the token has expired"}"#.to_owned()));
            *refused.status_mut() = status.try_into().unwrap();
            Err(refused)
        })
        .await;
        (bearer, socket)
    }
}

impl Peer {
    pub(crate) async fn hello(&mut self, epoch: &str, version: i64, heartbeat_ms: u64) {
        self.send(json!({"type": "hello", "protocol": 1, "epoch": epoch, "sessionId": ME, "serverTime": time(),
            "user": {"id": ME, "name": "Ana"}, "heartbeatMs": heartbeat_ms, "channels": [{"id": CHANNEL,
            "type": "group", "name": "all", "role": "member", "lastSeq": version, "version": version,
            "lastReadSeq": 0, "unread": 0, "memberIds": [ME, OTHER], "online": []}]}))
            .await;
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub(crate) async fn recv(&mut self) -> Value {
        loop {
            let next = timeout(PATIENCE, self.socket.next()).await.expect("a frame");
            if let Message::Text(text) = next.expect("an open connection").unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    pub(crate) async fn recv_type(&mut self, kind: &str) -> Value {
        let frame = self.recv().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    pub(crate) async fn recv_nothing(&mut self, time: Duration) {
        if let Ok(frame) = timeout(time, self.socket.next()).await {
            panic!("{frame:?}");
        }
    }

    pub(crate) async fn ack(&mut self, message: &Value, seq: i64, duplicate: bool) {
        self.send(json!({"type": "ack", "clientId": message["clientId"], "serverId": ME, "channelId": CHANNEL,
            "seq": seq, "version": seq, "createdAt": time(), "duplicate": duplicate}))
            .await;
    }

    pub(crate) async fn refuse(&mut self, message: &Value, code: &str, retry_after_ms: Option<u64>) {
        self.send(json!({"type": "error", "code": code, "message": "no", "retryable": retry_after_ms.is_some(),
            "retryAfterMs": retry_after_ms, "clientId": message["clientId"]}))
            .await;
    }

    /// The answer to a `sync`: one page.
    pub(crate) async fn page(&mut self, sync: &Value, messages: Vec<Value>, version: i64) {
        self.send(json!({"type": "sync", "channelId": CHANNEL, "messages": messages, "version": version,
            "hasMore": false, "memberIds": [ME, OTHER]}))
            .await;
        self.send(json!({"type": "sync_complete", "ref": sync["ref"]})).await;
    }

    pub(crate) async fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "scripted".into() };
        self.socket.close(Some(frame)).await.unwrap();
    }

    /// Waits for the end of the connection.
    pub(crate) async fn gone(&mut self) {
        timeout(PATIENCE, async { while let Some(Ok(_)) = self.socket.next().await {} }).await.expect("the end");
    }
}

pub(crate) fn message(seq: i64, sender: &str, client_id: Option<&Value>) -> Value {
    json!({"id": format!("0198c0de-0000-7000-8000-1000000000{seq:02}"), "clientId": client_id, "channelId": CHANNEL,
        "senderId": sender, "senderName": "Bo", "seq": seq, "version": seq, "content": format!("text {seq}"),
        "contentType": "text", "replyToId": null, "attachments": [], "createdAt": time(), "updatedAt": null,
        "deletedAt": null})
}

pub(crate) fn live(seq: i64) -> Value {
    json!({"type": "message", "data": message(seq, OTHER, None)})
}

fn time() -> &'static str {
    "2026-01-01T00:00:00.000Z"
}
