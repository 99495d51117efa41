//! The log: to the standard error, one line an event, at levels that may be changed while the daemon runs.
//!
//! Started by the command line; the HTTP layer names the request that lines belong to, and changes levels for admins. Never says what
//! messages hold: some packages would, and are kept silent whatever is asked for.

mod line;

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use env_logger::{Builder, Logger};
use log::{Level, LevelFilter, Log, Metadata, Record};
use parking_lot::RwLock;

/// The target of the lines of requests and sockets, so that a filter can name them.
pub const ACCESS: &str = "tenfour::access";

static CURRENT: Current = Current(RwLock::new(None));
static ACCESSES: AtomicBool = AtomicBool::new(false);

tokio::task_local! {
    static REQUEST: Arc<str>;
}

/// What is said, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    pub filter: String,
    pub format: Format,
    /// A line for each request and each socket.
    pub access: bool,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// One object a line, with fields of its own for what belongs to a request or a session.
    pub json: bool,
    /// The journal writes down when each line came and reads how important it is: no time, but a priority.
    pub to_journal: bool,
}

struct Current(RwLock<Option<State>>);

struct State {
    logger: Logger,
    settings: Settings,
}

/// From now on. Once a process.
pub fn start(settings: &Settings) -> Result<(), log::SetLoggerError> {
    log::set_logger(&CURRENT)?;
    set(settings);
    Ok(())
}

/// Other settings, for what is logged from now on.
pub fn set(settings: &Settings) {
    let format = settings.format;
    let logger = Builder::new()
        // What it says at `info` is news to nobody who runs the daemon.
        .filter_module("actix_server", LevelFilter::Warn)
        .parse_filters(&settings.filter)
        // At `debug` it prints what it stores: the contents of messages. Whatever is asked for, these stay silent.
        .filter_module("tokio_postgres", LevelFilter::Warn)
        .filter_module("tokio_postgres::query", LevelFilter::Warn)
        .format(move |out, record| line::write(out, record, format))
        .build();
    let most = logger.filter();
    *CURRENT.0.write() = Some(State { logger, settings: settings.clone() });
    ACCESSES.store(settings.access, Ordering::Relaxed);
    log::set_max_level(most);
}

/// Other levels, until the next [`set`]. False: nothing is logged by this module.
pub fn set_filter(filter: &str) -> bool {
    let Some(settings) = CURRENT.0.read().as_ref().map(|state| state.settings.clone()) else { return false };
    set(&Settings { filter: filter.to_owned(), ..settings });
    true
}

/// The levels, where anything is logged.
pub fn filter() -> Option<String> {
    CURRENT.0.read().as_ref().map(|state| state.settings.filter.clone())
}

/// Whether each request has its line.
pub fn logs_access() -> bool {
    ACCESSES.load(Ordering::Relaxed) && log::log_enabled!(target: ACCESS, Level::Info)
}

/// Does what belongs to a request: what is logged meanwhile has its name.
pub async fn within<F: Future>(request: Arc<str>, work: F) -> F::Output {
    REQUEST.scope(request, work).await
}

/// The request that is being answered.
pub fn request() -> Option<Arc<str>> {
    REQUEST.try_with(Arc::clone).ok()
}

/// Whether the standard error is the journal that the service manager speaks of, by the device and inode of its end.
pub fn is_journal(told: (u64, u64)) -> bool {
    let own = std::io::stderr().as_fd().try_clone_to_owned().map(File::from).and_then(|file| file.metadata());
    own.is_ok_and(|own| (own.dev(), own.ino()) == told)
}

/// Read recursively: a line may be made of what logs itself, while somebody waits to change the levels.
impl Log for Current {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.read_recursive().as_ref().is_some_and(|state| state.logger.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        if let Some(state) = self.0.read_recursive().as_ref() {
            state.logger.log(record);
        }
    }

    fn flush(&self) {
        if let Some(state) = self.0.read_recursive().as_ref() {
            state.logger.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_change_and_what_would_print_contents_stays_silent() {
        let asks = |target: &'static str, level| Metadata::builder().target(target).level(level).build();
        let format = Format { json: false, to_journal: false };
        assert!(!set_filter("info") && filter().is_none());
        set(&Settings { filter: "info".to_owned(), format, access: true });
        assert!(CURRENT.enabled(&asks("tenfour::store", Level::Info)));
        assert!(!CURRENT.enabled(&asks("tenfour::store", Level::Debug)));
        assert!(set_filter("warn,tenfour::store=debug,tokio_postgres=trace"));
        assert!(CURRENT.enabled(&asks("tenfour::store", Level::Debug)));
        assert!(!CURRENT.enabled(&asks("tenfour::http", Level::Info)));
        assert!(!CURRENT.enabled(&asks("tokio_postgres::query", Level::Info)));
        assert_eq!(log::max_level(), LevelFilter::Debug);
        assert!(set_filter("off"));
        assert!(!CURRENT.enabled(&asks("tenfour", Level::Error)));
        assert_eq!(filter().as_deref(), Some("off"));
    }
}
