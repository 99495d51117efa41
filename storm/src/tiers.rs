//! How much at once: one run, several with seeds in sequence, the short tier for every change, the long one for hours.
//!
//! Called by the command line. Every run is checked, reported and added to the campaign of its folder.

use std::time::{Duration, Instant};

use chrono::Utc;

use crate::Trouble;
use crate::checker::{self, Verdict};
use crate::nemesis::fault::{Ability, Fault};
use crate::options::{LongOptions, RunOptions, ShortOptions, say};
use crate::progress::Progress;
use crate::report;
use crate::report::campaign::{self, Campaign, Row};
use crate::rig::Shape;
use crate::run::{CONVERGE_PRESENCE, run};

/// A run that came to its end.
pub(crate) struct Ended {
    pub verdict: Verdict,
    row: Row,
}

/// One run, checked and reported.
pub(crate) async fn one(options: &RunOptions, seed: u64) -> Result<Ended, Trouble> {
    let storm = options.storm(seed)?;
    let progress = Progress::new(storm.length);
    progress.say(&format!("seed {seed}, {}, in {}", storm.plan.shape, storm.plan.folder.display()));
    let history = run(&storm, &progress).await?;
    progress.say(&format!("checking {} records", history.records.len()));
    let verdict = checker::check(&history);
    progress.say("writing the report");
    let written = report::write(&options.out, &storm, &history, &verdict)?;
    say(&written.text);
    say(&format!("report: {}", written.folder.join("report.html").display()));
    if verdict.counts.is_empty() {
        std::fs::remove_dir_all(&storm.plan.folder)?;
    } else {
        say(&format!("logs: {}", storm.plan.folder.display()));
    }
    Ok(Ended { verdict, row: written.row })
}

/// One run as part of a campaign: what keeps it from its end is on record too, and keeps no other run from beginning.
async fn row(options: &RunOptions, seed: u64) -> Result<Row, Trouble> {
    let began = Utc::now();
    let row = match one(options, seed).await {
        Ok(ended) => ended.row,
        Err(error) => {
            say(&format!("seed {seed} was not carried through: {error}"));
            Row::of_trouble(options.shape.to_string(), seed, options.command(seed), began, error.to_string())
        }
    };
    // What a planted bug breaks says nothing of the daemon.
    if options.sabotage.is_none() {
        campaign::add(&options.out, row.clone())?;
    }
    Ok(row)
}

/// Prints the sums. Was all of it well? An error: all that came to its end was, but not everything did.
fn summed(rows: Vec<Row>) -> Result<bool, Trouble> {
    let these = Campaign { runs: rows };
    say(&these.to_string());
    match these.troubles() {
        0 => Ok(these.findings().is_empty()),
        _ if !these.findings().is_empty() => Ok(false),
        troubles => Err(format!("runs that were not carried through: {troubles}").into()),
    }
}

/// Runs with one seed after the other.
pub(crate) async fn runs(options: &RunOptions) -> Result<bool, Trouble> {
    let first = options.seed.unwrap_or_else(drawn);
    let mut rows = Vec::new();
    for seed in first..first + options.runs.max(1) {
        rows.push(row(options, seed).await?);
    }
    let well = summed(rows);
    say(&format!("campaign: {}", options.out.join("campaign.html").display()));
    well
}

/// One deployment and the other in turn, until the time is over.
pub(crate) async fn long(options: &LongOptions) -> Result<bool, Trouble> {
    let end = Instant::now() + Duration::from_secs(options.minutes * 60);
    let first = options.seed.unwrap_or_else(drawn);
    let mut rows = Vec::new();
    for seed in first.. {
        if Instant::now() >= end {
            break;
        }
        let run = RunOptions {
            shape: if (seed - first).is_multiple_of(2) { Shape::Cluster } else { Shape::Single },
            seconds: options.seconds,
            rate: options.rate,
            calm: CONVERGE_PRESENCE.as_secs(),
            plain_disk: options.plain_disk,
            out: options.out.clone(),
            ..RunOptions::plain()
        };
        rows.push(row(&run, seed).await?);
    }
    let well = summed(rows);
    say(&format!("campaign: {}", options.out.join("campaign.html").display()));
    well
}

