//! Webhooks as the host application's server manages them over REST.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::error::{ErrorCode, Refusal};
use super::fields::Fields;
use super::time;
use crate::domain::ids::{ChannelId, EventId, UserId, WebhookId};
use crate::domain::webhook::{
    EventKind, Events, Failing, Failure, Lane, MAX_URL, Origin, Place, Rewind, Webhook, WebhookChange,
};

/// Stands for all events.
const ALL: &str = "*";
/// How long the secret before signs too, unless something else is said.
const OVERLAP: i64 = 86_400;
/// The longest that may be said.
const MAX_OVERLAP: i64 = 30 * 86_400;

/// Where the application's server is told of what happens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub struct WebhookBody {
    pub id: WebhookId,
    /// Of the one of the daemon's settings no more than scheme and host.
    pub url: String,
    /// Names of events; `*` alone: all there are, and those of later releases.
    pub events: Vec<String>,
    pub state: WebhookState,
    /// Why it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `settings`: it is in the daemon's settings and changed there.
    pub origin: WebhookOrigin,
    #[serde(with = "time")]
    pub created_at: DateTime<Utc>,
    /// Until when the secret before this one signs too.
    #[serde(with = "time::option", skip_serializing_if = "Option::is_none")]
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// Since when it does not answer at all.
    #[serde(with = "time::option", skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    Active,
    Disabled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookOrigin {
    Api,
    Settings,
}

impl WebhookBody {
    pub fn new(of: Webhook, now: DateTime<Utc>) -> Self {
        let events = match of.events.named() {
            None => vec![ALL.to_owned()],
            Some(kinds) => kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        };
        Self {
            id: of.id,
            url: match of.origin {
                Origin::Api => of.url,
                Origin::Settings => place_of(&of.url),
            },
            events,
            state: if of.disabled.is_none() { WebhookState::Active } else { WebhookState::Disabled },
            reason: of.disabled,
            origin: match of.origin {
                Origin::Api => WebhookOrigin::Api,
                Origin::Settings => WebhookOrigin::Settings,
            },
            created_at: of.created_at,
            previous_secret_until: of.previous.map(|(_, until)| until).filter(|until| *until > now),
            failing_since: of.failing_since,
        }
    }
}

/// Scheme and host. The rest of the address in the settings may be a key, and is for those who run the daemon.
fn place_of(url: &str) -> String {
    url::Url::parse(url).map(|url| format!("{}/…", url.origin().ascii_serialization())).unwrap_or_default()
}

/// With the secret, which is told this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookWithSecret {
    #[serde(flatten)]
    pub webhook: WebhookBody,
    /// `whsec_` and base64. Keep it: it is not told again.
    pub secret: String,
}

impl WebhookWithSecret {
    pub fn new(of: Webhook, now: DateTime<Utc>) -> Self {
        let secret = of.secret.expose();
        Self { webhook: WebhookBody::new(of, now), secret }
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Webhooks {
    pub webhooks: Vec<WebhookBody>,
}

/// What fails now, and what was given up after days.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Deliveries {
    /// Each holds up the later events of its channel, or of its user. The next to be tried comes first.
    pub failing: Vec<FailingDelivery>,
    /// Set aside, to be delivered when that is asked for. The latest comes first; kept for 30 days.
    pub failed: Vec<FailedDelivery>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailingDelivery {
    /// What stands in its `webhook-id`.
    pub id: String,
    #[serde(rename = "type")]
    pub event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    pub attempts: u32,
    #[serde(with = "time")]
    pub first_at: DateTime<Utc>,
    #[serde(with = "time")]
    pub next_at: DateTime<Utc>,
    pub error: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedDelivery {
    pub id: String,
    #[serde(rename = "type")]
    pub event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Of the channel, where the event took one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// When it happened.
    #[serde(with = "time")]
    pub timestamp: DateTime<Utc>,
    pub attempts: u32,
    #[serde(with = "time")]
    pub failed_at: DateTime<Utc>,
    pub error: String,
    /// It was asked for, and is on its way.
    pub replaying: bool,
}

/// What an event is called in `webhook-id`.
pub fn name_of(EventId(id): EventId) -> String {
    format!("evt_{}", id.simple())
}

fn of_lane(lane: Lane) -> (Option<ChannelId>, Option<UserId>) {
    match lane {
        Lane::Channel(channel) => (Some(channel), None),
        Lane::User(user) => (None, Some(user)),
    }
}

impl Deliveries {
    pub fn new(failing: Vec<(Lane, Failing)>, failed: Vec<Failure>) -> Self {
        let failing = failing.into_iter().map(|(lane, of)| {
            let (channel_id, user_id) = of_lane(lane);
            let Failing { event_id, event, attempts, first_at, next_at, trouble } = of;
            let (id, error) = (name_of(event_id), trouble.error);
            FailingDelivery { id, event, channel_id, user_id, attempts, first_at, next_at, error }
        });
        let failed = failed.into_iter().map(|of| {
            let (channel_id, user_id) = of_lane(of.lane);
            FailedDelivery {
                id: name_of(of.event_id),
                event: of.event,
                channel_id,
                user_id,
                version: match of.place {
                    Place::Version(version) => channel_id.map(|_| version),
                    Place::Record(_) => None,
                },
                timestamp: of.at,
                attempts: of.attempts,
                failed_at: of.failed_at,
                error: of.error,
                replaying: of.wanted,
            }
        });
        Self { failing: failing.collect(), failed: failed.collect() }
    }
}

/// How a test went.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    pub delivered: bool,
    /// What was answered, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub duration_ms: u64,
}

/// How many channels and users are told again, or events that were set aside.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Replayed {
    pub replayed: usize,
}

/// A webhook to be made.
#[derive(Debug, PartialEq, Eq)]
pub struct NewWebhook {
    pub url: String,
    pub events: Events,
}

impl NewWebhook {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let fields = Fields::parse(body)?;
        Ok(Self { url: url(fields.text("url")?)?, events: events(&fields)?.unwrap_or(Events::ALL) })
    }
}

