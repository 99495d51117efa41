//! What happens to a channel besides new messages: who asks for it, what it did, and why it may be denied.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::channel::{Audience, ChannelState, Role};
use super::ids::{ChannelId, UserId};
use super::message::Message;

/// In whose name something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    User(UserId),
    /// The host application's server, acting as nobody.
    Host,
}

/// A change of a channel that is no message. Kept for ever in the channel's log of changes, by its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ChannelChange {
    MembersAdded {
        user_ids: Vec<UserId>,
    },
    /// `heir` became an owner, because the last one left.
    MemberRemoved {
        user_id: UserId,
        heir: Option<UserId>,
    },
    RoleChanged {
        user_id: UserId,
        role: Role,
    },
    Renamed {
        name: String,
    },
    /// Who may read what messages said before.
    RevisionsShown {
        to: Audience,
    },
    /// How long messages are kept, and whether nothing may be erased.
    RetentionSet {
        days: Option<i32>,
        legal_hold: bool,
    },
}

/// Something that took a version of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub channel_id: ChannelId,
    pub version: i64,
    pub what: Changed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Changed {
    /// An edit or a deletion: the message as it now is.
    Message(Box<Message>),
    /// A change of the channel, and the channel as it was right after.
    Channel { change: ChannelChange, state: Box<ChannelState> },
}

/// A reader's wish to move their mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub channel_id: ChannelId,
    pub user_id: UserId,
    pub seq: i64,
}

/// Where a mark stands after the wish: never back, never beyond the newest message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    pub seq: i64,
    /// When it was moved to where it stands.
    pub at: DateTime<Utc>,
    /// Whether this wish moved it.
    pub moved: bool,
}

/// Why something was not done. Nothing was changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There is no such channel, or the asker is not in it.
    #[error("no such channel")]
    NoChannel,
    /// There is no such message, or the asker may not see it.
    #[error("no such message")]
    NoMessage,
    #[error("no such member")]
    NoMember,
    /// There is no such attachment, or the asker may not see it.
    #[error("no such attachment")]
    NoAttachment,
    #[error("no such webhook")]
    NoWebhook,
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("{0}")]
    Conflict(&'static str),
    /// The host's ids of users that are not known.
    #[error("unknown users")]
    UnknownUsers(Vec<String>),
    #[error("a group has at most {max} members")]
    TooManyMembers { max: usize },
    #[error("a user keeps at most {max} files")]
    TooManyFiles { max: i64 },
    #[error("a user keeps at most {max} bytes of files; {left} are left")]
    TooManyBytes { left: i64, max: i64 },
    /// The id belongs to another `sub`.
    #[error("this user id belongs to another sub")]
    ForeignSubject,
}
