//! The order of one channel as one recipient sees it: each version once, ascending, without a gap.
//!
//! Used by the ledger. Knows nothing of messages, only of versions.

use std::collections::BTreeSet;
use std::fmt;

/// More than so many versions are not remembered one by one.
const MAX_GAPS: i64 = 100_000;

/// What a daemon must not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// The same change twice.
    Doubled,
    /// A change that never came.
    Missing,
    /// A change that came after a later one.
    Disordered,
    /// A send without an answer.
    Unacknowledged,
    /// Different recipients were told different versions of one message, or a message of another channel.
    Altered,
}

impl Violation {
    pub const ALL: [Self; 5] = [Self::Doubled, Self::Missing, Self::Disordered, Self::Unacknowledged, Self::Altered];

    pub fn name(self) -> &'static str {
        match self {
            Self::Doubled => "doubled",
            Self::Missing => "missing",
            Self::Disordered => "out_of_order",
            Self::Unacknowledged => "unacknowledged",
            Self::Altered => "altered",
        }
    }
}

/// How often each violation was found, and the first of them in words.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    counts: [u64; Violation::ALL.len()],
    pub examples: Vec<String>,
}

impl Findings {
    const MAX_EXAMPLES: usize = 10;

    pub(crate) fn add(&mut self, violation: Violation, count: u64, what: impl fmt::Display) {
        self.counts[violation as usize] += count;
        if self.examples.len() < Self::MAX_EXAMPLES {
            self.examples.push(format!("{}: {what}", violation.name()));
        }
    }

    pub fn count(&self, violation: Violation) -> u64 {
        self.counts[violation as usize]
    }

    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(own, theirs)| *own += theirs);
        let room = Self::MAX_EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
    }
}

/// Where one recipient is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequence {
    last: i64,
    /// What was passed over and may still come, out of order.
    gaps: BTreeSet<i64>,
    lost: u64,
}

/// How a version goes with those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Next,
    /// Some before it have not come: they may come later, which is wrong too.
    Gap,
    Late,
    Again,
}

impl Sequence {
    /// Everything up to this version is held.
    pub(crate) fn starting_at(version: i64) -> Self {
        Self { last: version, ..Self::default() }
    }

    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    pub(crate) fn is_next(&self, version: i64) -> bool {
        version == self.last + 1
    }

    /// `since` is the first version that the frame stands for.
    pub(crate) fn pass(&mut self, version: i64, since: Option<i64>) -> Step {
        if version <= self.last {
            return if self.gaps.remove(&version) { Step::Late } else { Step::Again };
        }
        let expected = self.last + 1;
        self.last = version;
        let first = since.unwrap_or(version);
        if first <= expected {
            return Step::Next;
        }
        self.gaps.extend(expected..first.min(expected + MAX_GAPS));
        self.lost += u64::try_from(first - expected - MAX_GAPS).unwrap_or(0);
        Step::Gap
    }

    /// How many have not come, where the channel is at `head`. They are not asked for again.
    pub(crate) fn settle(&mut self, head: i64) -> u64 {
        let behind = u64::try_from(head - self.last).unwrap_or(0);
        let missing = behind + self.gaps.len() as u64 + self.lost;
        *self = Self::starting_at(self.last.max(head));
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(versions: &[i64]) -> (Vec<Step>, u64) {
        let mut sequence = Sequence::starting_at(3);
        let steps = versions.iter().map(|version| sequence.pass(*version, None)).collect();
        (steps, sequence.settle(7))
    }

    #[test]
    fn one_after_the_other_is_right() {
        assert_eq!(steps(&[4, 5, 6, 7]), (vec![Step::Next; 4], 0));
    }

    #[test]
    fn what_is_doubled_missing_or_swapped_is_told_apart() {
        use Step::{Again, Gap, Late, Next};
        assert_eq!(steps(&[4, 5, 5, 6, 7]), (vec![Next, Next, Again, Next, Next], 0));
        assert_eq!(steps(&[4, 6, 7]), (vec![Next, Gap, Next], 1));
        assert_eq!(steps(&[4, 6, 5, 7]), (vec![Next, Gap, Late, Next], 0));
        assert_eq!(steps(&[4, 6, 5, 5, 7]), (vec![Next, Gap, Late, Again, Next], 0));
        assert_eq!(steps(&[4, 5]), (vec![Next, Next], 2));
        assert_eq!(steps(&[3, 2]), (vec![Again, Again], 4));
    }

    #[test]
    fn a_frame_that_stands_for_several_versions_leaves_no_gap() {
        let mut sequence = Sequence::starting_at(3);
        assert_eq!(sequence.pass(6, Some(4)), Step::Next);
        assert_eq!(sequence.pass(9, Some(8)), Step::Gap);
        assert_eq!((sequence.settle(9), sequence.settle(9)), (1, 0));
    }

    #[test]
    fn a_gap_of_millions_is_counted_and_not_kept() {
        let mut sequence = Sequence::starting_at(0);
        assert_eq!(sequence.pass(5_000_001, None), Step::Gap);
        assert!(i64::try_from(sequence.gaps.len()).unwrap() <= MAX_GAPS);
        assert_eq!(sequence.settle(5_000_001), 5_000_000);
    }
}
