//! What has an order of its own, how far a webhook has come in it, and what becomes of a delivery.

use chrono::{DateTime, Utc};

use super::event::Happened;
use crate::domain::ids::{ChannelId, EventId, LaneId, UserId, WebhookId};

/// Whose events come one after the other: a channel's, or those of a user's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    Channel(ChannelId),
    User(UserId),
}

impl Lane {
    pub const CHANNEL: &str = "channel";
    pub const USER: &str = "user";

    /// None where a later release has lanes of another kind.
    pub fn of(word: &str, LaneId(id): LaneId) -> Option<Self> {
        match word {
            Self::CHANNEL => Some(Self::Channel(ChannelId(id))),
            Self::USER => Some(Self::User(UserId(id))),
            _ => None,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Channel(_) => Self::CHANNEL,
            Self::User(_) => Self::USER,
        }
    }

    pub fn id(self) -> LaneId {
        match self {
            Self::Channel(ChannelId(id)) | Self::User(UserId(id)) => LaneId(id),
        }
    }

    /// Before its first event.
    pub fn start(self) -> Cursor {
        let version = match self {
            // A channel begins with version 0.
            Self::Channel(_) => -1,
            Self::User(_) => 0,
        };
        Cursor { version, seq: 0, record: 0 }
    }
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.word(), self.id())
    }
}

/// Up to where all is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Of a channel its version, of a user the number of the change of their presence.
    pub version: i64,
    /// New messages are found by their own number: they have an index by it.
    pub seq: i64,
    /// The record of the channel's journal.
    pub record: i64,
}

/// Where an event is in its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    Version(i64),
    Record(i64),
}

impl Place {
    pub fn number(self) -> i64 {
        match self {
            Self::Version(number) | Self::Record(number) => number,
        }
    }
}

/// The next thing of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Up to where all is delivered once this is.
    pub after: Cursor,
    /// None: nothing that the webhook is told.
    pub event: Option<Happened>,
}

/// An event that could not be delivered so far, and holds up its lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    pub event_id: EventId,
    /// Its name.
    pub event: String,
    pub attempts: u32,
    pub first_at: DateTime<Utc>,
    pub next_at: DateTime<Utc>,
    pub trouble: Trouble,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// For a person; nothing of what was sent or answered.
    pub error: String,
    /// It did not answer at all, or asked to be left alone: not for this event's sake.
    pub unreachable: bool,
}

/// An event that was set aside after days, so that its lane could go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub event_id: EventId,
    pub event: String,
    pub lane: Lane,
    pub place: Place,
    pub at: DateTime<Utc>,
    pub first_at: DateTime<Utc>,
    pub failed_at: DateTime<Utc>,
    pub attempts: u32,
    pub error: String,
    /// It was asked for again.
    pub wanted: bool,
}

/// What came of asking for a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// There is nothing to deliver.
    Idle,
    /// Its next event failed, and is tried again then.
    Later(DateTime<Utc>),
    /// Another node delivers.
    Busy,
    /// To be delivered by whoever asked.
    Held { cursor: Cursor, rewinds: i64, failing: Option<Failing> },
}

/// How far the holder of a lane has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub webhook: WebhookId,
    pub lane: Lane,
    /// What was known to be written so far, and how often it had been put back: whoever moved it meanwhile is right.
    pub from: Cursor,
    pub rewinds: i64,
    pub cursor: Cursor,
    pub failing: Option<Failing>,
    pub aside: Option<Failure>,
    /// Until when the lane is held on. None: it is let go of.
    pub until: Option<DateTime<Utc>>,
}

/// What is to be delivered once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewind {
    /// All that a channel did from this version on.
    From { channel: ChannelId, version: i64 },
    /// All that happened since then, wherever.
    Since(DateTime<Utc>),
    /// What was set aside.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_lane_is_kept_by_a_word_and_an_id() {
        let id = Uuid::from_u128(7);
        for lane in [Lane::Channel(ChannelId(id)), Lane::User(UserId(id))] {
            assert_eq!(Lane::of(lane.word(), lane.id()), Some(lane));
        }
        assert_eq!(Lane::of("planet", LaneId(id)), None);
        assert!(Lane::Channel(ChannelId(id)) != Lane::User(UserId(id)));
    }
}
