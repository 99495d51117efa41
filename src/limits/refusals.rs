//! Counts a session's refusals for being too fast: who keeps sending anyway is closed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// More than so many refusals within [`WINDOW`] end the socket.
pub const MAX_REFUSALS: usize = 100;
pub const WINDOW: Duration = Duration::from_secs(10);

/// The last refusals of one session.
#[derive(Debug, Default)]
pub struct Refusals {
    at: VecDeque<Instant>,
}

impl Refusals {
    /// Notes a refusal at `now`; true when it was one too many.
    pub fn note(&mut self, now: Instant) -> bool {
        while self.at.front().is_some_and(|first| now.saturating_duration_since(*first) >= WINDOW) {
            self.at.pop_front();
        }
        if self.at.len() >= MAX_REFUSALS {
            return true;
        }
        self.at.push_back(now);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_above_a_hundred_within_ten_seconds_closes() {
        let start = Instant::now();
        let mut refusals = Refusals::default();
        for count in 0..100 {
            assert!(!refusals.note(start + Duration::from_millis(count * 99)), "{count}");
        }
        assert!(refusals.note(start + Duration::from_millis(9_999)));
    }

    #[test]
    fn a_hundred_in_each_ten_seconds_do_not() {
        let start = Instant::now();
        let mut refusals = Refusals::default();
        for count in 0..10_000 {
            assert!(!refusals.note(start + Duration::from_millis(count * 100)), "{count}");
        }
        assert!(refusals.at.len() <= MAX_REFUSALS);
    }

    #[test]
    fn a_clock_that_steps_back_counts_on() {
        let start = Instant::now() + Duration::from_mins(1);
        let mut refusals = Refusals::default();
        let closed = (0..200).any(|count| refusals.note(start.checked_sub(Duration::from_millis(count)).unwrap()));
        assert!(closed);
    }
}
