//! What a member's devices have received of a channel: the rule of what is added to what is known. Pure.
//!
//! A session tells what its connection has answered for and from where its client caught up; the store keeps one stretch
//! of versions for each member, and the channel's journal each of its steps.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ChannelId, UserId};

/// A stretch of a channel's versions: those after `after`, up to `version`. As a JSON object it is what journals say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    pub after: i64,
    pub version: i64,
}

/// How it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// All of it was written to a connection that has answered since.
    Confirmed(Reach),
    /// A client came back with this cursor: the highest version up to which it says that it has everything.
    Held(i64),
}

/// What a device of a member has received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub channel_id: ChannelId,
    pub user_id: UserId,
    pub what: Received,
    pub at: DateTime<Utc>,
}

impl Received {
    /// The highest one.
    pub fn version(self) -> i64 {
        match self {
            Self::Confirmed(reach) => reach.version,
            Self::Held(version) => version,
        }
    }
}

impl Reach {
    pub fn covers(self, version: i64) -> bool {
        (self.after + 1..=self.version).contains(&version)
    }

    /// What comes of this where so much is known; `None` where it is nothing new. The stretch that ends with the newest
    /// version is the one that is kept. A cursor goes on from what is known.
    pub fn and(self, received: Received) -> Option<Step> {
        let more = match received {
            Received::Confirmed(reach) => reach,
            Received::Held(version) => Self { version, ..self },
        };
        if more.version <= more.after {
            return None;
        }
        if more.version < self.after {
            return Some(Step::Beside(more));
        }
        if self.version < more.after {
            return Some(Step::Further(more));
        }
        let both = Self { after: self.after.min(more.after), version: self.version.max(more.version) };
        (both != self).then_some(Step::Further(both))
    }
}

/// What comes of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So much is known now.
    Further(Reach),
    /// It lies below a gap under what is known, which stays: another device got it, and told it late.
    Beside(Reach),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn reach(after: i64, version: i64) -> Reach {
        Reach { after, version }
    }

    fn further(after: i64, version: i64) -> Step {
        Step::Further(reach(after, version))
    }

    #[test]
    fn what_touches_is_one_stretch() {
        for (known, more, both) in [
            (reach(0, 0), reach(0, 3), Some(further(0, 3))),
            (reach(0, 3), reach(3, 5), Some(further(0, 5))),
            (reach(3, 5), reach(1, 3), Some(further(1, 5))),
            (reach(3, 5), reach(1, 9), Some(further(1, 9))),
            (reach(1, 5), reach(2, 4), None),
            (reach(1, 5), reach(5, 5), None),
        ] {
            assert_eq!(known.and(Received::Confirmed(more)), both, "{known:?} {more:?}");
        }
    }

    #[test]
    fn what_lies_behind_a_gap_begins_anew_and_what_lies_before_it_is_beside() {
        assert_eq!(reach(0, 3).and(Received::Confirmed(reach(5, 6))), Some(further(5, 6)));
        assert_eq!(reach(5, 6).and(Received::Confirmed(reach(1, 4))), Some(Step::Beside(reach(1, 4))));
    }

    #[test]
    fn a_cursor_goes_on_from_what_is_known() {
        assert_eq!(reach(4, 6).and(Received::Held(9)), Some(further(4, 9)));
        assert_eq!(reach(4, 6).and(Received::Held(6)), None);
        assert_eq!(reach(4, 6).and(Received::Held(2)), None);
        assert_eq!(Reach::default().and(Received::Held(2)), Some(further(0, 2)));
    }

    proptest! {
        #[test]
        fn it_never_goes_back_and_says_exactly_what_was_received(
            all in prop::collection::vec((0..20_i64, 0..8_i64, any::<bool>()), 0..30),
        ) {
            let (mut known, mut had, mut told) = (Reach::default(), BTreeSet::new(), BTreeSet::new());
            for (after, length, is_cursor) in all {
                let more = reach(after, after + length);
                let received = if is_cursor { Received::Held(more.version) } else { Received::Confirmed(more) };
                had.extend(if is_cursor { known.after + 1..=more.version } else { after + 1..=more.version });
                match known.and(received) {
                    None => {}
                    Some(Step::Beside(reach)) => told.extend(reach.after + 1..=reach.version),
                    Some(Step::Further(next)) => {
                        prop_assert!(next.version >= known.version && next != known);
                        told.extend(next.after + 1..=next.version);
                        known = next;
                    }
                }
                prop_assert_eq!(&told, &had);
            }
        }
    }
}
