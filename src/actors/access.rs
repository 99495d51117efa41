//! Who signed in, who was refused and what admins did, on its way into the daemon's journal of the audit trail.
//!
//! Told by the HTTP layer and by sessions, never waited for: who signs in is let in also while the database takes no changes.
//! What strangers can cause is bounded: refusals are counted by address and reason and written once a minute. Records are
//! written some 50 ms after they were told; those that a crash takes with it are missing, and after an outage one may be there twice.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

use super::db::{DbHandle, Order};
use crate::domain::ids::{JournalId, SessionId, UserId};
use crate::domain::journal::{Kind, Note};
use crate::domain::now;
use crate::limits::caps::network;
use crate::live::{Live, What};
use crate::store::note;

/// So long it is gathered what goes into one transaction.
const GATHER: Duration = Duration::from_millis(50);
/// How often refusals are written.
const COUNT_FOR: Duration = Duration::from_secs(60);
/// How often it is looked whether their time is over, or the database takes changes again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Refusals told apart within [`COUNT_FOR`]; others are counted without their addresses.
const MAX_ADDRESSES: usize = 20;
/// Records of one transaction.
const MAX_BATCH: usize = 1_000;
/// Records that wait while the database takes none, some 200 bytes each.
const MAX_WAITING: usize = 10_000;

/// See the module's text. One a daemon.
#[derive(Debug, Default)]
pub struct Access {
    state: Mutex<State>,
    news: Notify,
    live: Live,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Note>,
    refused: BTreeMap<(Option<IpAddr>, &'static str), Refused>,
    /// When the first of these was counted.
    since: Option<Instant>,
    lost: u64,
}

/// Refusals of one address for one reason.
#[derive(Debug, Clone, Copy)]
struct Refused {
    count: u64,
    first: DateTime<Utc>,
}

#[derive(Serialize)]
struct SignedIn {
    session: SessionId,
    address: IpAddr,
}

#[derive(Serialize)]
struct RefusedDetail {
    /// None: many, of which each is one of too many to be told apart.
    address: Option<IpAddr>,
    reason: &'static str,
    count: u64,
    /// When the last of them can have been.
    until: String,
}

#[derive(Serialize)]
struct SessionEnded {
    session: SessionId,
}

#[derive(Serialize)]
struct Lost {
    count: u64,
}

impl Access {
    /// Who listens to `live` hears of it as well.
    pub fn new(live: Live) -> Self {
        Self { live, ..Self::default() }
    }

    pub fn signed_in(&self, user: UserId, session: SessionId, address: IpAddr) {
        self.live.tell(|| What::SessionOpened { session, user, address });
        self.tell(Kind::SignedIn, Some(user), &SignedIn { session, address });
    }

    /// `reason`: one of few words.
    pub fn refused(&self, address: IpAddr, reason: &'static str) {
        self.live.tell(|| What::Refused { address, reason });
        // Whoever has a network of IPv6 has all of its addresses.
        self.state.lock().refused(network(address), reason, Instant::now(), now());
    }

    pub fn session_ended(&self, admin: UserId, session: SessionId) {
        self.tell(Kind::SessionEnded, Some(admin), &SessionEnded { session });
    }

    fn tell(&self, kind: Kind, by: Option<UserId>, detail: &impl Serialize) {
        self.state.lock().push(note(JournalId::DAEMON, kind, by, now(), detail));
        self.news.notify_one();
    }

    /// Until the system ends.
    pub async fn run(self: Arc<Self>, db: DbHandle) {
        loop {
            // Either is a reason to look.
            let _ = tokio::time::timeout(LOOK_EVERY, self.news.notified()).await;
            tokio::time::sleep(GATHER).await;
            self.write(&db, false).await;
        }
    }

    /// Everything that was told; `all`: also the refusals whose minute is not over.
    pub async fn write(&self, db: &DbHandle, all: bool) {
        loop {
            let notes = self.state.lock().take(Instant::now(), now(), all);
            if notes.is_empty() {
                return;
            }
            if let Err(refusal) = db.order(Order::Record { notes: notes.clone() }).await {
                log::debug!("records of the audit trail wait: {}", refusal.message);
                self.state.lock().put_back(notes);
                return;
            }
        }
    }
}

impl State {
    fn push(&mut self, note: Note) {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push(note);
        } else {
            self.lost += 1;
        }
    }

    fn refused(&mut self, address: IpAddr, reason: &'static str, now: Instant, at: DateTime<Utc>) {
        let key = (Some(address), reason);
        let is_one_too_many = self.refused.len() >= MAX_ADDRESSES && !self.refused.contains_key(&key);
        let key = if is_one_too_many { (None, reason) } else { key };
        self.refused.entry(key).or_insert(Refused { count: 0, first: at }).count += 1;
        self.since.get_or_insert(now);
    }

