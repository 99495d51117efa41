//! Pages of history over REST, out of channels that hold so many messages.

use std::time::Instant;

use super::super::BenchError;
use super::super::histogram::Histogram;
use super::super::report::{Report, Rows};
use super::super::sequence::{Findings, Violation};
use super::super::units::{float, per_second, size};
use super::flow::{fill, open};
use super::ground::{Ground, Kind};
use crate::svg::{Plot, Series};

/// One channel for each of these sizes: its newest page, and all those before it, again and again.
pub(super) fn history(ground: &mut Ground<'_>, sizes: &[u64], limit: usize) -> Result<Report, BenchError> {
    let mut report = Report::new("history");
    let columns = vec![
        ("messages", "messages"),
        ("newest_p50_ms", "newest p50 ms"),
        ("newest_p99_ms", "p99 ms"),
        ("older_p50_ms", "older p50 ms"),
        ("older_p99_ms", "p99 ms"),
        ("oldest_p50_ms", "oldest p50 ms"),
        ("pages_per_second", "pages /s"),
    ];
    let mut rows = Rows { key: "sizes", columns, rows: Vec::new() };
    for messages in sizes {
        let rooms = ground.rooms(1, 2, Kind::Direct)?;
        let (channel_id, token) = (rooms[0].channel_id.clone(), rooms[0].tokens[0].clone());
        let mut fleet = ground.fleet(rooms)?;
        open(ground, &mut fleet)?;
        fill(ground, &mut fleet, 256, *messages)?;
        report.findings.merge(fleet.findings());
        drop(fleet);
        ground.progress.stage(&format!("reading {messages} messages"));
        let mut reader =
            Reader { ground, channel_id, token, limit, messages: *messages, pages: 0, times: Times::default() };
        let began = Instant::now();
        let end = began + reader.ground.common.duration / u32::try_from(sizes.len()).unwrap_or(1);
        // The first time to the end, whatever that takes.
        reader.walk(None, &mut report.findings)?;
        while Instant::now() < end && !reader.ground.shared.is_stopped() {
            reader.walk(Some(end), &mut report.findings)?;
        }
        let Reader { times: Times { newest, older, oldest }, pages, .. } = reader;
        rows.rows.push(vec![
            Some(float(*messages)),
            newest.quantile_ms(0.5),
            newest.quantile_ms(0.99),
            older.quantile_ms(0.5),
            older.quantile_ms(0.99),
            oldest.quantile_ms(0.5),
            Some(per_second(pages, began.elapsed())),
        ]);
    }
    report.figure("page_messages", "messages a page", "", size(limit));
    report.plots.push(("pages", plot(&rows)));
    report.rows.push(rows);
    report.verified = "every page continued the one before, down to the first message";
    report.generator.threads = 1;
    Ok(report)
}

/// By where in the channel a page is.
#[derive(Default)]
struct Times {
    newest: Histogram,
    older: Histogram,
    oldest: Histogram,
}

/// Somebody who scrolls back.
struct Reader<'a, 'b> {
    ground: &'a Ground<'b>,
    channel_id: String,
    token: String,
    limit: usize,
    messages: u64,
    pages: u64,
    times: Times,
}

impl Reader<'_, '_> {
    /// From the newest page to the first message, or until the time is over.
    fn walk(&mut self, until: Option<Instant>, findings: &mut Findings) -> Result<(), BenchError> {
        let (mut before, mut expected) = (None, i64::try_from(self.messages).unwrap_or(i64::MAX));
        loop {
            let page = self.ground.rest.history(&self.channel_id, &self.token, before, self.limit)?;
            self.pages += 1;
            for seq in &page.seqs {
                if *seq != expected {
                    let what = format_args!("history of {}: seq {seq} where {expected} belongs", self.channel_id);
                    findings.add(Violation::Missing, 1, what);
                }
                expected = seq - 1;
            }
            let Times { newest, older, oldest } = &mut self.times;
            let times = match (before, page.has_more) {
                (None, _) => newest,
                (Some(_), true) => older,
                (Some(_), false) => oldest,
            };
            times.record(page.took);
            before = page.seqs.last().copied();
            if !page.has_more || before.is_none() {
                break;
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(());
            }
        }
        if expected != 0 {
            let what = format_args!("history of {}: it ends before seq {expected}", self.channel_id);
            findings.add(Violation::Missing, expected.unsigned_abs(), what);
        }
        Ok(())
    }
}

fn plot(rows: &Rows) -> Plot {
    let line = |name: &str, column: usize| Series {
        name: name.to_owned(),
        points: rows.rows.iter().filter_map(|row| Some((row[0]?, row[column]?))).collect(),
    };
    Plot {
        title: "history: time of a page, p50".to_owned(),
        x_label: "messages in the channel".to_owned(),
        y_label: "ms".to_owned(),
        series: vec![line("newest", 1), line("older", 3), line("oldest", 5)],
        log_y: false,
    }
}
