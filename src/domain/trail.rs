//! What the database says of a channel's past, as it is read to be judged by the audit trail.
//!
//! Filled by the store, judged by [`crate::audit`]. Nothing here is believed.

use chrono::{DateTime, Utc};

use super::attachment::Attachment;
use super::audit::{Chain, Entry};
use super::change::ChannelChange;
use super::channel::Channel;
use super::ids::{AttachmentId, ChannelId, ClientId, JournalId, MessageId, UserId};
use super::journal::{Journal, Record};
use super::receipt::Reach;
use super::retention::Retention;

/// All of a channel but its messages.
#[derive(Debug, Clone)]
pub struct ChannelTrail {
    pub id: ChannelId,
    /// None: there is no such channel any more.
    pub channel: Option<Channel>,
    pub created_at: Option<DateTime<Utc>>,
    /// Since when each member is in it.
    pub joined: Vec<(UserId, DateTime<Utc>)>,
    pub retention: Retention,
    pub chain: Option<Chain>,
    /// Ascending by version; no new messages among them.
    pub entries: Vec<Noted>,
    /// Ascending by version.
    pub changes: Vec<LoggedChange>,
}

/// An entry that is no new message. None where its columns make no entry.
#[derive(Debug, Clone)]
pub struct Noted {
    pub version: i64,
    pub entry: Option<Entry>,
    /// Of a channel that was made.
    pub detail: Option<String>,
}

/// A line of the log of changes.
#[derive(Debug, Clone)]
pub struct LoggedChange {
    pub version: i64,
    pub detail: String,
    /// None where the text is no change.
    pub change: Option<ChannelChange>,
    pub by: Option<UserId>,
    pub at: DateTime<Utc>,
}

/// A message with everything that is kept of it.
#[derive(Debug, Clone)]
pub struct MessageTrail {
    pub id: MessageId,
    pub client_id: ClientId,
    pub sender_id: UserId,
    pub seq: i64,
    pub version: i64,
    pub first_version: i64,
    pub digest: Vec<u8>,
    pub content: String,
    pub content_type: String,
    pub reply_to_id: Option<MessageId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: Option<DateTime<Utc>>,
    pub updated_by: Option<UserId>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub deleted_by: Option<UserId>,
    /// Since when nothing is kept of what it said.
    pub erased_at: Option<DateTime<Utc>>,
    /// What it was sent with. None where the column is no list of ids.
    pub attachment_ids: Option<Vec<AttachmentId>>,
    pub files_hash: Option<Vec<u8>>,
    /// What is there of that, in its order. Of a deleted message any of it may be gone.
    pub attachments: Vec<Attachment>,
    /// Whom it was sent with. None where the column is no list of ids.
    pub mention_ids: Option<Vec<UserId>>,
    /// The version of its last change that left its content alone, and since which version that had been what it was.
    pub touched_version: Option<i64>,
    pub content_version: Option<i64>,
    pub instruction_hash: Option<Vec<u8>>,
    pub instruction: Option<KeptInstruction>,
    /// Of whom an answer is asked, in no order.
    pub assignees: Vec<KeptAssignee>,
    /// In no order.
    pub reactions: Vec<KeptReaction>,
    /// What it said before, ascending by version.
    pub revisions: Vec<(i64, String, DateTime<Utc>)>,
}

/// A journal without its records.
#[derive(Debug, Clone)]
pub struct JournalTrail {
    pub id: JournalId,
    /// None: it is gone, or was never begun.
    pub journal: Option<Journal>,
    /// Of a channel's members, ascending by user.
    pub marks: Vec<ReadMark>,
}

/// How far a member has read, and what they have received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadMark {
    pub user: UserId,
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub joined: DateTime<Utc>,
    /// What their devices have received, and since when that is known. None: nothing, as far as the daemon knows.
    pub received: Reach,
    pub received_at: Option<DateTime<Utc>>,
}

/// A record. None where its columns make none.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub number: i64,
    pub record: Option<Record>,
    /// None: its words were erased.
    pub detail: Option<String>,
}

/// What somebody said of a message and did not take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReaction {
    pub reaction: String,
    pub by: UserId,
    pub version: i64,
    pub at: DateTime<Utc>,
}

/// What a message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptInstruction {
    pub channel: ChannelId,
    pub deadline: Option<DateTime<Utc>>,
    pub to_all: bool,
    pub overdue_at: Option<DateTime<Utc>>,
    pub open_count: i64,
}

/// Of whom, and what they answered last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAssignee {
    pub user: UserId,
    pub position: i32,
    pub answer: Option<String>,
    pub note: Option<String>,
    pub version: Option<i64>,
    pub at: Option<DateTime<Utc>>,
}
