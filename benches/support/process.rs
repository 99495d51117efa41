//! A server as a process of its own, so that what it uses is not what the load uses.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// The first argument of a process that plays the server.
const SERVE: &str = "serve";

/// This benchmark, or another build of it, as a server. Ends when dropped, or when this process does.
pub(crate) struct Server {
    child: Child,
    /// Its end is the server's.
    _until: ChildStdin,
    /// What it said when it was ready.
    pub(crate) said: Vec<String>,
}

impl Server {
    /// `role` are the words that [`role`] gives in the new process.
    pub(crate) fn start(program: &Path, role: &[&str]) -> Self {
        Self::spawn(Command::new(program), role)
    }

    /// On this processor alone.
    pub(crate) fn start_on(processor: usize, program: &Path, role: &[&str]) -> Self {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(processor.to_string()).arg(program);
        Self::spawn(command, role)
    }

    fn spawn(mut command: Command, role: &[&str]) -> Self {
        command.arg(SERVE).args(role).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let until = child.stdin.take().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        assert_eq!(words.next().as_deref(), Some("ready"), "the server {role:?} did not start");
        Self { child, _until: until, said: words.collect() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Time on any processor since its start, in user and kernel mode.
    pub(crate) fn cpu(&self) -> Duration {
        cpu(&self.id().to_string())
    }

    /// Resident memory in bytes.
    pub(crate) fn rss(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same of this process.
pub(crate) fn own_cpu() -> Duration {
    cpu("self")
}

fn cpu(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name before it may hold anything but a closing bracket that is not its own.
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 1..].split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    Duration::from_secs(ticks(11) + ticks(12)) / ticks_a_second()
}

/// What this process is to be, where it is a server.
pub(crate) fn role() -> Option<Vec<String>> {
    let mut words = std::env::args().skip(1);
    (words.next()? == SERVE).then(|| words.collect())
}

/// Said by a server that takes connections.
pub(crate) fn ready(words: &[String]) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready {}", words.join(" ")).and_then(|()| out.flush()).unwrap();
    std::thread::spawn(|| {
        // Whoever started us is gone when this ends.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

/// Keeps this process to one processor. False where that cannot be done.
pub(crate) fn stay_on(processor: usize) -> bool {
    let mut command = Command::new("taskset");
    command.args(["-cp", &processor.to_string(), &std::process::id().to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

pub(crate) fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// How many files this process and its children may have open.
pub(crate) fn open_files_limit() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap_or(u64::MAX)
}

fn ticks_a_second() -> u32 {
    static TICKS: OnceLock<u32> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let asked = Command::new("getconf").arg("CLK_TCK").output().ok();
        asked.and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse().ok()).unwrap_or(100)
    })
}
