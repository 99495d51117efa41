//! Talking to the daemon: calls over HTTP, frames over sockets, and their answers as the table's words.

use std::net::SocketAddr;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tenfour::client::raw::Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::askers::{Asker, Standing, plain};
use crate::daemon::{PATIENCE, TestDaemon};
use crate::wire;

/// Calls with certain headers.
#[derive(Clone)]
pub struct Web {
    http: Client,
    base: String,
    headers: HeaderMap,
}

/// What a call was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// In order, without the time, and without what depends on whether the body was there before the answer was.
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Web {
    pub fn new(addr: SocketAddr) -> Self {
        Self { http: Client::new(), base: format!("http://{addr}"), headers: HeaderMap::new() }
    }

    #[must_use]
    pub fn header(&self, name: &'static str, value: &str) -> Self {
        let mut web = self.clone();
        web.headers.insert(name, HeaderValue::from_str(value).unwrap());
        web
    }

    #[must_use]
    pub fn with(&self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.base)).headers(self.headers.clone());
        if !body.is_empty() {
            request = request.body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let mut headers: Vec<_> = response
            .headers()
            .iter()
            .filter(|(name, _)| !is_of_the_moment(name.as_str()))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        Answer { status: response.status().as_u16(), headers, text: response.text().await.unwrap() }
    }

    async fn must(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(method, &format!("/api/v1{path}"), &body.to_string()).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        if answer.text.is_empty() { Value::Null } else { serde_json::from_str(&answer.text).unwrap() }
    }

    /// A new channel's id.
    pub async fn make(&self, body: Value) -> String {
        self.must("POST", "/channels", &body).await["id"].as_str().unwrap().to_owned()
    }

    pub async fn set_role(&self, channel: &str, user: &str, role: &str) {
        self.must("PATCH", &format!("/channels/{channel}/members/{user}"), &json!({"role": role})).await;
    }

    /// A file that is in no message; its id.
    pub async fn upload(&self) -> String {
        let answer = self.ask("POST", "/api/v1/attachments?name=secret", "secret of a file").await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let file: Value = serde_json::from_str(&answer.text).unwrap();
        file["id"].as_str().unwrap().to_owned()
    }

    pub async fn say(&self, channel: &str, text: &str) -> Value {
        self.say_with(channel, text, &[]).await
    }

    pub async fn say_with(&self, channel: &str, text: &str, files: &[&str]) -> Value {
        let body = json!({"clientId": uuid::Uuid::new_v4(), "content": text, "attachmentIds": files});
        self.must("POST", &format!("/channels/{channel}/messages"), &body).await
    }

    /// A message that asks this one for an answer, or all others; its id.
    pub async fn ask_for(&self, channel: &str, of: Option<&str>) -> String {
        let instruction = of.map_or_else(|| json!({}), |user| json!({"assigneeIds": [user]}));
        let body = json!({"clientId": uuid::Uuid::new_v4(), "content": "secret order", "instruction": instruction});
        let message = self.must("POST", &format!("/channels/{channel}/messages"), &body).await;
        message["id"].as_str().unwrap().to_owned()
    }

    pub async fn put(&self, path: &str) {
        self.must("PUT", path, &Value::Null).await;
    }

    pub async fn delete(&self, path: &str) {
        self.must("DELETE", path, &Value::Null).await;
    }
}

impl Answer {
    /// As the table writes it: the status, and the code where that is not the usual one.
    pub fn word(&self) -> String {
        if self.status < 400 {
            return self.status.to_string();
        }
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let is_problem = self.headers.iter().any(|(_, value)| value == "application/problem+json");
        match word_of(body["code"].as_str().unwrap_or_default()) {
            Some(word) if is_problem && word.starts_with(&self.status.to_string()) => word.to_owned(),
            _ => format!("{} {}", self.status, self.text),
        }
    }
}

/// The table's word of an error's code.
fn word_of(code: &str) -> Option<&'static str> {
    Some(match code {
        "invalid_json" => "400",
        "unauthorized" => "401",
        "forbidden" => "403",
        "not_found" => "404",
        "conflict" => "409",
        "invalid_frame" => "422",
        "unknown_user" => "422u",
        _ => return None,
    })
}

fn is_of_the_moment(header: &str) -> bool {
    ["date", "connection"].contains(&header)
}

/// A socket that keeps what it heard besides the answers.
pub struct Line {
    socket: Socket,
    pub hello: Value,
    heard: Vec<Value>,
    /// Its user is in no channel that the scene is about.
    pub is_outside: bool,
}

impl Line {
    pub async fn open(daemon: &TestDaemon, asker: Asker, sub: &str) -> Self {
        let named = asker.named.map(|_| sub.replace("mia", "otto").replace("stan", "otto"));
        let mut line = Self::connect(daemon, &asker.token(sub).unwrap(), named.as_deref()).await;
        line.is_outside = !matches!(asker.bearer, Standing::Member | Standing::Admin | Standing::Owner);
        line
    }

