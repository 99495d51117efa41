//! What a process and this thread have used, as Linux tells it. Elsewhere nothing is told.

use std::fs;
use std::time::Duration;

/// `/proc` counts in hundredths of a second, on every machine that Rust runs on.
const TICKS_A_SECOND: u32 = 100;

/// Of a process, since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// In user and in kernel mode, on all processors.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident: u64,
}

impl Usage {
    /// None where there is no such process, or no `/proc`.
    pub fn of(process: u32) -> Option<Self> {
        let cpu = cpu_in(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)?;
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        Some(Self { cpu, resident: resident_in(&status)? })
    }
}

/// What the calling thread has used.
pub(crate) fn own_thread() -> Option<Duration> {
    cpu_in(&fs::read_to_string("/proc/thread-self/stat").ok()?)
}

/// How many files this process may have open.
pub(crate) fn open_files() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn cpu_in(stat: &str) -> Option<Duration> {
    // The name before it may hold anything but a closing bracket that is not its own.
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Duration::from_secs(ticks(11)? + ticks(12)?) / TICKS_A_SECOND)
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processs_name_may_hold_anything() {
        let stat = "17 (a) b (c)) S 1 17 17 0 -1 4194304 150 0 0 0 250 50 0 0 20 0 1 0";
        assert_eq!(cpu_in(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu_in("17 (a"), None);
        assert_eq!(resident_in("VmPeak:\t  10 kB\nVmRSS:\t     2048 kB\n"), Some(2 << 20));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_something_and_no_process_is_none() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.resident > 0 && own_thread().is_some() && open_files().is_some());
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
