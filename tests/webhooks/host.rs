//! The application's server: it manages webhooks over REST, and waits for what they should come to.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tenfour::auth::mint;
use tenfour::config::{Allowed, AuthSettings, Config};

use crate::daemon::{SECRET, TestDaemon, eventually};
use crate::receiver::Receiver;

/// Calls as the application's server.
#[derive(Clone)]
pub struct Host {
    base: String,
    http: Client,
    token: String,
    acting: Option<String>,
}

/// A webhook, as it was told when it was made.
#[derive(Debug, Clone)]
pub struct Made {
    pub id: String,
    pub secret: String,
}

impl Host {
    pub fn at(addr: SocketAddr) -> Self {
        let auth = AuthSettings::with_secret(SECRET);
        let token = mint(&auth, "host", "Host", Some("admin"), Duration::from_secs(3600)).unwrap();
        Self { base: format!("http://{addr}/api/v1"), http: Client::new(), token, acting: None }
    }

    /// The same, acting as a user.
    pub fn acting_as(&self, user: &str) -> Self {
        Self { acting: Some(user.to_owned()), ..self.clone() }
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(user) = &self.acting {
            request = request.header("tenfour-user", user);
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// What has to be done.
    pub async fn must(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    pub async fn webhook(&self, receiver: &Receiver) -> Made {
        self.webhook_of(&receiver.url(), json!(["*"])).await
    }

    pub async fn webhook_of(&self, url: &str, events: Value) -> Made {
        let made = self.must("POST", "/webhooks", json!({"url": url, "events": events})).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Made { id: text("id"), secret: text("secret") }
    }

    pub async fn deliveries(&self, webhook: &Made) -> Value {
        self.must("GET", &format!("/webhooks/{}/deliveries", webhook.id), Value::Null).await
    }

    pub async fn replay(&self, webhook: &Made, body: Value) -> u64 {
        let answer = self.must("POST", &format!("/webhooks/{}/replay", webhook.id), body).await;
        answer["replayed"].as_u64().unwrap()
    }

    pub async fn state(&self, webhook: &Made) -> Value {
        self.must("GET", &format!("/webhooks/{}", webhook.id), Value::Null).await
    }

    /// Waits until the webhook shows something.
    pub async fn shows(&self, webhook: &Made, what: &str, shows: impl Fn(&Value) -> bool) {
        eventually(what, async || shows(&self.state(webhook).await)).await;
    }

    /// Waits until its deliveries do.
    pub async fn fails(&self, webhook: &Made, what: &str, fails: impl Fn(&Value) -> bool) {
        eventually(what, async || fails(&self.deliveries(webhook).await)).await;
    }
}

/// Waits until all that was delivered is written down.
pub async fn settled(daemon: &TestDaemon) {
    eventually("nothing is under way", async || daemon.parts().metrics.webhooks.depth.get() == 0).await;
}

/// Times that a test can wait for, and a receiver on this machine.
pub fn quick(config: &mut Config) {
    config.webhooks.allow = vec![Allowed::Net("127.0.0.1/32".parse().unwrap())];
    config.webhooks.timeout = Duration::from_secs(1);
    config.webhooks.retries = vec![Duration::from_millis(50); 100];
}

/// The same, for a process.
pub const QUICK: [(&str, &str); 3] = [
    ("TENFOUR_WEBHOOK_ALLOW", "127.0.0.1"),
    ("TENFOUR_WEBHOOK_TIMEOUT_MS", "1000"),
    // Long enough altogether for a machine that stands still for a while.
    ("TENFOUR_WEBHOOK_RETRIES_MS", "50,100,200,500,1000,1000,1000,1000,1000,60000,60000,60000,60000,60000"),
];