    pub async fn open_as(daemon: &TestDaemon, sub: &str) -> Self {
        Self::connect(daemon, &plain(sub), None).await
    }

    async fn connect(daemon: &TestDaemon, token: &str, named: Option<&str>) -> Self {
        let mut request = daemon.url().into_client_request().unwrap();
        let headers = [("authorization", Some(format!("Bearer {token}"))), ("tenfour-user", named.map(str::to_owned))];
        for (name, value) in headers {
            if let Some(value) = value {
                request.headers_mut().insert(name, value.parse().unwrap());
            }
        }
        let mut socket = Socket::connect_with(request).await.unwrap();
        let hello = socket.recv_type("hello", PATIENCE).await.unwrap();
        Self { socket, hello, heard: Vec::new(), is_outside: false }
    }

    /// Sends a frame and takes the frames that answer it, without its `ref`.
    pub async fn ask(&mut self, kind: &str, fields: &str) -> Vec<Value> {
        let mut frame: Value = serde_json::from_str(fields).unwrap();
        (frame["type"], frame["ref"]) = (json!(kind), json!("asked"));
        self.socket.send_json(&frame).await.unwrap();
        // It is answered at once, if at all: the answer to a ping comes after that.
        let last = if kind == "typing" { "then" } else { "asked" };
        if kind == "typing" {
            self.socket.send_json(&json!({"type": "ping", "ref": "then"})).await.unwrap();
        }
        let mut answers = Vec::new();
        loop {
            let mut frame = self.socket.recv_json(PATIENCE).await.unwrap();
            let is_answer = frame["ref"] == "asked" || (kind == "sync" && frame["type"] == "channel_removed");
            let is_end = frame["ref"] == last && frame["type"] != "sync";
            if is_answer {
                frame.as_object_mut().unwrap().remove("ref");
                answers.push(frame);
            } else if !is_end {
                self.heard.push(frame);
            }
            if is_end {
                return answers;
            }
        }
    }

    pub async fn pass_over(&mut self, kind: &str) {
        self.socket.recv_type(kind, PATIENCE).await.unwrap();
        self.heard.clear();
    }

    /// What comes until then, and came before.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        loop {
            let frame = self.socket.recv_json(PATIENCE).await.unwrap();
            let found = wanted(&frame);
            self.heard.push(frame);
            if found {
                return std::mem::take(&mut self.heard);
            }
        }
    }

    /// What came besides the answers.
    pub async fn rest(&mut self) -> Vec<Value> {
        self.ask("ping", "{}").await;
        std::mem::take(&mut self.heard)
    }

    /// Whether the socket ends, by this code.
    pub async fn ends_with(&mut self, code: u16) -> bool {
        self.socket.recv_close(PATIENCE).await.is_ok_and(|(ended, _)| ended == Some(code))
    }
}

/// The answers to a frame as the table writes them. `channel` is the one that it is about.
pub fn word(answers: &[Value], channel: &str) -> String {
    let Some(last) = answers.last() else { return "quiet".to_owned() };
    match last["type"].as_str().unwrap() {
        "error" => word_of(last["code"].as_str().unwrap_or_default()).map_or_else(|| last.to_string(), str::to_owned),
        "sync_complete" => {
            let of = |frame: &&Value| frame["channelId"] == channel;
            match answers.iter().find(of).map(|frame| frame["type"].as_str().unwrap()) {
                Some("sync") => "page".to_owned(),
                Some(_) => "gone".to_owned(),
                None => "none".to_owned(),
            }
        }
        other => other.to_owned(),
    }
}

/// A frame right behind the head of an upgrade that has no right to one: the answer, and whether the connection ends.
pub async fn knock(addr: SocketAddr, token: Option<&str>, kind: &str, fields: &str) -> Answer {
    let mut frame: Value = serde_json::from_str(fields).unwrap();
    frame["type"] = json!(kind);
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("Authorization", bearer.as_str())).collect();
    let mut bytes = wire::upgrade_head("/ws", &headers).into_bytes();
    bytes.extend(wire::frame(0x81, frame.to_string().as_bytes()));
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    // Its end, or all of its one answer.
    while !ends(&read) {
        match tokio::time::timeout(PATIENCE, stream.read(&mut piece)).await.unwrap() {
            Ok(0) | Err(_) => break,
            Ok(length) => read.extend_from_slice(&piece[..length]),
        }
    }
    let text = String::from_utf8_lossy(&read).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let mut headers: Vec<_> = headers.filter(|(name, _)| !is_of_the_moment(name)).collect();
    headers.sort();
    Answer { status, headers, text: body.to_owned() }
}

/// A problem is one JSON object, which nothing follows.
fn ends(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    text.split_once("\r\n\r\n").is_some_and(|(_, body)| serde_json::from_str::<Value>(body).is_ok())
}
