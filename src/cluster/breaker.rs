//! When Redis is asked at all: after a failure nobody tries for a while, then one does. Pure.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// A circuit breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// Nobody tries before this; after it one does.
    closed_until: Option<Instant>,
    trying: bool,
}

impl Breaker {
    /// Whether the last call that ended went well.
    pub(super) fn is_up(&self) -> bool {
        self.failures == 0
    }

    /// May a call be made now? While Redis is away, one at a time finds out whether it is back.
    pub(super) fn may_try(&mut self, now: Instant) -> bool {
        match self.closed_until {
            None => true,
            Some(until) if now >= until && !self.trying => {
                self.trying = true;
                true
            }
            Some(_) => false,
        }
    }

    /// A call went well. True when that is news.
    pub(super) fn succeeded(&mut self) -> bool {
        let news = self.failures > 0;
        *self = Self::default();
        news
    }

    /// A call failed. `share`, from 0 to 1, spreads the tries of several nodes. True when that is news.
    pub(super) fn failed(&mut self, now: Instant, share: f64) -> bool {
        let news = self.failures == 0;
        let wait = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.closed_until = Some(now + wait.mul_f64(f64::midpoint(share, 1.0)));
        self.trying = false;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_one_call_at_a_time_finds_out() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        assert!(breaker.may_try(start) && breaker.may_try(start) && breaker.is_up());
        assert!(breaker.failed(start, 1.0), "news");
        assert!(!breaker.may_try(start + Duration::from_millis(49)) && !breaker.is_up());
        let later = start + Duration::from_millis(50);
        assert!(breaker.may_try(later) && !breaker.may_try(later), "one");
        assert!(!breaker.failed(later, 1.0), "no news");
        assert!(!breaker.may_try(later + Duration::from_millis(99)));
        assert!(breaker.may_try(later + Duration::from_millis(100)));
        assert!(breaker.succeeded() && breaker.is_up() && !breaker.succeeded());
        assert!(breaker.may_try(later) && breaker.may_try(later));
    }

    #[test]
    fn the_wait_grows_to_its_longest_and_no_further() {
        let (mut breaker, mut now) = (Breaker::default(), Instant::now());
        for _ in 0..100 {
            breaker.failed(now, 1.0);
            now += LONGEST;
            assert!(breaker.may_try(now));
        }
    }
}
