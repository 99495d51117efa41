//! Who can be reached, within the process.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::RwLock;

use crate::domain::ids::UserId;

/// Users whose last sight is remembered.
const MAX_SEEN: usize = 100_000;

/// Shared; all clones are the same. Written by the presence actor alone.
#[derive(Debug, Clone, Default)]
pub struct Online(Arc<RwLock<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    online: HashSet<UserId>,
    last_seen: HashMap<UserId, DateTime<Utc>>,
    /// Who went and when, the oldest first; some have come back since.
    went: VecDeque<(UserId, DateTime<Utc>)>,
}

impl Online {
    pub fn has(&self, user: UserId) -> bool {
        self.0.read().online.contains(&user)
    }

    /// When the user was last there, if that was since the start and they are not there now.
    pub fn last_seen(&self, user: UserId) -> Option<DateTime<Utc>> {
        self.0.read().last_seen.get(&user).copied()
    }

    pub fn users(&self) -> Vec<UserId> {
        self.0.read().online.iter().copied().collect()
    }

    pub fn count(&self) -> usize {
        self.0.read().online.len()
    }

    pub(crate) fn came(&self, user: UserId) {
        let mut inner = self.0.write();
        inner.online.insert(user);
        inner.last_seen.remove(&user);
    }

    pub(crate) fn went(&self, user: UserId, at: DateTime<Utc>) {
        let mut inner = self.0.write();
        inner.online.remove(&user);
        inner.last_seen.insert(user, at);
        inner.went.push_back((user, at));
        if inner.went.len() > MAX_SEEN
            && let Some((oldest, at)) = inner.went.pop_front()
            && inner.last_seen.get(&oldest) == Some(&at)
        {
            inner.last_seen.remove(&oldest);
        }
    }
}
