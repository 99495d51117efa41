//! One daemon as a process, on one port for the whole run, behind a line of its own to everybody it talks to.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::disk::Disk;
use super::guard::{Guard, alive, signal};
use super::postgres::Postgres;
use super::process::Process;
use super::redis::Redis;
use super::trail::{heads_folder, key_file};
use super::{Plan, SECRET, free_port};
use crate::Trouble;
use crate::proxy::Proxy;

const PATIENCE: Duration = Duration::from_secs(60);
/// Quicker than the default, so that a run sees users go offline.
const HEARTBEAT_MS: u64 = 3_000;
const SILENCE_MS: u64 = 9_000;
/// What is promised of a node that is asked to end.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// Smaller than the default, so that one that stops reading for seconds fills it; a page of `sync` still finds room.
const OUTBOX_BYTES: u64 = 384 << 10;
/// From a user's last sign of life until everybody has been told: silence, sweep, and what a busy machine takes.
pub(crate) const OFFLINE_WITHIN: Duration = Duration::from_millis(SILENCE_MS + 6_000);
/// Where Debian and others put libfaketime.
const FAKETIME: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
];

#[derive(Debug)]
pub(crate) struct Node {
    pub no: u8,
    /// Between its clients and it.
    pub line: Proxy,
    pub to_postgres: Option<Proxy>,
    pub to_redis: Option<Proxy>,
    listen: SocketAddr,
    program: Vec<String>,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    process: Mutex<Option<Process>>,
    /// That processes have ended without being asked to, and how.
    ended: Mutex<Vec<String>>,
    /// Held by who stops, replaces or breaks the process: one after the other.
    pub turn: Mutex<()>,
    guard: Arc<Guard>,
    faketime: Option<&'static str>,
}

impl Node {
    pub(crate) fn prepare(
        no: u8,
        plan: &Plan,
        disk: &Disk,
        postgres: Option<&Postgres>,
        redis: Option<&Redis>,
        guard: &Arc<Guard>,
    ) -> Result<Self, Trouble> {
        let listen = free_port()?;
        let to_postgres = postgres.map(|postgres| Proxy::start(postgres.addr));
        let to_redis = redis.map(|redis| Proxy::start(redis.addr));
        let database = match &to_postgres {
            Some(line) => Postgres::url(line.addr),
            None => format!("sqlite:{}", sqlite_file(disk.folder()).display()),
        };
        let mut environment = vec![
            ("DATABASE_URL".to_owned(), database),
            ("TENFOUR_JWT_SECRET".to_owned(), SECRET.to_owned()),
            ("TENFOUR_LISTEN".to_owned(), listen.to_string()),
            ("TENFOUR_ADMIN_LISTEN".to_owned(), "off".to_owned()),
            ("TENFOUR_RATE_LIMIT".to_owned(), "off".to_owned()),
            ("TENFOUR_HEARTBEAT_INTERVAL_MS".to_owned(), HEARTBEAT_MS.to_string()),
            ("TENFOUR_HEARTBEAT_TIMEOUT_MS".to_owned(), SILENCE_MS.to_string()),
            ("TENFOUR_OUTBOX_BYTES".to_owned(), OUTBOX_BYTES.to_string()),
            ("TENFOUR_AUDIT_HEADS".to_owned(), heads_folder(&plan.folder).display().to_string()),
            ("TENFOUR_AUDIT_KEY".to_owned(), key_file(&plan.folder).display().to_string()),
            ("TENFOUR_ATTACHMENTS".to_owned(), format!("file://{}", depot(&plan.folder)?.display())),
            // A backtrace of a debug build takes more memory than the daemon itself.
            ("RUST_BACKTRACE".to_owned(), "0".to_owned()),
        ];
        if let Some(line) = &to_redis {
            environment.push(("REDIS_URL".to_owned(), format!("redis://{}/", line.addr)));
        }
        if let Some(sabotage) = &plan.sabotage {
            environment.push(("TENFOUR_SABOTAGE".to_owned(), sabotage.clone()));
        }
        let faketime = FAKETIME.into_iter().find(|file| Path::new(file).exists());
        Ok(Self {
            no,
            line: Proxy::start(listen),
            to_postgres,
            to_redis,
            listen,
            program: plan.daemon.clone(),
            environment,
            folder: plan.folder.clone(),
            process: Mutex::new(None),
            ended: Mutex::default(),
            turn: Mutex::new(()),
            guard: Arc::clone(guard),
            faketime,
        })
    }

