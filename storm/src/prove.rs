//! The proof of the checker: plants one bug after the other in the same deployment, and demands that each is found.
//!
//! A checker that finds nothing has to be one that could. Each case names the breaks in which its bug shows.

use std::fmt::Write as _;
use std::time::Instant;

use tenfour::fault::Sabotage;

use crate::Trouble;
use crate::checker::Anomaly;
use crate::nemesis::fault::Fault;
use crate::options::{self, RunOptions};
use crate::rig::Shape;
use crate::run::CONVERGE_PRESENCE;
use crate::tiers;

/// A bug has to be found within so many short runs.
pub(crate) const RUNS: u64 = 3;

/// Where a bug shows, and as what.
struct Case {
    bug: Sabotage,
    shape: Shape,
    /// Nothing else breaks.
    only: &'static [Fault],
    /// One of these has to be among what is found: anything else may have come from a machine that has too much to do.
    shows: &'static [Anomaly],
}

const fn single(bug: Sabotage, only: &'static [Fault], shows: &'static [Anomaly]) -> Case {
    Case { bug, shape: Shape::Single, only, shows }
}

const fn cluster(bug: Sabotage, only: &'static [Fault], shows: &'static [Anomaly]) -> Case {
    Case { bug, shape: Shape::Cluster, only, shows }
}

const LINES: &[Fault] = &[Fault::ClientsReset, Fault::ClientsStall, Fault::NodeKill, Fault::NodeDrain];
const STORE: &[Fault] =
    &[Fault::NodeKill, Fault::DatabaseReset, Fault::CutAfterCommit, Fault::CutBeforeCommit, Fault::BackendsTerminated];
const BUS: &[Fault] = &[Fault::CutBeforePublish, Fault::RedisReset, Fault::RedisStall, Fault::RedisKill];

const CASES: &[Case] = &[
    cluster(Sabotage::AckBeforeCommit, STORE, &[Anomaly::Lost, Anomaly::DishonestAnswer]),
    cluster(Sabotage::PublishBeforeCommit, STORE, &[Anomaly::Phantom, Anomaly::Divergent]),
    cluster(Sabotage::SequenceInsteadOfLock, STORE, &[Anomaly::Hole]),
    cluster(Sabotage::DedupeInMemoryOnly, STORE, &[Anomaly::Duplicate]),
    cluster(Sabotage::DedupeAfterAuthz, LINES, &[Anomaly::RetryRefused]),
    single(Sabotage::SubscribeAfterSnapshot, LINES, &[Anomaly::Skipped]),
    cluster(Sabotage::NoHeadPoll, BUS, &[Anomaly::NotConverged]),
    cluster(Sabotage::NoResubscribeCheck, BUS, &[Anomaly::NotConverged]),
    single(Sabotage::DropOldestOnOverflow, &[Fault::ClientsStallDown], &[Anomaly::Skipped]),
    cluster(Sabotage::FailAfterUnknownCommit, &[Fault::CutAfterCommit], &[Anomaly::DishonestAnswer]),
    single(Sabotage::MembershipCached, LINES, &[Anomaly::LeakedAfterRemoval, Anomaly::ActedAfterRemoval]),
    single(Sabotage::EditWithoutVersion, LINES, &[Anomaly::Divergent]),
    single(Sabotage::TombstoneLost, LINES, &[Anomaly::DeletedShown]),
    single(Sabotage::EpochIgnored, LINES, &[Anomaly::CursorNotReset]),
    single(Sabotage::CursorInclusive, LINES, &[Anomaly::BadSync]),
    single(Sabotage::SenderUnordered, LINES, &[Anomaly::Reordered]),
    cluster(Sabotage::PresenceBySet, LINES, &[Anomaly::FalseOffline]),
    cluster(Sabotage::LeaseNotReasserted, &[Fault::RedisKill, Fault::RedisFlush], &[Anomaly::FalseOffline]),
    single(Sabotage::SqliteNormal, &[Fault::PowerCut], &[Anomaly::LostAtPowerCut]),
    cluster(Sabotage::PgAsyncCommit, &[Fault::PowerCut], &[Anomaly::LostAtPowerCut]),
    single(Sabotage::TxDroppedOnDisconnect, LINES, &[Anomaly::Lost]),
    single(Sabotage::RoomNotRespawned, &[Fault::PanicRoom], &[Anomaly::NotConverged]),
    single(Sabotage::UnreadByTimestamp, LINES, &[Anomaly::WrongUnread]),
    single(Sabotage::AckWrongDuplicate, LINES, &[Anomaly::Duplicate]),
    cluster(Sabotage::AuditOutsideTransaction, STORE, &[Anomaly::BrokenTrail]),
    single(Sabotage::ReactionUnstored, LINES, &[Anomaly::WrongReaction]),
    single(Sabotage::DeadlineUnmarked, LINES, &[Anomaly::WrongInstruction]),
    single(Sabotage::ErasureLeavesRevisions, LINES, &[Anomaly::ErasedShown]),
    single(Sabotage::FileOfAnybody, LINES, &[Anomaly::LeakedFile]),
];

