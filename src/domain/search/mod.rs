//! Full-text search: what is looked for, where, and what comes back. The same rules whichever database holds the index.

mod position;
mod query;
mod snippet;
mod words;

use chrono::{DateTime, Utc};

use super::ids::{ChannelId, UserId};
use super::message::Message;

pub use position::{InvalidPosition, Position};
pub use query::{MAX_QUERY_CHARS, MAX_TERMS, Needed, Query, QueryError};
pub use snippet::{Part, SNIPPET_CHARS, snippet};
pub use words::{Word, key, keys, words};

/// One page to be found, newest first.
#[derive(Debug, Clone)]
pub struct Search {
    pub query: Query,
    pub channel: Option<ChannelId>,
    pub sender: Option<UserId>,
    /// At this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
    /// Only with files, or only without.
    pub has_attachment: Option<bool>,
    /// Behind this place, where an earlier page ended.
    pub after: Option<Position>,
    pub limit: usize,
    /// Of content and attachments, nearly.
    pub bytes: usize,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub message: Message,
    pub snippet: Vec<Part>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Newest first.
    pub hits: Vec<Hit>,
    /// Where to go on; `None` where nothing is left. There may be nothing behind it after all, where the time for one page
    /// was over.
    pub next: Option<Position>,
}
