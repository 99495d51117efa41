//! The shapes of the bodies by which webhooks are managed, for the published description alone: see [`super::schema`].
//!
//! Nothing is ever read into these types. A test holds them against the parsers.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::ChannelId;

#[derive(Debug, Serialize, ToSchema)]
pub struct CreateWebhook {
    /// `https`, and not within the daemon's own network, unless the settings say otherwise.
    #[schema(format = "uri", max_length = 2000)]
    pub url: String,
    /// Names of events, or `*` alone; all of them where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1)]
    pub events: Option<Vec<String>>,
}

/// What is missing stays as it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeWebhook {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", max_length = 2000)]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1)]
    pub events: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<super::webhook::WebhookState>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotateSecret {
    /// How long the secret before signs too; a day where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 2_592_000)]
    pub previous_valid_seconds: Option<i64>,
}

/// What is told again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Replay {
    /// All that a channel did from a version on.
    #[serde(rename_all = "camelCase")]
    Channel {
        channel_id: ChannelId,
        #[schema(minimum = 0)]
        from_version: i64,
    },
    /// All that happened since a time.
    Since {
        #[schema(format = DateTime)]
        since: String,
    },
    /// What was given up.
    Failed {
        /// True.
        failed: bool,
    },
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::domain::webhook::{EventKind, Events, Rewind};
    use crate::protocol::webhook::{self, NewWebhook, WebhookState};

    fn json(value: &impl Serialize) -> Vec<u8> {
        serde_json::to_vec(value).unwrap()
    }

    #[test]
    fn each_described_body_is_what_the_parser_takes() {
        let events = Some(vec!["message.sent".to_owned()]);
        let new = CreateWebhook { url: "https://app.example/hook".to_owned(), events: events.clone() };
        let parsed = NewWebhook::parse(&json(&new)).unwrap();
        assert_eq!(parsed.events, Events::only([EventKind::MessageSent]));
        let change = ChangeWebhook { url: None, events, state: Some(WebhookState::Disabled) };
        let parsed = webhook::parse_change_body(&json(&change)).unwrap();
        assert_eq!((parsed.url, parsed.active), (None, Some(false)));
        let rotate = RotateSecret { previous_valid_seconds: Some(60) };
        assert_eq!(webhook::parse_secret_body(&json(&rotate)), Ok(TimeDelta::seconds(60)));
        let channel_id = ChannelId(Uuid::from_u128(3));
        let replay = |body: &Replay| webhook::parse_replay_body(&json(body)).unwrap();
        let from = Rewind::From { channel: channel_id, version: 4 };
        assert_eq!(replay(&Replay::Channel { channel_id, from_version: 4 }), from);
        let since = replay(&Replay::Since { since: "2026-01-31T12:00:00Z".to_owned() });
        assert!(matches!(since, Rewind::Since(at) if at.timestamp() == 1_769_860_800));
        assert_eq!(replay(&Replay::Failed { failed: true }), Rewind::Failed);
    }
}
