//! A run as programs read it: the one value behind the text, the JSON and the page.
//!
//! Its field names are stable: a field may come, none changes its meaning without a new `format`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::timeline::{self, Timeline};
use crate::checker::Verdict;
use crate::history::{Broken, History, Micros};
use crate::nemesis::fault::Fault;
use crate::rig::Shape;
use crate::run::Storm;

pub(crate) const FORMAT: u32 = 1;

#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    pub(crate) format: u32,
    /// The version of the daemon.
    pub(crate) tenfour: &'static str,
    pub(crate) shape: Shape,
    pub(crate) seed: u64,
    pub(crate) sabotage: Option<&'a str>,
    /// Runs the same again.
    pub(crate) command: &'a str,
    pub(crate) began: DateTime<Utc>,
    /// With start, rest and reading everything.
    pub(crate) took_seconds: u64,
    /// How long things were to break, and how long they did.
    pub(crate) seconds: u64,
    pub(crate) broke_seconds: u64,
    pub(crate) users: u16,
    pub(crate) channels: u16,
    pub(crate) clients: u16,
    /// Intentions a second.
    pub(crate) rate: u32,
    pub(crate) every_ms: u128,
    /// What this machine could not break, and why not.
    pub(crate) left_out: &'a [String],
    pub(crate) records: usize,
    pub(crate) power_cuts: usize,
    pub(crate) verdict: &'a Verdict,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) healed_us: Micros,
    pub(crate) rest_us: Micros,
    pub(crate) broken: &'a [Broken],
    pub(crate) timeline: Timeline,
}

/// All breaks of one kind.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Kind {
    pub(crate) fault: Fault,
    pub(crate) family: &'static str,
    /// That broke something.
    pub(crate) count: u64,
    /// That found nothing to break.
    pub(crate) missed: u64,
    pub(crate) all_us: Micros,
    pub(crate) longest_us: Micros,
}

impl<'a> Summary<'a> {
    pub(crate) fn of(storm: &'a Storm, history: &'a History, verdict: &'a Verdict) -> Self {
        Self {
            format: FORMAT,
            tenfour: env!("CARGO_PKG_VERSION"),
            shape: storm.plan.shape,
            seed: storm.seed,
            sabotage: storm.plan.sabotage.as_deref(),
            command: &storm.command,
            began: storm.began,
            took_seconds: u64::try_from((Utc::now() - storm.began).num_seconds()).unwrap_or(0),
            seconds: storm.length.as_secs(),
            broke_seconds: history.healed / 1_000_000,
            users: storm.size.users,
            channels: storm.size.channels,
            clients: storm.size.clients,
            rate: storm.size.rate,
            every_ms: storm.every.as_millis(),
            left_out: &storm.left_out,
            records: history.records.len(),
            power_cuts: history.power_cuts,
            verdict,
            kinds: kinds(&history.broken),
            healed_us: history.healed,
            rest_us: history.rest,
            broken: &history.broken,
            timeline: timeline::of(history),
        }
    }

    /// Breaks that broke something.
    pub(crate) fn faults(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.count).sum()
    }

    pub(crate) fn is_well(&self) -> bool {
        self.verdict.counts.is_empty()
    }

    /// In one sentence, for the head of a report.
    pub(crate) fn outcome(&self) -> String {
        let found: u64 = self.verdict.counts.values().sum();
        match (self.sabotage, found) {
            (None, 0) => "Nothing found: all that was promised was kept.".to_owned(),
            (None, _) => format!("Broken promises: {}.", super::words::count(found, "finding", "findings")),
            (Some(bug), 0) => format!("The planted bug {bug} was not found."),
            (Some(bug), _) => format!("The planted bug {bug} was found."),
        }
    }
}

/// In the order of the list of faults.
fn kinds(broken: &[Broken]) -> Vec<Kind> {
    let mut kinds = BTreeMap::new();
    for one in broken {
        let Ok(fault) = one.fault.parse::<Fault>() else { continue };
        let plain = || Kind { fault, family: fault.family(), count: 0, missed: 0, all_us: 0, longest_us: 0 };
        let kind = kinds.entry(fault).or_insert_with(plain);
        if one.took() {
            let lasted = one.until.saturating_sub(one.from);
            kind.count += 1;
            kind.all_us += lasted;
            kind.longest_us = kind.longest_us.max(lasted);
        } else {
            kind.missed += 1;
        }
    }
    kinds.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(fault: Fault, from: Micros, until: Micros, note: &str) -> Broken {
        let (fault, target, note) = (fault.to_string(), "node 0".into(), note.into());
        Broken { from, until, fault, target, node: Some(0), note, slow: true, restarts: false }
    }

    #[test]
    fn a_break_that_found_nothing_to_break_is_no_break() {
        let broken = [
            broken(Fault::PowerCut, 0, 4, "7 acknowledged"),
            broken(Fault::NodeKill, 5, 7, ""),
            broken(Fault::PanicRoom, 6, 9, "missed: nobody there"),
            broken(Fault::NodeKill, 8, 9, ""),
        ];
        let kind = |fault: Fault, count, missed, all_us, longest_us| Kind {
            fault,
            family: fault.family(),
            count,
            missed,
            all_us,
            longest_us,
        };
        let expected =
            [kind(Fault::NodeKill, 2, 0, 3, 2), kind(Fault::PanicRoom, 0, 1, 0, 0), kind(Fault::PowerCut, 1, 0, 4, 4)];
        assert_eq!(kinds(&broken), expected);
    }
}
