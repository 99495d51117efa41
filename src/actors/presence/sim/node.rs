//! A node: the ledger, what is known of others and the rules are the daemon's own, the order in which they are asked is that of
//! [`super::super::Shared`].

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::redis::{Redis, SECOND};
use crate::actors::presence::ledger::Ledger;
use crate::actors::presence::verdict::{self, Known, Verdict};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::now as wall;
use crate::ephemeral::{Online, Outcome, Watch};
use crate::protocol::server::Status;

pub(super) const TIMEOUT: Duration = Duration::from_secs(90);

/// What the other nodes are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct News {
    pub(super) user: UserId,
    pub(super) online: bool,
    pub(super) number: i64,
}

/// Leases on their way, and what came of them: nothing where Redis was away or the answer was lost.
struct Write {
    users: Vec<UserId>,
    leaving: HashSet<UserId>,
    own: Vec<(UserId, Vec<(SessionId, i64)>)>,
    arrives: i64,
    answered: i64,
}

pub(super) struct Node {
    pub(super) id: u64,
    pub(super) online: Online,
    ledger: Ledger,
    dirty: HashSet<UserId>,
    leaving: HashSet<UserId>,
    /// True where what was written may be there unannounced.
    untold: HashMap<UserId, bool>,
    era: Option<i64>,
    settled: bool,
    up: bool,
    failed: Option<i64>,
    write: Option<Write>,
    outcomes: Option<(Option<i64>, Vec<Outcome>)>,
    pub(super) next_beat: i64,
    pub(super) next_look: i64,
    start: Instant,
    _watch: Watch,
}

impl Node {
    pub(super) fn new(id: u64, users: &[UserId], start: Instant) -> Self {
        let online = Online::default();
        let watch = online.watch(users);
        Self {
            id,
            online,
            ledger: Ledger::new(TIMEOUT),
            dirty: HashSet::new(),
            leaving: HashSet::new(),
            untold: HashMap::new(),
            era: None,
            settled: false,
            up: true,
            failed: None,
            write: None,
            outcomes: None,
            next_beat: 0,
            next_look: 0,
            start,
            _watch: watch,
        }
    }

    fn at(&self, now: i64) -> Instant {
        self.start + Duration::from_millis(now.unsigned_abs())
    }

    pub(super) fn arrive(&mut self, session: SessionId, user: UserId, now: i64) {
        if let Some(shift) = self.ledger.arrive(session, user, vec![], self.at(now)) {
            assert_eq!(shift.status, Status::Online);
            self.online.came(user);
        }
        self.dirty.insert(user);
    }

    pub(super) fn pong(&mut self, session: SessionId, now: i64) {
        let at = self.at(now);
        self.dirty.extend(self.ledger.beat(session, at));
    }

    pub(super) fn leave(&mut self, session: SessionId) {
        let Some((user, shift)) = self.ledger.leave(session) else { return };
        if shift.is_some() {
            self.untold.entry(user).or_default();
            if self.up {
                self.leaving.insert(user);
            } else {
                self.online.went(user, wall());
            }
        }
        self.dirty.insert(user);
    }

    fn left_here(&self, user: UserId) {
        if !self.ledger.has(user) {
            self.online.went(user, wall());
        }
    }

    /// Has what is noted written, unless something is on its way. `way`: how long it takes there and back.
    pub(super) fn write(&mut self, now: i64, way: (i64, i64)) {
        if self.write.is_some() || self.dirty.is_empty() {
            return;
        }
        let users: Vec<UserId> = self.dirty.drain().collect();
        let leaving = users.iter().copied().filter(|user| self.leaving.remove(user)).collect();
        let at = self.at(now);
        let lease = |(session, left): (SessionId, Duration)| (session, now + i64::try_from(left.as_millis()).unwrap());
        let own = users.iter().map(|user| {
            let leases = self.ledger.leases_of(*user, at);
            (*user, leases.into_iter().map(lease).collect())
        });
        let own = own.collect();
        self.write = Some(Write { users, leaving, own, arrives: now + way.0, answered: now + way.0 + way.1 });
    }

