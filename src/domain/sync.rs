//! Catching up: from where, how much at once, and what comes back.

use chrono::{DateTime, Utc};

use super::change::ChannelChange;
use super::channel::ChannelState;
use super::ids::UserId;
use super::message::Message;

/// From where a client catches up in one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncFrom {
    /// It holds everything up to this version. One beyond the channel's is answered as [`SyncFrom::Reset`].
    Version(i64),
    /// It holds whatever was stored before this time.
    Time(DateTime<Utc>),
    /// It holds nothing of this history: the newest page.
    Reset,
}

/// How large one page may be.
#[derive(Debug, Clone, Copy)]
pub struct PageLimits {
    pub messages: usize,
    /// Of content and of what hangs on it, nearly: the message that passes it is the last.
    pub bytes: usize,
}

/// What a client did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncPage {
    /// Ascending by version.
    pub messages: Vec<Message>,
    /// What the client holds after applying the page.
    pub version: i64,
    pub has_more: bool,
    /// The client has to drop what it holds of the channel.
    pub reset: bool,
    /// As of `version`, ascending.
    pub member_ids: Vec<UserId>,
    /// Up to which version devices of the user are known to have received.
    pub received: i64,
}

/// What a room missed: at most some hundred changes, ascending by version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    pub changes: Vec<FilledChange>,
    /// The channel after the last of `changes`, where these reach its head.
    pub state: Option<ChannelState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledChange {
    /// The first version that this stands for: what lies between was overtaken by later changes of the same messages.
    pub since: i64,
    pub version: i64,
    pub what: FilledWhat,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilledWhat {
    Message(Box<Message>),
    Channel(ChannelChange),
}

/// Where a page of history starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryFrom {
    Latest,
    /// Newest first, below this `seq`.
    Before(i64),
    /// Oldest first, above this `seq`.
    After(i64),
}

impl HistoryFrom {
    /// Where the page goes on after the message of this `seq`.
    #[must_use]
    pub fn beyond(self, seq: i64) -> Self {
        match self {
            Self::Latest | Self::Before(_) => Self::Before(seq),
            Self::After(_) => Self::After(seq),
        }
    }
}
