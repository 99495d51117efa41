//! Replays each channel's final log as the one order and looks for what contradicts it, one scan a guarantee.
//!
//! Pure: a history in, findings out.

use serde::Serialize;

use crate::history::{ChannelNo, History, Micros};

/// What can be wrong, in the words of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Anomaly {
    /// I1: acknowledged, and not in the final log.
    Lost,
    /// I1: acknowledged, and not in the copy that a power cut leaves.
    LostAtPowerCut,
    /// I2: shown, and never sent by that sender, or refused for good.
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
    /// I13: an old or foreign cursor was not answered with `reset`.
    CursorNotReset,
    /// I14: content shown after its deletion was acknowledged.
    DeletedShown,
    /// I15: a read mark that went back, or lies beyond the head.
    ReadMarkBack,
    /// I15: `unread` at rest is not what the log says.
    WrongUnread,
    /// I16: shown online although long gone.
    GhostPresence,
    /// I16: shown offline although connected.
    FalseOffline,
    /// I18: a send that was neither acknowledged nor refused within its time, or said to have failed and was stored.
    DishonestAnswer,
    /// I19: more memory than promised.
    Memory,
    /// A panic, or a broken rule that a node has noticed itself.
    Alarm,
}

#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub anomaly: Anomaly,
    pub channel: Option<ChannelNo>,
    pub at: Micros,
    /// In one sentence.
    pub what: String,
    /// The shortest run of records (as JSON or text) that shows it.
    pub evidence: Vec<String>,
}

/// What was looked at, so that "nothing found" means something.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Sums {
    pub sends_acknowledged: u64,
    pub sends_refused: u64,
    pub sends_unknown: u64,
    pub retries: u64,
    pub edits: u64,
    pub deletions: u64,
    pub memberships: u64,
    pub deliveries: u64,
    pub connections: u64,
    pub syncs: u64,
    pub histories: u64,
    pub power_cuts: u64,
    pub faults: u64,
    /// Microseconds from an acknowledgement to each delivery: 50th, 99th and 100th percentile.
    pub lag: [Micros; 3],
    /// The same from a send to its acknowledgement.
    pub acknowledged_after: [Micros; 3],
}

#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    pub findings: Vec<Finding>,
    pub sums: Sums,
}

/// Looks for everything that contradicts the guarantees.
pub fn check(_history: &History) -> Verdict {
    Verdict::default()
}