    /// What is on its way goes on. `lost`: the answer is not coming.
    pub(super) fn go_on(&mut self, redis: &mut Redis, now: i64, lost: bool) -> Vec<News> {
        if let Some(write) = &self.write
            && self.outcomes.is_none()
            && write.arrives <= now
            && !redis.away
        {
            let put = |(user, own): &(UserId, Vec<_>)| redis.put(*user, self.id, Some(own), now);
            let found = write.own.iter().map(put).collect();
            self.outcomes = Some((redis.era(now), found));
        }
        let Some(write) = self.write.take_if(|write| write.answered <= now) else { return Vec::new() };
        let outcomes = self.outcomes.take().filter(|_| !lost && !redis.away);
        self.up = outcomes.is_some();
        if !self.up {
            self.fails(now);
        }
        self.written(&write, outcomes)
    }

    fn written(&mut self, write: &Write, outcomes: Option<(Option<i64>, Vec<Outcome>)>) -> Vec<News> {
        let Some((era, found)) = outcomes else {
            self.dirty.extend(&write.users);
            for user in &write.users {
                *self.untold.entry(*user).or_default() |= true;
            }
            write.leaving.iter().for_each(|user| self.left_here(*user));
            return Vec::new();
        };
        let settled = self.is_settled(era);
        found
            .iter()
            .filter_map(|outcome| self.settle(outcome, write.leaving.contains(&outcome.user), settled))
            .collect()
    }

    fn fails(&mut self, now: i64) {
        self.failed = Some(now);
        self.settled = false;
    }

    fn is_settled(&self, era: Option<i64>) -> bool {
        self.settled && era.is_some() && self.era == era
    }

    fn settle(&mut self, outcome: &Outcome, left: bool, settled: bool) -> Option<News> {
        let Outcome { user, number, .. } = *outcome;
        let known = Known {
            settled,
            thought_elsewhere: self.online.is_elsewhere(user),
            dirty: self.dirty.contains(&user),
            untold: self.untold.get(&user).copied(),
        };
        let Verdict { paid, elsewhere, news } = verdict::written(outcome, known);
        if paid {
            self.untold.remove(&user);
        }
        if let Some(elsewhere) = elsewhere {
            self.online.heard(user, elsewhere, number, None);
        }
        if left {
            self.left_here(user);
        }
        news.map(|online| News { user, online, number })
    }

    /// Says that it is there, and ends the leases of dead nodes.
    pub(super) fn beat(&mut self, redis: &mut Redis, now: i64) -> Vec<News> {
        self.up = !redis.away;
        if redis.away {
            self.fails(now);
            return Vec::new();
        }
        let (era, expired) = redis.beat(now);
        let ago = |at: i64| Duration::from_millis((now - at).try_into().unwrap());
        self.settled = verdict::is_settled(ago(era), self.failed.map(ago));
        if self.settled {
            self.dirty.extend(self.untold.keys());
        }
        if self.era != Some(era) {
            self.era = Some(era);
            self.dirty.extend(self.ledger.user_ids());
        }
        let (own, dead): (Vec<UserId>, Vec<UserId>) = expired.into_iter().partition(|user| self.ledger.has(*user));
        self.dirty.extend(own);
        if !self.settled {
            return Vec::new();
        }
        let mut news = Vec::new();
        for user in dead {
            let outcome = redis.put(user, self.id, None, now);
            let untold = self.untold.remove(&user).is_some();
            if verdict::is_reaped(&outcome, untold) {
                self.online.heard(user, false, outcome.number, None);
                news.push(News { user, online: false, number: outcome.number });
            }
        }
        news
    }

    /// Compares all users with the leases.
    pub(super) fn look(&self, redis: &Redis, now: i64) {
        if redis.away {
            return;
        }
        let settled = self.is_settled(redis.era(now));
        for user in self.online.watched() {
            let seen = redis.look(user, self.id, now);
            if seen.elsewhere || settled {
                self.online.heard(user, seen.elsewhere, seen.number, None);
            }
        }
    }

    pub(super) fn hear(&self, news: News) {
        self.online.heard(news.user, news.online, news.number, None);
    }

    /// Sessions that gave no sign of life for too long are ended.
    pub(super) fn sweep(&mut self, now: i64) -> Vec<SessionId> {
        let expired = self.ledger.expired(self.at(now));
        for session in &expired {
            self.leave(*session);
        }
        expired
    }

    /// Of whom it may have something to tell.
    pub(super) fn owes(&self) -> Vec<UserId> {
        let under_way = self.write.iter().flat_map(|write| &write.users);
        self.dirty.iter().chain(self.untold.keys()).chain(under_way).copied().collect()
    }

    pub(super) fn beats_at(&mut self, now: i64) -> bool {
        let due = self.next_beat <= now;
        if due {
            self.next_beat = now + SECOND;
        }
        due
    }
}