/// What is missing stays as it is.
pub fn parse_change_body(body: &[u8]) -> Result<WebhookChange, Refusal> {
    let fields = Fields::parse(body)?;
    let active = match fields.optional_text("state")? {
        None => None,
        Some("active") => Some(true),
        Some("disabled") => Some(false),
        Some(_) => return Err(Refusal::invalid("state must be active or disabled")),
    };
    let url = fields.optional_text("url")?.map(url).transpose()?;
    let change = WebhookChange { url, events: events(&fields)?, active };
    if change == WebhookChange::default() {
        return Err(Refusal::invalid("url, events or state is missing: what is to change"));
    }
    Ok(change)
}

/// How long the secret before signs too.
pub fn parse_secret_body(body: &[u8]) -> Result<TimeDelta, Refusal> {
    let fields = Fields::parse(body)?;
    let name = "previousValidSeconds";
    let seconds = if fields.value(name).is_some() { fields.count(name)? } else { OVERLAP };
    if seconds > MAX_OVERLAP {
        return Err(Refusal::invalid(format!("{name} must be a whole number from 0 to {MAX_OVERLAP}")));
    }
    Ok(TimeDelta::seconds(seconds))
}

/// What is to be told again: one of three things.
pub fn parse_replay_body(body: &[u8]) -> Result<Rewind, Refusal> {
    const ONE: &str = "give one of: channelId with fromVersion, since, or failed: true";
    let fields = Fields::parse(body)?;
    let channel = fields.optional_parsed::<ChannelId>("channelId")?;
    let since = fields.optional_text("since")?;
    match (channel, since, fields.flag("failed")?) {
        (Some(channel), None, false) => Ok(Rewind::From { channel, version: fields.count("fromVersion")? }),
        (None, Some(text), false) => {
            let at = DateTime::parse_from_rfc3339(text);
            let wrong = |_| Refusal::invalid("since must be a time of RFC 3339, such as 2026-01-31T12:00:00Z");
            at.map(|at| Rewind::Since(at.to_utc())).map_err(wrong)
        }
        (None, None, true) => Ok(Rewind::Failed),
        _ => Err(Refusal::invalid(ONE)),
    }
}

/// Only its form; whether anything may be sent there is another question.
fn url(text: &str) -> Result<String, Refusal> {
    if text.len() > MAX_URL {
        return Err(Refusal::new(ErrorCode::InvalidFrame, format!("url is longer than {MAX_URL} bytes")));
    }
    Ok(text.to_owned())
}

fn events(fields: &Fields) -> Result<Option<Events>, Refusal> {
    let Some(items) = fields.array("events")? else { return Ok(None) };
    if matches!(items, [only] if *only == ALL) {
        return Ok(Some(Events::ALL));
    }
    let kind = |item: &serde_json::Value| {
        let word = item.as_str().ok_or_else(|| Refusal::invalid("events must hold names as strings"))?;
        word.parse::<EventKind>().map_err(|error| {
            let word: String = word.chars().take(60).collect();
            Refusal::invalid(format!("events: {} {error}", word.escape_debug()))
        })
    };
    let kinds = items.iter().map(kind).collect::<Result<Vec<_>, _>>()?;
    if kinds.is_empty() {
        return Err(Refusal::invalid("events is empty; [\"*\"] is all events"));
    }
    Ok(Some(Events::only(kinds)))
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
