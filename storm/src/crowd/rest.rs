//! REST as the host application's server speaks it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tenfour::client::frames::{ChannelInfo, Message};
use tenfour::domain::ids::{ChannelId, UserId};

use crate::Trouble;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(crate) struct Rest {
    http: reqwest::Client,
    token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Reply {
    Done(Value),
    Refused { code: String, retryable: bool },
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Messages {
    pub messages: Vec<Message>,
    pub has_more: bool,
}

impl Rest {
    pub(crate) fn new(token: String) -> Result<Self, Trouble> {
        // No connection is kept: each call may meet another fault.
        let http = reqwest::Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).no_proxy().build()?;
        Ok(Self { http, token })
    }

    pub(crate) async fn call(
        &self,
        method: reqwest::Method,
        node: std::net::SocketAddr,
        path: &str,
        body: Option<Value>,
        user: Option<UserId>,
    ) -> Reply {
        let mut request = self.http.request(method, format!("http://{node}/api/v1{path}")).bearer_auth(&self.token);
        if let Some(user) = user {
            request = request.header("tenfour-user", user.to_string());
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let Ok(response) = request.send().await else { return Reply::Unknown };
        let status = response.status();
        let Ok(text) = response.text().await else { return Reply::Unknown };
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Reply::Done(body);
        }
        let code = body["code"].as_str().unwrap_or("none").to_owned();
        Reply::Refused { retryable: status.is_server_error() || code == "rate_limited", code }
    }

    pub(crate) async fn get<T: serde::de::DeserializeOwned>(
        &self,
        node: std::net::SocketAddr,
        path: &str,
    ) -> Result<T, Trouble> {
        match self.call(reqwest::Method::GET, node, path, None, None).await {
            Reply::Done(body) => Ok(serde_json::from_value(body)?),
            other => Err(format!("GET {path} at {node}: {other:?}").into()),
        }
    }

    /// All of a channel, oldest first.
    pub(crate) async fn whole(&self, node: std::net::SocketAddr, channel: ChannelId) -> Result<Vec<Message>, Trouble> {
        let mut all: Vec<Message> = Vec::new();
        loop {
            let after = all.last().map_or(0, |message| message.seq);
            let path = format!("/channels/{channel}/messages?after={after}&limit=200");
            let mut page: Messages = self.get(node, &path).await?;
            let more = page.has_more && !page.messages.is_empty();
            all.append(&mut page.messages);
            if !more {
                return Ok(all);
            }
        }
    }

    pub(crate) async fn channel(&self, node: std::net::SocketAddr, channel: ChannelId) -> Result<ChannelInfo, Trouble> {
        let mut body: Value = self.get(node, &format!("/channels/{channel}")).await?;
        if body["role"].is_null() {
            // The host is no member, which the client's types do not know.
            body["role"] = "member".into();
        }
        Ok(serde_json::from_value(body)?)
    }
}
