//! A daemon with a folder for attachments, a channel with members, and somebody outside of it.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use diesel_async::SimpleAsyncConnection;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tenfour::config::{AttachmentPlace, Config};
use tenfour::domain::ids::{ChannelId, new_v7};
use tenfour::domain::user::UserRef;

use crate::daemon::{Setup, TestDaemon, name_of};

/// See the module's text. `ann` owns the channel, `ben` and `cem` are in it, `stan` is not.
pub struct Yard {
    pub daemon: TestDaemon,
    pub folder: tempfile::TempDir,
    pub channel: ChannelId,
    http: Client,
}

/// What a call was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Yard {
    pub async fn on_sqlite() -> Self {
        Self::with(Setup::on_sqlite_file(), |_| ()).await
    }

    pub async fn on_postgres() -> Self {
        Self::with(Setup::on_postgres(), |_| ()).await
    }

    pub async fn with(setup: Setup, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let setup = setup.with(|config| {
            config.attachments = Some(AttachmentPlace::Folder(folder.path().join("files")));
            change(config);
        });
        let daemon = setup.start().await;
        let channel = daemon.group(&["ann", "ben", "cem"]).await;
        daemon.user("stan").await;
        Self { daemon, folder, channel, http: Client::new() }
    }

    /// `who` is a user, `host`, or `host as USER`.
    pub async fn call(&self, who: &str, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("http://{}/api/v1{path}", self.daemon.addr()));
        let scope = who.starts_with("host").then_some("admin");
        let sub = if scope.is_some() { "host" } else { who };
        request = request.bearer_auth(self.daemon.token_with(sub, &name_of(sub), scope, Duration::from_secs(600)));
        if let Some(user) = who.strip_prefix("host as ") {
            request = request.header("tenfour-user", user);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
    }

    pub async fn upload(&self, who: &str, name: &str, content: &[u8]) -> Answer {
        let query = reqwest::Url::parse_with_params("http://x/", [("name", name)]).unwrap();
        let path = format!("/attachments?{}", query.query().unwrap());
        self.call(who, "POST", &path, &[], content.to_vec()).await
    }

    /// What is told of a file that was uploaded.
    pub async fn file(&self, who: &str, name: &str, content: &[u8]) -> Value {
        self.upload(who, name, content).await.is(201)
    }

    pub async fn id(&self, who: &str) -> String {
        text(&self.file(who, "a.txt", b"some text").await["id"])
    }

    pub async fn get(&self, who: &str, id: &str) -> Answer {
        self.call(who, "GET", &format!("/attachments/{id}"), &[], Vec::new()).await
    }

    pub async fn send(&self, who: &str, body: &Value) -> Answer {
        let path = format!("/channels/{}/messages", self.channel);
        self.call(who, "POST", &path, &[], body.to_string().into_bytes()).await
    }

    /// A message with these, stored.
    pub async fn hang(&self, who: &str, ids: &[&str]) -> Value {
        self.send(who, &message(ids)).await.is(201)
    }

    pub async fn history(&self, who: &str) -> Vec<Value> {
        let path = format!("/channels/{}/messages", self.channel);
        self.call(who, "GET", &path, &[], Vec::new()).await.is(200)["messages"].as_array().unwrap().clone()
    }

    pub async fn remove(&self, user: &str) {
        self.daemon.remove(self.channel, "ann", user).await.unwrap();
    }

    /// Every attachment is in a message, or let go of.
    pub async fn has_nothing_loose(&self) -> bool {
        !self.daemon.parts().reader.has_old_attachments(tenfour::domain::now()).await.unwrap()
    }

    /// The same, and nothing is left of those that were let go of.
    pub async fn has_no_rows(&self) -> bool {
        self.has_nothing_loose().await && self.daemon.parts().reader.lost_attachments(None).await.unwrap().is_empty()
    }

    /// Done behind the daemon's back, in either dialect.
    pub async fn sql(&self, sqlite: &str, postgres: &str) {
        let url = self.daemon.database();
        if let Some(file) = url.strip_prefix("sqlite:") {
            let mut database = SqliteConnection::establish(file).unwrap();
            // The daemon may be writing.
            let patient = format!("PRAGMA busy_timeout = 5000; {sqlite}");
            return SimpleConnection::batch_execute(&mut database, &patient).unwrap();
        }
        let mut database = crate::postgres::connect(&url).await;
        SimpleAsyncConnection::batch_execute(&mut database, postgres).await.unwrap();
    }

    /// How many files there are, whole ones and drafts.
    pub fn files(&self) -> usize {
        files(self.folder.path())
    }
}

impl Answer {
    /// The JSON of an answer of this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status, status, "{text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str, words: &[&str]) {
        let body = self.is(status);
        assert_eq!(body["code"], code, "{body}");
        let detail = body["detail"].as_str().unwrap();
        assert!(words.iter().all(|word| detail.contains(word)), "{detail}");
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub fn message(ids: &[&str]) -> Value {
    json!({ "clientId": new_v7().to_string(), "content": "see this", "attachmentIds": ids })
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

pub fn user(sub: &str) -> tenfour::domain::ids::UserId {
    UserRef::new(sub).id
}

pub fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