/// Runs the cases of these names, or all, and prints the table. Was each found?
pub(crate) async fn prove(names: &[String], options: &RunOptions) -> Result<bool, Trouble> {
    if let Some(unknown) = names.iter().find(|name| name.parse::<Sabotage>().is_err()) {
        return Err(format!("there is no planted bug called {unknown:?}").into());
    }
    let mut table =
        "| planted bug | deployment | found in run | as | seconds |\n| --- | --- | --- | --- | --- |\n".to_owned();
    let mut all = true;
    for case in CASES {
        let name = case.bug.as_str();
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        let start = Instant::now();
        let found = look(case, options).await?;
        let (run, anomalies) = found
            .as_ref()
            .map_or(("**none**".to_owned(), String::new()), |(run, anomalies)| (run.to_string(), anomalies.join(", ")));
        all &= found.is_some();
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "| {name} | {} | {run} | {anomalies} | {} |",
            case.shape.described(),
            start.elapsed().as_secs()
        );
        options::say(&format!("{name}: {run} {anomalies}"));
    }
    options::say(&table);
    std::fs::create_dir_all(&options.out)?;
    std::fs::write(options.out.join("proof.md"), table)?;
    Ok(all)
}

/// In which run, and as what: all that was found, which has to have what the bug is to show as.
async fn look(case: &Case, options: &RunOptions) -> Result<Option<(u64, Vec<String>)>, Trouble> {
    let first = options.seed.unwrap_or(1);
    let of_redis = case.only.iter().any(|fault| fault.family() == "redis");
    for run in 1..=RUNS {
        let options = RunOptions {
            shape: case.shape,
            sabotage: Some(case.bug.to_string()),
            only: case.only.to_vec(),
            // As in the long tier, where it matters.
            calm: if of_redis { CONVERGE_PRESENCE.as_secs() } else { options.calm },
            out: options.out.join("proof"),
            ..options.clone()
        };
        let outcome = tiers::one(&options, first + run - 1).await;
        let counts = match outcome {
            Ok(ended) => ended.verdict.counts,
            // A deployment that does not come back to life has been noticed as well, but not by the checker.
            Err(error) => return Err(format!("{}: {error}", case.bug).into()),
        };
        if case.shows.iter().any(|kind| counts.contains_key(kind)) {
            let names = counts.iter().map(|(anomaly, count)| format!("{anomaly} {count}")).collect();
            return Ok(Some((run, names)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_that_can_be_planted_has_a_case() {
        for bug in Sabotage::ALL {
            assert_eq!(CASES.iter().filter(|case| case.bug == *bug).count(), 1, "{bug}");
        }
    }
}
