//! What each node says when all is at rest: the logs, what is open, revisions, what a search finds, files, exports; and what the audit
//! trail is worth.
//!
//! Read by the crowd's host over REST, judged by the checker. Plain values, like a history.

use serde::Serialize;
use uuid::Uuid;

use crate::history::{ChannelNo, Copy, Held, UserNo};

/// The whole of a channel as one node has it when all is over: every message by `seq`, read over REST by the host.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FinalLog {
    pub node: u8,
    pub channel: ChannelNo,
    pub messages: Vec<Copy>,
    pub held: Held,
}

#[derive(Debug, Default)]
pub(crate) struct Endings {
    pub lists: Vec<OpenList>,
    pub files: Vec<Fetched>,
    pub revised: Vec<Revised>,
    pub searches: Vec<Searched>,
    /// Nodes whose index of search has not caught up with very many sends: not all has to be found there.
    pub behind: Vec<u8>,
    pub exports: Vec<Export>,
    pub received: Vec<Received>,
}

/// Up to which version somebody has received, by one node.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Received {
    pub node: u8,
    pub channel: ChannelNo,
    pub user: UserNo,
    pub version: i64,
}

/// What a node lists as open.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OpenList {
    pub node: u8,
    /// Only what is for this user.
    pub user: Option<UserNo>,
    /// Only what has passed its deadline.
    pub overdue: bool,
    pub messages: Vec<Uuid>,
}

/// A file that somebody asked for; the host where nobody is named.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fetched {
    pub node: u8,
    pub by: Option<UserNo>,
    pub file: Uuid,
    /// Hash of its bytes. None: there is no such file, it is said.
    pub bytes: Option<u64>,
}

/// All that a message has said, as the host is told.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Revised {
    pub node: u8,
    pub channel: ChannelNo,
    pub message: Uuid,
    /// Versions, and hashes of contents.
    pub revisions: Vec<(i64, u64)>,
}

/// What somebody found who searched for a word of one content that no other has; the host where nobody is named.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Searched {
    pub node: u8,
    pub by: Option<UserNo>,
    pub content: u64,
    pub hits: Vec<Uuid>,
}

/// An export.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Export {
    pub node: u8,
    pub what: String,
    /// Contents of which it has a word, of those that were looked for.
    pub contents: Vec<u64>,
}

/// What the verification of the audit trail said when all was over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail {
    /// Of all channels.
    pub entries: u64,
    /// What is not as it has to be.
    pub faults: Vec<String>,
}
