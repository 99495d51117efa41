//! A page of messages, bounded in number and in bytes.
//!
//! Used by whatever reads pages: `sync` and history. Reads nothing itself.

use crate::domain::message::Message;
use crate::domain::sync::PageLimits;

/// How many messages are read at once: what a page may hold in memory beyond its limit.
const CHUNK: usize = 100;

/// A page that grows until one of its limits.
pub(super) struct Growing {
    pub(super) messages: Vec<Message>,
    bytes: usize,
    limits: PageLimits,
}

impl Growing {
    pub(super) fn new(limits: PageLimits) -> Self {
        Self { messages: Vec::new(), bytes: 0, limits }
    }

    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= self.limits.messages.max(1) || self.bytes > self.limits.bytes
    }

    /// One more than fits, which tells whether there is more.
    pub(super) fn wanted(&self) -> usize {
        (self.limits.messages.max(1) - self.messages.len() + 1).min(CHUNK)
    }

    pub(super) fn push(&mut self, message: Message) {
        self.bytes += message.content.len();
        self.messages.push(message);
    }
}
