//! A PostgreSQL of the run's own, with every commit on the disk before it is said.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::free_port;
use super::guard::{Guard, alive, family, run, signal};
use crate::Trouble;

const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Postgres {
    pub addr: SocketAddr,
    data: PathBuf,
    name: &'static str,
    guard: Arc<Guard>,
}

impl Postgres {
    /// Makes a cluster in a folder that is not there yet, and starts it.
    pub(crate) fn create(data: &Path, guard: &Arc<Guard>) -> Result<Self, Trouble> {
        let mut initdb = as_owner("initdb")?;
        initdb.arg("-D").arg(data).args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale"]);
        run(&mut initdb)?;
        let postgres = Self { addr: free_port()?, data: data.to_owned(), name: "postgres", guard: Arc::clone(guard) };
        postgres.start()?;
        postgres.sql("CREATE DATABASE storm", "postgres")?;
        Ok(postgres)
    }

    /// Starts what a power cut has left of one.
    pub(crate) fn wake(data: &Path, guard: &Arc<Guard>) -> Result<Self, Trouble> {
        // The number of a process of before the cut.
        drop(fs::remove_file(data.join("postmaster.pid")));
        let postgres = Self { addr: free_port()?, data: data.to_owned(), name: "copy", guard: Arc::clone(guard) };
        postgres.start()?;
        Ok(postgres)
    }

    pub(crate) fn url(addr: SocketAddr) -> String {
        format!("postgres://postgres@{addr}/storm")
    }

    pub(crate) fn start(&self) -> Result<(), Trouble> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.try_start() {
                Ok(()) => return Ok(()),
                // After kill -9 of the postmaster, its children may hold the shared memory for a moment.
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    fn try_start(&self) -> Result<(), Trouble> {
        let log = self.data.with_extension("log");
        let mut command = as_owner("postgres")?;
        command.arg("-D").arg(&self.data).args(["-p", &self.addr.port().to_string(), "-k", ""]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "fsync=on",
            "max_connections=150",
            "shared_buffers=64MB",
            "max_wal_size=192MB",
            "min_wal_size=32MB",
            "checkpoint_timeout=60s",
            "logging_collector=off",
        ] {
            command.args(["-c", setting]);
        }
        let written = fs::File::options().create(true).append(true).open(&log)?;
        let mut server = command.stdin(Stdio::null()).stdout(written.try_clone()?).stderr(written).spawn()?;
        let deadline = Instant::now() + PATIENCE;
        while self.sql("SELECT 1", "postgres").is_err() {
            if server.try_wait()?.is_some() {
                let said = fs::read_to_string(&log).unwrap_or_default();
                let last: Vec<&str> = said
                    .lines()
                    .rev()
                    .filter(|line| line.contains("FATAL") || line.contains("PANIC"))
                    .take(3)
                    .collect();
                return Err(format!("postgres ended at once: {}", last.join(" / ")).into());
            }
            if Instant::now() > deadline {
                drop((server.kill(), server.wait()));
                return Err("postgres does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        if let Some(pid) = self.pid() {
            self.guard.watch(self.name, pid)?;
        }
        reap(server);
        Ok(())
    }

    /// Of the postmaster, if it is there.
    pub(crate) fn pid(&self) -> Option<u32> {
        let file = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok().filter(|&pid| alive(pid))
    }

    pub(crate) fn kill(&self) {
        if let Some(pid) = self.pid() {
            let all = family(pid);
            signal("KILL", &all);
            let deadline = Instant::now() + Duration::from_secs(5);
            while all.iter().any(|&pid| alive(pid)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        self.guard.forget(self.name);
    }

    /// Kills the process of one session, upon which PostgreSQL ends all of them and recovers.
    pub(crate) fn kill_backend(&self) -> Result<(), Trouble> {
        let pid = self.sql(
            "SELECT pid FROM pg_stat_activity WHERE datname = 'storm' AND application_name <> 'psql' LIMIT 1",
            "storm",
        )?;
        let pid = pid.trim().parse().map_err(|_| "nobody is connected")?;
        signal("KILL", &[pid]);
        Ok(())
    }

    pub(crate) fn pause(&self, paused: bool) {
        if let Some(pid) = self.pid() {
            signal(if paused { "STOP" } else { "CONT" }, &family(pid));
        }
    }

    pub(crate) fn heal(&self) -> Result<(), Trouble> {
        self.pause(false);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.pid().is_none() {
                return self.start();
            }
            match self.sql("SELECT 1", "storm") {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Runs statements and gives the rows, columns apart by `|`.
    pub(crate) fn sql(&self, statements: &str, database: &str) -> Result<String, Trouble> {
        let mut command = Command::new(binary("psql")?);
        command.env("PGCONNECT_TIMEOUT", "3").env("PGOPTIONS", "-c statement_timeout=10000");
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres"]);
        command.args(["-p", &self.addr.port().to_string(), "-d", database, "-c", statements]);
        run(&mut command)
    }
}

/// Waits for a child's end, so that it does not stay as a zombie.
fn reap(mut child: Child) {
    std::thread::spawn(move || drop(child.wait()));
}

/// A program of PostgreSQL, as a user that it agrees to run as: never root.
fn as_owner(program: &str) -> Result<Command, Trouble> {
    let program = binary(program)?;
    if !is_root() {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups", "--"]).arg(program);
    command.current_dir("/");
    Ok(command)
}

pub(crate) fn is_root() -> bool {
    run(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// On PATH, or the newest where Debian keeps them.
fn binary(name: &str) -> Result<PathBuf, Trouble> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    let found = std::env::split_paths(&path).chain(debian.into_iter().rev()).map(|folder| folder.join(name));
    let found = found.into_iter().find(|file| file.is_file());
    found.ok_or_else(|| format!("{name} is missing: install PostgreSQL (Debian: apt-get install postgresql)").into())
}
