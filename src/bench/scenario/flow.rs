//! Messages that flow: as many as come back, or so many a second.

use super::super::BenchError;
use super::super::crowd::Load;
use super::super::fleet::Fleet;
use super::super::report::Report;
use super::ground::{Ground, Kind};

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

fn flow(
    ground: &mut Ground<'_>,
    name: &'static str,
    rooms: Vec<super::super::crowd::Seats>,
    load: Load,
) -> Result<Report, BenchError> {
    let mut fleet = ground.fleet(rooms)?;
    open(ground, &mut fleet)?;
    ground.progress.stage("measuring");
    let measured = fleet.run(load, ground.times(), ground.progress)?;
    let mut report = Report::new(name);
    report.figure("deliveries_per_second", "deliveries", "/s", measured.delivered_per_second());
    report.figure("messages_per_second", "messages sent", "/s", measured.sent_per_second());
    report.figure("read_mebibytes_per_second", "read", "MiB/s", measured.mebi_per_second());
    report.figure("measured_seconds", "measured for", "s", measured.time.as_secs_f64());
    ground.enter(&mut report, &fleet, measured, matches!(load, Load::Rate(_)))?;
    Ok(report)
}

pub(super) fn open(ground: &mut Ground<'_>, fleet: &mut Fleet) -> Result<(), BenchError> {
    ground.progress.stage("opening sockets");
    fleet.open(ground.progress)?;
    Ok(())
}
