//! Redis as the simulation has it: what the three scripts do, and that it may be away or lose everything.

use std::collections::{BTreeMap, HashMap};

use crate::domain::ids::{SessionId, UserId};
use crate::ephemeral::{Outcome, Seen};

/// A second of the simulation.
pub(super) const SECOND: i64 = 1000;
const ERA_LASTS: i64 = 10 * SECOND;
const GRACE: i64 = 5 * SECOND;

#[derive(Default)]
pub(super) struct Redis {
    pub(super) away: bool,
    users: HashMap<UserId, Hash>,
    /// When it began, and until when the key lasts.
    era: Option<(i64, i64)>,
    /// When the longest lease of a user ends.
    ends: BTreeMap<UserId, i64>,
}

#[derive(Default)]
struct Hash {
    number: i64,
    /// By node and session, the end.
    leases: BTreeMap<(u64, SessionId), i64>,
}

impl Redis {
    pub(super) fn lose_everything(&mut self) {
        *self = Self { away: self.away, ..Self::default() };
    }

    pub(super) fn era(&self, now: i64) -> Option<i64> {
        self.era.filter(|(_, until)| *until > now).map(|(began, _)| began)
    }

    /// `own`: the leases of a node, each with its end; none where it only has what has ended removed.
    pub(super) fn put(&mut self, user: UserId, node: u64, own: Option<&[(SessionId, i64)]>, now: i64) -> Outcome {
        let hash = self.users.entry(user).or_default();
        let before = !hash.leases.is_empty();
        let is_own = |(of, _): &(u64, SessionId)| own.is_some() && *of == node;
        hash.leases.retain(|lease, ends| !is_own(lease) && *ends > now);
        hash.leases.extend(own.unwrap_or_default().iter().map(|(session, ends)| ((node, *session), *ends)));
        hash.number = (now * 1000).max(hash.number + 1);
        match hash.leases.values().max() {
            Some(until) => self.ends.insert(user, *until),
            None => self.ends.remove(&user),
        };
        let elsewhere = hash.leases.keys().any(|(of, _)| *of != node);
        Outcome { user, number: hash.number, before, after: !hash.leases.is_empty(), elsewhere }
    }

    pub(super) fn look(&self, user: UserId, node: u64, now: i64) -> Seen {
        let hash = self.users.get(&user);
        let elsewhere =
            hash.is_some_and(|hash| hash.leases.iter().any(|((of, _), ends)| *of != node && ends + GRACE > now));
        Seen { user, number: hash.map_or((now - SECOND) * 1000, |hash| hash.number), elsewhere }
    }

    /// When the era began, and whose leases have ended.
    pub(super) fn beat(&mut self, now: i64) -> (i64, Vec<UserId>) {
        let began = self.era(now).unwrap_or(now);
        self.era = Some((began, now + ERA_LASTS));
        (began, self.ends.iter().filter(|(_, until)| **until <= now).map(|(user, _)| *user).collect())
    }

    pub(super) fn leases(&self, user: UserId) -> Vec<SessionId> {
        self.users.get(&user).map(|hash| hash.leases.keys().map(|(_, session)| *session).collect()).unwrap_or_default()
    }
}
