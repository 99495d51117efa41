//! A PostgreSQL for tests: the server that `TENFOUR_TEST_POSTGRES` names, or else a throw-away one of this process.
//!
//! A throw-away server is started by a shell that waits for the end of its input, which comes with the end of this
//! process however that ends, and then stops the server and removes its data.

#![allow(dead_code, reason = "not every target uses all of it")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

/// A server of our own. Stopped when dropped, or when the process ends.
pub(crate) struct Server {
    shell: Child,
    orders: ChildStdin,
    answers: BufReader<std::process::ChildStdout>,
    port: u16,
}

/// Answers each order with one line; anything but an order ends it.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
dir=$1 bin=$2 port=$3
start() { "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -o "-p $port -k $dir -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=300 -c shared_buffers=32MB" start >"$dir/out" 2>&1 && echo ok || cat "$dir/out" "$dir/log" | tr '\n' ' '; }
"$bin/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --no-locale --no-sync >"$dir/out" 2>&1 || { tr '\n' ' ' <"$dir/out"; exit 1; }
start
while read -r order; do
  case $order in
    start) start ;;
    stop) "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1; echo ok ;;
    pause) kill -STOP $(head -1 "$dir/data/postmaster.pid") $(pgrep -P $(head -1 "$dir/data/postmaster.pid")); echo ok ;;
    resume) kill -CONT $(head -1 "$dir/data/postmaster.pid") $(pgrep -P $(head -1 "$dir/data/postmaster.pid")); echo ok ;;
  esac
done
"$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1
rm -rf "$dir"
"#;

impl Server {
    pub(crate) fn start() -> Self {
        let bin = binaries();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = tempfile::Builder::new().prefix("tenfour-pg-").tempdir().unwrap().keep();
        let mut command = if is_root() {
            let user = ["postgres", "nobody"].into_iter().find(|user| run("id", &["-u", user])).unwrap();
            assert!(run("chown", &[user, dir.to_str().unwrap()]), "chown for {user}");
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", SCRIPT, "sh"]).arg(&dir).arg(&bin).arg(port.to_string()).current_dir("/");
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (orders, answers) = (shell.stdin.take().unwrap(), BufReader::new(shell.stdout.take().unwrap()));
        let mut server = Self { shell, orders, answers, port };
        server.answer();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// `start`, `stop`, `pause` or `resume`.
    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
        self.answer();
    }

    fn answer(&mut self) {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ok", "PostgreSQL did not start");
    }
}

fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.starts_with(b"0\n"))
}

/// The folder of `initdb` and `pg_ctl`: on PATH, or the newest where Debian keeps them.
fn binaries() -> PathBuf {
    let on_path = std::env::var_os("PATH").into_iter().flat_map(|p| std::env::split_paths(&p).collect::<Vec<_>>());
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    on_path
        .chain(debian.into_iter().rev())
        .find(|dir| dir.join("initdb").is_file() && dir.join("pg_ctl").is_file())
        .expect("tests need PostgreSQL: install it (Debian: apt-get install postgresql), or set TENFOUR_TEST_POSTGRES")
}

fn server() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    static OURS: OnceLock<Server> = OnceLock::new();
    URL.get_or_init(|| match std::env::var("TENFOUR_TEST_POSTGRES") {
        Ok(url) => url,
        Err(_) => OURS.get_or_init(Server::start).url(),
    })
}

/// A database of one test.
pub(crate) struct Database {
    pub(crate) url: String,
    name: String,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let base = tokio::task::spawn_blocking(server).await.unwrap();
        Self::create_on(base).await
    }

    pub(crate) async fn create_on(base: &str) -> Self {
        let name = format!("tenfour_test_{}", uuid::Uuid::new_v4().simple());
        let mut conn = connect(base).await;
        conn.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (place, options) = base.split_once('?').map_or((base, None), |(place, options)| (place, Some(options)));
        let authority = place.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let url = match options {
            Some(options) => format!("{authority}/{name}?{options}"),
            None => format!("{authority}/{name}"),
        };
        Self { url, name }
    }

    pub(crate) async fn drop(self) {
        let mut conn = connect(server()).await;
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await.unwrap();
    }
}

pub(crate) async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url).await.unwrap_or_else(|error| panic!("{error}"))
}
