//! A daemon in this process, on a port of its own, with a database in memory, and callers of it.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::Value;
use tenfour::auth::mint;
use tenfour::config::{AuthSettings, Config, SecretUrl};
use tenfour::daemon::Daemon;
use tenfour::domain::ids::{UserId, new_v7};
use tokio::sync::oneshot;

pub struct Server {
    pub addr: SocketAddr,
    pub admin_addr: SocketAddr,
    auth: AuthSettings,
    http: Client,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Somebody with a token, and what goes with each call.
#[derive(Clone)]
pub struct Caller {
    base: String,
    http: Client,
    headers: HeaderMap,
    pub token: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Server {
    pub fn start() -> Self {
        Self::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let auth = AuthSettings::with_secret("a secret that is long enough for HS256");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut config = Config { listen: any, admin_listen: Some(any), auth: auth.clone(), ..Config::default() };
        config.database.url = SecretUrl::new("sqlite::memory:");
        config.timing.drain = Duration::from_secs(1);
        change(&mut config);
        let (started, address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let daemon = Daemon::start(config).await.unwrap();
                started.send((daemon.addr(), daemon.admin_addr().unwrap())).unwrap();
                // An error is the end of the test, too.
                let _ = stopped.await;
                daemon.stop().await;
            });
        });
        let (addr, admin_addr) = address.recv().unwrap();
        Self { addr, admin_addr, auth, http: Client::new(), stop: Some(stop), thread: Some(thread) }
    }

    pub fn user(&self, sub: &str) -> Caller {
        self.bearer(&mint(&self.auth, sub, &name(sub), None, Duration::from_secs(600)).unwrap())
    }

    pub fn host(&self) -> Caller {
        self.bearer(&mint(&self.auth, "host", "Host", Some("admin"), Duration::from_secs(600)).unwrap())
    }

    pub fn bearer(&self, token: &str) -> Caller {
        self.nobody().header("authorization", &format!("Bearer {token}")).named(token)
    }

    pub fn nobody(&self) -> Caller {
        let base = format!("http://{}", self.addr);
        Caller { base, http: self.http.clone(), headers: HeaderMap::new(), token: String::new() }
    }

    pub fn at_admin(&self) -> Caller {
        Caller { base: format!("http://{}", self.admin_addr), ..self.host() }
    }

    pub fn ws(&self) -> String {
        format!("ws://{}/ws", self.addr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the daemon panicked");
        }
    }
}

impl Caller {
    fn named(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut caller = self.clone();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        caller.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        caller
    }

    pub fn acting_as(&self, user: &str) -> Self {
        self.header("tenfour-user", user)
    }

    /// `path` is under the prefix, or begins with two slashes.
    pub async fn call(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> Answer {
        let path = path
            .strip_prefix('/')
            .filter(|rest| rest.starts_with('/'))
            .map_or_else(|| format!("/api/v1{path}"), str::to_owned);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.base)).headers(self.headers.clone());
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body.to_string().into_bytes())).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, Some(body.to_string().into_bytes())).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None).await
    }

    /// Makes the user known.
    pub async fn known(self) -> Self {
        self.get("/channels").await.is(200);
        self
    }

    /// A group of the caller and these; its id.
    pub async fn group(&self, members: &[&str]) -> String {
        let body = serde_json::json!({ "type": "group", "name": "Ops", "memberIds": members });
        self.post("/channels", body).await.is(201)["id"].as_str().unwrap().to_owned()
    }

    /// Sends a message and gives it back.
    pub async fn say(&self, channel: &str, content: &str) -> Value {
        self.post(&format!("/channels/{channel}/messages"), message(content)).await.is(201)
    }
}

impl Answer {
    /// The body of an answer that has to have this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { serde_json::from_str(&self.text).unwrap() }
    }

    /// The `detail` of a problem of this code, whose form is looked at on the way.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str) -> String {
        let body = self.is(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(body["type"], format!("urn:tenfour:problem:{code}"));
        assert_eq!(body["requestId"], self.header("x-request-id"));
        assert!(!body["title"].as_str().unwrap().is_empty());
        body["detail"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The name in the tokens of a user.
pub fn name(sub: &str) -> String {
    format!("{sub} of the tests")
}

/// The UUID of a user.
pub fn id(sub: &str) -> String {
    UserId::from_external(sub).to_string()
}

/// A new message.
pub fn message(content: &str) -> Value {
    serde_json::json!({ "clientId": new_v7().to_string(), "content": content })
}

pub fn some_id() -> String {
    new_v7().to_string()
}
