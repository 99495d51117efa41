//! The composition root: opens the store, starts the actors, binds the addresses, and stops it all in order.
//!
//! Used by the command line and by every test, which bind port 0. Nothing else wires parts together.

mod announced;
mod certificate;
mod doors;
mod error;
mod nodes;
mod overdue;
mod posted;
mod presence;
mod pulse;
mod retention;
mod revoked;
mod runtime;
mod serve;
mod stop;
mod sweep;
mod traces;
mod trail;
mod webhooks;
mod wrong;

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix::{Actor, Addr, Arbiter};
use actix_web::web;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::actors::access::Access;
use crate::actors::db::{Db, DbHandle, Load};
use crate::actors::directory::Directory;
use crate::actors::obituary::Vital;
use crate::actors::presence::{Recorder, Wire};
use crate::actors::registry::{Registry, RegistryParts};
use crate::actors::room::RoomSettings;
use crate::actors::session::{SessionParts, TURNS};
use crate::actors::tell;
use crate::audit::SigningKey;
use crate::audit::export::Exporter;
use crate::auth::Verifier;
use crate::config::{AuthSettings, Config, SecretUrl};
use crate::http::app::App;
use crate::http::demo::Demo;
use crate::http::files::Files;
use crate::limits::bodies::Bodies;
use crate::limits::caps::Caps;
use crate::limits::lines::Lines;
use crate::limits::notices::{self, Notices};
use crate::limits::rates::Rates;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::protocol::client::FrameLimits;
use crate::socket::{Limits as OutboxLimits, Times};
use crate::store::{self, InvalidUrl, Reader, Writer};
use crate::systemd::Sockets;
use crate::webhooks::Hooks;
use certificate::Certificate;
use doors::{Doors, Open};
pub use error::{ReloadError, StartError};
use nodes::Nodes;
pub use pulse::Pulse;
use runtime::Background;
use serve::lines_of;
pub use wrong::wrong_with;

/// The threads of the DB actor, and of the registry and presence; those behind them are the rooms'.
const OTHER_ARBITERS: usize = 2;
/// Exports of evidence at a time: each reads all of a channel.
const EXPORTS: usize = 2;
/// How often it is looked whether a rate bucket can be forgotten.
const FORGET_RATES: Duration = Duration::from_secs(60);

/// A daemon that runs. Made within an actix system.
pub struct Daemon {
    doors: Open,
    app: web::Data<App>,
    registry: Addr<Registry>,
    db: DbHandle,
    drain: Duration,
    died: UnboundedReceiver<&'static str>,
    arbiters: Vec<Arbiter>,
    exporter: Option<Arc<Exporter>>,
    recorder: Recorder,
    certificate: Option<Certificate>,
    /// Ends with the daemon.
    _background: Background,
}

