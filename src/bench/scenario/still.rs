//! Sockets that say nothing: what each of them costs.

use std::time::Instant;

use super::super::BenchError;
use super::super::histogram::Histogram;
use super::super::report::{Report, Rows};
use super::super::units::{float, mebi, size};
use super::super::usage::Usage;
use super::ground::{Ground, Kind};

/// Memory is looked at after each fifth of the sockets.
const STEPS: usize = 5;

/// Opens so many sockets of users in groups, and looks at the daemon's memory.
pub(super) fn idle(ground: &mut Ground<'_>, connections: usize, members: usize) -> Result<Report, BenchError> {
    let Some(process) = ground.process else {
        let text = "whose memory? The daemon has to run on this machine: --self, or its process with --pid";
        return Err(BenchError::Usage(text.to_owned()));
    };
    let resident = || {
        let gone = || BenchError::Failed(format!("process {process} cannot be looked at"));
        Usage::of(process).map(|usage| usage.resident).ok_or_else(gone)
    };
    let rooms = ground.rooms(connections.div_ceil(members), members, Kind::Group)?;
    let mut fleet = ground.fleet(rooms)?;
    let settle = ground.common.duration / u32::try_from(STEPS).unwrap_or(1);
    fleet.each(|crowd| crowd.listen(ground.common.warm_up), || ())?;
    let (before, total) = (resident()?, fleet.seats());
    let columns = vec![
        ("connections", "connections"),
        ("resident_mebibytes", "resident MiB"),
        ("kibibytes_per_connection", "KiB each"),
    ];
    let mut rows = Rows { key: "steps", columns, rows: Vec::new() };
    let (mut took, mut opening, mut each) = (Histogram::default(), 0.0, 0.0);
    for step in 1..=STEPS {
        ground.progress.stage("opening sockets");
        let began = Instant::now();
        let part = |seats: usize| seats * (step - 1) / STEPS..seats * step / STEPS;
        took.merge(&fleet.open(part, ground.progress)?);
        opening += began.elapsed().as_secs_f64();
        // Until everybody has been told who came.
        ground.progress.stage("waiting");
        fleet.each(|crowd| crowd.listen(settle), || std::thread::park_timeout(settle))?;
        let open: usize = fleet.crowds().iter().map(|crowd| part(crowd.seats()).end).sum();
        let now = resident()?;
        each = float(now.saturating_sub(before)) / 1024.0 / size(open.max(1));
        rows.rows.push(vec![Some(size(open)), Some(mebi(now)), Some(each)]);
    }
    let mut report = Report::new("idle");
    report.figure("connections", "connections", "", size(total));
    report.figure("kibibytes_per_connection", "memory of each", "KiB", each);
    report.figure("resident_before_mebibytes", "resident before", "MiB", mebi(before));
    report.figure("connections_per_second", "opened", "/s", size(total) / opening.max(f64::MIN_POSITIVE));
    report.latency("connect", "until hello", took);
    report.rows.push(rows);
    report.findings = fleet.findings();
    report.generator.threads = fleet.crowds().len();
    Ok(report)
}
