//! The daemon as a process, to be ended in ways that only a process can be.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tenfour::auth::mint;
use tenfour::config::AuthSettings;

use super::daemon::{PATIENCE, SECRET, name_of};
use super::socket::TestSocket;

/// A running `tenfour serve` on a free port, killed with the value.
pub struct ProcessDaemon {
    pub addr: SocketAddr,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

/// The command, with settings from the environment alone.
pub fn command(database: &str, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenfour"));
    command.env_clear().current_dir(std::env::temp_dir());
    command.env("DATABASE_URL", database).env("TENFOUR_JWT_SECRET", SECRET);
    command.env("TENFOUR_LISTEN", "127.0.0.1:0").env("TENFOUR_ADMIN_LISTEN", "127.0.0.1:0");
    command.env("TENFOUR_RATE_LIMIT", "off").envs(settings.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl ProcessDaemon {
    /// Waits until it listens.
    pub fn start(database: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_as(command(database, settings))
    }

    /// The same with so many file descriptors at most.
    pub fn start_with_few_files(database: &str, settings: &[(&str, &str)], files: u32) -> Self {
        let plain = command(database, settings);
        let mut limited = Command::new("/bin/sh");
        limited.args(["-c", &format!("ulimit -n {files} && exec \"$0\"")]).arg(plain.get_program());
        limited.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.current_dir(std::env::temp_dir());
        limited.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Self::start_as(limited)
    }

    /// The same of any command that comes to be one, such as a daemon with settings from elsewhere.
    pub fn start_as(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the binary");
        let stderr = BufReader::new(child.stderr.take().expect("its log"));
        let log = Arc::new(Mutex::new(Vec::new()));
        let (found, addr) = mpsc::channel();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let addr =
                    line.split_once("listening on ").map(|(_, addr)| addr.trim_end_matches(['"', '}']).to_owned());
                // Before it is said that it listens: who is told looks at the log.
                kept.lock().unwrap().push(line);
                if let Some(addr) = addr {
                    // Said once; nobody waits for a second one.
                    let _ = found.send(addr.parse().expect("an address"));
                }
            }
        });
        let Ok(addr) = addr.recv_timeout(PATIENCE) else {
            drop(child.kill());
            panic!("it does not listen:\n{}", log.lock().unwrap().join("\n"));
        };
        Self { addr, child, log }
    }

    pub fn url(&self) -> String {
        format!("ws://{}/ws", self.addr)
    }

    pub async fn connect(&self, sub: &str) -> TestSocket {
        TestSocket::connect(sub, &self.url(), &token(sub)).await
    }

    /// As the machine's own out-of-memory killer does.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("its end");
    }

    /// As systemd asks a service to stop.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    pub async fn wait(&mut self, time: Duration) -> ExitStatus {
        let deadline = Instant::now() + time;
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status;
            }
            assert!(Instant::now() < deadline, "still there after {time:?}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its files").count()
    }

    /// Resident memory, in bytes.
    pub fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let kilobytes: usize = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number");
        kilobytes * 1024
    }
}

impl Drop for ProcessDaemon {
    fn drop(&mut self) {
        // It may have ended before.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A token that a process takes, of a user who is made by it.
pub fn token(sub: &str) -> String {
    mint(&AuthSettings::with_secret(SECRET), sub, &name_of(sub), None, Duration::from_secs(3600)).unwrap()
}
