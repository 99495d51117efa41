//! Webhooks: where the host application's server is told of what happens, of what, and how far that has come.
//!
//! Pure. The store reads events out of the logs that there are anyway, `crate::webhooks` delivers them.

mod event;
mod lane;
mod secret;

use chrono::{DateTime, Utc};

pub use event::{About, ChannelNews, EventKind, Events, Happened, UnknownEvent};
pub use lane::{Claim, Cursor, Failing, Failure, Item, Lane, Place, Rewind, Settled, Trouble};
pub use secret::{InvalidSecret, SigningSecret};

use super::ids::{UserId, WebhookId};

/// So many calls may make: each message is posted to each of them.
pub const MAX_WEBHOOKS: i64 = 16;
/// The longest address, in bytes.
pub const MAX_URL: usize = 2000;

/// Why one is disabled that has not been put to the present everywhere: told from the beginning it would be told years.
pub const UNFINISHED: &str = "its making was interrupted";

/// An address that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub url: String,
    pub events: Events,
    pub secret: SigningSecret,
    /// The one before, and until when it signs too.
    pub previous: Option<(SigningSecret, DateTime<Utc>)>,
    /// Why nothing is delivered. None: it is.
    pub disabled: Option<String>,
    pub origin: Origin,
    pub created_at: DateTime<Utc>,
    /// It asked to be left alone until then.
    pub paused_until: Option<DateTime<Utc>>,
    /// Since when it does not answer at all.
    pub failing_since: Option<DateTime<Utc>>,
}

impl Webhook {
    /// What signs at this moment, the newest first.
    pub fn secrets(&self, now: DateTime<Utc>) -> Vec<&SigningSecret> {
        let previous = self.previous.as_ref().filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        std::iter::once(&self.secret).chain(previous).collect()
    }
}

/// Who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The host application's server, by a call.
    Api,
    /// Whoever runs the daemon, in its settings.
    Settings,
}

impl Origin {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Settings => "settings",
        }
    }
}

/// What is to change of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookChange {
    pub url: Option<String>,
    pub events: Option<Events>,
    /// False: nothing is delivered until it is true again.
    pub active: Option<bool>,
}

/// How a user was seen to be, for the log of presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub user: UserId,
    pub online: bool,
    /// Orders what several nodes say of a user: a lower one comes too late.
    pub number: i64,
    pub at: DateTime<Utc>,
    /// Taken down without being told: it was so before anybody was told of presence.
    pub silent: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn the_secret_before_signs_for_a_while() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let secret = |byte: u8| SigningSecret::new(vec![byte; 32]).unwrap();
        let mut webhook = Webhook {
            id: WebhookId(uuid::Uuid::nil()),
            url: "https://app.example/hook".to_owned(),
            events: Events::ALL,
            secret: secret(1),
            previous: None,
            disabled: None,
            origin: Origin::Api,
            created_at: now,
            paused_until: None,
            failing_since: None,
        };
        assert_eq!(webhook.secrets(now), [&secret(1)]);
        webhook.previous = Some((secret(2), now + TimeDelta::hours(1)));
        assert_eq!(webhook.secrets(now), [&secret(1), &secret(2)]);
        assert_eq!(webhook.secrets(now + TimeDelta::hours(1)), [&secret(1)]);
    }
}
