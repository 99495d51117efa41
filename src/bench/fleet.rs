//! Several crowds at work at once, each on a thread of its own, and somebody who watches them.
//!
//! Used by the scenarios. The calling thread shows progress, takes the counts of the threads together, and looks at the
//! daemon's process at the beginning and the end of the measuring.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::crowd::{Crowd, Fault, Load, Seats, Spec};
use super::histogram::Histogram;
use super::ledger::{Phase, Tally};
use super::sequence::Findings;
use super::stream::Dialer;
use super::units::{float, ms, per_second, size};
use super::usage::Usage;
use super::{BenchError, Progress};

/// How often somebody who watches is told.
const GLANCE: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
/// Threads are started, then all begin at once.
const LEAD: Duration = Duration::from_millis(20);
/// Sockets that a thread opens at a time.
const OPENING: usize = 64;

/// What all threads write to and the watcher reads.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    stop: Arc<AtomicBool>,
    opened: AtomicUsize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Since the watcher looked last.
    lately: Tally,
    measured: Tally,
}

impl Shared {
    pub(crate) fn new(stop: Arc<AtomicBool>) -> Self {
        Self { stop, ..Self::default() }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn opened(&self, count: usize) {
        self.opened.fetch_add(count, Ordering::Relaxed);
    }

    /// Sockets that are open, or back, since this was set to nothing.
    pub(crate) fn open_count(&self) -> &AtomicUsize {
        &self.opened
    }

    /// Takes what a thread has counted.
    pub(crate) fn take(&self, tally: &mut Tally, phase: Phase) {
        let Counts { lately, measured } = &mut *self.counts.lock();
        lately.merge(tally);
        if phase != Phase::WarmUp {
            measured.merge(tally);
        }
        tally.clear();
    }

    fn lately(&self) -> Tally {
        std::mem::take(&mut self.counts.lock().lately)
    }
}

/// One second of a run, as it is shown and plotted.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Since the beginning, the warm-up included.
    pub at: Duration,
    pub total: Duration,
    pub sent_per_second: f64,
    pub delivered_per_second: f64,
    pub ack_p99_ms: Option<f64>,
    pub delivery_p99_ms: Option<f64>,
}

/// How long a run is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    pub(crate) time: Duration,
    /// Of one processor, by the thread that used the most; none where that is not known.
    pub(crate) busiest: Option<f64>,
    /// Processors that all threads used.
    pub(crate) own_cpus: Option<f64>,
    pub(crate) daemon: Option<DaemonUse>,
    pub(crate) moments: Vec<Moment>,
    pub(crate) fault: Option<Fault>,
}

/// What the daemon's process used meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct DaemonUse {
    pub cpu: Duration,
    pub time: Duration,
    pub resident: u64,
}

impl DaemonUse {
    pub fn cpus(&self) -> f64 {
        self.cpu.as_secs_f64() / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

pub(crate) struct Fleet {
    crowds: Vec<Crowd>,
    shared: Arc<Shared>,
    process: Option<u32>,
}

impl Fleet {
    /// Rooms are dealt out to the threads in turn.
    pub(crate) fn new(
        dialer: &Dialer,
        rooms: Vec<Seats>,
        threads: usize,
        content_bytes: usize,
        shared: &Arc<Shared>,
        process: Option<u32>,
    ) -> Result<Self, BenchError> {
        let threads = threads.clamp(1, rooms.len().max(1));
        let mut dealt: Vec<Vec<Seats>> = (0..threads).map(|_| Vec::new()).collect();
        for (index, room) in rooms.into_iter().enumerate() {
            dealt[index % threads].push(room);
        }
        let crowd = |rooms| Crowd::new(dialer.clone(), rooms, content_bytes, Arc::clone(shared));
        let crowds = dealt.into_iter().map(crowd).collect::<Result<_, _>>()?;
        Ok(Self { crowds, shared: Arc::clone(shared), process })
    }

    pub(crate) fn crowds(&self) -> &[Crowd] {
        &self.crowds
    }

    pub(crate) fn seats(&self) -> usize {
        self.crowds.iter().map(Crowd::seats).sum()
    }

    /// Has each crowd do something, and calls `watch` meanwhile.
    pub(crate) fn each<T: Send>(
        &mut self,
        job: impl Fn(&mut Crowd) -> Result<T, BenchError> + Sync,
        mut watch: impl FnMut(),
    ) -> Result<Vec<T>, BenchError> {
        std::thread::scope(|scope| {
            let job = &job;
            let threads: Vec<_> = self.crowds.iter_mut().map(|crowd| scope.spawn(move || job(crowd))).collect();
            while !threads.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                watch();
            }
            let ended = threads.into_iter().map(|thread| {
                let gone = |_| Err(BenchError::Failed("a thread of the load panicked".to_owned()));
                thread.join().unwrap_or_else(gone)
            });
            ended.collect()
        })
    }

    /// Opens those of each crowd's sockets that `part` gives of their number, and gives how long each took.
    pub(crate) fn open(
        &mut self,
        part: impl Fn(usize) -> Range<usize> + Sync,
        progress: &mut dyn Progress,
    ) -> Result<Histogram, BenchError> {
        let shared = Arc::clone(&self.shared);
        let total = self.crowds.iter().map(|crowd| part(crowd.seats()).len()).sum();
        shared.opened.store(0, Ordering::Relaxed);
        let mut all = Histogram::default();
        let took = self.each(
            |crowd| crowd.open(part(crowd.seats()), OPENING),
            || {
                std::thread::park_timeout(GLANCE);
                progress.opening(shared.opened.load(Ordering::Relaxed), total);
            },
        )?;
        for took in &took {
            all.merge(took);
        }
        Ok(all)
    }

    pub(crate) fn run(
        &mut self,
        load: Load,
        times: Times,
        progress: &mut dyn Progress,
    ) -> Result<Measured, BenchError> {
        let rooms: usize = self.crowds.iter().map(Crowd::rooms).sum();
        *self.shared.counts.lock() = Counts::default();
        let base = Spec { load, start: Instant::now() + LEAD, warm_up: times.warm_up, time: times.duration };
        let shared = Arc::clone(&self.shared);
        let mut watcher = Watcher::new(base, rooms, &shared, self.process);
        let job = |crowd: &mut Crowd| {
            let load = match load {
                Load::Rate(rate) => Load::Rate(rate * size(crowd.rooms()) / size(rooms)),
                other => other,
            };
            crowd.run(&Spec { load, ..base })
        };
        let efforts = self.each(job, || watcher.watch(progress))?;
        let (moments, daemon) = watcher.end();
        let shares: Option<Vec<f64>> =
            efforts.iter().map(|effort| Some(ms(effort.cpu?) / ms(effort.time).max(f64::MIN_POSITIVE))).collect();
        Ok(Measured {
            tally: std::mem::take(&mut self.shared.counts.lock().measured),
            time: efforts.iter().map(|effort| effort.time).max().unwrap_or_default(),
            busiest: shares.as_ref().map(|shares| shares.iter().copied().fold(0.0, f64::max)),
            own_cpus: shares.map(|shares| shares.iter().sum()),
            daemon,
            moments,
            fault: self.crowds.iter_mut().find_map(|crowd| crowd.fault.take()),
        })
    }

    /// What was found so far.
    pub(crate) fn findings(&self) -> Findings {
        let mut all = Findings::default();
        self.crowds.iter().for_each(|crowd| all.merge(crowd.ledger.findings.clone()));
        all
    }
}

/// Looks at a run from outside.
struct Watcher<'a> {
    spec: Spec,
    rooms: usize,
    shared: &'a Shared,
    process: Option<u32>,
    looked: Instant,
    before: Option<(Instant, Usage)>,
    after: Option<(Instant, Usage)>,
    moments: Vec<Moment>,
}

