//! A Redis of the test's own: on a free port of 127.0.0.1, nothing on disk, killed with the value.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const STARTS_WITHIN: Duration = Duration::from_secs(10);
/// Somebody else may take the free port before the server does.
const TRIES: usize = 5;

/// A running redis-server.
#[derive(Debug)]
pub struct Redis {
    pub addr: SocketAddr,
    server: Child,
    folder: tempfile::TempDir,
}

impl Redis {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        for _ in 0..TRIES {
            let addr = free_port();
            if let Some(server) = launch(addr, &folder) {
                return Self { addr, server, folder };
            }
        }
        panic!("redis-server did not start on any of {TRIES} free ports; its log is in {}", keep(folder));
    }

    /// What `REDIS_URL` is set to.
    pub fn url(&self) -> String {
        format!("redis://{}/", self.addr)
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        // It may have been killed before.
        drop(self.server.kill());
        self.server.wait().expect("the end of redis-server");
    }

    /// Kills it and starts it anew on the same port, with all its data lost.
    pub fn restart_empty(&mut self) {
        self.kill();
        let deadline = Instant::now() + STARTS_WITHIN;
        while Instant::now() < deadline {
            if let Some(server) = launch(self.addr, &self.folder) {
                self.server = server;
                return;
            }
        }
        panic!("redis-server did not come back on {} within {STARTS_WITHIN:?}", self.addr);
    }

    /// Listens to what is published under a name.
    pub fn tap(&self, name: &str) -> Tap {
        let mut stream = TcpStream::connect(self.addr).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
        stream.write_all(&encoded(&["SUBSCRIBE", name])).expect("a request");
        let mut tap = Tap(BufReader::new(stream));
        assert_eq!(tap.length(b'*'), 3);
        assert_eq!((tap.bulk(), tap.bulk()), (b"subscribe".to_vec(), name.as_bytes().to_vec()));
        assert_eq!(tap.length(b':'), 1);
        tap
    }

    /// Sends one command, such as `["SMEMBERS", "online:…"]`, and gives the raw answer, to look at what is stored.
    pub fn command<W: AsRef<[u8]>>(&self, words: &[W]) -> io::Result<String> {
        command(self.addr, words)
    }
}

/// Everything that is published under one name from now on, as bytes.
#[derive(Debug)]
pub struct Tap(BufReader<TcpStream>);

impl Tap {
    /// Waits for the next one.
    pub fn hear(&mut self) -> Vec<u8> {
        let push: Vec<Vec<u8>> = (0..self.length(b'*')).map(|_| self.bulk()).collect();
        assert_eq!((push.len(), push[0].as_slice()), (3, b"message".as_slice()));
        push.into_iter().next_back().expect("a payload")
    }

    /// A line that says how many follow.
    fn length(&mut self, kind: u8) -> usize {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).expect("something was published in time");
        assert_eq!(line.first(), Some(&kind), "{}", String::from_utf8_lossy(&line));
        String::from_utf8_lossy(&line[1..]).trim().parse().expect("a length")
    }

    fn bulk(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; self.length(b'$') + 2];
        self.0.read_exact(&mut bytes).expect("all of it");
        bytes.truncate(bytes.len() - 2);
        bytes
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// A server that answers, or none where it ended by itself, which a taken port makes it do.
fn launch(addr: SocketAddr, folder: &tempfile::TempDir) -> Option<Child> {
    let mut server = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &addr.port().to_string(), "--save", "", "--appendonly", "no"])
        .args(["--daemonize", "no", "--logfile", "redis.log", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("redis-server cannot be run ({error}); scripts/test installs what tests need"));
    let deadline = Instant::now() + STARTS_WITHIN;
    loop {
        if server.try_wait().expect("the state of redis-server").is_some() {
            return None;
        }
        // Not just any server that answers there: this one.
        let own = format!("\r\nprocess_id:{}\r\n", server.id());
        if command(addr, &["INFO", "server"]).is_ok_and(|answer| answer.contains(&own)) {
            return Some(server);
        }
        if Instant::now() > deadline {
            drop((server.kill(), server.wait()));
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn encoded<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    request
}

/// One command over a connection of its own, which Redis closes after QUIT: the answer ends before that one's `+OK`.
fn command<W: AsRef<[u8]>>(addr: SocketAddr, words: &[W]) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = encoded(words);
    request.extend(encoded(&["QUIT"]));
    stream.write_all(&request)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    answer.strip_suffix("+OK\r\n").map(str::to_owned).ok_or_else(|| io::Error::other("the answer is cut short"))
}

fn keep(folder: tempfile::TempDir) -> String {
    folder.keep().display().to_string()
}
