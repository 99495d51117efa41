//! A daemon in this process, on a database in memory and on free ports, and what a test of it needs.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tenfour::actors::db::{Done, Order};
use tenfour::auth::mint;
use tenfour::client::raw::Socket;
use tenfour::config::{AuthSettings, Config, DatabaseSettings, SecretUrl};
use tenfour::daemon::Daemon;
use tenfour::domain::change::By;
use tenfour::domain::ids::{ChannelId, JournalId};
use tenfour::domain::journal::Kind;
use tenfour::domain::trail::Recorded;
use tenfour::domain::user::UserRef;
use tenfour::store::NewGroup;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

pub const PATIENCE: Duration = Duration::from_secs(10);
pub const SECRET: &str = "a secret of the tests, long enough";
pub const AGENT: &str = "tenfour-tests/1 (admin)";

pub struct Started {
    pub daemon: Daemon,
    auth: AuthSettings,
    http: Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub kind: String,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Started {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let auth = AuthSettings::with_secret(SECRET);
        let url = SecretUrl::new("sqlite::memory:");
        let mut config = Config {
            listen: free,
            admin_listen: Some(free),
            database: DatabaseSettings { url, ..DatabaseSettings::default() },
            auth: auth.clone(),
            ..Config::default()
        };
        config.timing.drain = Duration::from_secs(1);
        change(&mut config);
        Self { daemon: Daemon::start(config).await.unwrap(), auth, http: Client::new() }
    }

    pub fn token(&self, sub: &str, scope: Option<&str>) -> String {
        mint(&self.auth, sub, &name_of(sub), scope, Duration::from_mins(10)).unwrap()
    }

    pub fn admin_token(&self) -> String {
        self.token("host", Some("admin"))
    }

    pub fn ws_url(&self) -> String {
        format!("ws://{}/ws", self.daemon.addr())
    }

    pub fn public_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.daemon.addr())
    }

    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.daemon.admin_addr().unwrap())
    }

    /// A group of these users, the first one its owner.
    pub async fn group(&self, subs: &[&str]) -> ChannelId {
        let db = &self.daemon.app().parts.db;
        for sub in subs {
            db.order(Order::UpsertUser { user: UserRef::new(sub), name: name_of(sub) }).await.unwrap();
        }
        let group = NewGroup {
            by: By::User(UserRef::new(subs[0]).id),
            name: "Dock 4".to_owned(),
            members: subs[1..].iter().map(|sub| UserRef::new(sub)).collect(),
            placeholders: false,
            max_members: 50,
        };
        let Done::Channel { channel, .. } = db.order(Order::CreateGroup(group)).await.unwrap() else {
            panic!("no channel was made");
        };
        channel.id
    }

    /// A socket that has had its `hello`, and the session's id.
    pub async fn connect(&self, sub: &str) -> (Socket, String) {
        let mut request = self.ws_url().into_client_request().unwrap();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.token(sub, None))).unwrap();
        request.headers_mut().insert("authorization", bearer);
        request.headers_mut().insert("user-agent", HeaderValue::from_static(AGENT));
        let mut socket = Socket::connect_with(request).await.unwrap();
        let hello = socket.recv_type("hello", PATIENCE).await.unwrap();
        (socket, hello["sessionId"].as_str().unwrap().to_owned())
    }

    /// A request to the admin address with the scope `admin`.
    pub async fn admin(&self, method: &str, path: &str) -> Answer {
        let headers = [("authorization", format!("Bearer {}", self.admin_token()))];
        self.ask(method, &self.admin_url(path), &headers).await
    }

    /// What an admin is shown.
    pub async fn shown(&self, path: &str) -> Value {
        let answer = self.admin("GET", path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_eq!(answer.kind, "application/json", "{path}");
        answer.json()
    }

    /// Asks until what is shown is as expected.
    pub async fn shown_where(&self, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = self.shown(path).await;
            if wanted(&shown) {
                return shown;
            }
            assert!(Instant::now() < until, "{path} never showed {what}: {shown:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The records of one kind in the daemon's journal, once there are so many.
    pub async fn records(&self, kind: Kind, count: usize) -> Vec<Recorded> {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut all = self.daemon.app().parts.reader.records(JournalId::DAEMON, 0, 1_000).await.unwrap();
            all.retain(|recorded| recorded.record.unwrap().kind == kind);
            if all.len() >= count {
                return all;
            }
            assert!(Instant::now() < until, "never {count} records of {kind:?}: {all:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn ask(&self, method: &str, url: &str, headers: &[(&str, String)]) -> Answer {
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        let headers = response.headers().clone();
        let kind = headers.get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
        Answer { status: response.status(), kind, headers, text: response.text().await.unwrap() }
    }

    pub async fn stop(self) {
        self.daemon.stop().await;
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// That it is a refusal in the form of the wire.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.kind, "application/problem+json", "{}", self.text);
        let body = self.json();
        assert_eq!((body["status"].as_u64(), body["code"].as_str()), (Some(u64::from(status)), Some(code)), "{body}");
        let id = self.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        assert!(id.is_some() && body["requestId"].as_str() == id, "{body}");
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
        assert_eq!(self.headers.contains_key("www-authenticate"), status == 401);
    }
}

/// The user's name: the id with a capital.
pub fn name_of(sub: &str) -> String {
    let mut chars = sub.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
