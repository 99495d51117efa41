//! Who can be reached, as this node knows it: who has a session here, and who elsewhere by what other nodes say.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use parking_lot::RwLock;

use super::leases::Leases;
use crate::domain::ids::UserId;

/// Users whose last sight is remembered.
const MAX_SEEN: usize = 100_000;
/// What nobody watches is remembered for as long as it takes to start a room.
const FORGET: Duration = Duration::from_secs(60);
/// What nobody watches is asked for again after this.
const STALE: Duration = Duration::from_secs(2);

/// Shared; all clones are the same. Written by the presence actor and by what other nodes say.
#[derive(Debug, Clone, Default)]
pub struct Online {
    inner: Arc<RwLock<Inner>>,
    /// Where more can be learned.
    leases: Option<Leases>,
}

#[derive(Debug, Default)]
struct Inner {
    here: HashSet<UserId>,
    elsewhere: HashMap<UserId, Elsewhere>,
    /// How many watch a user.
    watched: HashMap<UserId, usize>,
    last_seen: HashMap<UserId, DateTime<Utc>>,
    /// Who went and when, the oldest first; some have come back since.
    went: VecDeque<(UserId, DateTime<Utc>)>,
}

/// Whether another node has a session of a user.
#[derive(Debug, Clone, Copy)]
struct Elsewhere {
    online: bool,
    /// Of the news that said so: a lower one comes too late.
    number: i64,
    heard: Instant,
}

/// Keeps what is known of some users up to date while it lives.
#[derive(Debug)]
pub struct Watch {
    online: Online,
    users: Vec<UserId>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut inner = self.online.inner.write();
        for user in &self.users {
            if let Some(count) = inner.watched.get_mut(user) {
                *count -= 1;
                if *count == 0 {
                    inner.watched.remove(user);
                }
            }
        }
    }
}

impl Online {
    /// With other nodes, which keep their leases there.
    pub fn shared(leases: Leases) -> Self {
        Self { inner: Arc::default(), leases: Some(leases) }
    }

    pub fn has(&self, user: UserId) -> bool {
        self.inner.read().has(user)
    }

    /// Whether another node is known to have a session of the user.
    pub fn is_elsewhere(&self, user: UserId) -> bool {
        self.inner.read().is_elsewhere(user)
    }

    /// When the user was last there, if that was since the start and they are not there now.
    pub fn last_seen(&self, user: UserId) -> Option<DateTime<Utc>> {
        self.inner.read().last_seen.get(&user).copied()
    }

    /// How many users have a session here.
    pub fn count(&self) -> usize {
        self.inner.read().here.len()
    }

    pub fn watch(&self, users: &[UserId]) -> Watch {
        let mut inner = self.inner.write();
        for user in users {
            *inner.watched.entry(*user).or_default() += 1;
        }
        Watch { online: self.clone(), users: users.to_vec() }
    }

    /// Asks about users of whom nothing is known here, or nothing that is kept up to date. Where Redis does not answer they count as not there.
    pub async fn learn(&self, users: impl IntoIterator<Item = UserId>) {
        let Some(leases) = &self.leases else { return };
        let unknown: Vec<UserId> = {
            let inner = self.inner.read();
            users.into_iter().filter(|user| !inner.knows(*user)).collect()
        };
        if unknown.is_empty() {
            return;
        }
        match leases.look(unknown).await {
            Ok(seen) => {
                for seen in seen.found {
                    self.heard(seen.user, seen.elsewhere, seen.number, None);
                }
            }
            Err(error) => log::debug!("who is there could not be asked for: {error}"),
        }
    }

    pub(crate) fn came(&self, user: UserId) {
        let mut inner = self.inner.write();
        inner.here.insert(user);
        inner.last_seen.remove(&user);
    }

    /// The last session here has ended.
    pub(crate) fn went(&self, user: UserId, at: DateTime<Utc>) {
        let mut inner = self.inner.write();
        if inner.here.remove(&user) && !inner.has(user) {
            inner.saw_last(user, at);
        }
    }

    /// Another node has a session of the user, or none has: what is older than what is known is dropped. True where
    /// that changes how the user is.
    pub(crate) fn heard(&self, user: UserId, online: bool, number: i64, at: Option<DateTime<Utc>>) -> bool {
        let mut inner = self.inner.write();
        let before = inner.has(user);
        let known = inner.elsewhere.get(&user);
        if known.is_some_and(|known| known.number > number) {
            return false;
        }
        inner.elsewhere.insert(user, Elsewhere { online, number, heard: Instant::now() });
        let after = inner.has(user);
        if after {
            inner.last_seen.remove(&user);
        } else if before {
            inner.saw_last(user, at.unwrap_or_else(crate::domain::now));
        }
        before != after
    }

    /// Those whom somebody watches, to be compared. Forgets what nobody does.
    pub(crate) fn watched(&self) -> Vec<UserId> {
        let mut inner = self.inner.write();
        let Inner { elsewhere, watched, .. } = &mut *inner;
        elsewhere.retain(|user, known| watched.contains_key(user) || known.heard.elapsed() < FORGET);
        inner.watched.keys().copied().collect()
    }
}

impl Inner {
    fn knows(&self, user: UserId) -> bool {
        self.elsewhere.get(&user).is_some_and(|known| self.watched.contains_key(&user) || known.heard.elapsed() < STALE)
    }

    fn is_elsewhere(&self, user: UserId) -> bool {
        self.elsewhere.get(&user).is_some_and(|known| known.online)
    }

    fn has(&self, user: UserId) -> bool {
        self.here.contains(&user) || self.is_elsewhere(user)
    }

    fn saw_last(&mut self, user: UserId, at: DateTime<Utc>) {
        self.last_seen.insert(user, at);
        self.went.push_back((user, at));
        if self.went.len() > MAX_SEEN
            && let Some((oldest, at)) = self.went.pop_front()
            && self.last_seen.get(&oldest) == Some(&at)
        {
            self.last_seen.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const ANA: UserId = UserId(Uuid::from_u128(1));

    #[test]
    fn a_user_is_there_while_any_node_has_a_session() {
        let (online, at) = (Online::default(), crate::domain::now());
        online.came(ANA);
        assert!(!online.heard(ANA, true, 5, None), "no news");
        online.went(ANA, at);
        assert!(online.has(ANA) && online.last_seen(ANA).is_none());
        assert!(online.heard(ANA, false, 6, Some(at)));
        assert_eq!((online.has(ANA), online.last_seen(ANA)), (false, Some(at)));
    }

    #[test]
    fn news_that_come_late_change_nothing() {
        let online = Online::default();
        assert!(online.heard(ANA, true, 7, None));
        assert!(!online.heard(ANA, false, 6, None) && online.has(ANA));
        assert!(online.heard(ANA, false, 7, None), "what was read anew under the same number");
    }

    #[test]
    fn what_is_watched_is_not_forgotten() {
        let online = Online::default();
        let (one, other) = (online.watch(&[ANA]), online.watch(&[ANA]));
        drop(one);
        assert_eq!(online.watched(), [ANA]);
        drop(other);
        assert!(online.watched().is_empty());
    }
}
