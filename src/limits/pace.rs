//! How fast something happens just now: counts that fade.

use std::time::{Duration, Instant};

/// What happened this long ago counts for about a third.
const FADE: Duration = Duration::from_secs(10);

/// Of one thing that is counted.
#[derive(Debug)]
pub struct Pace {
    count: f64,
    at: Instant,
}

impl Pace {
    pub fn new(now: Instant) -> Self {
        Self { count: 0.0, at: now }
    }

    pub fn note(&mut self, now: Instant) {
        self.count = self.faded(now) + 1.0;
        self.at = self.at.max(now);
    }

    /// Times a second, over about the last ten of them.
    pub fn per_second(&self, now: Instant) -> f64 {
        self.faded(now) / FADE.as_secs_f64()
    }

    fn faded(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at);
        self.count * (-passed.as_secs_f64() / FADE.as_secs_f64()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_told_and_a_past_one_fades() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let second = |number: u32| start + Duration::from_secs(1) * number;
        for tick in 0..600 {
            pace.note(start + Duration::from_millis(100) * tick);
        }
        assert!((9.0..11.0).contains(&pace.per_second(second(60))), "{}", pace.per_second(second(60)));
        assert!(pace.per_second(second(120)) < 0.1);
    }

    #[test]
    fn a_clock_that_steps_back_changes_little() {
        let start = Instant::now() + Duration::from_secs(5);
        let mut pace = Pace::new(start);
        pace.note(start);
        pace.note(start.checked_sub(Duration::from_secs(5)).unwrap());
        assert!((pace.per_second(start) - 0.2).abs() < 1e-9);
    }
}
