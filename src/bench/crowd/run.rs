//! Has a crowd send: so many messages under way in each room, or at moments that are fixed beforehand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::BenchError;
use super::super::ledger::Phase;
use super::super::pace::Pace;
use super::super::usage;
use super::{Crowd, News};

/// How often the time is looked at, and the others are told of what was counted.
const GLANCE: Duration = Duration::from_millis(50);
/// How long what is under way at the end is waited for, with nothing coming in: well above what a daemon takes to say that
/// it has no time.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same with something coming in.
const LONGEST_DRAIN: Duration = Duration::from_secs(60);

/// How a crowd sends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Load {
    /// The next message goes out when one has come everywhere.
    Window(usize),
    /// So many a second, over the rooms in turn, whatever comes back.
    Rate(f64),
    /// As a window, until each room has had so many.
    Fill { window: usize, messages: u64 },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) load: Load,
    pub(crate) start: Instant,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
}

impl Spec {
    pub(crate) fn measured_from(&self) -> Instant {
        self.start + self.warm_up
    }

    pub(crate) fn end(&self) -> Instant {
        self.measured_from() + self.time
    }
}

/// What one crowd used while it was measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effort {
    pub(crate) cpu: Option<Duration>,
    pub(crate) time: Duration,
}

impl Crowd {
    /// Sends and measures; then waits until all that was sent has come. What was counted is handed to `shared` on the way.
    pub(crate) fn run(&mut self, spec: &Spec) -> Result<Effort, BenchError> {
        let has_ended = AtomicBool::new(false);
        let waker = Arc::clone(&self.waker);
        std::thread::scope(|scope| {
            if let Load::Rate(rate) = spec.load {
                let (waker, has_ended) = (&waker, &has_ended);
                scope.spawn(move || Pace::new(spec.start, rate).tick(waker, has_ended));
            }
            let ran = self.drive(spec);
            has_ended.store(true, Ordering::Relaxed);
            ran
        })
    }

    fn drive(&mut self, spec: &Spec) -> Result<Effort, BenchError> {
        self.ledger.phase = Phase::WarmUp;
        self.ledger.tally.clear();
        self.news.clear();
        let mut pace = match spec.load {
            Load::Rate(rate) => Some(Pace::new(spec.start, rate)),
            Load::Window(_) | Load::Fill { .. } => None,
        };
        let mut left = match spec.load {
            Load::Fill { messages, .. } => vec![messages; self.rooms()],
            Load::Window(_) | Load::Rate(_) => vec![u64::MAX; self.rooms()],
        };
        // Everybody begins at once.
        while Instant::now() < spec.start {
            self.turn(spec.start.saturating_duration_since(Instant::now()).min(GLANCE))?;
        }
        let mut to_begin = match spec.load {
            Load::Window(window) | Load::Fill { window, .. } => window,
            Load::Rate(_) => 0,
        };
        let mut began: Option<(Instant, Option<Duration>)> = None;
        let mut told = Instant::now();
        loop {
            let now = Instant::now();
            if began.is_none() && now >= spec.measured_from() {
                self.hand_over();
                self.ledger.phase = Phase::Measuring;
                began = Some((now, usage::own_thread()));
            }
            for (room, left) in left.iter_mut().enumerate() {
                self.send_some(room, to_begin, left);
            }
            to_begin = 0;
            let is_filled = left.iter().all(|left| *left == 0) && self.ledger.outstanding() == 0;
            if now >= spec.end() || self.shared.is_stopped() || self.fault.is_some() || is_filled {
                break;
            }
            if now >= told + GLANCE {
                told = now;
                self.hand_over();
            }
            if let Some(pace) = &mut pace {
                while let Some((number, at)) = pace.due(now) {
                    let room = usize::try_from(number).unwrap_or(0) % self.rooms();
                    self.send(room, at);
                }
            }
            self.turn(spec.end().saturating_duration_since(now).min(GLANCE))?;
            self.follow(&mut left, pace.is_none());
        }
        let Some((since, cpu)) = began.or(self.fault.as_ref().map(|_| (Instant::now(), None))) else {
            return Err(BenchError::Stopped);
        };
        let used = usage::own_thread().zip(cpu).map(|(after, before)| after.saturating_sub(before));
        let effort = Effort { cpu: used, time: since.elapsed() };
        self.hand_over();
        self.drain()?;
        Ok(effort)
    }

    /// For each message that has come everywhere, the next one.
    fn follow(&mut self, left: &mut [u64], sends: bool) {
        let mut news = std::mem::take(&mut self.news);
        for (news, _) in news.drain(..) {
            if let (News::Done(room), true) = (news, sends) {
                self.send_some(room, 1, &mut left[room]);
            }
        }
        // Its memory is used again.
        self.news = news;
    }

    fn send_some(&mut self, room: usize, count: usize, left: &mut u64) {
        for _ in 0..count {
            if *left == 0 {
                return;
            }
            *left -= 1;
            self.send(room, Instant::now());
        }
    }

    /// What was counted goes to where all threads' counts come together.
    fn hand_over(&mut self) {
        self.shared.take(&mut self.ledger.tally, self.ledger.phase);
    }

    /// Waits for what is under way; what does not come is a finding.
    fn drain(&mut self) -> Result<(), BenchError> {
        self.ledger.phase = Phase::Draining;
        let (begun, mut last) = (Instant::now(), Instant::now());
        while self.ledger.outstanding() > 0
            && self.fault.is_none()
            && last.elapsed() < PATIENCE
            && begun.elapsed() < LONGEST_DRAIN
        {
            if self.turn(GLANCE)? {
                last = Instant::now();
            }
            self.news.clear();
        }
        self.hand_over();
        // What a socket that was closed has not got is no finding: it would have asked for it.
        if self.fault.is_none() {
            self.ledger.settle();
        }
        Ok(())
    }
}
