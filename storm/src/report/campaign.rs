//! Many runs: a file that grows with each run, so that several invocations add up, and the sums over all of it.
//!
//! Written after each run, so that nothing is lost when the storm itself is killed. Runs with a planted bug never come in.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::campaign_page;
use super::summary::{FORMAT, Summary};
use super::words::{clock, count, grouped};
use crate::Trouble;
use crate::history::Micros;

const NAME: &str = "campaign";

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) shape: String,
    pub(crate) seed: u64,
    pub(crate) began: DateTime<Utc>,
    pub(crate) command: String,
    /// Its folder, beside the campaign's file. None where it could not be carried through.
    pub(crate) report: Option<String>,
    /// What kept the storm itself from doing its work.
    pub(crate) trouble: Option<String>,
    /// Findings by their kind.
    pub(crate) findings: BTreeMap<String, u64>,
    /// Breaks by their kind, without those that found nothing to break.
    pub(crate) kinds: BTreeMap<String, u64>,
    /// 50th, 99th and 100th percentile.
    pub(crate) acknowledged_after_us: [Micros; 3],
    pub(crate) lag_us: [Micros; 3],
    #[serde(flatten)]
    pub(crate) amounts: Amounts,
}

macro_rules! amounts {
    ($($name:ident,)*) => {
        /// What adds up.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub(crate) struct Amounts { $(pub(crate) $name: u64,)* }

        impl Amounts {
            fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

amounts! {
    took_seconds,
    broke_seconds,
    records,
    faults,
    power_cuts,
    sends_acknowledged,
    sends_refused,
    sends_unknown,
    sends_timed,
    retries,
    edits,
    deletions,
    memberships,
    reactions,
    answers,
    erasures,
    deliveries,
    connections,
    syncs,
    histories,
    lists,
    files,
    revised,
    searches,
    exports,
    trail_entries,
}

impl Amounts {
    pub(super) fn of(run: &Summary<'_>) -> Self {
        let sums = &run.verdict.sums;
        Self {
            took_seconds: run.took_seconds,
            broke_seconds: run.broke_seconds,
            records: run.records as u64,
            faults: run.faults(),
            power_cuts: run.power_cuts as u64,
            sends_acknowledged: sums.sends_acknowledged,
            sends_refused: sums.sends_refused,
            sends_unknown: sums.sends_unknown,
            sends_timed: sums.sends_timed,
            retries: sums.retries,
            edits: sums.edits,
            deletions: sums.deletions,
            memberships: sums.memberships,
            reactions: sums.reactions,
            answers: sums.answers,
            erasures: sums.erasures,
            deliveries: sums.deliveries,
            connections: sums.connections,
            syncs: sums.syncs,
            histories: sums.histories,
            lists: sums.lists,
            files: sums.files,
            revised: sums.revised,
            searches: sums.searches,
            exports: sums.exports,
            trail_entries: sums.trail_entries,
        }
    }
}

impl Row {
    pub(super) fn of(run: &Summary<'_>, report: String) -> Self {
        let sums = &run.verdict.sums;
        let kinds = run.kinds.iter().filter(|kind| kind.count > 0);
        Self {
            shape: run.shape.to_string(),
            seed: run.seed,
            began: run.began,
            command: run.command.to_owned(),
            report: Some(report),
            trouble: None,
            findings: run.verdict.counts.iter().map(|(anomaly, number)| (anomaly.to_string(), *number)).collect(),
            kinds: kinds.map(|kind| (kind.fault.to_string(), kind.count)).collect(),
            acknowledged_after_us: sums.acknowledged_after,
            lag_us: sums.lag,
            amounts: Amounts::of(run),
        }
    }

    /// A run that could not be carried through.
    pub(crate) fn of_trouble(shape: String, seed: u64, command: String, began: DateTime<Utc>, trouble: String) -> Self {
        let took_seconds = u64::try_from((Utc::now() - began).num_seconds()).unwrap_or(0);
        Self {
            shape,
            seed,
            began,
            command,
            report: None,
            trouble: Some(trouble),
            findings: BTreeMap::new(),
            kinds: BTreeMap::new(),
            acknowledged_after_us: [0; 3],
            lag_us: [0; 3],
            amounts: Amounts { took_seconds, ..Amounts::default() },
        }
    }

    pub(crate) fn is_well(&self) -> bool {
        self.trouble.is_none() && self.findings.is_empty()
    }
}

/// All runs, in the order in which they ended.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Campaign {
    pub(crate) runs: Vec<Row>,
}

impl Campaign {
    /// What is there of it; nothing is no error.
    fn read(file: &Path) -> Result<Self, Trouble> {
        if !file.exists() {
            return Ok(Self::default());
        }
        serde_json::from_slice(&fs::read(file)?)
            .map_err(|error| format!("{} is no campaign (move it away): {error}", file.display()).into())
    }

    pub(crate) fn sums(&self) -> Amounts {
        let mut sums = Amounts::default();
        self.runs.iter().for_each(|run| sums.add(&run.amounts));
        sums
    }

    pub(crate) fn kinds(&self) -> BTreeMap<&str, u64> {
        summed(self.runs.iter().map(|run| &run.kinds))
    }

    pub(crate) fn findings(&self) -> BTreeMap<&str, u64> {
        summed(self.runs.iter().map(|run| &run.findings))
    }

    pub(crate) fn troubles(&self) -> u64 {
        self.runs.iter().filter(|run| run.trouble.is_some()).count() as u64
    }

    pub(crate) fn outcome(&self) -> String {
        let bad = self.runs.iter().filter(|run| !run.findings.is_empty()).count() as u64;
        let mut text = if bad == 0 {
            "Nothing found in any run".to_owned()
        } else {
            let found = self.findings().values().sum();
            format!("{} in {}", count(found, "finding", "findings"), count(bad, "run", "runs"))
        };
        if self.troubles() > 0 {
            put!(&mut text, "; {} could not be carried through", count(self.troubles(), "run", "runs"));
        }
        text + "."
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "format": FORMAT,
            "sums": self.sums(),
            "kinds": self.kinds(),
            "findings": self.findings(),
            "troubles": self.troubles(),
            "runs": self.runs,
        })
    }
}

