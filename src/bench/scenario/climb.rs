//! Where the knee is: which rate to try next, and whether the last one was still good.
//!
//! Used by the `knee` scenario. Knows nothing of sockets or time.

/// p99 has left its plateau when it is so many times as high, and higher than anybody would call good.
const TIMES: f64 = 5.0;
const AT_LEAST_MS: f64 = 20.0;
/// A rate of which less than this is acknowledged while it lasts is not reached.
const REACHED: f64 = 0.95;
/// How often the space between the last good and the first bad rate is halved.
const HALVINGS: u32 = 3;

/// What a rate came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) rate: f64,
    pub(super) p99_ms: Option<f64>,
    /// Messages acknowledged, of those that were sent.
    pub(super) reached: f64,
    /// Something was refused or closed.
    pub(super) is_broken: bool,
}

#[derive(Debug)]
pub(super) struct Climb {
    factor: f64,
    most: f64,
    /// The lowest p99 of a good rate.
    plateau_ms: Option<f64>,
    good: Option<f64>,
    bad: Option<f64>,
    /// The rate that was bad once and is tried again.
    doubted: Option<f64>,
    halvings: u32,
}

impl Climb {
    /// Each rate is `factor` times the last one, up to `most`.
    pub(super) fn new(factor: f64, most: f64) -> Self {
        Self { factor, most, plateau_ms: None, good: None, bad: None, doubted: None, halvings: 0 }
    }

    pub(super) fn last_good(&self) -> Option<f64> {
        self.good
    }

    pub(super) fn first_bad(&self) -> Option<f64> {
        self.bad
    }

    pub(super) fn is_good(&self, step: &Step) -> bool {
        let limit = self.plateau_ms.map_or(f64::INFINITY, |plateau| (plateau * TIMES).max(AT_LEAST_MS));
        !step.is_broken && step.reached >= REACHED && step.p99_ms.is_some_and(|p99| p99 <= limit)
    }

    /// The rate to try after this one. None: that is all there is to know.
    pub(super) fn next(&mut self, step: &Step) -> Option<f64> {
        if self.is_good(step) {
            self.doubted = None;
            self.good = Some(self.good.map_or(step.rate, |good| good.max(step.rate)));
            let p99 = step.p99_ms.unwrap_or(f64::INFINITY);
            self.plateau_ms = Some(self.plateau_ms.map_or(p99, |plateau| plateau.min(p99)));
        } else if self.bad.is_none() && self.doubted != Some(step.rate) {
            // One stall of a disk is no knee.
            self.doubted = Some(step.rate);
            return Some(step.rate);
        } else {
            self.bad = Some(self.bad.map_or(step.rate, |bad| bad.min(step.rate)));
        }
        match (self.good, self.bad) {
            (Some(good), None) if good >= self.most => None,
            (Some(good), None) => Some((good * self.factor).min(self.most)),
            (Some(good), Some(bad)) if self.halvings < HALVINGS => {
                self.halvings += 1;
                Some(f64::midpoint(good, bad))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A daemon whose p99 is 2 ms up to `capacity`, and grows beyond.
    fn play(capacity: f64, spoiled: &[usize]) -> (Climb, Vec<f64>) {
        let (mut climb, mut rates, mut rate) = (Climb::new(2.0, 100_000.0), Vec::new(), 100.0);
        loop {
            let p99 = if rate <= capacity && !spoiled.contains(&rates.len()) { 2.0 } else { 300.0 };
            rates.push(rate);
            let step = Step { rate, p99_ms: Some(p99), reached: 1.0, is_broken: false };
            match climb.next(&step) {
                Some(next) => rate = next,
                None => return (climb, rates),
            }
        }
    }

    #[test]
    fn it_climbs_doubts_and_halves() {
        let (climb, rates) = play(1000.0, &[]);
        assert_eq!(rates, [100.0, 200.0, 400.0, 800.0, 1600.0, 1600.0, 1200.0, 1000.0, 1100.0]);
        assert_eq!((climb.last_good(), climb.first_bad()), (Some(1000.0), Some(1100.0)));
    }

    #[test]
    fn one_bad_moment_is_no_knee() {
        let (climb, rates) = play(1000.0, &[2]);
        assert_eq!(rates[..5], [100.0, 200.0, 400.0, 400.0, 800.0]);
        assert_eq!(climb.last_good(), Some(1000.0));
    }

    #[test]
    fn a_daemon_that_never_gives_in_and_one_that_does_at_once_end_it_too() {
        let (climb, rates) = play(f64::INFINITY, &[]);
        assert_eq!((climb.last_good(), climb.first_bad(), rates.last()), (Some(100_000.0), None, Some(&100_000.0)));
        let mut climb = Climb::new(2.0, 1000.0);
        let broken = Step { rate: 100.0, p99_ms: None, reached: 0.1, is_broken: true };
        assert_eq!((climb.next(&broken), climb.next(&broken)), (Some(100.0), None));
        assert_eq!((climb.last_good(), climb.first_bad()), (None, Some(100.0)));
    }

    #[test]
    fn a_rate_that_is_not_reached_or_refused_is_not_good_however_quick_the_rest_is() {
        let climb = Climb::new(2.0, 1000.0);
        let step = Step { rate: 100.0, p99_ms: Some(1.0), reached: 1.0, is_broken: false };
        assert!(climb.is_good(&step));
        assert!(!climb.is_good(&Step { reached: 0.9, ..step }) && !climb.is_good(&Step { is_broken: true, ..step }));
    }
}
