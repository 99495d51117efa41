//! Messages that flow: as many as come back, or so many a second.

use std::time::Duration;

use super::super::BenchError;
use super::super::crowd::{Load, Seats};
use super::super::fleet::{Fleet, Times};
use super::super::report::Report;
use super::ground::{Ground, Kind, enter};

const LONGEST_FILL: Duration = Duration::from_hours(24);

/// Groups, with `window` messages under way in each.
pub(super) fn fanout(
    ground: &mut Ground<'_>,
    rooms: usize,
    members: usize,
    window: usize,
) -> Result<Report, BenchError> {
    let rooms = ground.rooms(rooms, members, Kind::Group)?;
    flow(ground, "fanout", rooms, Load::Window(window))
}

/// Pairs: each member sends when the other's message has come and is acknowledged.
pub(super) fn direct(ground: &mut Ground<'_>, pairs: usize) -> Result<Report, BenchError> {
    let rooms = ground.rooms(pairs, 2, Kind::Direct)?;
    flow(ground, "direct", rooms, Load::Window(1))
}

/// A steady rate, whatever comes back.
pub(super) fn paced(
    ground: &mut Ground<'_>,
    per_second: f64,
    channels: usize,
    members: usize,
) -> Result<Report, BenchError> {
    let rooms = ground.rooms(channels, members, Kind::Group)?;
    flow(ground, "paced", rooms, Load::Rate(per_second))
}

fn flow(ground: &mut Ground<'_>, name: &'static str, rooms: Vec<Seats>, load: Load) -> Result<Report, BenchError> {
    let mut fleet = ground.fleet(rooms)?;
    open(ground, &mut fleet)?;
    ground.progress.stage("measuring");
    let measured = fleet.run(load, ground.times(), ground.progress)?;
    let mut report = Report::new(name);
    report.figure("deliveries_per_second", "deliveries", "/s", measured.delivered_per_second());
    report.figure("messages_per_second", "messages sent", "/s", measured.sent_per_second());
    report.figure("read_mebibytes_per_second", "read", "MiB/s", measured.mebi_per_second());
    report.figure("measured_seconds", "measured for", "s", measured.time.as_secs_f64());
    enter(&mut report, &fleet, measured, matches!(load, Load::Rate(_)))?;
    Ok(report)
}

pub(super) fn open(ground: &mut Ground<'_>, fleet: &mut Fleet) -> Result<(), BenchError> {
    ground.progress.stage("opening sockets");
    fleet.open(|seats| 0..seats, ground.progress)?;
    Ok(())
}

/// Writes so many messages in each room, and forgets how long that took.
pub(super) fn fill(ground: &mut Ground<'_>, fleet: &mut Fleet, window: usize, messages: u64) -> Result<(), BenchError> {
    ground.progress.stage("writing messages");
    let times = Times { warm_up: Duration::ZERO, duration: LONGEST_FILL };
    let filled = fleet.run(Load::Fill { window, messages }, times, ground.progress)?;
    if let Some(fault) = filled.fault {
        return Err(BenchError::Failed(fault.advice()));
    }
    match filled.tally.refused.first_key_value() {
        Some((code, _)) => Err(BenchError::Failed(format!("messages to begin with were refused with {code}"))),
        None if ground.shared.is_stopped() => Err(BenchError::Stopped),
        None => Ok(()),
    }
}
