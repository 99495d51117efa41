//! A daemon of the measurement's own: a child on loopback with a database that nobody else uses.
//!
//! Started where no address is given. It ends when the measurement does, even when that is killed: it reads its standard
//! input until there is nobody to write. Takes no setting from the environment, which may name a real database.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::BenchError;
use crate::config::CREDENTIALS_ENV;
use crate::config::settings::{CONFIG_ENV, SETTINGS};

/// What the child says when it takes connections, followed by the address.
pub const READY: &str = "ready ";
/// It drains for at most half a second.
const GOODBYE: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(20);

/// A folder that goes when this does.
pub struct Folder(PathBuf);

impl Folder {
    pub fn make() -> Result<Self, BenchError> {
        let path = std::env::temp_dir().join(format!("tenfour-bench-{}", uuid::Uuid::new_v4().simple()));
        // Others on this machine may not look into it.
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| BenchError::Failed(format!("cannot make the folder {}: {error}", path.display())))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a secret that is good for nothing else.
    pub fn secret(&self) -> Result<PathBuf, BenchError> {
        let file = self.0.join("secret");
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).and_then(|mut out| {
            let halves = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
            writeln!(out, "{}{}", halves[0].simple(), halves[1].simple())
        });
        written.map_err(|error| BenchError::Failed(format!("cannot write {}: {error}", file.display())))?;
        Ok(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is of no use, and no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A daemon that runs. Ends when dropped.
pub struct OwnDaemon {
    child: Child,
    until: Option<ChildStdin>,
    pub url: String,
}

impl OwnDaemon {
    /// Starts `program` with these arguments, and waits until it takes connections.
    pub fn start(program: &Path, arguments: &[String]) -> Result<Self, BenchError> {
        let failed = |what: String| BenchError::Failed(format!("cannot start a daemon: {what}"));
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C is for the measurement, which then ends the child.
        command.process_group(0);
        for setting in SETTINGS {
            command.env_remove(setting.env);
        }
        command.env_remove(CONFIG_ENV).env_remove(CREDENTIALS_ENV);
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let until = child.stdin.take();
        let mut line = String::new();
        let read = child.stdout.take().map_or(Ok(0), |out| BufReader::new(out).read_line(&mut line));
        let mut daemon = Self { child, until, url: String::new() };
        let Some(address) = line.trim().strip_prefix(READY.trim()) else {
            let why =
                read.err().map_or_else(|| "it ended; what it said is above".to_owned(), |error| error.to_string());
            return Err(failed(why));
        };
        daemon.url = format!("ws://{}/ws", address.trim());
        Ok(daemon)
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for OwnDaemon {
    fn drop(&mut self) {
        drop(self.until.take());
        let deadline = Instant::now() + GOODBYE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                // It may have ended by itself meanwhile.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(GLANCE);
        }
    }
}
