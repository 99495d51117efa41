//! REST as the host application's server speaks it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tenfour::client::frames::{ChannelInfo, Message};
use tenfour::domain::ids::{ChannelId, UserId};

use crate::Trouble;
use crate::alarms::Alarms;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(crate) struct Rest {
    http: reqwest::Client,
    token: String,
    alarms: Alarms,
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
    pub(crate) fn new(token: String, alarms: Alarms) -> Result<Self, Trouble> {
        // No connection is kept: each call may meet another fault.
        let http = reqwest::Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).no_proxy().build()?;
        Ok(Self { http, token, alarms })
    }

    pub(crate) async fn call(
        &self,
        method: reqwest::Method,
        node: std::net::SocketAddr,
        path: &str,
        body: Option<Value>,
        user: Option<UserId>,
    ) -> Reply {
        let mut request = self.request(method.clone(), node, path, user);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.carry_out(request, &format!("{method} {path} at {node}")).await
    }

    /// Any bytes.
    pub(crate) async fn upload(&self, node: std::net::SocketAddr, bytes: Vec<u8>, user: UserId) -> Reply {
        let path = "/attachments?name=storm.bin";
        let request = self.request(reqwest::Method::POST, node, path, Some(user)).body(bytes);
        self.carry_out(request, &format!("POST {path} at {node}")).await
    }

    /// What is no JSON. None: it is not found.
    pub(crate) async fn bytes(
        &self,
        node: std::net::SocketAddr,
        path: &str,
        user: Option<UserId>,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        let response = self.request(reqwest::Method::GET, node, path, user).send().await?;
        match response.status() {
            reqwest::StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(response.bytes().await?.to_vec())),
            status => Err(format!("GET {path} at {node}: {status}").into()),
        }
    }

    fn request(
        &self,
        method: reqwest::Method,
        node: std::net::SocketAddr,
        path: &str,
        user: Option<UserId>,
    ) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("http://{node}/api/v1{path}")).bearer_auth(&self.token);
        match user {
            Some(user) => request.header("tenfour-user", user.to_string()),
            None => request,
        }
    }

    async fn carry_out(&self, request: reqwest::RequestBuilder, call: &str) -> Reply {
        let Ok(response) = request.send().await else { return Reply::Unknown };
        let status = response.status();
        let Ok(text) = response.text().await else { return Reply::Unknown };
        let (reply, alarm) = answer(status, &text);
        if let Some(alarm) = alarm {
            self.alarms.raise(format!("{call}: {alarm}"));
        }
        reply
    }

    pub(crate) async fn get<T: serde::de::DeserializeOwned>(
        &self,
        node: std::net::SocketAddr,
        path: &str,
    ) -> Result<T, Trouble> {
        self.get_as(node, path, None).await
    }

    pub(crate) async fn get_as<T: serde::de::DeserializeOwned>(
        &self,
        node: std::net::SocketAddr,
        path: &str,
        user: Option<UserId>,
    ) -> Result<T, Trouble> {
        match self.call(reqwest::Method::GET, node, path, None, user).await {
            Reply::Done(body) => Ok(serde_json::from_value(body)?),
            other => Err(format!("GET {path} at {node}: {other:?}").into()),
        }
    }

    /// All of a channel, oldest first.
    pub(crate) async fn whole(&self, node: std::net::SocketAddr, channel: ChannelId) -> Result<Vec<Message>, Trouble> {
        let mut all: Vec<Message> = Vec::new();
        loop {
            let after = last_seq(&all);
            let path = format!("/channels/{channel}/messages?after={after}&limit=200");
            let mut page: Messages = self.get(node, &path).await?;
            let more = page.has_more && !page.messages.is_empty();
            all.append(&mut page.messages);
            if !more {
                return Ok(all);
            }
            // It would go on for ever.
            if last_seq(&all) <= after {
                self.alarms.raise(format!("GET {path} at {node}: more is said to come, and nothing newer does"));
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

fn last_seq(messages: &[Message]) -> i64 {
    messages.last().map_or(0, |message| message.seq)
}

/// What an answer says, and what is wrong with it in itself. A node that fails says so in a problem of its own.
fn answer(status: reqwest::StatusCode, text: &str) -> (Reply, Option<String>) {
    let body: Value = match serde_json::from_str(text) {
        Ok(body) => body,
        Err(_) if status.is_success() && !text.is_empty() => {
            return (Reply::Unknown, Some(format!("{status} with what is no JSON: {text:?}")));
        }
        Err(_) => Value::Null,
    };
    if status.is_success() {
        return (Reply::Done(body), None);
    }
    match (body["code"].as_str(), body["retryable"].as_bool()) {
        (Some(code), Some(retryable)) => (Reply::Refused { code: code.to_owned(), retryable }, None),
        _ if status.is_server_error() => (Reply::Unknown, Some(format!("{status} without a problem: {text:?}"))),
        _ => (Reply::Refused { code: "none".to_owned(), retryable: false }, None),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    #[test]
    fn a_refusal_is_what_its_problem_says_and_a_failure_without_one_is_an_alarm() {
        let refused = |status, text: &str| match answer(status, text) {
            (Reply::Refused { code, retryable }, None) => (code, retryable),
            other => panic!("{other:?}"),
        };
        let away = r#"{"code":"unavailable","retryable":true}"#;
        assert_eq!(refused(StatusCode::SERVICE_UNAVAILABLE, away), ("unavailable".to_owned(), true));
        let limited = r#"{"code":"rate_limited","retryable":true}"#;
        assert_eq!(refused(StatusCode::TOO_MANY_REQUESTS, limited), ("rate_limited".to_owned(), true));
        let broken = r#"{"code":"internal","retryable":false}"#;
        assert_eq!(refused(StatusCode::INTERNAL_SERVER_ERROR, broken), ("internal".to_owned(), false));
        assert_eq!(refused(StatusCode::REQUEST_TIMEOUT, ""), ("none".to_owned(), false));
        for (status, text) in [(StatusCode::BAD_GATEWAY, "<html>"), (StatusCode::CREATED, "{\"seq\":")] {
            let (Reply::Unknown, Some(alarm)) = answer(status, text) else { panic!("{status}") };
            assert!(alarm.contains(status.as_str()) && alarm.contains(&format!("{text:?}")), "{alarm}");
        }
        assert!(matches!(answer(StatusCode::NO_CONTENT, ""), (Reply::Done(Value::Null), None)));
        assert!(matches!(answer(StatusCode::OK, r#"{"seq":1}"#), (Reply::Done(body), None) if body["seq"] == 1));
    }
}
