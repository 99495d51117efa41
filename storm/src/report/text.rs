//! A run in words, for the terminal.

use std::fmt::{self, Display, Formatter};

use super::summary::{Kind, Summary};
use super::words::{clock, count, grouped, spread};

/// So many lines of a finding's evidence are shown; the page has all.
const EVIDENCE: usize = 12;

/// Shown by `Display`.
pub(super) struct Text<'a>(pub(super) &'a Summary<'a>);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let run = self.0;
        let sums = &run.verdict.sums;
        writeln!(f, "{} (seed {}), {} long:", run.shape.described(), run.seed, clock(run.took_seconds))?;
        let mut row = |name: &str, text: String| writeln!(f, "  {name:<13} {text}");
        row(
            "sends",
            format!(
                "{} acknowledged, {} refused, {} unknown, {}, {} held to their time",
                grouped(sums.sends_acknowledged),
                grouped(sums.sends_refused),
                grouped(sums.sends_unknown),
                count(sums.retries, "retry", "retries"),
                grouped(sums.sends_timed),
            ),
        )?;
        row(
            "changes",
            format!(
                "{}, {}, {}, {}, {}, {}",
                count(sums.edits, "edit", "edits"),
                count(sums.deletions, "deletion", "deletions"),
                count(sums.memberships, "change of members", "changes of members"),
                count(sums.reactions, "reaction", "reactions"),
                count(sums.answers, "answer", "answers"),
                count(sums.erasures, "user erased", "users erased"),
            ),
        )?;
        row(
            "seen",
            format!(
                "{}, {}, {}, {}, {}",
                count(sums.deliveries, "delivery", "deliveries"),
                count(sums.connections, "connection", "connections"),
                count(sums.syncs, "sync", "syncs"),
                count(sums.histories, "history", "histories"),
                count(sums.trail_entries, "entry of the trail", "entries of the trail"),
            ),
        )?;
        row(
            "at rest",
            format!(
                "{}, {} ({}), {}, {}, {}",
                count(sums.lists, "list of what is open", "lists of what is open"),
                count(sums.files, "download", "downloads"),
                count(sums.uploads, "file", "files"),
                count(sums.revised, "message with its revisions", "messages with their revisions"),
                count(sums.searches, "search", "searches"),
                count(sums.exports, "export", "exports"),
            ),
        )?;
        row("acknowledged", spread(sums.acknowledged_after))?;
        row("lag", spread(sums.lag))?;
        row(
            "faults",
            format!(
                "{} of {}, {} among them",
                grouped(run.faults()),
                count(run.kinds.iter().filter(|kind| kind.count > 0).count() as u64, "kind", "kinds"),
                count(run.power_cuts as u64, "power cut", "power cuts"),
            ),
        )?;
        for line in wrapped(run.kinds.iter().map(told)) {
            row("", line)?;
        }
        for why in run.left_out {
            row("left out", why.clone())?;
        }
        row("again", run.command.to_owned())?;
        writeln!(f, "{}", run.outcome())?;
        for finding in &run.verdict.findings {
            let channel = finding.channel.map_or_else(String::new, |channel| format!(" in channel {channel}"));
            writeln!(f, "  {}{channel}: {}", finding.anomaly, finding.what)?;
            for line in finding.evidence.iter().take(EVIDENCE) {
                writeln!(f, "      {line}")?;
            }
        }
        for (anomaly, number) in &run.verdict.counts {
            let shown = run.verdict.findings.iter().filter(|finding| finding.anomaly == *anomaly).count() as u64;
            if *number > shown {
                writeln!(f, "  {anomaly}: {} in all", grouped(*number))?;
            }
        }
        Ok(())
    }
}

fn told(kind: &Kind) -> String {
    match kind.missed {
        0 => format!("{} {}", kind.fault, kind.count),
        missed => format!("{} {} ({missed} missed)", kind.fault, kind.count),
    }
}

/// Lines of about a hundred letters.
fn wrapped(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut().filter(|line| line.len() + word.len() < 100) {
            Some(line) => {
                line.push_str(", ");
                line.push_str(&word);
            }
            None => lines.push(word),
        }
    }
    lines
}