impl Daemon {
    /// Does everything that may fail, and answers when the daemon serves.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_on(config, Sockets::default()).await
    }

    /// The same on sockets that somebody else has bound, and keeps when the daemon has ended. The settings name their addresses.
    pub async fn start_on(config: Config, sockets: Sockets) -> Result<Self, StartError> {
        let doors = Doors::bind(&config, sockets)?;
        let verifier = Arc::new(Verifier::new(&config.auth)?);
        let certificate = Certificate::of(config.tls.as_ref())?;
        let background = Background::new()?;
        let (writer, reader) = open_store(&config, &background.handle).await?;
        // Not before the database, whose folder this one is in: it is not to be made for a path that is wrong.
        let files = sweep::files_of(&config)?;
        let epoch = Arc::new(parking_lot::RwLock::new(reader.epoch().await?));
        log::info!("the history is {}", epoch.read());
        revoked::read(&reader, &verifier).await?;
        let (metrics, directory, live) = (Arc::new(Metrics::new()), Directory::default(), Live::default());
        let key = reader.cluster_key().await?;
        let Nodes { bus, online, shared, starting, .. } =
            Nodes::new(config.redis_url.as_ref(), &key, &reader, &epoch, &background.handle)?;
        let announcements = announced::read(&reader).await?;
        let (vital, died) = Vital::watch();
        let arbiters: Vec<Arbiter> = (0..4).map(|_| Arbiter::new()).collect();
        let handles: Vec<_> = arbiters.iter().map(Arbiter::handle).collect();
        let [for_db, for_rest, rooms @ ..] = handles.as_slice() else {
            return Err(std::io::Error::other("no arbiters").into());
        };

        let (hooks, recorder) =
            webhooks::begin(&config, &writer, &reader, (&metrics, &live), &epoch, &background.handle).await?;
        let db = {
            let (reader, directory, metrics) = (reader.clone(), directory.clone(), Arc::clone(&metrics));
            let (bus, live, obituary) = (bus.clone(), live.clone(), vital.obituary("the database actor"));
            Db::start_in_arbiter(for_db, move |_| Db::new(writer, reader, directory, bus, metrics, live, obituary))
        };
        let db = DbHandle::new(db, Arc::new(Load::new(config.limits.db_queue)));
        let (at, of) = (online.clone(), directory.clone());
        let parts = presence::Parts { online: at, directory: of, shared, recorder: recorder.clone() };
        let presence = presence::start(parts, config.timing, &vital, for_rest, &background.handle);
        let registry = {
            let parts = RegistryParts {
                db: db.clone(),
                reader: reader.clone(),
                directory: directory.clone(),
                presence: presence.clone(),
                online: online.clone(),
                bus: bus.clone(),
                epoch: Arc::clone(&epoch),
                metrics: Arc::clone(&metrics),
                verifier: Arc::clone(&verifier),
                announcements: Arc::clone(&announcements),
                rooms: room_settings(&config),
            };
            let (rooms, obituary) = (rooms.to_vec(), vital.obituary("the registry"));
            Registry::start_in_arbiter(for_rest, move |_| Registry::new(parts, rooms, obituary))
        };
        directory.wire(registry.clone());
        tell(&presence, Wire { registry: registry.clone() });

        let exporter = trail::exporter(&config, &reader)?;
        let notices = Arc::new(Notices::default());
        let rates = Arc::new(Rates::new(config.limits.rate_limit));
        let parts = Arc::new(SessionParts {
            db: db.clone(),
            reader,
            registry: registry.clone(),
            presence,
            directory,
            online,
            bus,
            tracer: traces::start(&config.traces, &metrics, &background.handle)?,
            metrics,
            verifier,
            rates: Arc::clone(&rates),
            notices: Arc::clone(&notices),
            access: Arc::new(Access::new(live.clone())),
            live,
            announcements,
            epoch,
            frame_limits: frame_limits(&config),
            heartbeat_interval: config.timing.heartbeat_interval,
            turns: Arc::new(tokio::sync::Semaphore::new(TURNS)),
        });
        let (lines, admin_lines) = lines_of(config.limits.max_sessions_per_address, &config.trusted_proxies);
        look_after(files.as_ref(), &config, &parts, &hooks, &background.handle);
        let app = web::Data::new(app_of(parts, files, hooks, trail::seal(&config)?, &config, lines.clone()));
        keep_house(rates, notices);
        actix::spawn(Arc::clone(&app.parts.access).run(db.clone()));
        if let Some(starting) = starting {
            nodes::listen(starting, &app);
        }

        let times = Times { head: config.timing.head_timeout, keep_alive: config.timing.keep_alive };
        let secured = certificate.as_ref().map(|certificate| certificate.secured(&app.parts.metrics));
        let doors = doors.open(&app, (lines, admin_lines), times, secured.as_ref())?;
        Ok(Self {
            doors,
            app,
            registry,
            db,
            drain: config.timing.drain,
            died,
            arbiters,
            exporter,
            recorder,
            certificate,
            _background: background,
        })
    }

    /// Where clients connect, with the port that was really bound.
    pub fn addr(&self) -> SocketAddr {
        self.doors.addr
    }

    /// Has a page at `/` that signs these users in, each by the host's id and a name; `channel` is shown first. For a
    /// daemon that is there to be tried out, and only once.
    pub fn show_demo(&self, auth: &AuthSettings, users: &[(&str, &str)], channel: &str) {
        let users = users.iter().map(|(sub, name)| ((*sub).to_owned(), (*name).to_owned())).collect();
        let demo = Demo {
            auth: auth.clone(),
            users,
            channel: channel.to_owned(),
            admin: self.admin_addr().map(crate::config::reachable),
        };
        if self.app.demo.set(demo).is_err() {
            log::error!("there is a demo page already");
        }
    }

    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.doors.admin_addr
    }

    /// What the handlers share; for tests that reach behind the wire.
    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn registry(&self) -> &Addr<Registry> {
        &self.registry
    }

    /// To feel whether it lives.
    pub fn pulse(&self) -> Pulse {
        let SessionParts { presence, reader, metrics, .. } = self.app.parts.as_ref();
        Pulse {
            addr: self.addr(),
            tls: self.certificate.as_ref().map(Certificate::tls),
            db: self.db.actor().clone(),
            registry: self.registry.clone(),
            presence: presence.clone(),
            rooms: self.arbiters.iter().skip(OTHER_ARBITERS).map(Arbiter::handle).collect(),
            reader: reader.clone(),
            metrics: Arc::clone(metrics),
        }
    }

    /// Takes over what can change in a daemon that runs: the keys of tokens, the certificate and the rate. All of it, or on an
    /// error nothing.
    pub fn reload(&self, config: &Config) -> Result<(), ReloadError> {
        let certificate = self.certificate.as_ref().zip(config.tls.as_ref());
        let other = certificate.map(|(certificate, settings)| certificate.other(settings)).transpose()?.flatten();
        self.app.parts.verifier.replace(&config.auth)?;
        if let (Some((certificate, _)), Some(other)) = (certificate, other) {
            certificate.show(other, &self.app.parts.metrics);
        }
        self.app.parts.rates.set(config.limits.rate_limit);
        Ok(())
    }

    /// Waits until a part that holds the truth has died, and names it.
    pub async fn died(&mut self) -> &'static str {
        match self.died.recv().await {
            Some(part) => part,
            // The watch is kept by the actors; without it nothing can be told any more.
            None => "the watch over the actors",
        }
    }
}