    /// What is to be written next, the oldest first. None: nothing.
    fn take(&mut self, now: Instant, at: DateTime<Utc>, all: bool) -> Vec<Note> {
        if self.since.is_some_and(|since| all || now.saturating_duration_since(since) >= COUNT_FOR) {
            self.since = None;
            let until = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            for ((address, reason), Refused { count, first }) in std::mem::take(&mut self.refused) {
                let detail = RefusedDetail { address, reason, count, until: until.clone() };
                self.push(note(JournalId::DAEMON, Kind::Refused, None, first, &detail));
            }
        }
        let rest = self.waiting.split_off(self.waiting.len().min(MAX_BATCH));
        let mut notes = std::mem::replace(&mut self.waiting, rest);
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            notes.push(note(JournalId::DAEMON, Kind::Lost, None, at, &Lost { count: lost }));
        }
        notes
    }

    /// What could not be written, in front of what came since.
    fn put_back(&mut self, mut notes: Vec<Note>) {
        let later = std::mem::take(&mut self.waiting);
        self.lost += (notes.len() + later.len()).saturating_sub(MAX_WAITING) as u64;
        notes.extend(later);
        notes.truncate(MAX_WAITING);
        self.waiting = notes;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use uuid::Uuid;

    use super::*;

    fn numbered(n: usize) -> Note {
        note(JournalId::DAEMON, Kind::SignedIn, None, DateTime::UNIX_EPOCH, &n)
    }

    fn taken(state: &mut State, now: Instant, all: bool) -> Vec<String> {
        state.take(now, DateTime::UNIX_EPOCH, all).into_iter().map(|note| note.detail).collect()
    }

    #[test]
    fn refusals_are_counted_by_address_and_reason_and_written_once_a_minute() {
        let (mut state, start) = (State::default(), Instant::now());
        let address = |n: u8| IpAddr::V4(Ipv4Addr::new(192, 0, 2, n));
        for n in 0..1_000 {
            let at = start + Duration::from_millis(n * 10);
            state.refused(address(u8::try_from(n % 250).unwrap()), "expired", at, DateTime::UNIX_EPOCH);
        }
        assert!(taken(&mut state, start + Duration::from_secs(59), false).is_empty());
        let told = taken(&mut state, start + Duration::from_secs(60), false);
        assert_eq!(told.len(), MAX_ADDRESSES + 1);
        let all = told.iter().find(|text| text.contains(r#""address":null"#)).unwrap();
        assert!(all.contains(r#""count":920"#), "{all}");
        assert!(told.iter().any(|text| text.contains(r#""address":"192.0.2.7","reason":"expired","count":4"#)));
        state.refused(address(1), "missing", start, DateTime::UNIX_EPOCH);
        assert_eq!(taken(&mut state, start, true).len(), 1, "at the stop without waiting");
    }

    #[test]
    fn what_could_not_be_written_comes_first_the_next_time_and_what_is_too_much_is_counted() {
        let mut state = State::default();
        (0..3).for_each(|n| state.push(numbered(n)));
        let notes = state.take(Instant::now(), DateTime::UNIX_EPOCH, false);
        state.push(numbered(3));
        state.put_back(notes);
        assert_eq!(taken(&mut state, Instant::now(), false), ["0", "1", "2", "3"]);
        let notes = (0..10).map(numbered).collect();
        (0..MAX_WAITING + 5).for_each(|n| state.push(numbered(n)));
        state.put_back(notes);
        let mut told = Vec::new();
        loop {
            let some = taken(&mut state, Instant::now(), false);
            assert!(some.len() <= MAX_BATCH + 1);
            if some.is_empty() {
                break;
            }
            told.extend(some);
        }
        assert_eq!(told.len(), MAX_WAITING + 1);
        assert!(told.contains(&r#"{"count":15}"#.to_owned()));
    }

    #[test]
    fn a_record_says_what_happened_in_the_words_that_are_documented() {
        let access = Access::default();
        let id = Uuid::from_u128(1);
        access.signed_in(UserId(id), SessionId(id), Ipv4Addr::LOCALHOST.into());
        access.session_ended(UserId(id), SessionId(id));
        let told = taken(&mut access.state.lock(), Instant::now(), false);
        let session = format!(r#""session":"{id}""#);
        assert_eq!(told, [format!(r#"{{{session},"address":"127.0.0.1"}}"#), format!("{{{session}}}")]);
    }
}
