//! How long messages are kept, and what is told of those that were erased.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ChannelId, UserId};

/// The most days that messages may be kept for, where they are not kept for ever: a hundred years.
pub const MAX_DAYS: i32 = 36_500;

/// The content type of a message that was erased.
pub const ERASED_TYPE: &str = "text";

/// What a channel has of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// None: the setting decides, for ever without one.
    pub days: Option<i32>,
    /// Nothing is erased, whatever else says so.
    pub legal_hold: bool,
}

impl Retention {
    /// What was sent before then is to be erased. None: nothing is.
    pub fn before(self, global: Option<i32>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = self.days.or(global).filter(|_| !self.legal_hold)?;
        now.checked_sub_signed(TimeDelta::days(days.into()))
    }
}

/// Which messages of a channel are to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that are older than they are to be kept, by what the channel says in that moment; `default` where it says nothing.
    Expired {
        default: Option<i32>,
    },
    Of(UserId),
}

/// A part of a run, in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erase {
    pub channel: ChannelId,
    pub which: Which,
    /// After this message, so that a run ends.
    pub after: i64,
}

/// What became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erasure {
    pub messages: usize,
    /// Where the next part begins. None: that was all.
    pub next: Option<i64>,
    /// The channel is held, and nothing was erased.
    pub held: bool,
}

/// Why, in the channel's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Retention,
    User,
}

/// The words of an `erased` record: the messages by their numbers, from the first to the last of each run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedDetail {
    pub reason: Reason,
    pub seqs: Vec<(i64, i64)>,
}

impl ErasedDetail {
    /// `seqs` ascending.
    pub fn new(reason: Reason, seqs: impl IntoIterator<Item = i64>) -> Self {
        let mut runs: Vec<(i64, i64)> = Vec::new();
        for seq in seqs {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == seq => *last = seq,
                _ => runs.push((seq, seq)),
            }
        }
        Self { reason, seqs: runs }
    }

    pub fn has(&self, seq: i64) -> bool {
        self.seqs.iter().any(|(first, last)| (*first..=*last).contains(&seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_beats_the_channel_and_the_channel_beats_the_setting() {
        let now = DateTime::from_timestamp(86_400 * 100, 0).unwrap();
        let day = |n: i64| DateTime::from_timestamp(86_400 * n, 0);
        let kept = |days, legal_hold| Retention { days, legal_hold };
        assert_eq!(kept(None, false).before(None, now), None);
        assert_eq!(kept(None, false).before(Some(30), now), day(70));
        assert_eq!(kept(Some(90), false).before(Some(30), now), day(10));
        assert_eq!(kept(Some(7), false).before(None, now), day(93));
        assert_eq!(kept(Some(7), true).before(Some(30), now), None);
    }

    #[test]
    fn numbers_are_told_by_their_runs() {
        let told = ErasedDetail::new(Reason::User, [1, 2, 3, 7, 9, 10]);
        assert_eq!(told.seqs, [(1, 3), (7, 7), (9, 10)]);
        assert!((1..=3).chain([7, 9, 10]).all(|seq| told.has(seq)));
        assert!([0, 4, 8, 11].into_iter().all(|seq| !told.has(seq)));
    }
}
