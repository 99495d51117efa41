//! The REST calls that a measurement needs: channels are made as the host application, history is read as a user.

use std::error::Error;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::BenchError;
use super::address::Address;

/// Less than a daemon keeps a connection that asks for nothing.
const IDLE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(20);
/// Calls under way at a time where many are made.
const AT_A_TIME: usize = 8;

pub(crate) struct Rest {
    runtime: Runtime,
    client: Client,
    base: String,
    admin: String,
}

/// One page of a channel's history.
pub(crate) struct Page {
    pub(crate) seqs: Vec<i64>,
    pub(crate) has_more: bool,
    /// From the call to the last byte of the answer.
    pub(crate) took: Duration,
}

#[derive(Deserialize)]
struct History {
    messages: Vec<Listed>,
    #[serde(rename = "hasMore")]
    has_more: bool,
}

#[derive(Deserialize)]
struct Listed {
    seq: i64,
}

impl Rest {
    pub(crate) fn new(address: &Address, admin: String) -> Result<Self, BenchError> {
        let failed = |error: &dyn std::fmt::Display| BenchError::Failed(format!("cannot make calls: {error}"));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
        // Between two calls a channel may be filled for minutes, in which nobody sees that the daemon ends a connection.
        let client =
            Client::builder().timeout(PATIENCE).pool_idle_timeout(IDLE).build().map_err(|error| failed(&error))?;
        Ok(Self { runtime, client, base: address.api.clone(), admin })
    }

    /// Makes channels, and gives their ids in the same order.
    pub(crate) fn channels(&self, wanted: Vec<Value>, mut made: impl FnMut(usize)) -> Result<Vec<String>, BenchError> {
        self.runtime.block_on(async {
            let calls = stream::iter(wanted).map(|body| self.channel(body)).buffered(AT_A_TIME);
            let mut count = 0;
            let counted = calls.inspect(|_| {
                count += 1;
                made(count);
            });
            counted.try_collect().await
        })
    }

    async fn channel(&self, body: Value) -> Result<String, BenchError> {
        let call = self.client.post(format!("{}/channels", self.base));
        let call = call.header(CONTENT_TYPE, "application/json").body(body.to_string());
        let answer = answer_to(call, &self.admin).await?;
        let channel: Value = serde_json::from_slice(&answer).map_err(|error| odd(&error))?;
        channel["id"].as_str().map(str::to_owned).ok_or_else(|| odd(&"a channel without an id"))
    }

    /// A page before `before`, or the newest one, as the bearer of the token.
    pub(crate) fn history(
        &self,
        channel_id: &str,
        token: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page, BenchError> {
        let before = before.map(|seq| format!("&before={seq}")).unwrap_or_default();
        let url = format!("{}/channels/{channel_id}/messages?limit={limit}{before}", self.base);
        let began = Instant::now();
        let answer = self.runtime.block_on(answer_to(self.client.get(url), token))?;
        let took = began.elapsed();
        let History { messages, has_more } = serde_json::from_slice(&answer).map_err(|error| odd(&error))?;
        Ok(Page { seqs: messages.into_iter().map(|message| message.seq).collect(), has_more, took })
    }
}

/// A group of these users, or a direct channel of two.
pub(crate) fn group(name: &str, members: &[&str]) -> Value {
    json!({ "type": "group", "name": name, "memberIds": members })
}

pub(crate) fn direct(members: &[&str]) -> Value {
    json!({ "type": "direct", "memberIds": members })
}

async fn answer_to(call: RequestBuilder, token: &str) -> Result<Vec<u8>, BenchError> {
    let failed = |error: reqwest::Error| {
        let error = error.without_url();
        let (mut said, mut next) = (format!("a call failed: {error}"), error.source());
        while let Some(cause) = next {
            said = format!("{said}: {cause}");
            next = cause.source();
        }
        BenchError::Failed(said)
    };
    let answer = call.header(AUTHORIZATION, format!("Bearer {token}")).send().await.map_err(failed)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(failed)?;
    if status.is_success() {
        return Ok(body.to_vec());
    }
    let problem: Option<Value> = serde_json::from_slice(&body).ok();
    let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str()).unwrap_or_default();
    let advice = match status.as_u16() {
        401 => ": is it the daemon's own secret, issuer and audience?",
        403 => ": a token of scope admin is needed",
        404 => ": is REST beside the socket, below /api/v1?",
        422 if detail.contains("members") => ": TENFOUR_MAX_GROUP_MEMBERS of the daemon has to be as many as --members",
        _ => "",
    };
    Err(BenchError::Failed(format!("the daemon refused a call: {status} {detail}{advice}")))
}

fn odd(what: &dyn std::fmt::Display) -> BenchError {
    BenchError::Failed(format!("an answer that cannot be read: {what}"))
}
