//! Sockets that the service manager has bound: by systemd's own tool, which a machine without systemd does not have.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::daemon::{PATIENCE, SECRET};

const TOOL: &str = "systemd-socket-activate";
/// As a service manager would: starts the daemon anew whenever it ends, until it is told to let go. The sockets stay open in
/// this shell. Each daemon leaves its process's number, and is the process for which the sockets are meant.
const RUN_AGAIN: &str = "until [ -e let-go ]; do \
     sh -c 'echo $$ > pid.new; mv pid.new pid; LISTEN_PID=$$ exec \"$0\" serve' \"$0\" 2>>log; echo \"$?\" >> codes; done";
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Enough for one of them to be on its way in at any moment of a restart.
const ASKERS: usize = 8;
const RESTARTS: usize = 6;
const TRIES: usize = 5;
/// A socket that nobody gave a name.
const UNNAMED: &str = "-";

/// False where the tool is missing, which is said.
fn has_tool() -> bool {
    let there = Command::new(TOOL).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        let _ = writeln!(std::io::stderr(), "left out: {TOOL} is missing (Debian, Ubuntu: apt-get install systemd)");
    }
    there
}

/// Free now; nobody else here takes one without asking for it.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The tool with a daemon behind it, ended with the value.
struct Activated {
    tool: Child,
    folder: tempfile::TempDir,
    addrs: Vec<SocketAddr>,
}

impl Activated {
    /// On loopback, with sockets of these names.
    fn start(names: &[&str]) -> Self {
        Self::start_with([127, 0, 0, 1], names, &[])
    }

    fn start_with(ip: [u8; 4], names: &[&str], settings: &[(&str, &str)]) -> Self {
        // Somebody else may take a free port before the tool does.
        let started = (0..TRIES).find_map(|_| Self::launch(ip, names, settings));
        started.unwrap_or_else(|| panic!("{TOOL} does not listen on any of {TRIES} free ports"))
    }

    fn launch(ip: [u8; 4], names: &[&str], settings: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", folder.path().join("tenfour.db").display());
        let addrs: Vec<_> = names.iter().map(|_| SocketAddr::from((ip, free_port()))).collect();
        let mut command = Command::new(TOOL);
        for addr in &addrs {
            command.arg("--listen").arg(addr.to_string());
        }
        let mut all = vec![
            ("PATH", "/usr/bin:/bin"),
            ("DATABASE_URL", &database),
            ("TENFOUR_JWT_SECRET", SECRET),
            // Nothing of this is bound where a socket is handed over.
            ("TENFOUR_LISTEN", "192.0.2.1:1"),
            ("TENFOUR_ADMIN_LISTEN", if names.contains(&"admin") { "192.0.2.1:2" } else { "off" }),
            ("TENFOUR_DRAIN_MS", "1s"),
        ];
        all.extend(settings);
        for (name, value) in all {
            command.arg(format!("--setenv={name}={value}"));
        }
        if names != [UNNAMED] {
            command.arg(format!("--fdname={}", names.join(":")));
        }
        command.args(["sh", "-c", RUN_AGAIN, env!("CARGO_BIN_EXE_tenfour")]).current_dir(folder.path());
        let tool = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut activated = Self { tool, folder, addrs };
        // From here on somebody listens, whether a daemon is there or not.
        let here = SocketAddr::from(([127, 0, 0, 1], activated.addrs[0].port()));
        let (mut listens, mut ended) = (false, false);
        until("the tool listens", || {
            listens = TcpStream::connect(here).is_ok();
            ended = matches!(activated.tool.try_wait(), Ok(Some(_)));
            listens || ended
        });
        listens.then_some(activated)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn process(&self) -> Option<u32> {
        self.read("pid").trim().parse().ok()
    }

    fn terminate(&self) {
        if let Some(process) = self.process() {
            // It may have ended by itself.
            drop(Command::new("kill").args(["-TERM", &process.to_string()]).stderr(Stdio::null()).status());
        }
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        drop(fs::write(self.path("let-go"), ""));
        self.terminate();
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.tool.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(self.tool.kill());
        drop(self.tool.wait());
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// One connection, one request: its answer's first line.
fn ask(addr: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn a_restart_refuses_no_connection() {
    if !has_tool() {
        return;
    }
    let activated = Activated::start(&["public"]);
    let addr = activated.addrs[0];
    until("a first answer", || ask(addr).is_ok_and(|line| line.ends_with("200 OK")));
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let askers: Vec<_> = (0..ASKERS)
        .map(|_| {
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let answer = ask(addr);
                    assert!(answer.as_ref().is_ok_and(|line| line.ends_with("200 OK")), "{answer:?}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut before = asked.load(Ordering::Relaxed);
    for round in 1..=RESTARTS {
        until("answers", || {
            asked.load(Ordering::Relaxed) >= before + 20 || askers.iter().any(std::thread::JoinHandle::is_finished)
        });
        let process = activated.process();
        activated.terminate();
        until("its end", || activated.read("codes").lines().count() >= round);
        until("another daemon", || activated.process() != process);
        // Counted from here, so that it is the new one that answers.
        before = asked.load(Ordering::Relaxed);
    }
    until("answers of the last one", || asked.load(Ordering::Relaxed) >= before + 20);
    stop.store(true, Ordering::Relaxed);
    for asker in askers {
        asker.join().expect("each connection was taken and answered");
    }
    assert_eq!(activated.read("codes"), "0\n".repeat(RESTARTS), "{}", activated.read("log"));
    assert!(activated.read("log").contains(&format!("listening on {addr}")), "{}", activated.read("log"));
}

#[test]
fn sockets_go_by_their_names_and_the_only_one_needs_none() {
    if !has_tool() {
        return;
    }
    let status = |addr, target: &str| {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let both = Activated::start(&["admin", "public"]);
    let [admin, public] = both.addrs[..] else { panic!("two addresses") };
    assert_eq!((status(admin, "/metrics"), status(public, "/metrics")), ("200".to_owned(), "404".to_owned()));
    assert_eq!((status(public, "/healthz"), status(admin, "/healthz")), ("200".to_owned(), "200".to_owned()));
    let alone = Activated::start(&[UNNAMED]);
    assert_eq!(status(alone.addrs[0], "/healthz"), "200");
}

#[test]
fn two_sockets_for_one_address_are_a_wrong_configuration() {
    if !has_tool() {
        return;
    }
    let twice = Activated::start(&["public", "other"]);
    until("its end", || !twice.read("codes").is_empty());
    assert!(twice.read("codes").lines().all(|code| code == "78"), "{}", twice.read("codes"));
    assert!(twice.read("log").contains("FileDescriptorName="), "{}", twice.read("log"));
}

/// A secret that can be guessed is taken on loopback alone, and where the daemon listens the socket says.
#[test]
fn a_short_secret_is_judged_by_the_socket_that_is_handed_over() {
    if !has_tool() {
        return;
    }
    let open = Activated::start_with([0, 0, 0, 0], &[UNNAMED], &[("TENFOUR_JWT_SECRET", "short")]);
    until("its end", || !open.read("codes").is_empty());
    assert!(open.read("codes").lines().all(|code| code == "78"), "{}", open.read("codes"));
    assert!(open.read("log").contains("can be guessed"), "{}", open.read("log"));
}
