//! Steady rates, one after the other, until p99 leaves its plateau.

use super::super::BenchError;
use super::super::crowd::Load;
use super::super::fleet::Measured;
use super::super::histogram::Histogram;
use super::super::report::{Report, Rows};
use super::super::units::{float, per_second};
use super::climb::{Climb, Step};
use super::flow::open;
use super::ground::{Ground, Kind, enter};
use crate::svg::{Plot, Series};

/// Nobody asks for more.
const MOST: f64 = 1_000_000.0;

/// From this rate on, each one `factor` times the last.
pub(super) fn knee(
    ground: &mut Ground<'_>,
    first: f64,
    factor: f64,
    channels: usize,
    members: usize,
) -> Result<Report, BenchError> {
    let rooms = ground.rooms(channels, members, Kind::Group)?;
    let mut fleet = ground.fleet(rooms)?;
    open(ground, &mut fleet)?;
    let (mut climb, mut report, mut rate) = (Climb::new(factor, MOST), Report::new("knee"), first);
    let mut rows = Rows {
        key: "steps",
        columns: vec![
            ("rate_per_second", "rate /s"),
            ("sent_per_second", "sent /s"),
            ("ack_p99_ms", "ack p99 ms"),
            ("delivery_p50_ms", "delivery p50 ms"),
            ("delivery_p99_ms", "p99 ms"),
            ("send_lateness_p99_ms", "sent late ms"),
            ("daemon_cpus_used", "daemon CPUs"),
            ("good", "good"),
        ],
        rows: Vec::new(),
    };
    let mut of_good: Option<Measured> = None;
    loop {
        ground.progress.stage(&format!("{rate:.0}/s"));
        let mut measured = fleet.run(Load::Rate(rate), ground.times(), ground.progress)?;
        let step = step(rate, &measured);
        let is_good = climb.is_good(&step);
        rows.rows.push(row(rate, &measured, is_good));
        // A daemon that is too busy may say so; it may not lose anything.
        for (code, count) in std::mem::take(&mut measured.tally.refused) {
            *report.refused.entry(code).or_default() += count;
        }
        let fault = measured.fault.clone();
        let next = climb.next(&step);
        if is_good && climb.last_good() == Some(rate) {
            of_good = Some(measured);
        }
        if let Some(fault) = fault {
            report.warnings.push(format!("{rate:.0}/s ended the search: {}", fault.advice()));
            break;
        }
        match next {
            Some(next) if !ground.shared.is_stopped() => rate = next,
            _ => break,
        }
    }
    report.figure("last_good_rate_per_second", "last good rate", "/s", climb.last_good());
    report.figure("first_bad_rate_per_second", "first bad rate", "/s", climb.first_bad());
    let deliveries = of_good.as_ref().map(Measured::delivered_per_second);
    report.figure("last_good_deliveries_per_second", "deliveries there", "/s", deliveries);
    let refused = std::mem::take(&mut report.refused);
    match of_good {
        Some(measured) => enter(&mut report, &fleet, measured, true)?,
        None => report.findings = fleet.findings(),
    }
    // The plots of one rate are not those of a knee.
    report.plots = vec![("p99", plot(&rows))];
    report.refused = refused;
    report.rows.push(rows);
    Ok(report)
}

fn step(rate: f64, measured: &Measured) -> Step {
    let tally = &measured.tally;
    Step {
        rate,
        p99_ms: slower(&tally.ack, &tally.delivery),
        reached: float(tally.acknowledged) / float(tally.sent.max(1)),
        is_broken: measured.fault.is_some() || !tally.refused.is_empty(),
    }
}

fn slower(ack: &Histogram, delivery: &Histogram) -> Option<f64> {
    Some(ack.quantile_ms(0.99)?.max(delivery.quantile_ms(0.99)?))
}

fn row(rate: f64, measured: &Measured, is_good: bool) -> Vec<Option<f64>> {
    let tally = &measured.tally;
    vec![
        Some(rate),
        Some(per_second(tally.sent, measured.time)),
        tally.ack.quantile_ms(0.99),
        tally.delivery.quantile_ms(0.5),
        tally.delivery.quantile_ms(0.99),
        tally.lateness.quantile_ms(0.99),
        measured.daemon.map(|used| used.cpus()),
        Some(f64::from(u8::from(is_good))),
    ]
}

fn plot(rows: &Rows) -> Plot {
    let line = |name: &str, column: usize| {
        let mut points: Vec<(f64, f64)> = rows.rows.iter().filter_map(|row| Some((row[0]?, row[column]?))).collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        Series { name: name.to_owned(), points }
    };
    Plot {
        title: "knee: p99 at each rate".to_owned(),
        x_label: "messages a second".to_owned(),
        y_label: "ms".to_owned(),
        series: vec![line("acknowledged", 2), line("delivered", 4)],
        log_y: true,
    }
}
