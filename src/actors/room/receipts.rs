//! Receipts on their way to the members: a lone one goes at once, many are merged. Pure.
//!
//! One message read by fifty makes 2,401 frames to fifty sessions; merged they are one write to each.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::domain::ids::{SessionId, UserId};

/// A mark that moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) seq: i64,
    pub(super) at: DateTime<Utc>,
    /// The session that asked for it, which needs no notice.
    pub(super) session: Option<SessionId>,
}

/// What to do about a mark that moved.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    /// Something is to be flushed after this time; it is said once.
    After(Duration),
    /// The flush that is due takes it along.
    Waits,
}

/// The latest mark of each reader that has not been told.
#[derive(Debug)]
pub(super) struct Receipts {
    merge: Duration,
    flushed: Option<Instant>,
    scheduled: bool,
    waiting: BTreeMap<UserId, Receipt>,
    /// The highest mark of each reader so far: nodes may tell of two in the wrong order.
    highest: BTreeMap<UserId, i64>,
}

impl Receipts {
    pub(super) fn new(merge: Duration) -> Self {
        Self { merge, flushed: None, scheduled: false, waiting: BTreeMap::new(), highest: BTreeMap::new() }
    }

    pub(super) fn moved(&mut self, user: UserId, receipt: Receipt, now: Instant) -> Due {
        let highest = self.highest.entry(user).or_default();
        if receipt.seq <= *highest {
            return Due::Waits;
        }
        *highest = receipt.seq;
        match self.waiting.get_mut(&user) {
            Some(waiting) => {
                // Two sessions of one reader: both have to hear of it.
                let session = receipt.session.filter(|session| waiting.session == Some(*session));
                *waiting = Receipt { session, ..receipt };
            }
            None => {
                self.waiting.insert(user, receipt);
            }
        }
        if self.scheduled {
            return Due::Waits;
        }
        match self.flushed.map(|flushed| self.merge.saturating_sub(now.duration_since(flushed))) {
            Some(left) if !left.is_zero() => {
                self.scheduled = true;
                Due::After(left)
            }
            _ => Due::Now,
        }
    }

    pub(super) fn flush(&mut self, now: Instant) -> BTreeMap<UserId, Receipt> {
        self.flushed = Some(now);
        self.scheduled = false;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn receipt(seq: i64) -> Receipt {
        Receipt { seq, at: DateTime::UNIX_EPOCH, session: None }
    }

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    #[test]
    fn a_lone_receipt_goes_at_once_and_the_next_ones_together() {
        let (mut receipts, start) = (Receipts::new(Duration::from_secs(1)), Instant::now());
        assert_eq!(receipts.moved(user(1), receipt(1), start), Due::Now);
        assert_eq!(receipts.flush(start).len(), 1);
        let soon = start + Duration::from_millis(400);
        assert_eq!(receipts.moved(user(2), receipt(1), soon), Due::After(Duration::from_millis(600)));
        assert_eq!(receipts.moved(user(3), receipt(1), soon), Due::Waits);
        assert_eq!(receipts.moved(user(3), receipt(4), soon), Due::Waits);
        assert_eq!(receipts.moved(user(3), receipt(2), soon), Due::Waits);
        let flushed = receipts.flush(start + Duration::from_secs(1));
        assert_eq!(flushed.values().map(|receipt| receipt.seq).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(receipts.moved(user(2), receipt(2), start + Duration::from_secs(2)), Due::Now, "the time is over");
    }

    #[test]
    fn a_mark_that_another_node_tells_late_is_not_told() {
        let (mut receipts, now) = (Receipts::new(Duration::from_secs(1)), Instant::now());
        receipts.moved(user(1), receipt(12), now);
        receipts.flush(now);
        assert_eq!(receipts.moved(user(1), receipt(10), now + Duration::from_secs(2)), Due::Waits);
        assert!(receipts.flush(now + Duration::from_secs(2)).is_empty());
    }

    #[test]
    fn a_reader_with_two_devices_hears_of_both_marks_on_each() {
        let (mut receipts, now) = (Receipts::new(Duration::from_secs(1)), Instant::now());
        let from = |number, seq| Receipt { session: Some(SessionId(Uuid::from_u128(number))), ..receipt(seq) };
        receipts.moved(user(1), from(1, 1), now);
        receipts.moved(user(1), from(2, 2), now);
        assert_eq!(receipts.flush(now)[&user(1)].session, None);
    }
}
