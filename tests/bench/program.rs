//! The program and a daemon, each as a process.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const SECRET: &str = "a secret of the tests, of 32 bytes and more";

/// How the program ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `tenfour bench`. A database and a secret in the environment are somebody else's.
pub(crate) fn bench(arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenfour"));
    command.env_clear().current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing");
    let output = command.arg("bench").args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("no JSON ({error}): {ran:?}"))
}

/// A daemon that runs until the value goes.
pub(crate) struct Daemon {
    child: Child,
    addr: SocketAddr,
    folder: TempDir,
}

impl Daemon {
    pub(crate) fn start(rate_limit: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut secret =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.path().join("secret")).unwrap();
        secret.write_all(SECRET.as_bytes()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenfour"));
        command.env_clear().current_dir(folder.path());
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "off",
            "--database-url",
            "sqlite::memory:",
        ]);
        command.args(["--jwt-secret-file", "secret", "--rate-limit", rate_limit]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let addr = lines.find_map(|line| Some(line.split_once("listening on ")?.1.trim().parse().unwrap()));
        // It goes on talking, and must not be held up by nobody listening.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, addr: addr.unwrap(), folder }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws", self.addr)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn secret(&self) -> &'static str {
        // The folder's name is made up anew for each daemon; a test needs a text that outlives its borrow.
        Box::leak(self.folder.path().join("secret").display().to_string().into_boxed_str())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
