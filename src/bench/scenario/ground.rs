//! What every scenario stands on: users, channels, sockets, and what is the same in every report.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::bottleneck::{self, Seen};
use super::super::crowd::Seats;
use super::super::fleet::{Fleet, Measured, Shared, Times};
use super::super::report::{Figure, QUANTILES, Report};
use super::super::rest::{self, Rest};
use super::super::stream::Dialer;
use super::super::units::{mebi, size};
use super::super::users::{User, Users};
use super::super::{BenchError, Progress, usage};
use super::{Common, Target};
use crate::svg::{Plot, Series};

/// Files besides the sockets: the program's own, pipes, the poll of each thread.
const OTHER_FILES: usize = 100;

pub(super) struct Ground<'a> {
    pub(super) common: &'a Common,
    pub(super) dialer: Dialer,
    pub(super) rest: Rest,
    pub(super) users: Users,
    pub(super) process: Option<u32>,
    is_own: bool,
    pub(super) shared: Arc<Shared>,
    pub(super) progress: &'a mut dyn Progress,
    named: usize,
}

impl<'a> Ground<'a> {
    pub(super) fn new(
        common: &'a Common,
        target: Target,
        stop: Arc<AtomicBool>,
        progress: &'a mut dyn Progress,
    ) -> Result<Self, BenchError> {
        let Target { address, users, process, is_own } = target;
        let rest = Rest::new(&address, users.admin()?)?;
        let (dialer, shared) = (Dialer::new(&address)?, Arc::new(Shared::new(stop)));
        Ok(Self { common, dialer, rest, users, process, is_own, shared, progress, named: 0 })
    }

    /// An error before anything was begun is better than one in the middle.
    pub(super) fn has_files_for(&self, sockets: usize) -> Result<(), BenchError> {
        // The daemon counts a connection at two descriptors until it is a socket, and inherits the limit.
        let needed = OTHER_FILES + if self.is_own { 2 * sockets + OTHER_FILES } else { sockets };
        match usage::open_files() {
            Some(limit) if limit < needed => Err(BenchError::Usage(format!(
                "{sockets} sockets need {needed} open files, and {limit} are allowed: `ulimit -n {needed}` first"
            ))),
            _ => Ok(()),
        }
    }

    /// Channels of so many users each, who are in no other one.
    pub(super) fn rooms(&mut self, count: usize, members: usize, kind: Kind) -> Result<Vec<Seats>, BenchError> {
        self.progress.stage("making channels");
        let users = self.users.take(count * members)?;
        let rooms: Vec<&[User]> = users.chunks(members).collect();
        let run = self.users.run();
        let begin = self.named;
        self.named += count;
        let wanted = rooms.iter().enumerate().map(|(index, room)| {
            let subs: Vec<&str> = room.iter().map(|user| user.sub.as_str()).collect();
            match kind {
                Kind::Group => rest::group(&format!("bench-{run}-{}", begin + index), &subs),
                Kind::Direct => rest::direct(&subs),
            }
        });
        let ids = self.rest.channels(wanted.collect(), |made| self.progress.opening(made, count))?;
        let tokens = |room: &[User]| room.iter().map(|user| user.token.clone()).collect();
        Ok(ids.into_iter().zip(rooms).map(|(channel_id, room)| Seats { channel_id, tokens: tokens(room) }).collect())
    }

    /// Sockets for these rooms, not open yet.
    pub(super) fn fleet(&self, rooms: Vec<Seats>) -> Result<Fleet, BenchError> {
        Fleet::new(&self.dialer, rooms, self.common.threads, self.common.size, &self.shared, self.process)
    }

    pub(super) fn times(&self) -> Times {
        Times { warm_up: self.common.warm_up, duration: self.common.duration }
    }
}

/// What a load came to, but for its own figures. An error where it could not be carried through.
pub(super) fn enter(report: &mut Report, fleet: &Fleet, measured: Measured, is_paced: bool) -> Result<(), BenchError> {
    report.findings = fleet.findings();
    report.verified = if measured.tally.refused.is_empty() {
        "each message was acknowledged and delivered once, in order"
    } else {
        "each message was acknowledged and delivered once, in order, or refused"
    };
    if let Some(fault) = &measured.fault {
        return Err(BenchError::Failed(fault.advice()));
    }
    if let Some(used) = measured.daemon {
        report.daemon.extend([
            figure("cpus_used", "processors used", "", used.cpus()),
            figure("resident_mebibytes", "resident memory", "MiB", mebi(used.resident)),
        ]);
    }
    if let Some(delivered) = measured.delivered_per_cpu_second() {
        report.daemon.push(figure("deliveries_per_cpu_second", "deliveries by one processor", "/s", delivered));
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let (generator, warnings) = bottleneck::judge(Seen {
        threads: fleet.crowds().len(),
        busiest: measured.busiest,
        cpus: measured.own_cpus,
        lateness: is_paced.then(|| measured.tally.lateness.clone()),
        daemon_cpus: measured.daemon.map(|used| used.cpus()),
        processors: size(processors),
    });
    report.generator = generator;
    report.warnings.extend(warnings);
    report.refused = measured.tally.refused.clone();
    report.latency("ack", "acknowledged", measured.tally.ack);
    report.latency("delivery", "delivered", measured.tally.delivery);
    report.moments = measured.moments;
    plots(report);
    Ok(())
}

/// What channels are made of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Group,
    Direct,
}

pub(super) fn figure(key: &'static str, label: &'static str, unit: &'static str, value: f64) -> Figure {
    Figure { key, label, unit, value: Some(value) }
}

/// How the latencies are spread, and how the rate went.
fn plots(report: &mut Report) {
    // Each step to the right is one nine more.
    let nines = |share: f64| -(1.0 - share).log10();
    let spread = report.latencies.iter().map(|latency| Series {
        name: latency.label.to_owned(),
        points: (0..=40)
            .map(|tenth| 1.0 - 10_f64.powf(-f64::from(tenth) / 10.0))
            .chain(QUANTILES.map(|(_, share)| share))
            .filter_map(|share| Some((nines(share), latency.times.quantile_ms(share)?)))
            .collect(),
    });
    let mut spread: Vec<Series> = spread.collect();
    for series in &mut spread {
        series.points.sort_by(|one, other| one.0.total_cmp(&other.0));
    }
    report.plots.push((
        "latency",
        Plot {
            title: format!("{}: latency", report.scenario),
            x_label: "nines: 1 is 90 %, 2 is 99 %, 3 is 99.9 % of the messages".to_owned(),
            y_label: "ms".to_owned(),
            series: spread,
            log_y: true,
        },
    ));
    let over_time = |of: fn(&super::super::fleet::Moment) -> f64| -> Vec<(f64, f64)> {
        report.moments.iter().map(|moment| (moment.at.as_secs_f64(), of(moment))).collect()
    };
    let series = vec![
        Series { name: "sent".to_owned(), points: over_time(|moment| moment.sent_per_second) },
        Series { name: "delivered".to_owned(), points: over_time(|moment| moment.delivered_per_second) },
    ];
    report.plots.push((
        "rate",
        Plot {
            title: format!("{}: rate", report.scenario),
            x_label: "seconds, the warm-up included".to_owned(),
            y_label: "per second".to_owned(),
            series,
            log_y: false,
        },
    ));
}
