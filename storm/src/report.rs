//! What a run has shown: text for the terminal, JSON for programs.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::Trouble;
use crate::checker::Verdict;
use crate::history::History;
use crate::run::Storm;

pub fn text(storm: &Storm, history: &History, verdict: &Verdict) -> String {
    let mut text = String::new();
    let sums = &verdict.sums;
    // Writing to a string does not fail.
    drop(writeln!(
        text,
        "seed {}: {:?}, {} faults of {} kinds, {} sends acknowledged, {} deliveries, {} connections",
        storm.seed,
        storm.plan.shape,
        history.broken.len(),
        kinds(history),
        sums.sends_acknowledged,
        sums.deliveries,
        sums.connections,
    ));
    for finding in &verdict.findings {
        drop(writeln!(text, "  {:?} (channel {:?}): {}", finding.anomaly, finding.channel, finding.what));
        for line in finding.evidence.iter().take(12) {
            drop(writeln!(text, "      {line}"));
        }
    }
    if verdict.findings.is_empty() {
        text.push_str("  nothing found");
    }
    text
}

fn kinds(history: &History) -> usize {
    history.broken.iter().map(|broken| broken.fault.as_str()).collect::<std::collections::BTreeSet<_>>().len()
}

/// Writes what is to be kept into a folder of the run's own.
pub fn write(out: &Path, storm: &Storm, history: &History, verdict: &Verdict) -> Result<PathBuf, Trouble> {
    let folder = out.join(format!("{:?}-{}", storm.plan.shape, storm.seed).to_lowercase());
    fs::create_dir_all(&folder)?;
    let report = json!({
        "seed": storm.seed,
        "shape": storm.plan.shape,
        "sabotage": storm.plan.sabotage,
        "seconds": storm.length.as_secs(),
        "verdict": verdict,
        "broken": history.broken,
        "power_cuts": history.power_cuts,
        "records": history.records.len(),
    });
    fs::write(folder.join("report.json"), serde_json::to_string_pretty(&report)?)?;
    Ok(folder)
}