fn drawn() -> u64 {
    fastrand::u64(..1_000_000)
}

/// What the short tier demands of both runs together, and of each kind of fault.
const SENDS: u64 = 50_000;
const EACH: u64 = 2;
/// From one fault to the next, on average. A single node is what nearly every fault hits: it needs the time to get
/// something done.
const fn every_ms(shape: Shape) -> u64 {
    match shape {
        Shape::Cluster => 800,
        Shape::Single => 900,
    }
}

/// So that much is broken in little time; longer ones are for longer tiers.
const LONGEST_MS: u64 = 2_500;
/// Fewer than elsewhere: of as much work as the machine does, more is sends and less is to deliver each to many.
const CLIENTS: u16 = 32;

/// A run of each deployment that leaves no kind of fault out.
pub(crate) async fn short(options: &ShortOptions) -> Result<bool, Trouble> {
    let start = Instant::now();
    let mut rows: Vec<Row> = Vec::new();
    let mut lacking = Vec::new();
    for shape in [Shape::Cluster, Shape::Single] {
        let so_far: u64 = rows.iter().map(|row| row.amounts.sends_acknowledged).sum();
        let plain = RunOptions { shape, plain_disk: options.plain_disk, ..RunOptions::plain() };
        let (ability, _) = plain.ability();
        let kinds = Fault::ALL.iter().filter(|fault| fault.is_possible(ability)).count() as u64;
        let run = RunOptions {
            // A little more than the schedule takes to go through all kinds as often as is demanded.
            seconds: (kinds * EACH * every_ms(shape)).div_ceil(950) + 2,
            // What the cluster lacks one node on its own disk sends, which is quicker at it.
            sends: if shape == Shape::Cluster { 0 } else { SENDS.saturating_sub(so_far) },
            each: EACH,
            users: CLIENTS,
            clients: CLIENTS,
            rate: 1_200,
            longest_ms: LONGEST_MS,
            every_ms: every_ms(shape),
            fair: true,
            out: options.out.clone(),
            ..plain
        };
        let row = row(&run, options.seed).await?;
        lacking.extend(rare(&row, ability).into_iter().map(|what| format!("{shape}: {what}")));
        rows.push(row);
    }
    let sent: u64 = rows.iter().map(|row| row.amounts.sends_acknowledged).sum();
    let well = summed(rows)?;
    if sent < SENDS {
        lacking.push(format!("{sent} sends were acknowledged, {SENDS} are demanded"));
    }
    for what in &lacking {
        say(&format!("TOO LITTLE WAS TESTED. {what}"));
    }
    say(&format!("the short tier took {} s", start.elapsed().as_secs()));
    Ok(well && lacking.is_empty())
}

/// The possible kinds of faults that did not come as often as is demanded, in words.
fn rare(row: &Row, ability: Ability) -> Vec<String> {
    let came = |fault: Fault| row.kinds.get(fault.name()).copied().unwrap_or(0);
    let possible = Fault::ALL.iter().copied().filter(|fault| fault.is_possible(ability));
    possible
        .filter(|fault| came(*fault) < EACH)
        .map(|fault| format!("{fault} broke something {} times, {EACH} are demanded", came(fault)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_kind_of_fault_that_came_too_rarely_is_named() {
        let ability = Ability { shape: Shape::Single, clock: false, disk: false };
        let possible = Fault::ALL.iter().filter(|fault| fault.is_possible(ability));
        let mut kinds: BTreeMap<String, u64> = possible.map(|fault| (fault.to_string(), EACH)).collect();
        let mut row = Row::of_trouble("single".into(), 1, String::new(), Utc::now(), String::new());
        row.kinds.clone_from(&kinds);
        assert!(rare(&row, ability).is_empty());
        kinds.insert("node_kill".into(), 1);
        kinds.remove("panic_room");
        row.kinds = kinds;
        let named = rare(&row, ability).join("; ");
        assert!(named.contains("node_kill broke something 1 times") && named.contains("panic_room broke something 0"));
        assert_eq!(rare(&row, Ability { clock: true, ..ability }).len(), 4, "what is possible is demanded");
    }
}
