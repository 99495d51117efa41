//! A service manager: a socket on which a daemon tells how it goes.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longer than any state that is shown takes to be looked at.
const PATIENCE: Duration = Duration::from_secs(20);

/// Listens until the end of the process.
pub struct Manager {
    path: PathBuf,
    told: Arc<Mutex<Vec<Told>>>,
    _folder: tempfile::TempDir,
}

/// A datagram.
#[derive(Debug, Clone)]
pub struct Told {
    pub at: Instant,
    pub lines: Vec<String>,
}

impl Told {
    pub fn has(&self, line: &str) -> bool {
        self.lines.iter().any(|own| own == line)
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    }
}

impl Manager {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the socket");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let kept = Arc::clone(&told);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length) = socket.recv(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..length]);
                let lines = text.lines().map(str::to_owned).collect();
                kept.lock().unwrap().push(Told { at: Instant::now(), lines });
            }
        });
        Self { path, told, _folder: folder }
    }

    /// What a daemon's environment names it by.
    pub fn path(&self) -> &str {
        self.path.to_str().expect("UTF-8")
    }

    /// All that was told until now.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    pub fn count(&self, line: &str) -> usize {
        self.told().iter().filter(|told| told.has(line)).count()
    }

    /// The first one after these that is so, once it is there.
    pub async fn after(&self, skipped: usize, what: &str, is_so: impl Fn(&Told) -> bool) -> Told {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.told();
            if let Some(found) = told.iter().skip(skipped).find(|told| is_so(told)) {
                return found.clone();
            }
            assert!(Instant::now() < deadline, "not told within {PATIENCE:?}: {what}; it was told {told:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn first(&self, line: &str) -> Told {
        self.after(0, line, |told| told.has(line)).await
    }
}