impl<'a> Watcher<'a> {
    fn new(spec: Spec, rooms: usize, shared: &'a Shared, process: Option<u32>) -> Self {
        Self { spec, rooms, shared, process, looked: spec.start, before: None, after: None, moments: Vec::new() }
    }

    fn watch(&mut self, progress: &mut dyn Progress) {
        let now = Instant::now();
        let sample = || Some((Instant::now(), Usage::of(self.process?)?));
        if self.before.is_none() && now >= self.spec.measured_from() {
            self.before = sample();
        }
        if self.after.is_none() && now >= self.spec.end() {
            self.after = sample();
        }
        if now >= self.looked + SECOND {
            let moment = self.moment(now);
            match self.spec.load {
                Load::Fill { messages, .. } => {
                    let done = usize::try_from(self.shared.counts.lock().measured.acknowledged).unwrap_or(usize::MAX);
                    progress.opening(done, usize::try_from(messages).unwrap_or(usize::MAX).saturating_mul(self.rooms));
                }
                Load::Window(_) | Load::Rate(_) => progress.running(&moment),
            }
            self.moments.push(moment);
            self.looked = now;
        }
        let next = [self.spec.measured_from(), self.spec.end(), self.looked + SECOND];
        let wait = next.into_iter().filter(|at| *at > now).map(|at| at - now).min().unwrap_or(GLANCE);
        std::thread::park_timeout(wait.min(GLANCE));
    }

    fn moment(&self, now: Instant) -> Moment {
        let (lately, time) = (self.shared.lately(), now.saturating_duration_since(self.looked));
        Moment {
            at: now.saturating_duration_since(self.spec.start),
            total: self.spec.warm_up + self.spec.time,
            sent_per_second: per_second(lately.sent, time),
            delivered_per_second: per_second(lately.delivered, time),
            ack_p99_ms: lately.ack.quantile_ms(0.99),
            delivery_p99_ms: lately.delivery.quantile_ms(0.99),
        }
    }

    fn end(self) -> (Vec<Moment>, Option<DaemonUse>) {
        let after = self.after.or_else(|| Some((Instant::now(), Usage::of(self.process?)?)));
        let used = self.before.zip(after).map(|((since, before), (until, after))| DaemonUse {
            cpu: after.cpu.saturating_sub(before.cpu),
            time: until.saturating_duration_since(since),
            resident: after.resident,
        });
        (self.moments, used)
    }
}

impl Measured {
    pub(crate) fn delivered_per_second(&self) -> f64 {
        per_second(self.tally.delivered, self.time)
    }

    pub(crate) fn sent_per_second(&self) -> f64 {
        per_second(self.tally.sent, self.time)
    }

    /// What the daemon would deliver with one whole processor.
    pub(crate) fn delivered_per_cpu_second(&self) -> Option<f64> {
        let cpus = self.daemon?.cpus();
        (cpus > 0.0).then(|| self.delivered_per_second() / cpus)
    }

    pub(crate) fn mebi_per_second(&self) -> f64 {
        float(self.tally.bytes) / 1_048_576.0 / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}
