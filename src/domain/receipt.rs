//! What a member's devices have received of a channel: the rule of what is added to what is known. Pure.
//!
//! A session tells what its connection has answered for; the store keeps one stretch of versions for each member, and the
//! channel's journal each of its steps.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ChannelId, UserId};

/// A stretch of a channel's versions: those after `after`, up to `version`. As a JSON object it is what journals say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reach {
    pub after: i64,
    pub version: i64,
}

/// What a device of a member has received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub channel_id: ChannelId,
    pub user_id: UserId,
    pub reach: Reach,
    pub at: DateTime<Utc>,
    /// The epoch that the versions are of.
    pub history: Arc<str>,
}

impl Reach {
    pub fn covers(self, version: i64) -> bool {
        (self.after + 1..=self.version).contains(&version)
    }

    /// What is known after `more` was received as well. `None` where that is nothing new, or lies below a gap under what is
    /// known: one stretch is kept, which ends with the newest version.
    pub fn and(self, more: Self) -> Option<Self> {
        if more.version <= more.after || more.version < self.after {
            return None;
        }
        if self.version < more.after {
            return Some(more);
        }
        let both = Self { after: self.after.min(more.after), version: self.version.max(more.version) };
        (both != self).then_some(both)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn reach(after: i64, version: i64) -> Reach {
        Reach { after, version }
    }

    #[test]
    fn what_touches_is_one_stretch() {
        for (known, more, both) in [
            (reach(0, 0), reach(0, 3), Some(reach(0, 3))),
            (reach(0, 3), reach(3, 5), Some(reach(0, 5))),
            (reach(3, 5), reach(1, 3), Some(reach(1, 5))),
            (reach(3, 5), reach(1, 9), Some(reach(1, 9))),
            (reach(1, 5), reach(2, 4), None),
            (reach(1, 5), reach(5, 5), None),
        ] {
            assert_eq!(known.and(more), both, "{known:?} {more:?}");
        }
    }

    #[test]
    fn what_lies_behind_a_gap_begins_anew_and_what_lies_before_it_is_left() {
        assert_eq!(reach(0, 3).and(reach(5, 6)), Some(reach(5, 6)));
        assert_eq!(reach(5, 6).and(reach(1, 4)), None);
    }

    proptest! {
        #[test]
        fn it_never_goes_back_and_never_says_more_than_was_received(
            all in prop::collection::vec((0..20_i64, 0..8_i64), 0..30),
        ) {
            let (mut known, mut had) = (Reach::default(), BTreeSet::new());
            for (after, length) in all {
                had.extend(after + 1..=after + length);
                if let Some(next) = known.and(reach(after, after + length)) {
                    prop_assert!(next.version >= known.version && next != known);
                    known = next;
                }
                prop_assert!((known.after + 1..=known.version).all(|version| had.contains(&version)));
            }
        }
    }
}
