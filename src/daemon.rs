//! The composition root: opens the store, starts the actors, binds the addresses, and stops it all in order.
//!
//! Used by the command line and by every test, which bind port 0. Nothing else wires parts together.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, Addr, Arbiter};
use actix_web::dev::ServerHandle;
use actix_web::{App as HttpApp, HttpServer, middleware, web};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::actors::db::{CloseStore, Db, DbHandle, IsIdle, Load};
use crate::actors::directory::Directory;
use crate::actors::obituary::Vital;
use crate::actors::presence::{self, Presence};
use crate::actors::registry::{Drain, Registry, RegistryParts};
use crate::actors::room::RoomSettings;
use crate::actors::session::SessionParts;
use crate::actors::tell;
use crate::auth::{SetupError, Verifier};
use crate::config::{Config, SecretUrl};
use crate::ephemeral::Online;
use crate::http;
use crate::http::app::App;
use crate::limits::bodies::Bodies;
use crate::limits::caps::Caps;
use crate::limits::lines::{self, Lines};
use crate::limits::notices::{self, Notices};
use crate::limits::rates::Rates;
use crate::metrics::{self, Metrics};
use crate::protocol::client::FrameLimits;
use crate::socket::line::{mark_head, on_connect};
use crate::socket::{Limits as OutboxLimits, Times, WRITE_FROM};
use crate::store::{self, InvalidUrl, OpenError, StoreError};

