//! A throw-away PostgreSQL that loses nothing at a power cut, other than the one of the tests: `fsync` and
//! `synchronous_commit` are on.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Ends when dropped, or when this process does: the shell reads until there is nobody to write.
pub(crate) struct Postgres {
    shell: Child,
    until: Option<ChildStdin>,
    port: u16,
}

const SCRIPT: &str = r#"
trap '' INT TERM HUP
dir=$1 bin=$2 port=$3
fail() { tr '\n' ' ' <"$1"; rm -rf "$dir"; exit 1; }
"$bin/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --no-locale >"$dir/out" 2>&1 || fail "$dir/out"
"$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -o "-p $port -k $dir -c listen_addresses=127.0.0.1 -c fsync=on -c synchronous_commit=on" start >"$dir/out" 2>&1 || fail "$dir/log"
echo ok
cat >/dev/null
"$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1
rm -rf "$dir"
"#;

impl Postgres {
    /// None where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        let bin = binaries()?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = tempfile::Builder::new().prefix("tenfour-bench-").tempdir().unwrap().keep();
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"));
        let mut command = if is_root {
            // PostgreSQL refuses to run as root.
            let chown = Command::new("chown").arg("postgres").arg(&dir).status().unwrap();
            assert!(chown.success(), "a user named postgres is needed, to run the server as");
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", SCRIPT, "sh"]).arg(&dir).arg(bin).arg(port.to_string()).current_dir("/");
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let until = shell.stdin.take();
        let mut answer = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut answer).unwrap();
        assert_eq!(answer.trim(), "ok", "PostgreSQL did not start");
        Some(Self { shell, until, port })
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.until.take());
        // Nothing of it is needed any more.
        let _ = self.shell.wait();
    }
}

/// The folder of `initdb` and `pg_ctl`: on PATH, or the newest where Debian keeps them.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort();
    folders.reverse();
    std::env::split_paths(&path)
        .chain(folders)
        .find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}
