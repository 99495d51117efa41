//! What the system says of this process, under the names that all exporters share.
//!
//! Read anew at each scrape. Where there is no /proc, or where it may not be read, the metric is left out.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// What /proc/self/stat counts in, whatever the kernel itself does.
const TICKS_PER_SECOND: f64 = 100.0;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, metric) in readings() {
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
        }
        Ok(())
    }
}

type Reading = (&'static str, &'static str, Box<dyn EncodeMetric>);

fn readings() -> Vec<Reading> {
    let gauge = |value: i64| -> Box<dyn EncodeMetric> { Box::new(ConstGauge::new(value)) };
    let cpu = cpu_seconds().map(|seconds| -> Reading {
        ("process_cpu_seconds", "User and system time.", Box::new(ConstCounter::new(seconds)))
    });
    let memory = resident_bytes().map(|bytes| ("process_resident_memory_bytes", "Resident memory.", gauge(bytes)));
    let open = open_fds().map(|open| ("process_open_fds", "Open file descriptors.", gauge(open)));
    let max = max_fds().map(|max| ("process_max_fds", "File descriptors that may be open at a time.", gauge(max)));
    [cpu, memory, open, max].into_iter().flatten().collect()
}

fn cpu_seconds() -> Option<f64> {
    ticks(&fs::read_to_string("/proc/self/stat").ok()?).map(|ticks| ticks / TICKS_PER_SECOND)
}

/// `utime` and `stime`, the 14th and 15th field. The second one is the program's name and may hold anything.
fn ticks(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(next()? + next()?)
}

fn resident_bytes() -> Option<i64> {
    in_kib(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

fn in_kib(status: &str, name: &str) -> Option<i64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix(" kB")?.parse::<i64>().ok()?.checked_mul(1024)
}

/// Open file descriptors, without the one that counts them.
pub fn open_fds() -> Option<i64> {
    i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1)).ok()
}

/// How many may be open; None also where there is no limit.
pub fn max_fds() -> Option<i64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let value = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_any_name_has_its_time_read() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
        for name in ["tenfour", "a b", "(x) S 1", ") "] {
            assert_eq!(ticks(&format!("42 ({name}) {rest}")), Some(300.0), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for stat in ["", "42 (x", "42 (x) S 1 2", "42 (x) S 1 2 3 4 5 6 7 8 9 10 a b"] {
            assert_eq!(ticks(stat), None, "{stat}");
        }
        assert_eq!(in_kib("VmRSS:\t  12 kB\n", "VmRSS:"), Some(12 * 1024));
        assert_eq!(in_kib("VmRSS:\t  12\n", "VmRSS:"), None);
        assert_eq!(in_kib("", "VmRSS:"), None);
    }
}
