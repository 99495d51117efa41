//! Daemons that take orders of faults, and what they share.

use std::io::{BufRead, BufReader, Write};
use std::ops::{Deref, DerefMut};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tenfour::domain::ids::ChannelId;
use tenfour::fault::{Part, Sabotage};

use crate::daemon::Setup;
use crate::place::{Kind, Place};
use crate::process::ProcessDaemon;
use crate::redis::Redis;

/// Enough for a database that is started anew meanwhile.
const IN_TIME: Duration = Duration::from_secs(30);

pub type Settings<'a> = [(&'a str, &'a str)];

/// A database, and for several nodes a Redis. The daemons are launched one by one and belong to the test.
pub struct Ground {
    pub database: Place,
    pub redis: Option<Redis>,
}

/// A daemon that takes orders.
pub struct Faulty {
    process: ProcessDaemon,
    orders: BufReader<UnixStream>,
    _folder: tempfile::TempDir,
}

impl Ground {
    pub async fn new(kind: Kind) -> Self {
        Self { database: Place::make(kind).await, redis: None }
    }

    /// For several nodes.
    pub async fn shared() -> Self {
        let redis = tokio::task::spawn_blocking(Redis::start).await.expect("a Redis");
        Self { database: Place::make(Kind::Postgres).await, redis: Some(redis) }
    }

    /// One daemon with a bug in it, and a group of ana and bo.
    pub async fn sabotaged(kind: Kind, sabotage: Sabotage, settings: &Settings<'_>) -> (Self, ChannelId, Faulty) {
        let ground = Self::new(kind).await;
        let channel = ground.group(&["ana", "bo"]).await;
        let mut daemon = ground.launch_with(settings).await;
        daemon.plant(sabotage);
        (ground, channel, daemon)
    }

    /// A group of these users, made before any daemon is there.
    pub async fn group(&self, members: &[&str]) -> ChannelId {
        let mut daemon = Setup::on_sqlite_file().start_on(&self.database.url()).await;
        let channel = daemon.group(members).await;
        daemon.stop().await;
        channel
    }

    pub async fn launch(&self) -> Faulty {
        self.launch_with(&[]).await
    }

    pub async fn launch_with(&self, settings: &Settings<'_>) -> Faulty {
        Faulty::launch(&self.database.url(), self.redis.as_ref().map(Redis::url).as_deref(), settings).await
    }
}

/// Something that has to come to its end.
pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(IN_TIME, work).await.unwrap_or_else(|_| panic!("{what}: not within {IN_TIME:?}"))
}

impl Faulty {
    /// One that listens, and takes orders.
    pub async fn launch(database: &str, redis: Option<&str>, settings: &Settings<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the socket");
        let path = folder.path().join("faults");
        let mut all: Vec<(String, String)> = vec![("TENFOUR_FAULTS".to_owned(), path.display().to_string())];
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        all.extend(redis.map(|url| ("REDIS_URL".to_owned(), url.to_owned())));
        let database = database.to_owned();
        let launch = move || {
            let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            ProcessDaemon::start(&database, &all)
        };
        let process = tokio::task::spawn_blocking(launch).await.expect("a daemon");
        let orders = BufReader::new(UnixStream::connect(&path).expect("its socket"));
        Self { process, orders, _folder: folder }
    }

    pub fn panic(&mut self, part: Part) {
        self.order(&format!("panic {part}"));
    }

    /// Has its thread stand still, the next time that it comes to its point.
    pub fn stall(&mut self, part: Part, time: Duration) {
        self.order(&format!("stall {part} {}", time.as_millis()));
    }

    pub fn plant(&mut self, sabotage: Sabotage) {
        self.order(&format!("plant {sabotage}"));
    }

    pub fn heal(&mut self, sabotage: Sabotage) {
        self.order(&format!("heal {sabotage}"));
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders.get_ref(), "{order}").expect("the order");
        let mut answer = String::new();
        self.orders.read_line(&mut answer).expect("an answer");
        assert_eq!(answer, "ok\n", "{order}");
    }
}

impl Deref for Faulty {
    type Target = ProcessDaemon;

    fn deref(&self) -> &ProcessDaemon {
        &self.process
    }
}

impl DerefMut for Faulty {
    fn deref_mut(&mut self) -> &mut ProcessDaemon {
        &mut self.process
    }
}