    /// Waits until it serves.
    pub(crate) fn start(&self) -> Result<(), Trouble> {
        self.launch()?;
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready() {
            if Instant::now() > deadline {
                return Err(format!("node {} does not listen; its log is {}", self.no, self.log().display()).into());
            }
            if !self.is_running() {
                // As a service manager does: it may have come before its database.
                self.launch()?;
                std::thread::sleep(Duration::from_millis(500));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.has(Process::serves);
        Ok(())
    }

    fn launch(&self) -> Result<(), Trouble> {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).env_clear().current_dir(&self.folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("TENFOUR_FAULTS", self.socket());
        if let Some(library) = self.faketime {
            fs::write(self.clock(), "+0\n")?;
            command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", self.clock());
            command.env("FAKETIME_CACHE_DURATION", "1").env("DONT_FAKE_MONOTONIC", "1");
        }
        let log = File::options().create(true).append(true).open(self.log())?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        self.guard.watch(&format!("node-{}", self.no), child.id())?;
        *self.process() = Some(Process::of(child));
        Ok(())
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, happened: impl FnOnce(&mut Process)) {
        if let Some(process) = self.process().as_mut() {
            happened(process);
        }
    }

    /// How it ended, if it did. An end that nobody asked for is an alarm.
    fn look(&self, process: &mut Process) -> Option<ExitStatus> {
        let (status, alarm) = process.look();
        if let Some(alarm) = alarm {
            let ended = &mut self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.push(format!("node {} {alarm}", self.no));
        }
        status
    }

    /// That it has ended without being asked to, since this was asked last.
    pub(crate) fn alarms(&self) -> Vec<String> {
        self.is_running();
        std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_ready(&self) -> bool {
        let asked = || -> Result<String, Trouble> {
            let mut stream = TcpStream::connect_timeout(&self.listen, Duration::from_secs(1))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: storm\r\nconnection: close\r\n\r\n")?;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line)?;
            Ok(line)
        };
        asked().is_ok_and(|line| line.contains(" 200 "))
    }

    /// Past its line.
    pub(crate) fn listens_at(&self) -> SocketAddr {
        self.listen
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.process().as_ref().map(|process| process.child.id())
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process().as_mut().is_some_and(|process| self.look(process).is_none())
    }

    pub(crate) fn kill(&self) {
        if let Some(mut process) = self.process().take() {
            self.look(&mut process);
            drop((process.child.kill(), process.child.wait()));
            self.guard.forget(&format!("node-{}", self.no));
        }
    }

    pub(crate) fn pause(&self, paused: bool) {
        signal(if paused { "STOP" } else { "CONT" }, &self.pid().into_iter().collect::<Vec<_>>());
    }

    /// Asks it to end, as a service manager does, and says whether it did so well and in time.
    pub(crate) fn drain(&self) -> Result<(), Trouble> {
        if !self.is_running() {
            return Ok(());
        }
        let Some(pid) = self.pid() else { return Ok(()) };
        self.has(Process::may_end);
        signal("TERM", &[pid]);
        let deadline = Instant::now() + ENDS_WITHIN;
        loop {
            let ended = self.process().as_mut().and_then(|process| self.look(process));
            match ended {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("node {} ended with {status} upon SIGTERM", self.no).into()),
                None if Instant::now() > deadline => {
                    return Err(format!("node {} did not end within {ENDS_WITHIN:?} of SIGTERM", self.no).into());
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Has a part of it panic, by a fail point. `ends`: the process ends of it.
    pub(crate) fn panic(&self, part: &str, ends: bool) -> Result<(), Trouble> {
        let mut stream = UnixStream::connect(self.socket())?;
        if ends {
            // Before it may have done so.
            self.has(Process::may_end);
        }
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        writeln!(stream, "panic {part}")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        if answer.trim() == "ok" { Ok(()) } else { Err(format!("panic {part}: {answer}").into()) }
    }

    /// Sets its wall clock so many seconds off, where libfaketime is there.
    pub(crate) fn shift_clock(&self, seconds: i64) -> Result<(), Trouble> {
        if self.faketime.is_none() {
            return Err("libfaketime is missing (Debian: apt-get install faketime)".into());
        }
        Ok(fs::write(self.clock(), format!("{seconds:+}\n"))?)
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &Proxy> {
        [Some(&self.line), self.to_postgres.as_ref(), self.to_redis.as_ref()].into_iter().flatten()
    }

    pub(crate) fn heal(&self) -> Result<(), Trouble> {
        for line in self.lines() {
            line.resume();
            line.accept();
            line.slice(false);
            line.delay(Duration::ZERO);
        }
        if self.faketime.is_some() {
            self.shift_clock(0)?;
        }
        self.pause(false);
        if self.is_running() { Ok(()) } else { self.start() }
    }

    /// Memory that it has taken and touched, in bytes. Without its program, which a debug build makes some 40 MB larger.
    pub(crate) fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid().filter(|&pid| alive(pid))?)).ok()?;
        let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join(format!("node-{}.log", self.no))
    }

    fn clock(&self) -> PathBuf {
        self.folder.join(format!("node-{}.clock", self.no))
    }

    fn socket(&self) -> PathBuf {
        self.folder.join(format!("node-{}.faults", self.no))
    }
}

/// Where all nodes keep files.
fn depot(folder: &Path) -> Result<PathBuf, Trouble> {
    let depot = folder.join("files");
    fs::create_dir_all(&depot)?;
    Ok(depot)
}

/// Is libfaketime there?
pub(crate) fn can_shift_clocks() -> bool {
    FAKETIME.into_iter().any(|file| Path::new(file).exists())
}

/// Where a single node keeps its database.
pub(crate) fn sqlite_file(folder: &Path) -> PathBuf {
    folder.join("tenfour.db")
}
