//! Replays each channel's final log as the one order and looks for what contradicts it, one scan a guarantee.
//!
//! Pure: a history in, findings out.

mod agreement;
mod authorization;
mod converge;
mod deletion;
mod durability;
mod erasure;
mod evidence;
mod files;
mod findings;
mod honesty;
mod idempotence;
mod index;
mod instructions;
mod kept;
mod live;
mod marks;
mod members;
mod model;
mod order;
mod origin;
mod presence;
mod reactions;
mod reads;
mod receipts;
mod resume;
mod revisions;
mod roster;
mod said;
mod search;
mod states;
mod sums;
#[cfg(test)]
mod tests;
mod touches;
mod walk;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::history::{ChannelNo, History, Micros};
use erasure::Erasures;
use findings::Findings;
use members::Memberships;
use model::Model;
use said::Said;
pub(crate) use sums::Sums;
use touches::Touches;

/// What can be wrong, in the words of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Anomaly {
    /// I1: acknowledged, and not in the final log.
    Lost,
    /// I1: acknowledged, and not in the copy that a power cut leaves.
    LostAtPowerCut,
    /// I2: shown, and not asked for by whom it is said to be of, or not stored.
    Phantom,
    /// I3: stored more than once, or two different acks for one `clientId`.
    Duplicate,
    /// I3: the retry of a stored message was refused.
    RetryRefused,
    /// I4: two nodes or observers disagree about what has a `seq` or `version`.
    Divergent,
    /// I5: the final `seq`s or versions have a hole.
    Hole,
    /// I6, I7: against the order of acknowledgements, or of one sender.
    Reordered,
    /// I8: a connection was not sent a version, and not closed.
    Skipped,
    /// I8: a connection was sent a version twice, or backwards.
    Repeated,
    /// I9: `sync` left out something, or gave what was held.
    BadSync,
    /// I10: after an acknowledgement the same user was shown an older state.
    StaleRead,
    /// I11: at rest, a client does not hold what is stored.
    NotConverged,
    /// I12: told to somebody who had been removed before it.
    LeakedAfterRemoval,
    /// I12: stored, of somebody who had been removed before it.
    ActedAfterRemoval,
    /// I13: an old or foreign cursor was not answered with `reset`.
    CursorNotReset,
    /// I14: content shown after its deletion was acknowledged.
    DeletedShown,
    /// I15: a read mark that went back, or lies beyond the head.
    ReadMarkBack,
    /// I15: `unread` at rest is not what the log says.
    WrongUnread,
    /// I15: said to have received what no connection of theirs was given.
    WrongReceipt,
    /// I16: shown online although long gone.
    GhostPresence,
    /// I16: shown offline although connected.
    FalseOffline,
    /// I18: a send that was neither acknowledged nor refused within its time, or said to have failed and was stored.
    DishonestAnswer,
    /// I19: more memory than promised.
    Memory,
    /// I20: the audit trail does not say what is stored, or is broken.
    BrokenTrail,
    /// I21: what somebody who was erased had said is shown or found on some surface.
    ErasedShown,
    /// I21: erased where nothing may be.
    HeldErased,
    /// I22: an acknowledged reaction that is not there, or one that nobody asked for.
    WrongReaction,
    /// I23: an instruction or an answer that is not as it was asked for, or a deadline that was not raised once.
    WrongInstruction,
    /// I23: a list of open instructions that is not what is open.
    WrongOpen,
    /// I24: a file that is not there, or not as it was stored, or with another message.
    WrongFile,
    /// I24: a file given to somebody who may not have it.
    LeakedFile,
    /// I25: an edit that was done and is not kept, or one that is made up.
    WrongRevisions,
    /// I26: a search that does not find what is there, or finds what is not.
    WrongSearch,
    /// A panic, a broken rule that a node has noticed itself, an end that nobody asked for, an answer that is none.
    Alarm,
}

impl std::fmt::Display for Anomaly {
    /// As in reports.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = serde_json::to_value(self).ok();
        f.write_str(name.as_ref().and_then(|name| name.as_str()).unwrap_or("anomaly"))
    }
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    pub anomaly: Anomaly,
    pub channel: Option<ChannelNo>,
    pub at: Micros,
    /// In one sentence.
    pub what: String,
    /// The shortest run of records (as JSON or text) that shows it.
    pub evidence: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Verdict {
    /// No more than some of each kind.
    pub findings: Vec<Finding>,
    /// How many there are of each kind in all.
    pub counts: BTreeMap<Anomaly, u64>,
    pub sums: Sums,
}

/// Looks for everything that contradicts the guarantees.
pub(crate) fn check(history: &History) -> Verdict {
    let mut found = Findings::default();
    let model = Model::of(history, &mut found);
    let touches = Touches::of(&model);
    let erasures = Erasures::of(&model);
    durability::look(&model, &mut found);
    origin::look(&model, &erasures, &mut found);
    idempotence::look(&model, &mut found);
    agreement::look(&model, &touches, &erasures, &mut found);
    order::look(&model, &mut found);
    let at_rest = live::look(&model, &mut found);
    resume::look(&model, &mut found);
    reads::look(&model, &mut found);
    converge::look(&model, &at_rest, &mut found);
    kept::look(&model, &mut found);
    let members = Memberships::of(&model);
    authorization::look(&model, &members, &touches, &mut found);
    roster::look(&model, &members, &mut found);
    deletion::look(&model, &mut found);
    let said = Said::of(&model);
    erasure::look(&model, &said, &erasures, &mut found);
    revisions::look(&model, &said, &erasures, &mut found);
    search::look(&model, &said, &erasures, &mut found);
    files::look(&model, &mut found);
    reactions::look(&model, &touches, &mut found);
    instructions::look(&model, &members, &touches, &mut found);
    marks::look(&model, &members, &mut found);
    receipts::look(&model, &mut found);
    presence::look(&model, &mut found);
    let sends_timed = honesty::look(&model, &mut found);
    Verdict { findings: found.kept, counts: found.counts, sums: Sums { sends_timed, ..sums::of(&model) } }
}