fn frame_limits(config: &Config) -> FrameLimits {
    FrameLimits { content_bytes: config.limits.max_content_bytes, attachments: config.limits.max_attachments }
}

/// And has what is stored found, as long as `background` runs.
async fn open_store(config: &Config, background: &tokio::runtime::Handle) -> Result<(Writer, Reader), StartError> {
    let content_bytes = Some(config.limits.max_content_bytes);
    let settings = store::Settings { content_bytes, ..store_settings(&config.database.url, &config.database.schema)? };
    let (writer, reader) = store::open(settings, background.clone()).await?;
    let indexer = writer.indexer(&reader);
    background.spawn(async move { indexer.run().await });
    Ok((writer, reader))
}

fn app_of(
    parts: Arc<SessionParts>,
    files: Option<Files>,
    hooks: Hooks,
    seal: Option<Arc<SigningKey>>,
    config: &Config,
    lines: Lines,
) -> App {
    App {
        parts,
        files,
        caps: Caps::new(config.limits.max_sessions_per_user, config.limits.max_sessions_per_address),
        bodies: Bodies::new(config.limits.max_frame_bytes, config.limits.max_group_members),
        lines,
        allowed_origins: config.allowed_origins.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        max_frame_bytes: config.limits.max_frame_bytes,
        max_group_members: config.limits.max_group_members,
        outbox: OutboxLimits { bytes: config.limits.outbox_bytes, ..OutboxLimits::default() },
        draining: AtomicBool::new(false),
        exports: Arc::new(tokio::sync::Semaphore::new(EXPORTS)),
        seal,
        hooks,
        started: Instant::now(),
        demo: OnceLock::new(),
    }
}

fn room_settings(config: &Config) -> RoomSettings {
    RoomSettings {
        max_in_flight: config.limits.room_in_flight,
        typing_debounce: config.timing.typing_debounce,
        typing_expiry: config.timing.typing_expiry,
        read_merge: config.timing.read_merge,
        idle: config.timing.room_idle,
    }
}

/// Starts what looks for things to be done, whoever is there.
fn look_after(
    files: Option<&Files>,
    config: &Config,
    parts: &SessionParts,
    hooks: &Hooks,
    runtime: &tokio::runtime::Handle,
) {
    let SessionParts { db, reader, directory, .. } = parts;
    if let Some(files) = files {
        sweep::keep(files.clone(), db.clone(), reader.clone(), runtime);
    }
    posted::keep(reader, directory.clone(), hooks.clone(), runtime);
    overdue::keep(db.clone(), reader.clone(), runtime);
    revoked::keep(parts, runtime);
    announced::keep(parts, runtime);
    retention::keep(config.limits.retention_days, db.clone(), reader.clone(), runtime);
}

/// What has to be looked at from time to time, while the system runs.
fn keep_house(rates: Arc<Rates>, notices: Arc<Notices>) {
    actix::spawn(async move {
        loop {
            tokio::time::sleep(FORGET_RATES).await;
            rates.forget_idle();
        }
    });
    actix::spawn(async move {
        loop {
            tokio::time::sleep(notices::WINDOW).await;
            notices.rest(Instant::now());
        }
    });
}

fn store_settings(url: &SecretUrl, schema: &str) -> Result<store::Settings, InvalidUrl> {
    Ok(store::Settings { pg_schema: schema.to_owned(), ..store::Settings::new(url.expose().parse()?) })
}