fn summed<'a>(all: impl Iterator<Item = &'a BTreeMap<String, u64>>) -> BTreeMap<&'a str, u64> {
    let mut sums = BTreeMap::new();
    for (name, number) in all.flatten() {
        *sums.entry(name.as_str()).or_default() += number;
    }
    sums
}

/// The sums, for the terminal.
impl Display for Campaign {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sums = self.sums();
        writeln!(
            f,
            "{} in {}, {} of it in the storm: {} of {}, {} among them",
            count(self.runs.len() as u64, "run", "runs"),
            clock(sums.took_seconds),
            clock(sums.broke_seconds),
            count(sums.faults, "fault", "faults"),
            count(self.kinds().len() as u64, "kind", "kinds"),
            count(sums.power_cuts, "power cut", "power cuts"),
        )?;
        writeln!(
            f,
            "  {} sends acknowledged, {} refused, {} unknown; {} deliveries, {} connections, {} syncs",
            grouped(sums.sends_acknowledged),
            grouped(sums.sends_refused),
            grouped(sums.sends_unknown),
            grouped(sums.deliveries),
            grouped(sums.connections),
            grouped(sums.syncs),
        )?;
        for run in self.runs.iter().filter(|run| !run.is_well()) {
            let what = match &run.trouble {
                Some(trouble) => format!("not carried through: {trouble}"),
                None => told(&run.findings),
            };
            writeln!(f, "  {} seed {}: {what}\n      {}", run.shape, run.seed, run.command)?;
        }
        write!(f, "{}", self.outcome())
    }
}

pub(super) fn told(findings: &BTreeMap<String, u64>) -> String {
    let words = findings.iter().map(|(anomaly, number)| format!("{anomaly} {}", grouped(*number)));
    words.collect::<Vec<_>>().join(", ")
}

/// Adds a run to what lies in `out`. Others may do the same at the same moment.
pub(crate) fn add(out: &Path, row: Row) -> Result<(Campaign, PathBuf), Trouble> {
    fs::create_dir_all(out)?;
    let lock = File::create(out.join(format!("{NAME}.lock")))?;
    lock.lock()?;
    let (data, page) = (out.join(format!("{NAME}.json")), out.join(format!("{NAME}.html")));
    let mut campaign = Campaign::read(&data)?;
    campaign.runs.push(row);
    replace(&data, &serde_json::to_string_pretty(&campaign.to_json())?)?;
    replace(&page, &campaign_page::of(&campaign))?;
    Ok((campaign, page))
}

/// Whoever reads it meanwhile reads the old or the new one.
fn replace(file: &Path, text: &str) -> Result<(), Trouble> {
    let new = file.with_extension("new");
    fs::write(&new, text)?;
    Ok(fs::rename(new, file)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seed: u64, findings: &[(&str, u64)]) -> Row {
        let counted =
            |pairs: &[(&str, u64)]| pairs.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
        Row {
            findings: counted(findings),
            kinds: counted(&[("node_kill", 2), ("power_cut", 1)]),
            report: Some(format!("single-{seed}")),
            trouble: None,
            amounts: Amounts { faults: 3, power_cuts: 1, sends_acknowledged: 500, ..Amounts::default() },
            ..Row::of_trouble("single".into(), seed, format!("storm run --seed {seed}"), Utc::now(), String::new())
        }
    }

    #[test]
    fn several_invocations_add_up() {
        let folder = std::env::temp_dir().join(format!("tenfour-storm-campaign-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        add(&folder, row(1, &[])).unwrap();
        add(&folder, row(2, &[("lost", 3)])).unwrap();
        let trouble = Row::of_trouble("cluster".into(), 3, "storm run".into(), Utc::now(), "no <disk>".into());
        let (campaign, page) = add(&folder, trouble).unwrap();
        assert_eq!(Campaign::read(&folder.join("campaign.json")).unwrap(), campaign);
        let sums = campaign.sums();
        assert_eq!((campaign.runs.len(), sums.faults, sums.sends_acknowledged), (3, 6, 1000));
        assert_eq!(campaign.kinds(), BTreeMap::from([("node_kill", 4), ("power_cut", 2)]));
        assert_eq!(campaign.outcome(), "3 findings in 1 run; 1 run could not be carried through.");
        let text = campaign.to_string();
        assert!(text.contains("single seed 2: lost 3") && text.contains("not carried through: no <disk>"), "{text}");
        let page = fs::read_to_string(page).unwrap();
        assert!(page.contains("no &lt;disk&gt;") && page.contains("single-1/report.html"), "{page}");
        fs::write(folder.join("campaign.json"), "{}").unwrap();
        assert!(add(&folder, row(4, &[])).unwrap_err().to_string().contains("move it away"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
