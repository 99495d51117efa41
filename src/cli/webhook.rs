//! `tenfour webhook`: whether the application is told of what happens, from an operator's side.
//!
//! Asks the daemon that runs, over REST, with a token signed by the secret of its settings. Never touches the database.

use std::io::{self, Write};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use super::db::failed;
use super::flags::SettingFlags;
use super::here::reach;
use crate::auth::mint;
use crate::config::Config;
use crate::domain::ids::{ChannelId, WebhookId};

/// Above the longest answer that the settings let a webhook take.
const PATIENCE: Duration = Duration::from_secs(330);
const TOKEN_TTL: Duration = Duration::from_secs(600);
/// Of what fails so much is shown of each.
const SHOWN: u32 = 20;

#[derive(Debug, Args)]
pub(super) struct Webhook {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show all webhooks, and what of each fails.
    List(Place),
    /// Post a test event, and say how that went.
    Test(Test),
    /// Have a webhook told again, under the ids of the first time.
    Replay(Replay),
}

#[derive(Debug, Args)]
struct Place {
    /// The daemon's address; unset: where the settings have it listen.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    flags: SettingFlags,
}

#[derive(Debug, Args)]
struct Test {
    /// The webhook; may be left out where there is only one.
    id: Option<WebhookId>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
#[group(id = "extent", required = true, multiple = false, args = ["channel", "since", "failed"])]
struct Replay {
    /// The webhook; may be left out where there is only one.
    id: Option<WebhookId>,
    /// All that this channel did, from a version on.
    #[arg(long, value_name = "ID")]
    channel: Option<ChannelId>,
    #[arg(long, value_name = "N", requires = "channel", default_value_t = 0)]
    from_version: u32,
    /// All that happened since then (RFC 3339, such as 2026-11-29T08:00:00Z).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// What was set aside after days of failing.
    #[arg(long)]
    failed: bool,
    #[command(flatten)]
    place: Place,
}

impl Replay {
    fn body(&self) -> Value {
        match (&self.channel, &self.since) {
            (Some(channel), _) => json!({"channelId": channel, "fromVersion": self.from_version}),
            (None, Some(since)) => json!({"since": since}),
            (None, None) => json!({"failed": self.failed}),
        }
    }
}

impl Webhook {
    fn place(&self) -> &Place {
        match &self.what {
            What::List(place) => place,
            What::Test(test) => &test.place,
            What::Replay(replay) => &replay.place,
        }
    }

    pub(super) fn flags(&self) -> SettingFlags {
        self.place().flags.clone()
    }

    pub(super) fn run(&self, config: &Config) -> Result<(), Failure> {
        let daemon = Daemon::of(self.place(), config)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
        let lines = runtime.block_on(async {
            match &self.what {
                What::List(_) => list(&daemon).await,
                What::Test(Test { id, .. }) => test(&daemon, daemon.webhook(*id).await?).await,
                What::Replay(replay) => again(&daemon, daemon.webhook(replay.id).await?, replay.body()).await,
            }
        })?;
        writeln!(io::stdout(), "{lines}").map_err(failed)
    }
}

/// One that runs.
struct Daemon {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Daemon {
    fn of(place: &Place, config: &Config) -> Result<Self, Failure> {
        let token = mint(&config.auth, "tenfour", "tenfour webhook", Some("admin"), TOKEN_TTL).map_err(failed)?;
        let client = reqwest::Client::builder().timeout(PATIENCE);
        let (client, url) = match &place.url {
            Some(url) => (client, url.clone()),
            None => reach(config, client)?,
        };
        let client = client.build().map_err(failed)?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), token })
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let mut request = self.client.request(method, format!("{}/api/v1{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let away = |error: reqwest::Error| {
            failed(format!("no daemon answers at {}: {}; --url says where it is", self.url, error.without_url()))
        };
        let answer = request.send().await.map_err(away)?;
        let status = answer.status();
        let text = answer.text().await.map_err(away)?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        Err(failed(format!("the daemon answered {}: {}", status.as_u16(), word(&answer, "detail"))))
    }

    async fn webhooks(&self) -> Result<Vec<Value>, Failure> {
        let answer = self.ask(reqwest::Method::GET, "/webhooks", None).await?;
        Ok(answer["webhooks"].as_array().cloned().unwrap_or_default())
    }

    /// The path of this one, or of the only one.
    async fn webhook(&self, id: Option<WebhookId>) -> Result<String, Failure> {
        if let Some(id) = id {
            return Ok(format!("/webhooks/{id}"));
        }
        match self.webhooks().await?.as_slice() {
            [only] => Ok(format!("/webhooks/{}", word(only, "id"))),
            [] => Err(failed("there is no webhook: set TENFOUR_WEBHOOK_URL, or make one by POST /api/v1/webhooks")),
            all => Err(failed(format!("there are {} webhooks: say which, by the id that list shows", all.len()))),
        }
    }
}

async fn list(daemon: &Daemon) -> Result<String, Failure> {
    let mut lines = Vec::new();
    for webhook in daemon.webhooks().await? {
        let events: Vec<&str> = webhook["events"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let (id, state) = (word(&webhook, "id"), word(&webhook, "state"));
        lines.push(format!("{id}  {state}  {}  {}", word(&webhook, "url"), events.join(",")));
        if webhook["reason"].is_string() {
            lines.push(format!("  disabled   {}", word(&webhook, "reason")));
        }
        if webhook["failingSince"].is_string() {
            lines.push(format!("  no answer  since {}", word(&webhook, "failingSince")));
        }
        let path = format!("/webhooks/{id}/deliveries?limit={SHOWN}");
        let deliveries = daemon.ask(reqwest::Method::GET, &path, None).await?;
        for (kind, when) in [("failing", "nextAt"), ("failed", "failedAt")] {
            for one in deliveries[kind].as_array().into_iter().flatten() {
                let (attempts, at) = (&one["attempts"], word(one, when));
                let next = if kind == "failing" { "next" } else { "last" };
                let told = (word(one, "type"), word(one, "id"), word(one, "error"));
                lines.push(format!("  {kind:9}  {}  {}  {attempts} tries, {next} {at}: {}", told.0, told.1, told.2));
            }
        }
    }
    Ok(if lines.is_empty() { "none".to_owned() } else { lines.join("\n") })
}

async fn test(daemon: &Daemon, path: String) -> Result<String, Failure> {
    let answer = daemon.ask(reqwest::Method::POST, &format!("{path}/test"), None).await?;
    let (status, time) = (&answer["status"], &answer["durationMs"]);
    if answer["delivered"] == true {
        return Ok(format!("delivered: {status} within {time} ms"));
    }
    Err(failed(format!("not delivered after {time} ms: {}", word(&answer, "error"))))
}

async fn again(daemon: &Daemon, path: String, body: Value) -> Result<String, Failure> {
    let answer = daemon.ask(reqwest::Method::POST, &format!("{path}/replay"), Some(body)).await?;
    Ok(format!("told again: {} channels, users or events", answer["replayed"]))
}

fn word<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}
