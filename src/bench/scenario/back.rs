//! Clients that were away: all of them at once, or one that missed a lot.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::BenchError;
use super::super::crowd::back::Returned;
use super::super::report::{Report, Rows};
use super::super::units::{float, median, ms, size};
use super::super::usage::Usage;
use super::flow::{fill, open};
use super::ground::{Ground, Kind};

const GLANCE: Duration = Duration::from_millis(100);

/// All sockets are cut at once and come back at once, each `missed` messages behind; so many times.
pub(super) fn storm(
    ground: &mut Ground<'_>,
    connections: usize,
    members: usize,
    missed: u64,
    rounds: usize,
) -> Result<Report, BenchError> {
    let rooms = ground.rooms(connections.div_ceil(members), members, Kind::Group)?;
    let mut fleet = ground.fleet(rooms)?;
    open(ground, &mut fleet)?;
    fill(ground, &mut fleet, 1, missed)?;
    let behind = i64::try_from(missed).unwrap_or(i64::MAX);
    let (total, mut all) = (fleet.seats(), Returned::default());
    let columns = vec![
        ("round", "round"),
        ("half_ms", "half ms"),
        ("p99_ms", "99 % ms"),
        ("all_ms", "all ms"),
        ("daemon_cpu_ms_per_connection", "CPU ms each"),
    ];
    let mut rows = Rows { key: "rounds", columns, rows: Vec::new() };
    for round in 1..=rounds {
        // What the last one set off has to be over.
        fleet.each(|crowd| crowd.listen(ground.common.warm_up), || std::thread::park_timeout(GLANCE))?;
        ground.progress.stage("storm");
        let shared = Arc::clone(&ground.shared);
        shared.open_count().store(0, Ordering::Relaxed);
        let before = ground.process.and_then(Usage::of);
        let back = fleet.each(
            |crowd| crowd.come_back(0..crowd.seats(), behind),
            || {
                std::thread::park_timeout(GLANCE);
                ground.progress.opening(shared.open_count().load(Ordering::Relaxed), total);
            },
        )?;
        let after = ground.process.and_then(Usage::of);
        let mut returned = Returned::default();
        for back in &back {
            returned.merge(back);
        }
        let cpu = before.zip(after).map(|(before, after)| ms(after.cpu.saturating_sub(before.cpu)) / size(total));
        let times = &returned.synced;
        rows.rows.push(vec![Some(size(round)), times.quantile_ms(0.5), times.quantile_ms(0.99), times.most_ms(), cpu]);
        all.merge(&returned);
    }
    let mut report = Report::new("storm");
    let middle = |column: usize| {
        let values: Vec<f64> = rows.rows.iter().filter_map(|row| row[column]).collect();
        (!values.is_empty()).then(|| median(values))
    };
    report.figure("connections", "connections", "", size(total));
    report.figure("half_live_ms", "half are back after", "ms", middle(1));
    report.figure("all_live_ms", "all are back after", "ms", middle(3));
    report.figure("daemon_cpu_ms_per_connection", "the daemon's work for each", "ms", middle(4));
    report.latency("hello", "until hello", all.live);
    report.latency("live", "until caught up", all.synced);
    report.rows.push(rows);
    report.findings = fleet.findings();
    report.verified = "each socket got all that it had missed, in order";
    report.generator.threads = fleet.crowds().len();
    Ok(report)
}

/// One client that comes back again and again, `messages` behind.
pub(super) fn catchup(ground: &mut Ground<'_>, messages: u64) -> Result<Report, BenchError> {
    let rooms = ground.rooms(1, 2, Kind::Direct)?;
    let mut fleet = ground.fleet(rooms)?;
    open(ground, &mut fleet)?;
    fill(ground, &mut fleet, 256, messages)?;
    ground.progress.stage("catching up");
    let behind = i64::try_from(messages).unwrap_or(i64::MAX);
    let (mut all, mut rounds, mut bytes) = (Returned::default(), 0_u64, 0);
    // The first one reads what was written last, and is not counted.
    fleet.each(|crowd| crowd.come_back(0..1, behind), || std::thread::park_timeout(GLANCE))?;
    let began = Instant::now();
    while rounds == 0 || (began.elapsed() < ground.common.duration && !ground.shared.is_stopped()) {
        let back = fleet.each(
            |crowd| {
                crowd.ledger.tally.bytes = 0;
                let returned = crowd.come_back(0..1, behind)?;
                Ok((returned, crowd.ledger.tally.bytes))
            },
            || std::thread::park_timeout(Duration::from_millis(1)),
        )?;
        for (returned, read) in back {
            all.merge(&returned);
            bytes += read;
        }
        rounds += 1;
    }
    let mut report = Report::new("catchup");
    let each_ms = all.caught_up.mean_ms();
    report.figure(
        "messages_per_second",
        "messages caught up on",
        "/s",
        each_ms.map(|ms| float(messages) * 1000.0 / ms),
    );
    let mebi = each_ms.map(|ms| float(bytes) / 1_048_576.0 / float(rounds) * 1000.0 / ms);
    report.figure("read_mebibytes_per_second", "read", "MiB/s", mebi);
    report.figure("rounds", "times", "", float(rounds));
    report.latency("catch_up", "sync to its end", all.caught_up);
    report.latency("live", "from the connect", all.synced);
    report.findings = fleet.findings();
    report.verified = "each time all of the messages came, in order";
    report.generator.threads = 1;
    Ok(report)
}
