//! What each node says when all is at rest, besides the logs: open instructions, revisions, what a search finds, files, exports.
//!
//! Read by the crowd's host over REST, judged by the checker. Plain values, like a history.

use serde::Serialize;
use uuid::Uuid;

use crate::history::UserNo;

#[derive(Debug, Default)]
pub(crate) struct Endings {
    pub lists: Vec<OpenList>,
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
