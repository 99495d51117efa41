//! What a change of a user's leases says, and to whom that is news. Pure.
//!
//! The leases are shared by all nodes, and each change of them is a script that says how they were before and after it: who
//! changes whether there is any tells of it. What may have been lost on the way is owed, and told later.

use std::time::Duration;

use crate::ephemeral::Outcome;

/// What is known beside the outcome of the write itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// A missing lease says that there is none: everybody had the time to write theirs since Redis lost what it had.
    pub(super) settled: bool,
    /// Another node was last heard to have a session of the user.
    pub(super) thought_elsewhere: bool,
    /// Something has happened here since the write began, and is to be written.
    pub(super) dirty: bool,
    /// The others may not know how the user is; true where what was written may be there unannounced.
    pub(super) untold: Option<bool>,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The others know by this, or by what is told now.
    pub(super) paid: bool,
    /// Whether another node has a session, where that can be said.
    pub(super) elsewhere: Option<bool>,
    /// What the other nodes are to be told.
    pub(super) news: Option<bool>,
}

/// After a time in which no node could renew anything (Redis was away, or lost its data) a missing lease says nothing
/// until everybody had the time to write theirs anew: twice what a node takes that
/// tries every two seconds. Redis has to answer for all of it.
const SETTLED_AFTER: Duration = Duration::from_secs(6);

/// Whether a missing lease says that there is none: by how long Redis has held what it holds, and how long ago it did not answer.
pub(super) fn is_settled(era_age: Duration, failed_ago: Option<Duration>) -> bool {
    era_age >= SETTLED_AFTER && failed_ago.is_none_or(|ago| ago >= SETTLED_AFTER)
}

/// A node has written the leases of one of its users.
pub(super) fn written(outcome: &Outcome, known: Known) -> Verdict {
    let Outcome { before, after, elsewhere, .. } = *outcome;
    // A device elsewhere may not have got to write its lease anew: looked at again when that is settled.
    let uncertain = !known.settled && known.thought_elsewhere;
    let news = if after {
        (!before || known.untold == Some(true)).then_some(true)
    } else {
        ((before || known.untold.is_some()) && !uncertain).then_some(false)
    };
    Verdict {
        // What happened since this write began is told by the next one, what is uncertain later.
        paid: (after || !uncertain) && !known.dirty,
        elsewhere: (elsewhere || !uncertain).then_some(elsewhere),
        news,
    }
}

/// A node has removed what had ended of a user who has no session there: whether this has taken the last lease away.
pub(super) fn is_reaped(outcome: &Outcome, untold: bool) -> bool {
    !outcome.after && (outcome.before || untold)
}
