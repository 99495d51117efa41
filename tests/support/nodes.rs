//! Several daemons that are one chat: a database and a Redis of their own, each link through a proxy of its own.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tenfour::config::{Config, SecretUrl};
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use super::daemon::{PATIENCE, Setup, TestDaemon, eventually};
use super::place::{Kind, Place};
use super::proxy::Proxy;
use super::redis::Redis;
use super::socket::TestSocket;

/// What is told over Redis is there within this time, also where the machine has other things to do.
pub const LIVE: Duration = Duration::from_secs(1);
/// What was not told is found in the database within five seconds; with what a busy machine takes on top.
pub const FOUND: Duration = Duration::from_millis(5500);

/// The nodes, and what they share. Dropped in the order of the fields: first the daemons.
pub struct Nodes {
    pub daemons: Vec<TestDaemon>,
    /// Between each node and Redis.
    pub to_redis: Vec<Proxy>,
    /// Between each node and PostgreSQL.
    pub to_postgres: Vec<Proxy>,
    pub redis: Redis,
    database: Place,
}

impl Nodes {
    pub async fn start(number: usize) -> Self {
        Self::start_with(number, |_| {}).await
    }

    /// With other settings than the defaults, the same for all.
    pub async fn start_with(number: usize, change: impl Fn(&mut Config)) -> Self {
        Self::start_at(Place::make(Kind::Postgres).await, number, change).await
    }

    /// On a database that the test looks after itself.
    pub async fn start_on(url: &str, number: usize, change: impl Fn(&mut Config)) -> Self {
        Self::start_at(Place::Elsewhere(url.to_owned()), number, change).await
    }

    async fn start_at(database: Place, number: usize, change: impl Fn(&mut Config)) -> Self {
        let redis = tokio::task::spawn_blocking(Redis::start).await.expect("a Redis");
        let mut all = Self { daemons: Vec::new(), to_redis: Vec::new(), to_postgres: Vec::new(), redis, database };
        for _ in 0..number {
            all.add(&change).await;
        }
        all
    }

    /// One more.
    pub async fn add(&mut self, change: impl Fn(&mut Config)) {
        let redis = Proxy::start(self.redis.addr);
        let (url, postgres) = through_proxy(&self.database.url());
        let redis_url = format!("redis://{}/", redis.addr);
        let setup = Setup::on_postgres().with(|config| {
            config.redis_url = Some(SecretUrl::new(redis_url));
            change(config);
        });
        self.daemons.push(setup.start_on(&url).await);
        self.to_redis.push(redis);
        self.to_postgres.push(postgres);
    }

    /// What the URL of the shared database is without a proxy.
    pub fn database(&self) -> String {
        self.database.url()
    }

    pub fn node(&self, index: usize) -> &TestDaemon {
        &self.daemons[index]
    }

    /// The name of a channel's topic in Redis, once so many nodes listen to it.
    pub async fn topic(&self, channel: ChannelId, nodes: usize) -> String {
        eventually("the nodes listen to the channel", async || {
            self.listening(channel).is_some_and(|(_, listening)| listening == nodes)
        })
        .await;
        self.listening(channel).expect("a topic").0
    }

    /// A channel's topic, and how many listen to it.
    fn listening(&self, channel: ChannelId) -> Option<(String, usize)> {
        let name = topic_of(&self.redis, channel)?;
        let numbers = self.redis.command(&["PUBSUB", "NUMSUB", &name]).ok()?;
        Some((name, numbers.lines().last()?.strip_prefix(':')?.parse().ok()?))
    }
}

/// A channel's topic, where anybody listens to it.
pub fn topic_of(redis: &Redis, channel: ChannelId) -> Option<String> {
    let names = redis.command(&["PUBSUB", "CHANNELS", &format!("tenfour:*:channel:{channel}")]).ok()?;
    names.lines().nth(2).map(str::to_owned)
}

/// What the nodes put into Redis for this topic, as it goes over the line: for [`Proxy::cut_when`].
pub fn publish_to(topic: &str) -> Vec<u8> {
    format!("PUBLISH\r\n${}\r\n{topic}\r\n", topic.len()).into_bytes()
}

/// Messages are told live again: several one after the other, which no poll would bring in time.
pub async fn is_live(channel: ChannelId, from: &mut TestSocket, to: &mut TestSocket) {
    const IN_A_ROW: usize = 5;
    let deadline = Instant::now() + PATIENCE;
    let mut quick = 0;
    while quick < IN_A_ROW {
        let (start, text) = (Instant::now(), format!("live? {}", Uuid::new_v4()));
        from.send_message(channel, &text).await;
        to.expect_text(&text).await;
        quick = if start.elapsed() < LIVE { quick + 1 } else { 0 };
        assert!(Instant::now() < deadline, "not live again within {PATIENCE:?}");
    }
}

/// The URL through a proxy of its own.
pub fn through_proxy(url: &str) -> (String, Proxy) {
    let proxy = Proxy::start(server_of(url));
    (at_server(url, proxy.addr), proxy)
}

/// Where the PostgreSQL of a URL is.
pub fn server_of(url: &str) -> SocketAddr {
    place_in(url).replace("localhost", "127.0.0.1").parse().expect("an address of PostgreSQL")
}

/// The URL with its PostgreSQL elsewhere.
pub fn at_server(url: &str, addr: SocketAddr) -> String {
    url.replacen(place_in(url), &addr.to_string(), 1)
}

fn place_in(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    authority.rsplit_once('@').map_or(authority, |(_, place)| place)
}

/// Heartbeats that a test can wait for: users of a dead node are gone within three seconds.
pub fn quick(config: &mut Config) {
    config.timing.heartbeat_interval = Duration::from_millis(500);
    config.timing.heartbeat_timeout = Duration::from_millis(2500);
}
