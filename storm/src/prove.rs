//! The proof of the checker: plants one bug after the other in the same deployment, and demands that each is found.
//!
//! A checker that finds nothing has to be one that could. Each case names the breaks in which its bug shows.

use std::fmt::Write as _;
use std::time::Instant;

use tenfour::fault::Sabotage;

use crate::Trouble;
use crate::nemesis::fault::Fault;
use crate::options::{self, RunOptions};
use crate::rig::Shape;
use crate::tiers;

/// A bug has to be found within so many short runs.
pub(crate) const RUNS: u64 = 3;

/// Where a bug shows.
struct Case {
    bug: Sabotage,
    shape: Shape,
    /// Nothing else breaks.
    only: &'static [Fault],
}

const fn single(bug: Sabotage, only: &'static [Fault]) -> Case {
    Case { bug, shape: Shape::Single, only }
}

const fn cluster(bug: Sabotage, only: &'static [Fault]) -> Case {
    Case { bug, shape: Shape::Cluster, only }
}

const LINES: &[Fault] = &[Fault::ClientsReset, Fault::ClientsStall, Fault::NodeKill, Fault::NodeDrain];
const STORE: &[Fault] =
    &[Fault::NodeKill, Fault::DatabaseReset, Fault::CutAfterCommit, Fault::CutBeforeCommit, Fault::BackendsTerminated];
const BUS: &[Fault] = &[Fault::CutBeforePublish, Fault::RedisReset, Fault::RedisStall, Fault::RedisKill];

const CASES: &[Case] = &[
    cluster(Sabotage::AckBeforeCommit, STORE),
    cluster(Sabotage::PublishBeforeCommit, STORE),
    cluster(Sabotage::SequenceInsteadOfLock, STORE),
    cluster(Sabotage::DedupeInMemoryOnly, STORE),
    cluster(Sabotage::DedupeAfterAuthz, LINES),
    single(Sabotage::SubscribeAfterSnapshot, LINES),
    cluster(Sabotage::NoHeadPoll, BUS),
    cluster(Sabotage::NoResubscribeCheck, BUS),
    single(Sabotage::DropOldestOnOverflow, &[Fault::ClientsStallDown]),
    cluster(Sabotage::FailAfterUnknownCommit, &[Fault::CutAfterCommit]),
    single(Sabotage::MembershipCached, LINES),
    single(Sabotage::EditWithoutVersion, LINES),
    single(Sabotage::TombstoneLost, LINES),
    single(Sabotage::EpochIgnored, LINES),
    single(Sabotage::CursorInclusive, LINES),
    single(Sabotage::SenderUnordered, LINES),
    cluster(Sabotage::PresenceBySet, LINES),
    cluster(Sabotage::LeaseNotReasserted, &[Fault::RedisKill, Fault::RedisFlush]),
    single(Sabotage::SqliteNormal, &[Fault::PowerCut]),
    cluster(Sabotage::PgAsyncCommit, &[Fault::PowerCut]),
    single(Sabotage::TxDroppedOnDisconnect, LINES),
    single(Sabotage::RoomNotRespawned, &[Fault::PanicRoom]),
    single(Sabotage::UnreadByTimestamp, LINES),
    single(Sabotage::AckWrongDuplicate, LINES),
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

/// In which run, and as what.
async fn look(case: &Case, options: &RunOptions) -> Result<Option<(u64, Vec<String>)>, Trouble> {
    let first = options.seed.unwrap_or(1);
    for run in 1..=RUNS {
        let options = RunOptions {
            shape: case.shape,
            sabotage: Some(case.bug.to_string()),
            only: case.only.to_vec(),
            out: options.out.join("proof"),
            ..options.clone()
        };
        let outcome = tiers::one(&options, first + run - 1).await;
        let counts = match outcome {
            Ok(ended) => ended.verdict.counts,
            // A deployment that does not come back to life has been noticed as well, but not by the checker.
            Err(error) => return Err(format!("{}: {error}", case.bug).into()),
        };
        if !counts.is_empty() {
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
