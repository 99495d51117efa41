//! A Redis of the run's own, on one port for the whole run.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::free_port;
use super::guard::{Guard, alive, signal};
use crate::Trouble;

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Redis {
    pub addr: SocketAddr,
    folder: PathBuf,
    server: Mutex<Option<Child>>,
    guard: Arc<Guard>,
}

impl Redis {
    pub(crate) fn start(folder: &Path, guard: &Arc<Guard>) -> Result<Self, Trouble> {
        let redis =
            Self { addr: free_port()?, folder: folder.to_owned(), server: Mutex::new(None), guard: Arc::clone(guard) };
        redis.launch()?;
        Ok(redis)
    }

    /// Starts it empty.
    pub(crate) fn launch(&self) -> Result<(), Trouble> {
        let port = self.addr.port().to_string();
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--daemonize", "no"])
            .args(["--logfile", "redis.log", "--dir"])
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server cannot be run: {error}"))?;
        self.guard.watch("redis", server.id())?;
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        let deadline = Instant::now() + PATIENCE;
        while self.command("PING").is_err() {
            if Instant::now() > deadline {
                return Err("redis-server does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Child::id)
    }

    pub(crate) fn kill(&self) {
        if let Some(mut server) = self.server.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop((server.kill(), server.wait()));
            self.guard.forget("redis");
        }
    }

    pub(crate) fn pause(&self, paused: bool) {
        signal(if paused { "STOP" } else { "CONT" }, &self.pid().into_iter().collect::<Vec<_>>());
    }

    pub(crate) fn heal(&self) -> Result<(), Trouble> {
        self.pause(false);
        if self.pid().is_some_and(alive) { Ok(()) } else { self.launch() }
    }

    /// One command of plain words; the raw answer.
    pub(crate) fn command(&self, words: &str) -> Result<String, Trouble> {
        let mut stream = TcpStream::connect_timeout(&self.addr, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(format!("{words}\r\nQUIT\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.is_empty() || answer.starts_with('-') {
            return Err(format!("{words}: {answer}").into());
        }
        Ok(answer)
    }
}
