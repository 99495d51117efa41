//! A socket of one user: what a test expects of it, each with a deadline, and with a transcript where it fails.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::time::Duration;

use serde_json::{Value, json};
use tenfour::client::raw::{RawError, Socket, What};
use tenfour::domain::ids::ChannelId;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::daemon::PATIENCE;

/// A socket that has got its `hello`.
#[derive(Debug)]
pub struct TestSocket {
    name: String,
    socket: Socket,
    pub hello: Value,
    references: u64,
}

impl TestSocket {
    pub async fn connect(name: &str, url: &str, token: &str) -> Self {
        match Self::try_connect(name, url, token).await {
            Ok(socket) => socket,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    pub async fn try_connect(name: &str, url: &str, token: &str) -> Result<Self, RawError> {
        Self::over(name, Socket::connect(url, token).await?).await
    }

    /// Takes the first frame, which has to be `hello`.
    pub async fn over(name: &str, mut socket: Socket) -> Result<Self, RawError> {
        let hello = socket.recv_json(PATIENCE).await?;
        assert_eq!(hello["type"], "hello", "{name}: the first frame is {hello}");
        Ok(Self { name: name.to_owned(), socket, hello, references: 0 })
    }

    fn must<T>(&self, outcome: Result<T, RawError>) -> T {
        outcome.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The channel as `hello` told it.
    pub fn channel(&self, channel: ChannelId) -> &Value {
        let channels = self.hello["channels"].as_array().expect("channels");
        let found = channels.iter().find(|it| it["id"] == channel.to_string());
        found.unwrap_or_else(|| panic!("{}: {channel} is not in {}", self.name, self.hello))
    }

    pub fn epoch(&self) -> &str {
        self.hello["epoch"].as_str().expect("an epoch")
    }

    /// The next frame, whatever it is.
    pub async fn next(&mut self) -> Value {
        let frame = self.socket.recv_json(PATIENCE).await;
        self.must(frame)
    }

    /// The next frame of a type; others are passed over.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let frame = self.socket.recv_type(kind, PATIENCE).await;
        self.must(frame)
    }

    pub async fn expect_where(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let frame = self.socket.recv_where(what, PATIENCE, wanted).await;
        self.must(frame)
    }

    /// A message with this text; other frames are passed over.
    pub async fn expect_text(&mut self, text: &str) -> Value {
        let what = format!("the message {text:?}");
        let frame = self.expect_where(&what, |it| it["type"] == "message" && it["data"]["content"] == text).await;
        frame["data"].clone()
    }

    /// No frame of the type within the time.
    pub async fn expect_silence(&mut self, kind: &str, time: Duration) {
        let silent = self.socket.recv_none(kind, time).await;
        self.must(silent);
    }

    /// That nothing of a kind came before the answer to a ping, which goes the same way as everything else.
    pub async fn expect_none_before_pong(&mut self, kinds: &[&str]) {
        let reference = self.send_with_ref(json!({"type": "ping"})).await;
        loop {
            let frame = self.next().await;
            if frame["ref"] == reference {
                return;
            }
            let came = frame["type"].as_str().is_some_and(|kind| kinds.contains(&kind));
            assert!(!came, "{}: {frame} came; {}", self.name, self.socket.transcript());
        }
    }

    /// The close code, whatever comes before it.
    pub async fn expect_close(&mut self) -> (Option<u16>, String) {
        let closed = self.socket.recv_close(PATIENCE).await;
        self.must(closed)
    }

    /// Everything that comes within the time.
    pub async fn collect(&mut self, time: Duration) -> Vec<Value> {
        let until = std::time::Instant::now() + time;
        let mut frames = Vec::new();
        loop {
            let left = until.saturating_duration_since(std::time::Instant::now());
            match self.socket.recv_json(left).await {
                Ok(frame) => frames.push(frame),
                Err(RawError { what: What::TimedOut { .. }, .. }) => return frames,
                Err(error) => panic!("{}: {error}", self.name),
            }
        }
    }

    pub async fn send(&mut self, frame: &Value) {
        let sent = self.socket.send_json(frame).await;
        self.must(sent);
    }

    /// Any text, whether it is JSON or not.
    pub async fn send_text(&mut self, text: &str) {
        self.send_raw(Message::text(text)).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        let sent = self.socket.send(message).await;
        self.must(sent);
    }

    async fn send_with_ref(&mut self, mut frame: Value) -> Value {
        self.references += 1;
        frame["ref"] = json!(format!("{}-{}", self.name, self.references));
        self.send(&frame).await;
        frame["ref"].clone()
    }

    /// Sends a frame and takes the answer to it, passing over the rest.
    pub async fn ask(&mut self, frame: Value) -> Value {
        let reference = self.send_with_ref(frame).await;
        self.expect_where(&format!("the answer to {reference}"), |it| it["ref"] == reference).await
    }

    /// The answer has to be `ok`.
    pub async fn ask_ok(&mut self, frame: Value) {
        let answer = self.ask(frame).await;
        assert_eq!(answer["type"], "ok", "{}: {answer}", self.name);
    }

    /// The answer has to be an error with this code.
    pub async fn ask_refused(&mut self, frame: Value, code: &str) -> Value {
        let answer = self.ask(frame).await;
        assert_eq!((answer["type"].as_str(), answer["code"].as_str()), (Some("error"), Some(code)), "{answer}");
        answer
    }

    /// Sends a message and waits for its ack.
    pub async fn send_message(&mut self, channel: ChannelId, text: &str) -> Value {
        self.send_as(channel, text, Uuid::new_v4()).await
    }

    /// The same under a given clientId.
    pub async fn send_as(&mut self, channel: ChannelId, text: &str, client_id: Uuid) -> Value {
        let answer = self.ask(message(channel, text, client_id)).await;
        assert_eq!(answer["type"], "ack", "{}: {answer}", self.name);
        assert_eq!(answer["clientId"], client_id.to_string(), "{}: {answer}", self.name);
        answer
    }

    /// The answer to one `sync`: its frames, without the end.
    pub async fn sync(&mut self, request: Value) -> Vec<Value> {
        let mut frame = request;
        frame["type"] = json!("sync");
        let reference = self.send_with_ref(frame).await;
        let mut pages = Vec::new();
        loop {
            let frame = self.next().await;
            match frame["type"].as_str() {
                Some("sync_complete") if frame["ref"] == reference => return pages,
                Some("sync" | "channel_removed") => pages.push(frame),
                Some("error") => panic!("{}: {frame}", self.name),
                _ => {}
            }
        }
    }

    /// The messages of a channel after `version`, over as many pages as it takes.
    pub async fn catch_up(&mut self, channel: ChannelId, version: i64) -> Vec<Value> {
        let (mut from, mut messages) = (version, Vec::new());
        loop {
            let page = self.sync(json!({"channels": {channel.to_string(): from}})).await.remove(0);
            messages.extend(page["messages"].as_array().expect("messages").iter().cloned());
            from = page["version"].as_i64().expect("a version");
            if page["hasMore"] == false {
                return messages;
            }
        }
    }

    pub fn transcript(&self) -> String {
        self.socket.transcript()
    }

    pub async fn close(self) {
        self.socket.close().await;
    }
}

/// A `message` frame.
pub fn message(channel: ChannelId, text: &str, client_id: Uuid) -> Value {
    json!({"type": "message", "clientId": client_id, "channelId": channel, "content": text})
}

pub fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The version that a frame takes in its channel's order, and the first one that it stands for.
pub fn versions(frame: &Value, channel: ChannelId) -> Option<(i64, i64)> {
    let body = match frame["type"].as_str()? {
        "message" | "message_updated" | "message_deleted" => &frame["data"],
        "channel" if frame["data"]["id"] == channel.to_string() => {
            let version = number(&frame["data"]["version"]);
            return Some((frame["since"].as_i64().unwrap_or(version), version));
        }
        "members" => frame,
        "ack" if frame["duplicate"] == false => frame,
        _ => return None,
    };
    if body["channelId"] != channel.to_string() {
        return None;
    }
    let version = number(&body["version"]);
    Some((frame["since"].as_i64().unwrap_or(version), version))
}

/// That these frames carry a channel on from `version`, each version once, in order and without a gap. Answers with
/// the last one.
pub fn assert_continues(version: i64, frames: &[Value], channel: ChannelId) -> i64 {
    let mut last = version;
    for frame in frames {
        if let Some((since, version)) = versions(frame, channel) {
            assert_eq!(since, last + 1, "after {last}: {frame}");
            last = version;
        }
    }
    last
}
