//! Who is there: one lease a session, a user is online while any of theirs lives. Pure.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::fault::{self, Sabotage};
use crate::protocol::server::Status;

/// The leases of this node's sessions.
#[derive(Debug)]
pub(super) struct Ledger {
    timeout: Duration,
    leases: HashMap<SessionId, Lease>,
    users: HashMap<UserId, Present>,
}

#[derive(Debug)]
struct Lease {
    user: UserId,
    beat: Instant,
}

#[derive(Debug, Default)]
struct Present {
    sessions: HashSet<SessionId>,
    channels: HashSet<ChannelId>,
}

/// A user came or went, and where that is news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shift {
    pub(super) user: UserId,
    pub(super) status: Status,
    pub(super) channels: Vec<ChannelId>,
}

impl Ledger {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, leases: HashMap::new(), users: HashMap::new() }
    }

    pub(super) fn arrive(
        &mut self,
        session: SessionId,
        user: UserId,
        channels: Vec<ChannelId>,
        now: Instant,
    ) -> Option<Shift> {
        self.leases.insert(session, Lease { user, beat: now });
        let present = self.users.entry(user).or_default();
        present.channels.extend(channels);
        let first = present.sessions.is_empty();
        present.sessions.insert(session);
        first.then(|| Shift { user, status: Status::Online, channels: present.channels.iter().copied().collect() })
    }

    /// A sign of life, and whose. One of a session that is not known changes nothing.
    pub(super) fn beat(&mut self, session: SessionId, now: Instant) -> Option<UserId> {
        let lease = self.leases.get_mut(&session)?;
        lease.beat = lease.beat.max(now);
        Some(lease.user)
    }

    /// Whose session has ended, and what that changes.
    pub(super) fn leave(&mut self, session: SessionId) -> Option<(UserId, Option<Shift>)> {
        let Lease { user, .. } = self.leases.remove(&session)?;
        let present = self.users.get_mut(&user)?;
        present.sessions.remove(&session);
        if !present.sessions.is_empty() && !fault::planted(Sabotage::PresenceBySet) {
            return Some((user, None));
        }
        let Present { channels, .. } = self.users.remove(&user)?;
        Some((user, Some(Shift { user, status: Status::Offline, channels: channels.into_iter().collect() })))
    }

    /// The sessions that gave no sign of life for the whole time-out.
    pub(super) fn expired(&self, now: Instant) -> Vec<SessionId> {
        let timeout = self.timeout;
        self.leases
            .iter()
            .filter(|(_, lease)| now.saturating_duration_since(lease.beat) >= timeout)
            .map(|(session, _)| *session)
            .collect()
    }

    /// A user who is there came into or left a channel. Whether that is news.
    pub(super) fn membership(&mut self, user: UserId, channel: ChannelId, member: bool) -> bool {
        match self.users.get_mut(&user) {
            Some(present) if member => present.channels.insert(channel),
            Some(present) => present.channels.remove(&channel),
            None => false,
        }
    }

    /// The user's sessions, each with how long it counts without another sign of life.
    pub(super) fn leases_of(&self, user: UserId, now: Instant) -> Vec<(SessionId, Duration)> {
        let sessions = self.users.get(&user).into_iter().flat_map(|present| &present.sessions);
        sessions
            .filter_map(|session| {
                let beat = self.leases.get(session)?.beat;
                Some((*session, self.timeout.saturating_sub(now.saturating_duration_since(beat))))
            })
            .collect()
    }

    pub(super) fn has(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// Where it is news how the user is.
    pub(super) fn channels_of(&self, user: UserId) -> Vec<ChannelId> {
        self.users.get(&user).map(|present| present.channels.iter().copied().collect()).unwrap_or_default()
    }

    pub(super) fn user_ids(&self) -> impl Iterator<Item = UserId> {
        self.users.keys().copied()
    }

    pub(super) fn sessions(&self) -> usize {
        self.leases.len()
    }

    pub(super) fn users(&self) -> impl Iterator<Item = (UserId, usize)> {
        self.users.iter().map(|(user, present)| (*user, present.sessions.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const TIMEOUT: Duration = Duration::from_secs(90);

    fn session(number: u8) -> SessionId {
        SessionId(Uuid::from_u128(number.into()))
    }

    fn user(number: u8) -> UserId {
        UserId(Uuid::from_u128(number.into()))
    }

    #[test]
    fn closing_one_device_of_two_is_no_news() {
        let (mut ledger, now) = (Ledger::new(TIMEOUT), Instant::now());
        assert_eq!(ledger.arrive(session(1), user(1), vec![], now).map(|shift| shift.status), Some(Status::Online));
        assert_eq!(ledger.arrive(session(2), user(1), vec![], now), None);
        assert_eq!(ledger.leave(session(1)), Some((user(1), None)));
        let last = ledger.leave(session(2)).and_then(|(_, shift)| shift);
        assert_eq!(last.map(|shift| shift.status), Some(Status::Offline));
        assert_eq!(ledger.leave(session(2)), None);
    }

    #[test]
    fn a_user_is_offline_after_three_missed_heartbeats_and_not_before() {
        let (mut ledger, start) = (Ledger::new(TIMEOUT), Instant::now());
        ledger.arrive(session(1), user(1), vec![], start);
        ledger.beat(session(1), start + Duration::from_secs(30));
        assert!(ledger.expired(start + Duration::from_secs(119)).is_empty());
        let late = start + Duration::from_secs(119);
        assert_eq!(ledger.leases_of(user(1), late), [(session(1), Duration::from_secs(1))]);
        assert_eq!(ledger.expired(start + Duration::from_secs(120)), [session(1)]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Arrive(u8, u8),
        Leave(u8),
        Beat(u8),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u8..12, 0_u8..4).prop_map(|(s, u)| Step::Arrive(s, u)),
            (0_u8..12).prop_map(Step::Leave),
            (0_u8..12).prop_map(Step::Beat),
            (1_u64..60).prop_map(Step::Wait),
        ]
    }

    proptest! {
        /// What is told adds up: a user is told online and offline in turn, and is online just while a lease lives.
        #[test]
        fn news_alternate_and_match_the_leases(steps in proptest::collection::vec(step(), 1..80)) {
            let (mut ledger, mut now) = (Ledger::new(TIMEOUT), Instant::now());
            let mut model: HashMap<u8, (u8, Instant)> = HashMap::new();
            let mut told: HashSet<UserId> = HashSet::new();
            for step in steps {
                let shifts = match step {
                    Step::Arrive(s, u) if !model.contains_key(&s) => {
                        model.insert(s, (u, now));
                        ledger.arrive(session(s), user(u), vec![], now).into_iter().collect()
                    }
                    Step::Arrive(..) => vec![],
                    Step::Leave(s) => {
                        model.remove(&s);
                        ledger.leave(session(s)).and_then(|(_, shift)| shift).into_iter().collect()
                    }
                    Step::Beat(s) => {
                        if let Some((_, beat)) = model.get_mut(&s) {
                            *beat = now;
                        }
                        ledger.beat(session(s), now);
                        vec![]
                    }
                    Step::Wait(secs) => {
                        now += Duration::from_secs(secs);
                        model.retain(|_, (_, beat)| now - *beat < TIMEOUT);
                        let expired = ledger.expired(now);
                        expired.iter().filter_map(|session| ledger.leave(*session)?.1).collect()
                    }
                };
                for shift in shifts {
                    match shift.status {
                        Status::Online => prop_assert!(told.insert(shift.user)),
                        Status::Offline => prop_assert!(told.remove(&shift.user)),
                    }
                }
                let online: HashSet<UserId> = model.values().map(|(u, _)| user(*u)).collect();
                prop_assert_eq!(&told, &online);
            }
        }
    }
}
