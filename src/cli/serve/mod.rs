//! `tenfour serve`: the daemon until a signal ends it, under a service manager where there is one.

mod watch;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failure;
use crate::config::{self, Config, ConfigErrors, Flags, Loaded, LogFormat};
use crate::daemon::{Daemon, StartError};
use crate::logging;
use crate::store::OpenError;
use crate::systemd::{self, Manager, Sockets};
use watch::Watch;

/// How often the service manager is asked for patience while the database is opened and migrated, which takes what it takes.
const ASK_EVERY: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
/// What the end of a stopping daemon takes beyond its drain.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Reads the settings anew for a daemon that runs with some.
type Again = Arc<dyn Fn(&Loaded) -> Result<Loaded, ConfigErrors> + Send + Sync>;

/// Who runs the daemon.
struct Service {
    manager: Manager,
    sockets: Sockets,
    /// Without it SIGHUP ends the daemon: its terminal is gone.
    again: Option<Again>,
}

/// What asks a process to do something.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What comes next for a daemon that runs.
enum Next {
    Reload,
    Stop,
    Died(&'static str),
}

/// The sockets that the service manager has bound. To be called before anything else runs.
pub(super) fn sockets() -> Result<Sockets, Failure> {
    systemd::sockets().map_err(|error| Failure::Configuration(error.to_string()))
}

/// Runs the daemon as a service: with the manager's sockets, telling it how it goes, and reading the settings anew on SIGHUP.
pub(super) fn as_service(
    flags: Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    sockets: Sockets,
) -> Result<(), Failure> {
    let bound = bound_by(&sockets).map_err(|error| Failure::Configuration(format!("a handed over socket: {error}")))?;
    let (flags, environment) = (Flags { bound, ..flags }, environment.into_iter().collect::<Vec<_>>());
    let loaded = super::warned(config::load(&flags, environment.clone())?);
    let cannot = |error: std::io::Error| Failure::Failed(format!("cannot start: {error}"));
    let manager = Manager::new(config::is_supervised()).map_err(cannot)?;
    let again: Again = Arc::new(move |running| config::reload(&flags, environment.clone(), running));
    serve(loaded, Service { manager, sockets, again: Some(again) }, async |_, _| Ok(()))
}

/// Runs the daemon for whoever typed the command; `started` is called when it serves.
pub(super) fn run(
    loaded: Loaded,
    started: impl AsyncFnOnce(&Daemon, &Config) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let manager = Manager::new(false).map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    serve(loaded, Service { manager, sockets: Sockets::default(), again: None }, started)
}

fn serve(
    loaded: Loaded,
    service: Service,
    started: impl AsyncFnOnce(&Daemon, &Config) -> Result<(), Failure>,
) -> Result<(), Failure> {
    logging::start(&log_of(&loaded.config)).map_err(|error| Failure::Failed(format!("cannot log: {error}")))?;
    actix::System::new().block_on(async move {
        let mut signals = Signals::listen().map_err(|error| no_signals(&error))?;
        let Service { manager, sockets, again } = service;
        let Some(daemon) = start(&loaded.config, sockets, &manager, &mut signals).await? else { return Ok(()) };
        let (listen, admin) = (daemon.addr(), daemon.admin_addr());
        log::info!("{}", started_line(&loaded.config, loaded.file.as_deref(), listen, admin));
        started(&daemon, &loaded.config).await?;
        attend(daemon, loaded, &manager, again, &mut signals).await
    })
}

/// None: a signal came first.
async fn start(
    config: &Config,
    sockets: Sockets,
    manager: &Manager,
    signals: &mut Signals,
) -> Result<Option<Daemon>, Failure> {
    let mut starting = pin!(Daemon::start_on(config.clone(), sockets));
    let mut asks = tokio::time::interval(ASK_EVERY);
    manager.status("opening the database");
    asks.tick().await;
    loop {
        tokio::select! {
            started = &mut starting => return started.map(Some).map_err(|error| failure(&error)),
            // It may wait for the database, or for another node's migration.
            _ = signals.terminate.recv() => return Ok(None),
            _ = signals.interrupt.recv() => return Ok(None),
            _ = asks.tick() => {
                manager.patience(PATIENCE);
                manager.status("opening the database, which takes its time: it is being migrated, or waits for another node");
            }
        }
    }
}

/// A daemon that serves, until its end.
async fn attend(
    mut daemon: Daemon,
    mut running: Loaded,
    manager: &Manager,
    again: Option<Again>,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let watch = Watch::keep(manager, daemon.pulse());
    loop {
        match (next(&mut daemon, signals).await, &again) {
            (Next::Reload, Some(again)) => {
                watch.reloading();
                watch.reloaded(reload(&daemon, &mut running, again).await);
            }
            (Next::Reload, None) | (Next::Stop, _) => break,
            (Next::Died(part), _) => {
                // What it knew is lost, and with it every promise: a new process starts from what is stored.
                return Err(Failure::Failed(format!("{part} died; the daemon ends so that it is started anew")));
            }
        }
    }
    watch.stopping(running.config.timing.drain + END_WITHIN);
    daemon.stop().await;
    manager.settle().await;
    Ok(())
}

async fn next(daemon: &mut Daemon, signals: &mut Signals) -> Next {
    tokio::select! {
        _ = signals.terminate.recv() => Next::Stop,
        _ = signals.interrupt.recv() => Next::Stop,
        _ = signals.hang_up.recv() => Next::Reload,
        part = daemon.died() => Next::Died(part),
    }
}

/// Takes over what can be, from the same places as at the start. Whatever is wrong, the daemon goes on as it was: false then.
async fn reload(daemon: &Daemon, running: &mut Loaded, again: &Again) -> bool {
    log::info!("SIGHUP: reading the settings anew");
    let (again, with) = (Arc::clone(again), running.clone());
    let read = tokio::task::spawn_blocking(move || again(&with)).await;
    let problems = match read {
        Ok(Ok(new)) => match daemon.reload(&new.config) {
            Ok(()) => {
                take_over(running, new);
                return true;
            }
            Err(error) => vec![error.to_string()],
        },
        Ok(Err(ConfigErrors(problems))) => problems,
        Err(error) => vec![error.to_string()],
    };
    for problem in problems {
        log::error!("the new settings are refused, and the old ones stay: {problem}");
    }
    false
}

fn take_over(running: &mut Loaded, new: Loaded) {
    for warning in &new.warnings {
        log::warn!("{warning}");
    }
    let left = running.adopt(new);
    logging::set(&log_of(&running.config));
    if left.is_empty() {
        log::info!("the new settings are in effect");
    } else {
        log::warn!("the new settings are in effect, but for those that take a restart: {}", left.join(", "));
    }
}

fn log_of(config: &Config) -> logging::Settings {
    let to_journal = match config.log_format {
        LogFormat::Journal => true,
        LogFormat::Auto | LogFormat::Json => config::journal().is_some_and(logging::is_journal),
        LogFormat::Text => false,
    };
    let format = logging::Format { json: config.log_format == LogFormat::Json, to_journal };
    logging::Settings { filter: config.log.clone(), format, access: config.access_log }
}

/// What the sockets say of the addresses: nothing else counts.
fn bound_by(sockets: &Sockets) -> std::io::Result<Vec<(&'static str, String)>> {
    let named = [("listen", &sockets.public), ("admin_listen", &sockets.admin)];
    let bound = named.into_iter().filter_map(|(key, socket)| Some((key, socket.as_ref()?)));
    bound.map(|(key, socket)| Ok((key, TcpListener::local_addr(socket)?.to_string()))).collect()
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }
}

