//! What is told. Fields may be added by a newer release: the older one, which may run beside it, ignores them; an event
//! that it does not know at all it takes as a hint that something happened, if it says up to which version.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::announcement::Announcement;
use crate::domain::change::{Change, Changed};
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::message::{NewMessage, Stored};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Event {
    /// Changes of a channel, in the order of their commits.
    Committed {
        changes: Vec<Committed>,
    },
    /// A reader's mark moved.
    MarkMoved {
        user_id: UserId,
        seq: i64,
        at: DateTime<Utc>,
    },
    /// A user types in the channel.
    Typed {
        user_id: UserId,
        name: String,
    },
    /// A user's typing notice has ended.
    TypingStopped {
        user_id: UserId,
    },
    /// A user came, or was gone from every node. `number` orders the news of one user.
    PresenceChanged {
        user_id: UserId,
        online: bool,
        number: i64,
        at: DateTime<Utc>,
    },
    /// The user was added to a channel.
    Added {
        channel_id: ChannelId,
    },
    /// The user's tokens of before this moment are taken no more.
    TokensRevoked {
        user_id: UserId,
        issued_before: DateTime<Utc>,
    },
    /// An admin has said something to all, or taken it back.
    Announced {
        announcement: Option<Announcement>,
    },
    /// One node asks the others; each answers to that node's own topic.
    Ask {
        ask: Uuid,
        question: Value,
    },
    Answer {
        ask: Uuid,
        answer: Value,
    },
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Committed {
    Message(Box<NewMessage>, Stored),
    Change(Box<Change>),
}

impl Committed {
    pub fn version(&self) -> i64 {
        match self {
            Self::Message(_, stored) => stored.version,
            Self::Change(change) => change.version,
        }
    }

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        // Beside the content a message is some ids and times; a channel has some dozens of members.
        const ABOUT: usize = 1024;
        const ID: usize = 40;
        match self {
            Self::Message(message, stored) => {
                let asked = stored.instruction.as_ref().map_or(0, |it| it.assignee_ids.len());
                message.content.as_str().len() + ID * (message.mention_ids.len() + asked) + ABOUT
            }
            Self::Change(change) => match &change.what {
                Changed::Message(message) => message.weight() + ABOUT,
                Changed::Channel { .. } => 16 * ABOUT,
            },
        }
    }
}

impl Event {
    /// The version that the channel has at least come to.
    pub(super) fn head(&self) -> Option<i64> {
        match self {
            Self::Committed { changes } => changes.iter().map(Committed::version).max(),
            _ => None,
        }
    }

    /// Whether it may be lost without anybody missing a message for a while.
    pub(super) fn is_notice(&self) -> bool {
        !matches!(
            self,
            Self::Committed { .. }
                | Self::Added { .. }
                | Self::TokensRevoked { .. }
                | Self::Announced { .. }
                | Self::Ask { .. }
                | Self::Answer { .. }
        )
    }

    pub(super) fn size(&self) -> usize {
        const SMALL: usize = 256;
        const LARGE: usize = 256 << 10;
        match self {
            Self::Announced { announcement } => SMALL + announcement.as_ref().map_or(0, |it| it.text.len()),
            // A page of the admin surface.
            Self::Answer { .. } => LARGE,
            Self::Committed { changes } => changes.iter().map(Committed::size).sum(),
            _ => SMALL,
        }
    }
}
