//! The sends of a bare client: those of one connection that wait for an answer, and the last ones that are known to be
//! stored, to be sent again.
//!
//! Pure. Whoever waits for longer than [`PATIENCE`] is given back, so that nothing waits for ever on a line that stays open.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::more::More;
use crate::history::{ChannelNo, OpNo};

/// Longer than any answer may take, by much.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Sends that are remembered as stored.
const REMEMBERED: usize = 24;

/// A send whose outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owed {
    pub channel: ChannelNo,
    pub client_id: Uuid,
    pub content: String,
    pub more: More,
}

/// On one connection.
#[derive(Debug, Default)]
pub(super) struct Waiting(HashMap<Uuid, Sent>);

#[derive(Debug)]
struct Sent {
    op: OpNo,
    owed: Owed,
    asked: Instant,
    /// The message itself came, which counts as its `ack`; the `ack` may still come.
    shown: bool,
}

/// A send that got no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unanswered {
    pub op: OpNo,
    pub owed: Owed,
    pub shown: bool,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, op: OpNo, owed: Owed, now: Instant) {
        self.0.insert(owed.client_id, Sent { op, owed, asked: now, shown: false });
    }

    /// An answer came.
    pub(super) fn take(&mut self, client_id: Uuid) -> Option<(OpNo, Owed)> {
        self.0.remove(&client_id).map(|sent| (sent.op, sent.owed))
    }

    /// A message came, of whomever it is.
    pub(super) fn show(&mut self, client_id: Uuid) {
        if let Some(sent) = self.0.get_mut(&client_id) {
            sent.shown = true;
        }
    }

    /// Takes out what had no answer for too long, in the order of the asking.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<Unanswered> {
        in_order(self.0.extract_if(|_, sent| now.saturating_duration_since(sent.asked) > PATIENCE))
    }

    /// All, in the order of the asking.
    pub(super) fn end(self) -> Vec<Unanswered> {
        in_order(self.0)
    }
}

fn in_order(sends: impl IntoIterator<Item = (Uuid, Sent)>) -> Vec<Unanswered> {
    let unanswered = |(_, Sent { op, owed, shown, .. })| Unanswered { op, owed, shown };
    let mut all: Vec<_> = sends.into_iter().map(unanswered).collect();
    all.sort_unstable_by_key(|one| one.op);
    all
}

/// The last sends that were acknowledged.
#[derive(Debug, Default)]
pub(super) struct Stored(VecDeque<Owed>);

impl Stored {
    pub(super) fn add(&mut self, owed: Owed) {
        self.0.push_back(owed);
        if self.0.len() > REMEMBERED {
            self.0.pop_front();
        }
    }

    /// Takes out the newest of a channel.
    pub(super) fn newest(&mut self, channel: ChannelNo) -> Option<Owed> {
        let at = self.0.iter().rposition(|owed| owed.channel == channel)?;
        self.0.remove(at)
    }

    /// Takes out any.
    pub(super) fn any(&mut self, dice: &mut fastrand::Rng) -> Option<Owed> {
        let at = (!self.0.is_empty()).then(|| dice.usize(..self.0.len()))?;
        self.0.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owed(channel: ChannelNo, id: u128) -> Owed {
        Owed { channel, client_id: Uuid::from_u128(id), content: id.to_string(), more: More::default() }
    }

    #[test]
    fn what_has_no_answer_is_given_back_in_time_and_in_order() {
        let start = Instant::now();
        let late = start + PATIENCE + Duration::from_millis(1);
        let mut waiting = Waiting::default();
        waiting.add(8, owed(1, 8), start);
        waiting.add(7, owed(0, 7), start);
        waiting.add(9, owed(0, 9), late);
        waiting.add(6, owed(0, 6), start);
        waiting.show(Uuid::from_u128(8));
        waiting.show(Uuid::from_u128(100));
        assert_eq!(waiting.take(Uuid::from_u128(6)), Some((6, owed(0, 6))));
        assert_eq!(waiting.overdue(start + PATIENCE), []);
        let unanswered = |op: OpNo, channel, shown| Unanswered { op, owed: owed(channel, op.into()), shown };
        assert_eq!(waiting.overdue(late), [unanswered(7, 0, false), unanswered(8, 1, true)]);
        assert_eq!((waiting.len(), waiting.take(Uuid::from_u128(7))), (1, None));
        assert_eq!(waiting.end(), [unanswered(9, 0, false)]);
    }

    #[test]
    fn the_newest_of_a_channel_is_sent_again_once() {
        let mut stored = Stored::default();
        for id in 0..=REMEMBERED as u128 {
            stored.add(owed(u16::from(id > 1), id));
        }
        assert_eq!(stored.newest(1), Some(owed(1, REMEMBERED as u128)));
        assert_eq!(stored.newest(0), Some(owed(0, 1)));
        assert_eq!(stored.newest(0), None, "the oldest is forgotten");
        let mut dice = fastrand::Rng::with_seed(1);
        let left = std::iter::from_fn(|| stored.any(&mut dice)).count();
        assert_eq!(left, REMEMBERED - 2);
    }
}