/// What runs, on what, and where. Ends with the address, for scripts that bound port 0.
fn started_line(config: &Config, file: Option<&Path>, listen: SocketAddr, admin: Option<SocketAddr>) -> String {
    let file = file.map_or_else(|| "no file".to_owned(), |file| file.display().to_string());
    let admin = admin.map_or_else(|| "off".to_owned(), |admin| admin.to_string());
    let (version, database) = (env!("CARGO_PKG_VERSION"), &config.database.url);
    format!("tenfour {version}: database {database}, settings {file}, admin {admin}, listening on {listen}")
}

fn no_signals(error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot listen for signals: {error}"))
}

/// A setting that has to be changed is told apart from a database that may come back.
fn failure(error: &StartError) -> Failure {
    match error {
        // The interface may not be up yet.
        StartError::Bind { error: at, .. } if at.kind() == ErrorKind::AddrNotAvailable => {
            Failure::Failed(error.to_string())
        }
        StartError::Store(OpenError::Unreachable(_) | OpenError::Store(_) | OpenError::Migration(_))
        | StartError::Epoch(_)
        | StartError::Io(_) => Failure::Failed(error.to_string()),
        _ => Failure::Configuration(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecretUrl;

    #[test]
    fn the_first_line_says_what_runs_on_what_and_no_password() {
        let mut config = Config::default();
        config.database.url = SecretUrl::new("postgres://me:hunter2@db/chat");
        let (listen, admin) = (config.listen, config.admin_listen);
        let line = started_line(&config, Some(Path::new("/etc/t.toml")), listen, admin);
        let version = env!("CARGO_PKG_VERSION");
        let expected = "database postgres://[redacted]@db/chat, settings /etc/t.toml, admin 127.0.0.1:8081, \
                        listening on 127.0.0.1:8080";
        assert_eq!(line, format!("tenfour {version}: {expected}"));
        assert!(started_line(&config, None, listen, None).contains("settings no file, admin off, "));
    }

    #[test]
    fn an_address_that_is_not_there_yet_is_tried_again_and_one_that_is_taken_is_not() {
        let bind = |kind: ErrorKind| {
            let error = StartError::Bind { address: Config::default().listen, setting: "listen", error: kind.into() };
            matches!(failure(&error), Failure::Configuration(_))
        };
        assert!(bind(ErrorKind::AddrInUse) && bind(ErrorKind::PermissionDenied));
        assert!(!bind(ErrorKind::AddrNotAvailable));
    }
}
