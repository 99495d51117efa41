//! When to send: moments that are fixed beforehand, so that a slow daemon does not make its own load lighter.
//!
//! Latency is counted from these moments and not from when the message went out; what a stall holds up is then late by
//! the whole time that it was held up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::Waker;

use super::units::float;

/// No more often than this is a crowd woken: what is due in between goes out together.
const FINEST: Duration = Duration::from_micros(100);
/// How long a wait may be before it is looked whether there is anything to wait for.
const LONGEST: Duration = Duration::from_millis(100);

/// Moments at a steady rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    start: Instant,
    per_second: f64,
    next: u64,
}

impl Pace {
    pub(crate) fn new(start: Instant, per_second: f64) -> Self {
        Self { start, per_second, next: 0 }
    }

    fn at(&self, number: u64) -> Instant {
        // From the start each time: nothing adds up.
        self.start + Duration::from_secs_f64(float(number) / self.per_second)
    }

    /// The next moment that has come, and its number.
    pub(crate) fn due(&mut self, now: Instant) -> Option<(u64, Instant)> {
        let at = self.at(self.next);
        (at <= now).then(|| {
            self.next += 1;
            (self.next - 1, at)
        })
    }

    /// Wakes whoever sends at each moment, until it is told to end. To be run on a thread of its own: a poll alone wakes
    /// to the millisecond only.
    pub(crate) fn tick(mut self, waker: &Waker, has_ended: &AtomicBool) {
        while !has_ended.load(Ordering::Relaxed) {
            let now = Instant::now();
            let mut is_due = false;
            while self.due(now).is_some() {
                is_due = true;
            }
            // An error is the poll's own, which then ends by itself.
            if is_due && waker.wake().is_err() {
                return;
            }
            let wait = self.at(self.next).saturating_duration_since(now);
            std::thread::sleep(wait.clamp(FINEST, LONGEST));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_where_they_were_meant_to_be_however_late_they_are_asked_for() {
        let start = Instant::now();
        let mut pace = Pace::new(start, 100.0);
        assert_eq!(pace.due(start), Some((0, start)));
        assert_eq!(pace.due(start + Duration::from_millis(9)), None);
        // A stall of a second: all that was due in it comes now, each with its own moment.
        let late = start + Duration::from_secs(1);
        let due: Vec<_> = std::iter::from_fn(|| pace.due(late)).collect();
        assert_eq!(due.len(), 100);
        assert_eq!(due[0], (1, start + Duration::from_millis(10)));
        assert_eq!(due[99], (100, late));
    }

    #[test]
    fn a_rate_that_is_no_round_number_does_not_drift() {
        let start = Instant::now();
        let mut pace = Pace::new(start, 300.0);
        let count = std::iter::from_fn(|| pace.due(start + Duration::from_secs(3600))).count();
        assert_eq!(count, 300 * 3600 + 1);
    }

    #[test]
    fn the_ticker_wakes_a_poll_and_ends() {
        let mut poll = mio::Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), mio::Token(0)).unwrap();
        let has_ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| Pace::new(Instant::now(), 1000.0).tick(&waker, &has_ended));
            let mut events = mio::Events::with_capacity(8);
            for _ in 0..5 {
                poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
                assert!(!events.is_empty(), "woken within ten seconds");
            }
            has_ended.store(true, Ordering::Relaxed);
        });
    }
}
