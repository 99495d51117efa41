//! Which messages of a channel have been handed out, as runs of `seq`.
//!
//! Used by the cursor. A `seq` has no gaps, so that in practice this is one run, and it is the same size after a
//! million messages.

use std::collections::BTreeMap;

/// More runs than this are merged from the old end: what lies between them then counts as seen.
const MAX_RUNS: usize = 4096;

#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// First of a run to its last.
    runs: BTreeMap<i64, i64>,
}

impl Seen {
    pub(super) fn up_to(seq: i64) -> Self {
        let mut seen = Self::default();
        if seq > 0 {
            seen.runs.insert(1, seq);
        }
        seen
    }

    pub(super) fn contains(&self, seq: i64) -> bool {
        self.runs.range(..=seq).next_back().is_some_and(|(_, last)| *last >= seq)
    }

    pub(super) fn insert(&mut self, seq: i64) {
        if self.contains(seq) {
            return;
        }
        let first = match self.runs.range(..seq).next_back() {
            Some((first, last)) if *last == seq - 1 => *first,
            _ => seq,
        };
        // A server may say any number.
        let last = seq.checked_add(1).and_then(|next| self.runs.remove(&next)).unwrap_or(seq);
        self.runs.insert(first, last);
        if self.runs.len() > MAX_RUNS {
            self.merge_oldest();
        }
    }

    fn merge_oldest(&mut self) {
        if let (Some((first, _)), Some((_, last))) = (self.runs.pop_first(), self.runs.pop_first()) {
            self.runs.insert(first, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_exactly_what_was_inserted(start in 0_i64..5, seqs in prop::collection::vec(1_i64..40, 0..60)) {
            let mut seen = Seen::up_to(start);
            let mut model: BTreeSet<i64> = (1..=start).collect();
            for seq in seqs {
                seen.insert(seq);
                model.insert(seq);
            }
            for seq in 1..45 {
                prop_assert_eq!(seen.contains(seq), model.contains(&seq));
            }
            let runs: Vec<_> = seen.runs.iter().collect();
            prop_assert!(runs.windows(2).all(|pair| pair[0].1 + 1 < *pair[1].0), "neighbours are one run");
        }
    }

    #[test]
    fn the_last_number_there_is_counts_as_well() {
        let mut seen = Seen::default();
        for seq in [i64::MAX, i64::MIN, i64::MAX - 1] {
            seen.insert(seq);
            assert!(seen.contains(seq));
        }
        assert_eq!(seen.runs.into_iter().collect::<Vec<_>>(), [(i64::MIN, i64::MIN), (i64::MAX - 1, i64::MAX)]);
    }

    #[test]
    fn the_number_of_runs_is_bounded() {
        let mut seen = Seen::default();
        (0..10_000).for_each(|n| seen.insert(n * 2));
        assert_eq!(seen.runs.len(), MAX_RUNS);
        assert!(seen.contains(19_998) && !seen.contains(19_997));
    }
}
