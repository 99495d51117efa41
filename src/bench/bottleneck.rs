//! Whether this side, and not the daemon, was what held the load up.

use super::histogram::Histogram;
use super::report::Generator;

/// A thread that works so much of the time has no time left to be on time.
const BUSY: f64 = 0.9;
/// Messages that go out later than this are no steady load.
const LATE_MS: f64 = 5.0;
/// So much of a machine is all of it.
const FULL: f64 = 0.95;

/// What was seen of a run.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) threads: usize,
    pub(crate) busiest: Option<f64>,
    pub(crate) cpus: Option<f64>,
    /// Where messages had a time of their own.
    pub(crate) lateness: Option<Histogram>,
    /// Of a daemon on this machine.
    pub(crate) daemon_cpus: Option<f64>,
    pub(crate) processors: f64,
}

/// What is said of it, in the report and in words.
pub(crate) fn judge(seen: Seen) -> (Generator, Vec<String>) {
    let mut warnings = Vec::new();
    if let Some(busiest) = seen.busiest.filter(|busiest| *busiest >= BUSY) {
        warnings.push(format!(
            "the load generator was the bottleneck: a thread of it was busy for {:.0} % of the time; give it more --threads, \
             or a machine of its own",
            busiest * 100.0
        ));
    }
    let late = seen.lateness.as_ref().and_then(|times| times.quantile_ms(0.99)).filter(|p99| *p99 > LATE_MS);
    if let Some(late) = late {
        warnings.push(format!(
            "the load generator was late: one message in a hundred went out {late:.1} ms or more after its time; the \
             latencies count that"
        ));
    }
    let is_bottleneck = !warnings.is_empty();
    if let (Some(own), Some(daemon)) = (seen.cpus, seen.daemon_cpus)
        && own + daemon >= FULL * seen.processors
    {
        warnings.push(format!(
            "the machine was full: the daemon used {daemon:.2} and the load {own:.2} of its {:.0} processors; on a machine \
             of its own the daemon does more",
            seen.processors
        ));
    }
    let Seen { threads, busiest, cpus, lateness, .. } = seen;
    (Generator { threads, busiest, cpus, lateness, is_bottleneck }, warnings)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn seen() -> Seen {
        Seen { threads: 1, busiest: Some(0.5), cpus: Some(0.5), processors: 2.0, ..Seen::default() }
    }

    fn times(ms: u64) -> Histogram {
        let mut times = Histogram::default();
        times.record(Duration::from_millis(ms));
        times
    }

    #[test]
    fn a_busy_thread_and_a_late_one_are_the_bottleneck_and_a_full_machine_is_told() {
        let verdict = |seen| {
            let (generator, warnings) = judge(seen);
            (generator.is_bottleneck, warnings.len())
        };
        assert_eq!(verdict(Seen { daemon_cpus: Some(1.0), lateness: Some(times(1)), ..seen() }), (false, 0));
        assert_eq!(verdict(Seen { busiest: Some(0.97), ..seen() }), (true, 1));
        assert_eq!(verdict(Seen { lateness: Some(times(20)), ..seen() }), (true, 1));
        assert_eq!(verdict(Seen { daemon_cpus: Some(1.45), ..seen() }), (false, 1));
        assert_eq!(verdict(Seen { processors: 2.0, ..Seen::default() }), (false, 0));
    }
}
