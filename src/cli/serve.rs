//! `tenfour serve`: the daemon until a signal ends it.

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::config::Config;
use crate::daemon::{Daemon, StartError};
use crate::store::OpenError;

/// Runs the daemon; `started` is called when it serves.
pub(super) fn run(
    config: Config,
    started: impl AsyncFnOnce(&Daemon, &Config) -> Result<(), Failure>,
) -> Result<(), Failure> {
    env_logger::Builder::new()
        // What it says at `info` is news to nobody who runs the daemon.
        .filter_module("actix_server", log::LevelFilter::Warn)
        .parse_filters(&config.log)
        .format_timestamp_millis()
        .init();
    actix::System::new().block_on(async move {
        let mut terminate = signal(SignalKind::terminate()).map_err(|error| no_signals(&error))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| no_signals(&error))?;
        let mut daemon = tokio::select! {
            started = Daemon::start(config.clone()) => started.map_err(|error| failure(&error))?,
            // It may wait for the database, or for another node's migration.
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        log::info!("listening on {}", daemon.addr());
        if let Some(address) = daemon.admin_addr() {
            log::info!("the admin address is {address}");
        }
        started(&daemon, &config).await?;
        let died = tokio::select! {
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            part = daemon.died() => Some(part),
        };
        if let Some(part) = died {
            // What it knew is lost, and with it every promise: a new process starts from what is stored.
            return Err(Failure::Failed(format!("{part} died; the daemon ends so that it is started anew")));
        }
        daemon.stop().await;
        Ok(())
    })
}

fn no_signals(error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot listen for signals: {error}"))
}

/// A setting that has to be changed is told apart from a database that may come back.
fn failure(error: &StartError) -> Failure {
    match error {
        StartError::Store(OpenError::Unreachable(_) | OpenError::Store(_) | OpenError::Migration(_))
        | StartError::Epoch(_)
        | StartError::Io(_) => Failure::Failed(error.to_string()),
        _ => Failure::Configuration(error.to_string()),
    }
}
