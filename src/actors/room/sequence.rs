//! The order of one channel on this node: versions are passed on strictly one after the other. Pure.

use std::collections::BTreeMap;

/// What was passed on, what waits for its turn, and how far the channel is known to have come.
#[derive(Debug)]
pub(super) struct Sequence<T> {
    delivered: i64,
    head: i64,
    waiting: BTreeMap<i64, T>,
}

impl<T> Sequence<T> {
    pub(super) fn new(delivered: i64) -> Self {
        Self { delivered, head: delivered, waiting: BTreeMap::new() }
    }

    pub(super) fn delivered(&self) -> i64 {
        self.delivered
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What waits for its turn.
    pub(super) fn waiting_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.waiting.values_mut()
    }

    /// Takes in a change; gives it back when its version was passed on before.
    pub(super) fn offer(&mut self, version: i64, item: T) -> Option<T> {
        if version <= self.delivered {
            return Some(item);
        }
        self.heard_of(version);
        self.waiting.insert(version, item)
    }

    /// The channel has come at least as far as this.
    pub(super) fn heard_of(&mut self, version: i64) {
        self.head = self.head.max(version);
    }

    pub(super) fn head(&self) -> i64 {
        self.head
    }

    /// The channel has come no further than this, or what waits here: what was heard beyond that is not so.
    pub(super) fn is_at(&mut self, version: i64) {
        let waiting = self.waiting.last_key_value().map_or(self.delivered, |(version, _)| *version);
        self.head = version.max(self.delivered).max(waiting);
    }

    /// The next change, if it is there. It counts as passed on.
    pub(super) fn next(&mut self) -> Option<(i64, T)> {
        let version = self.delivered + 1;
        let item = self.waiting.remove(&version)?;
        self.delivered = version;
        Some((version, item))
    }

    /// Whether something is missing that exists.
    pub(super) fn has_hole(&self) -> bool {
        self.head > self.delivered
    }

    /// A change read from the store that stands for everything up to `version`: none if that was passed on before, else
    /// what waited for these versions.
    pub(super) fn fill(&mut self, version: i64) -> Option<Vec<(i64, T)>> {
        if version <= self.delivered {
            return None;
        }
        self.heard_of(version);
        self.delivered = version;
        let later = self.waiting.split_off(&(version + 1));
        Some(std::mem::replace(&mut self.waiting, later).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// In whatever order changes come, and wherever the store steps in, each version is passed on once, ascending.
        #[test]
        fn each_version_is_passed_on_once_and_in_order(
            order in Just((1_i64..=20).collect::<Vec<_>>()).prop_shuffle(),
            lost in proptest::collection::hash_set(1_i64..=20, 0..6),
        ) {
            let mut sequence = Sequence::new(0);
            let mut passed = Vec::new();
            for version in order {
                if lost.contains(&version) {
                    sequence.heard_of(version);
                } else {
                    prop_assert!(sequence.offer(version, version).is_none());
                }
                while let Some((version, item)) = sequence.next() {
                    prop_assert_eq!(version, item);
                    passed.push(version);
                }
            }
            // The store fills what was lost, one change at a time.
            while sequence.has_hole() {
                let version = sequence.delivered() + 1;
                prop_assert!(sequence.fill(version).is_some());
                passed.push(version);
                while let Some((version, _)) = sequence.next() {
                    passed.push(version);
                }
            }
            prop_assert_eq!(passed, (1..=20).collect::<Vec<_>>());
            prop_assert_eq!(sequence.offer(7, 7), Some(7));
        }
    }

    #[test]
    fn what_was_heard_and_is_not_so_leaves_no_hole() {
        let mut sequence = Sequence::new(4);
        sequence.heard_of(i64::MAX);
        sequence.is_at(4);
        assert!(!sequence.has_hole());
        sequence.offer(6, 'a');
        sequence.heard_of(i64::MAX);
        sequence.is_at(5);
        assert_eq!((sequence.head(), sequence.has_hole()), (6, true), "what waits is there");
    }

    #[test]
    fn a_filled_range_gives_back_what_waited_within_it() {
        let mut sequence = Sequence::new(4);
        sequence.offer(6, 'a');
        sequence.offer(7, 'c');
        sequence.offer(9, 'b');
        assert_eq!((sequence.waiting(), sequence.waiting_mut().count()), (3, 3));
        assert_eq!(sequence.fill(7), Some(vec![(6, 'a'), (7, 'c')]));
        assert_eq!(sequence.waiting(), 1);
        assert_eq!((sequence.fill(7), sequence.has_hole()), (None, true));
        assert_eq!(sequence.fill(8), Some(vec![]));
        assert_eq!(sequence.next(), Some((9, 'b')));
        assert!(!sequence.has_hole());
    }
}
