//! What makes several daemons one chat: which node this is, the key that all nodes of one database share, and the link
//! to their Redis.
//!
//! Made by the composition root, used by `ephemeral` (who is there) and `bus` (what happened). Knows no chat. Redis is
//! never the truth of anything: whatever is asked of it is bounded in time, and may fail.

mod breaker;
mod health;
mod key;
mod link;

pub use health::{Health, look};
pub use key::{Key, TAG_LEN};
pub use link::{InvalidUrl, Link, LinkError, check};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One run of a daemon. A restarted one is another node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(Uuid);

impl NodeId {
    /// A new one.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for NodeId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}
