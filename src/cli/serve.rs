//! `tenfour serve`: the daemon until a signal ends it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::config::{Config, Loaded};
use crate::daemon::{Daemon, StartError};
use crate::store::OpenError;

/// Runs the daemon; `started` is called when it serves.
pub(super) fn run(
    Loaded { config, file, .. }: Loaded,
    started: impl AsyncFnOnce(&Daemon, &Config) -> Result<(), Failure>,
) -> Result<(), Failure> {
    env_logger::Builder::new()
        // What it says at `info` is news to nobody who runs the daemon.
        .filter_module("actix_server", log::LevelFilter::Warn)
        .parse_filters(&config.log)
        // At `debug` it prints what it stores: the contents of messages. Whatever is asked for, these stay silent.
        .filter_module("tokio_postgres", log::LevelFilter::Warn)
        .filter_module("tokio_postgres::query", log::LevelFilter::Warn)
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
        log::info!("{}", started_line(&config, file.as_deref(), daemon.addr(), daemon.admin_addr()));
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
