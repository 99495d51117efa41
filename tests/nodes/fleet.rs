//! Nodes as processes, to be ended in ways that only processes can be.

use tenfour::domain::ids::ChannelId;

use crate::daemon::Setup;
use crate::place::{Kind, Place};
use crate::process::ProcessDaemon;
use crate::redis::Redis;

/// Settings of a daemon, by their names in the environment.
pub type Settings = &'static [(&'static str, &'static str)];

/// What the processes share. They are launched one by one and belong to the test.
pub struct Fleet {
    pub redis: Redis,
    database: Place,
    settings: Settings,
}

impl Fleet {
    pub async fn new(settings: Settings) -> Self {
        let redis = tokio::task::spawn_blocking(Redis::start).await.expect("a Redis");
        Self { redis, database: Place::make(Kind::Postgres).await, settings }
    }

    /// A node that listens.
    pub async fn launch(&self) -> ProcessDaemon {
        let (database, redis, settings) = (self.database.url(), self.redis.url(), self.settings);
        let launch = move || {
            let all: Vec<_> = settings.iter().copied().chain([("REDIS_URL", redis.as_str())]).collect();
            ProcessDaemon::start(&database, &all)
        };
        tokio::task::spawn_blocking(launch).await.expect("a node")
    }

    /// A group of these users, made before any node is there.
    pub async fn group(&self, members: &[&str]) -> ChannelId {
        let mut daemon = Setup::on_postgres().start_on(&self.database.url()).await;
        let channel = daemon.group(members).await;
        daemon.stop().await;
        channel
    }

    /// How many leases there are in Redis, those that have ended but were not removed included.
    pub fn leases(&self) -> usize {
        let keys = self.redis.command(&["KEYS", "*:leases:*"]).unwrap();
        let leases = keys.lines().filter(|line| line.contains(":leases:")).map(|key| {
            let fields = self.redis.command(&["HKEYS", key]).unwrap();
            fields.lines().filter(|line| line.contains('/')).count()
        });
        leases.sum()
    }
}