/// How often it is looked whether a rate bucket can be forgotten.
const FORGET_RATES: Duration = Duration::from_secs(60);
/// How long the closes of a stopping daemon are spread.
const SPREAD: Duration = Duration::from_secs(2);
/// How coarse the web server's clock is.
const CLOCK_TICK: Duration = Duration::from_millis(500);
/// What a worker of a web server opens for itself, at most.
const DESCRIPTORS_OF_A_WORKER: usize = 4;
/// Connections that may be accepted beyond those that are let in, to be told so.
const UNCOUNTED: usize = 16;
/// With room for fewer connections the start warns.
const FEW_LINES: usize = 1000;
const STOP_LOOK: Duration = Duration::from_millis(25);
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Store(#[from] OpenError),
    #[error("{0}")]
    Url(#[from] InvalidUrl),
    #[error("the database was opened, but does not answer: {0}")]
    Epoch(#[from] StoreError),
    #[error("{0}")]
    Auth(#[from] SetupError),
    #[error("cannot listen on {address} ({setting}): {error}")]
    Bind { address: SocketAddr, setting: &'static str, error: std::io::Error },
    #[error("cannot start: {0}")]
    Io(#[from] std::io::Error),
}

/// A daemon that runs. Made within an actix system.
pub struct Daemon {
    addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    servers: Vec<ServerHandle>,
    app: web::Data<App>,
    registry: Addr<Registry>,
    db: DbHandle,
    drain: Duration,
    died: UnboundedReceiver<&'static str>,
    arbiters: Vec<Arbiter>,
    /// Ends with the daemon.
    _store_runtime: StoreRuntime,
}

impl Daemon {
    /// Does everything that may fail, and answers when the daemon serves.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let listener = bind(config.listen, "TENFOUR_LISTEN")?;
        let admin = config.admin_listen.map(|address| bind(address, "TENFOUR_ADMIN_LISTEN")).transpose()?;
        let verifier = Arc::new(Verifier::new(&config.auth)?);
        let store_runtime = StoreRuntime::new()?;
        let settings = store_settings(&config.database.url, &config.database.schema)?;
        let (writer, reader) = store::open(settings, store_runtime.handle.clone()).await?;
        let epoch = reader.epoch().await?;
        log::info!("the history is {epoch}");

        let epoch = Arc::new(parking_lot::RwLock::new(epoch));
        let metrics = Arc::new(Metrics::new());
        let directory = Directory::default();
        let online = Online::default();
        let (vital, died) = Vital::watch();
        let arbiters: Vec<Arbiter> = (0..4).map(|_| Arbiter::new()).collect();
        let handles: Vec<_> = arbiters.iter().map(Arbiter::handle).collect();
        let [for_db, for_rest, rooms @ ..] = handles.as_slice() else {
            return Err(std::io::Error::other("no arbiters").into());
        };

        let load = Arc::new(Load::new(config.limits.db_queue));
        let db = {
            let (reader, directory, metrics) = (reader.clone(), directory.clone(), Arc::clone(&metrics));
            let obituary = vital.obituary("the database actor");
            Db::start_in_arbiter(for_db, move |_| Db::new(writer, reader, directory, metrics, obituary))
        };
        let db = DbHandle::new(db, load);
        let presence = {
            let (online, directory) = (online.clone(), directory.clone());
            let (timeout, obituary) = (config.timing.heartbeat_timeout, vital.obituary("the presence actor"));
            Presence::start_in_arbiter(for_rest, move |_| Presence::new(timeout, online, directory, obituary))
        };
        let registry = {
            let parts = RegistryParts {
                db: db.clone(),
                reader: reader.clone(),
                directory: directory.clone(),
                presence: presence.clone(),
                online: online.clone(),
                epoch: Arc::clone(&epoch),
                metrics: Arc::clone(&metrics),
                rooms: RoomSettings {
                    max_in_flight: config.limits.room_in_flight,
                    typing_debounce: config.timing.typing_debounce,
                    typing_expiry: config.timing.typing_expiry,
                    read_merge: config.timing.read_merge,
                    idle: config.timing.room_idle,
                },
            };
            let (rooms, obituary) = (rooms.to_vec(), vital.obituary("the registry"));
            Registry::start_in_arbiter(for_rest, move |_| Registry::new(parts, rooms, obituary))
        };
        directory.wire(registry.clone());
        tell(&presence, presence::Wire { registry: registry.clone() });

        let notices = Arc::new(Notices::default());
        let rates = Arc::new(Rates::new(config.limits.rate_limit));
        let parts = Arc::new(SessionParts {
            db: db.clone(),
            reader,
            registry: registry.clone(),
            presence,
            directory,
            online,
            metrics,
            verifier,
            rates: Arc::clone(&rates),
            notices: Arc::clone(&notices),
            epoch,
            frame_limits: FrameLimits { content_bytes: config.limits.max_content_bytes },
            heartbeat_interval: config.timing.heartbeat_interval,
        });
        let (lines, admin_lines) = lines_of(config.limits.max_sessions_per_address);
        let app = web::Data::new(App {
            parts,
            caps: Caps::new(config.limits.max_sessions_per_user, config.limits.max_sessions_per_address),
            bodies: Bodies::new(config.limits.max_frame_bytes, config.limits.max_group_members),
            lines: lines.clone(),
            allowed_origins: config.allowed_origins.clone(),
            max_frame_bytes: config.limits.max_frame_bytes,
            max_group_members: config.limits.max_group_members,
            outbox: OutboxLimits { bytes: config.limits.outbox_bytes, ..OutboxLimits::default() },
            draining: AtomicBool::new(false),
            started: Instant::now(),
        });
        keep_house(rates, notices);

        let addr = listener.local_addr()?;
        let times = Times { head: config.timing.head_timeout, keep_alive: config.timing.keep_alive };
        let mut servers = vec![serve(listener, &app, lines, times, http::public)?];
        let admin_addr = match admin {
            Some(listener) => {
                let addr = listener.local_addr()?;
                servers.push(serve(listener, &app, admin_lines, times, http::admin)?);
                Some(addr)
            }
            None => None,
        };
        let drain = config.timing.drain;
        Ok(Self { addr, admin_addr, servers, app, registry, db, drain, died, arbiters, _store_runtime: store_runtime })
    }

    /// Where clients connect, with the port that was really bound.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// What the handlers share; for tests that reach behind the wire.
    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn registry(&self) -> &Addr<Registry> {
        &self.registry
    }

    /// Waits until a part that holds the truth has died, and names it.
    pub async fn died(&mut self) -> &'static str {
        match self.died.recv().await {
            Some(part) => part,
            // The watch is kept by the actors; without it nothing can be told any more.
            None => "the watch over the actors",
        }
    }

    /// Stops in order: no new connections, goodbye to the sessions, everything accepted is stored, then the rest.
    pub async fn stop(mut self) {
        let deadline = Instant::now() + self.drain;
        log::info!("stopping: no new connections");
        self.app.draining.store(true, Ordering::Release);
        let spread = SPREAD.min(self.drain / 4);
        let drain = Drain { spread, reason: "the daemon is stopping", for_good: true };
        let sessions = self.registry.send(drain).await.unwrap_or(0);
        log::info!("stopping: {sessions} sessions are told, their closes spread over {} ms", spread.as_millis());
        let half = Instant::now() + self.drain / 2;
        while self.app.parts.metrics.connections.get() > 0 && Instant::now() < half {
            tokio::time::sleep(STOP_LOOK).await;
        }
        while !self.is_stored().await && Instant::now() < deadline {
            tokio::time::sleep(STOP_LOOK).await;
        }
        if tokio::time::timeout(CLOSE_WITHIN, self.db.actor().send(CloseStore)).await.is_err() {
            log::warn!("the store did not close within {} ms", CLOSE_WITHIN.as_millis());
        }
        for server in &self.servers {
            // Whoever still holds a connection has been told and given time.
            server.stop(false).await;
        }
        log::info!("stopped");
        for arbiter in self.arbiters.drain(..) {
            arbiter.stop();
            // Its thread ends by itself.
            drop(arbiter);
        }
    }

    async fn is_stored(&self) -> bool {
        self.db.waiting() == 0 && self.db.actor().send(IsIdle).await.unwrap_or(true)
    }
}

/// The threads of the store, apart from the actors': neither waits for the other.
struct StoreRuntime {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl StoreRuntime {
    fn new() -> std::io::Result<Self> {
        let builder = &mut tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_name("store").enable_all().build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

/// A runtime may not be waited for within another one.
impl Drop for StoreRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
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

fn bind(address: SocketAddr, setting: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|error| StartError::Bind { address, setting, error })
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Who may open how many connections on the public and the admin address: descriptors are left for everything else.
fn lines_of(sessions_per_address: usize) -> (Lines, Lines) {
    let per_address = lines::per_address(sessions_per_address);
    let count = |count: Option<i64>| count.and_then(|count| usize::try_from(count).ok());
    let (public, admin) = match count(metrics::max_fds()) {
        // No limit, or none that can be read.
        None => (usize::MAX, usize::MAX),
        Some(max) => {
            let open = count(metrics::open_fds()).unwrap_or_default() + 2 * workers() * DESCRIPTORS_OF_A_WORKER;
            let (public, admin) = lines::in_all(max, open);
            if public < FEW_LINES {
                log::warn!(
                    "the limit of {max} open files lets {public} connections in at a time; raise it for more \
                     (LimitNOFILE, ulimit -n)"
                );
            }
            (public, admin)
        }
    };
    (Lines::new(per_address, public), Lines::new(per_address, admin))
}

fn serve(
    listener: TcpListener,
    app: &web::Data<App>,
    lines: Lines,
    times: Times,
    routes: fn(&mut web::ServiceConfig),
) -> Result<ServerHandle, StartError> {
    let app = app.clone();
    let refused = app.parts.metrics.lines_refused.clone();
    // What was accepted and not yet counted holds a descriptor as well. At the limit the server accepts no more.
    let of_a_worker = lines.limit().saturating_add(UNCOUNTED) / workers() + 1;
    let server = HttpServer::new(move || {
        HttpApp::new()
            .app_data(app.clone())
            .wrap(middleware::from_fn(http::trace::trace))
            .wrap(middleware::from_fn(mark_head))
            .configure(routes)
    })
    .on_connect(move |connection, data| {
        on_connect(connection, data, times, |peer| {
            let place = lines.take(peer.ip());
            place
                .inspect_err(|full| {
                    refused.inc();
                    log::debug!("a connection from {} is ended: {full}", peer.ip());
                })
                .ok()
        });
    })
    // Its clock ticks every half second, so that a shorter time might be over before a connection has begun; every head
    // is watched by `on_connect`.
    .client_request_timeout(times.head + CLOCK_TICK)
    .h1_write_buffer_size(WRITE_FROM)
    // Small frames one after the other would wait for the peer's acknowledgement of the one before.
    .tcp_nodelay(true)
    .keep_alive(times.keep_alive)
    .workers(workers())
    .max_connections(of_a_worker)
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    actix::spawn(server);
    Ok(handle)
}
