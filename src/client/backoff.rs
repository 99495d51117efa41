//! How long to wait before the next connection attempt.
//!
//! Pure: the client's task brings the time and the randomness. Full jitter, so that a daemon that restarts is not met
//! by all of its clients at once; and a connection has to last before the count starts over, so that a daemon that
//! crashes after each accept is not hammered.

use std::time::{Duration, Instant};

/// The longest that a `goaway` can make a client wait.
const MAX_HINT: Duration = Duration::from_mins(1);
/// What is added to a hint at random: every client of the server got the same one.
const HINT_JITTER: Duration = Duration::from_millis(500);

/// The bounds of the wait.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub min: Duration,
    pub max: Duration,
    /// How long a connection has to last to count as a good one.
    pub stable: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { min: Duration::from_millis(500), max: Duration::from_secs(20), stable: Duration::from_secs(5) }
    }
}

/// Counts the attempts in a row that led to nothing.
#[derive(Debug)]
pub struct Backoff {
    limits: Limits,
    failures: u32,
    connected_at: Option<Instant>,
    hint: Option<Duration>,
}

impl Backoff {
    pub fn new(limits: Limits) -> Self {
        Self { limits, failures: 0, connected_at: None, hint: None }
    }

    pub fn connected(&mut self, now: Instant) {
        self.connected_at = Some(now);
        self.hint = None;
    }

    /// The server said when to come back.
    pub fn hint(&mut self, reconnect_in: Duration) {
        self.hint = Some(reconnect_in.min(MAX_HINT));
    }

    /// The connection or the attempt is over; `unit` is random, from 0 up to 1. How long to wait now.
    pub fn lost(&mut self, now: Instant, unit: f64) -> Duration {
        let unit = unit.clamp(0.0, 1.0);
        let lasted = self.connected_at.take().map(|since| now.saturating_duration_since(since));
        if lasted.is_some_and(|lasted| lasted >= self.limits.stable) {
            self.failures = 0;
        }
        if let Some(hint) = self.hint.take() {
            return hint + HINT_JITTER.mul_f64(unit);
        }
        let spread = self.limits.min.saturating_mul(2_u32.saturating_pow(self.failures.min(16)));
        self.failures = self.failures.saturating_add(1);
        let room = self.limits.max.saturating_sub(self.limits.min);
        self.limits.min + spread.min(room).mul_f64(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_wait_grows_to_its_bound_and_is_spread_over_all_of_it() {
        let (mut low, mut high) = (Backoff::new(Limits::default()), Backoff::new(Limits::default()));
        let now = Instant::now();
        let highs: Vec<_> = (0..8).map(|_| high.lost(now, 1.0)).collect();
        assert_eq!(highs[..3], [millis(1000), millis(1500), millis(2500)]);
        assert_eq!(highs[7], millis(20_000));
        assert!((0..40).all(|_| low.lost(now, 0.0) == millis(500)));
    }

    #[test]
    fn only_a_connection_that_lasted_starts_the_count_over() {
        let mut backoff = Backoff::new(Limits::default());
        let start = Instant::now();
        for _ in 0..10 {
            backoff.connected(start);
            backoff.lost(start + millis(4_999), 1.0);
        }
        assert_eq!(backoff.lost(start, 1.0), millis(20_000), "it never lasted");
        backoff.connected(start);
        assert_eq!(backoff.lost(start + millis(5_000), 1.0), millis(1_000));
    }

    #[test]
    fn the_servers_hint_is_obeyed_once_and_capped() {
        let mut backoff = Backoff::new(Limits::default());
        let now = Instant::now();
        backoff.hint(millis(3_000));
        assert_eq!(backoff.lost(now, 0.0), millis(3_000));
        assert_eq!(backoff.lost(now, 0.0), millis(500), "the hint was for one wait");
        backoff.hint(Duration::from_hours(24));
        assert_eq!(backoff.lost(now, 1.0), millis(60_500));
    }
}
