//! A daemon of the test's own: the real composition root in a thread, on free ports, with a database that nobody else
//! uses.
//!
//! What clients cannot do yet over the wire goes through the same actors as everything else. A panic in one of the
//! daemon's threads fails the test, unless the test announced it.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix::Addr;
use tenfour::actors::db::{Done, Order};
use tenfour::actors::registry::Registry;
use tenfour::actors::room;
use tenfour::actors::session::SessionParts;
use tenfour::auth::mint;
use tenfour::bus::Bus;
use tenfour::client::token::TokenSource;
use tenfour::client::{self, Client, Options};
use tenfour::config::{AuthSettings, Config, SecretUrl};
use tenfour::daemon::Daemon;
use tenfour::domain::change::By;
use tenfour::domain::channel::Role;
use tenfour::domain::ids::{ChannelId, UserId};
use tenfour::domain::user::UserRef;
use tenfour::protocol::error::Refusal;
use tenfour::store::NewGroup;
use tokio::sync::{mpsc, oneshot};

use super::panics;
use super::place::{Kind, Place};
use super::socket::TestSocket;

/// Long enough for a machine that has other things to do, short enough to wait for.
pub const PATIENCE: Duration = Duration::from_secs(10);
pub const SECRET: &str = "a secret of the tests, of 32 bytes and more";
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A daemon that is about to be started: the defaults of the configuration, without a rate limit and with a short
/// goodbye.
#[derive(Debug, Clone)]
pub struct Setup {
    kind: Kind,
    pub config: Config,
}

impl Setup {
    fn new(kind: Kind) -> Self {
        let mut config = Config {
            listen: ANY_PORT,
            admin_listen: Some(ANY_PORT),
            auth: AuthSettings::with_secret(SECRET),
            ..Config::default()
        };
        config.limits.rate_limit = None;
        config.timing.drain = Duration::from_millis(400);
        Self { kind, config }
    }

    pub fn in_memory() -> Self {
        Self::new(Kind::Memory)
    }

    pub fn on_sqlite_file() -> Self {
        Self::new(Kind::File)
    }

    pub fn on_postgres() -> Self {
        Self::new(Kind::Postgres)
    }

    /// For tests that outlive a daemon: the same, with a file in place of memory.
    pub fn lasting(mut self) -> Self {
        if self.kind == Kind::Memory {
            self.kind = Kind::File;
        }
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    pub async fn start(mut self) -> TestDaemon {
        let place = Place::make(self.kind).await;
        self.config.database.url = SecretUrl::new(place.url());
        self.start_at(place).await
    }

    /// On a database that the test looks after itself.
    pub async fn start_on(mut self, url: &str) -> TestDaemon {
        self.config.database.url = SecretUrl::new(url);
        self.start_at(Place::Elsewhere(url.to_owned())).await
    }

    async fn start_at(self, place: Place) -> TestDaemon {
        let running = Running::start(self.config.clone()).await;
        TestDaemon { config: self.config, place: Some(place), running: Some(running), announced: Mutex::default() }
    }
}

/// A daemon that runs.
pub struct TestDaemon {
    pub config: Config,
    place: Option<Place>,
    running: Option<Running>,
    announced: Mutex<Vec<String>>,
}

struct Running {
    addr: SocketAddr,
    admin_addr: SocketAddr,
    parts: Arc<SessionParts>,
    registry: Addr<Registry>,
    /// The actix system, by which the names of its threads begin.
    system: String,
    died: Arc<Mutex<Option<&'static str>>>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Running {
    async fn start(config: Config) -> Self {
        panics::watch();
        let (tell, told) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let died = Arc::new(Mutex::new(None));
        let fate = Arc::clone(&died);
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let mut daemon = match Daemon::start(config).await {
                    Ok(daemon) => daemon,
                    Err(error) => return drop(tell.send(Err(error.to_string()))),
                };
                let parts = Arc::clone(&daemon.app().parts);
                let system = format!("actix-rt|system:{}|", actix::System::current().id());
                let admin = daemon.admin_addr().expect("an admin address");
                drop(tell.send(Ok((daemon.addr(), admin, parts, daemon.registry().clone(), system))));
                tokio::select! {
                    _ = stopped => {}
                    part = daemon.died() => *fate.lock().unwrap() = Some(part),
                }
                daemon.stop().await;
            });
        });
        let started = told.await.expect("the daemon's thread").unwrap_or_else(|error| panic!("not started: {error}"));
        let (addr, admin_addr, parts, registry, system) = started;
        Self { addr, admin_addr, parts, registry, system, died, stop, thread }
    }

    /// All that went wrong inside.
    fn stop(self, announced: &[String]) -> Vec<String> {
        let _ = self.stop.send(());
        let mut wrong = Vec::new();
        if self.thread.join().is_err() {
            wrong.push("the daemon's own thread panicked".to_owned());
        }
        if let Some(part) = *self.died.lock().unwrap() {
            wrong.push(format!("{part} died"));
        }
        wrong.extend(panics::of(&self.system));
        wrong.retain(|what| !announced.iter().any(|text| what.contains(text)));
        wrong
    }
}

impl TestDaemon {
    fn running(&self) -> &Running {
        self.running.as_ref().expect("the daemon runs")
    }

    pub fn addr(&self) -> SocketAddr {
        self.running().addr
    }

    pub fn admin_addr(&self) -> SocketAddr {
        self.running().admin_addr
    }

    pub fn url(&self) -> String {
        format!("ws://{}/ws", self.addr())
    }

    pub fn parts(&self) -> &Arc<SessionParts> {
        &self.running().parts
    }

    pub fn registry(&self) -> &Addr<Registry> {
        &self.running().registry
    }

    /// What it tells other nodes by.
    pub fn bus(&self) -> &Bus {
        &self.parts().bus
    }

    /// The database's URL.
    pub fn database(&self) -> String {
        self.place.as_ref().expect("a database").url()
    }

    /// A panic with these words is part of the test.
    pub fn announce_panic(&self, words: &str) {
        self.announced.lock().unwrap().push(words.to_owned());
    }

    pub async fn stop(&mut self) {
        let running = self.running.take().expect("the daemon runs");
        let announced = self.announced.lock().unwrap().clone();
        let wrong = tokio::task::spawn_blocking(move || running.stop(&announced)).await.expect("the end of the daemon");
        assert!(wrong.is_empty(), "the daemon ended badly: {wrong:#?}");
    }

    /// A new daemon on the same database, on other ports.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.running = Some(Running::start(self.config.clone()).await);
    }

    pub fn token_with(&self, sub: &str, name: &str, scope: Option<&str>, ttl: Duration) -> String {
        mint(&self.config.auth, sub, name, scope, ttl).unwrap()
    }

    /// A token of a user whom the daemon knows. The name is the id with a capital.
    pub async fn user(&self, sub: &str) -> String {
        let user = UserRef::new(sub);
        self.order(Order::UpsertUser { user, name: name_of(sub) }).await.unwrap();
        self.token_with(sub, &name_of(sub), None, Duration::from_secs(3600))
    }

    pub async fn order(&self, order: Order) -> Result<Done, Refusal> {
        self.parts().db.order(order).await
    }

    /// A group of these users, the first of whom owns it.
    pub async fn group(&self, members: &[&str]) -> ChannelId {
        for member in members {
            self.user(member).await;
        }
        let group = NewGroup {
            by: by(members[0]),
            name: "Dock 4".to_owned(),
            members: members.iter().map(|member| UserRef::new(member)).collect(),
            placeholders: false,
            max_members: self.config.limits.max_group_members,
        };
        channel_of(&self.order(Order::CreateGroup(group)).await.unwrap())
    }

    pub async fn direct(&self, one: &str, other: &str) -> ChannelId {
        self.user(one).await;
        self.user(other).await;
        let users = [UserRef::new(one), UserRef::new(other)];
        channel_of(&self.order(Order::CreateDirect { by: By::Host, users, placeholders: false }).await.unwrap())
    }

    pub async fn add(&self, channel_id: ChannelId, asker: &str, user: &str) -> Result<Done, Refusal> {
        self.user(user).await;
        let (users, max_members) = (vec![UserRef::new(user)], self.config.limits.max_group_members);
        self.order(Order::AddMembers { by: by(asker), channel_id, users, placeholders: false, max_members }).await
    }

    pub async fn remove(&self, channel_id: ChannelId, asker: &str, user: &str) -> Result<Done, Refusal> {
        self.order(Order::RemoveMember { by: by(asker), channel_id, user: UserRef::new(user) }).await
    }

    pub async fn set_role(&self, channel_id: ChannelId, asker: &str, user: &str, role: Role) -> Result<Done, Refusal> {
        self.order(Order::SetRole { by: by(asker), channel_id, user: UserRef::new(user), role }).await
    }

    pub async fn rename(&self, channel_id: ChannelId, asker: &str, name: &str) -> Result<Done, Refusal> {
        self.order(Order::Rename { by: by(asker), channel_id, name: name.to_owned() }).await
    }

    pub async fn connect(&self, sub: &str) -> TestSocket {
        let token = self.user(sub).await;
        TestSocket::connect(sub, &self.url(), &token).await
    }

    /// The real client, with short waits between its attempts.
    pub async fn client(&self, sub: &str, url: &str) -> (Client, mpsc::Receiver<client::event::Event>) {
        let mut options = Options::new(url, TokenSource::Static(self.user(sub).await));
        options.backoff = client::backoff::Limits {
            min: Duration::from_millis(10),
            max: Duration::from_millis(100),
            stable: Duration::from_millis(50),
        };
        Client::start(options).unwrap()
    }

    /// Has the channel's room panic, once there is one, and waits until that was noticed.
    pub async fn panic_room(&self, channel: ChannelId) {
        let restarts = || self.parts().metrics.room_restarts.get();
        let before = restarts();
        self.panic_room_unnoticed(channel).await;
        eventually("the registry has noticed", async || restarts() > before).await;
    }

    /// The same, and waits for nothing that comes after it.
    pub async fn panic_room_unnoticed(&self, channel: ChannelId) {
        self.announce_panic("a test asked this room to panic");
        eventually("a room that runs", async || {
            // An error says that it died by this, or that it was dead before; the latter still accepts nothing.
            match self.parts().directory.room(channel) {
                Some(room) if room.connected() => room.send(room::Panic).await.is_err(),
                _ => false,
            }
        })
        .await;
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        let announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let wrong = self.running.take().map(|running| running.stop(&announced)).unwrap_or_default();
        if !std::thread::panicking() {
            assert!(wrong.is_empty(), "the daemon ended badly: {wrong:#?}");
        }
    }
}

pub fn by(sub: &str) -> By {
    By::User(id_of(sub))
}

pub fn id_of(sub: &str) -> UserId {
    UserId::from_external(sub)
}

pub fn name_of(sub: &str) -> String {
    let mut chars = sub.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn channel_of(done: &Done) -> ChannelId {
    let Done::Channel { channel, .. } = done else { panic!("not a channel: {done:?}") };
    channel.id
}

/// Waits until something holds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
