//! The log: to the standard error, one line an event, at levels that may be changed while the daemon runs.
//!
//! Used by the command line. Never says what messages hold: some packages would, and are kept silent whatever is asked for.

use env_logger::{Builder, Logger};
use log::{LevelFilter, Log, Metadata, Record};
use parking_lot::RwLock;

static CURRENT: Current = Current(RwLock::new(None));

struct Current(RwLock<Option<Logger>>);

/// From now on, at these levels. Once a process.
pub fn start(filter: &str) -> Result<(), log::SetLoggerError> {
    log::set_logger(&CURRENT)?;
    set(filter);
    Ok(())
}

/// Other levels, for what is logged from now on.
pub fn set(filter: &str) {
    let logger = Builder::new()
        // What it says at `info` is news to nobody who runs the daemon.
        .filter_module("actix_server", LevelFilter::Warn)
        .parse_filters(filter)
        // At `debug` it prints what it stores: the contents of messages. Whatever is asked for, these stay silent.
        .filter_module("tokio_postgres", LevelFilter::Warn)
        .filter_module("tokio_postgres::query", LevelFilter::Warn)
        .format_timestamp_millis()
        .build();
    let most = logger.filter();
    *CURRENT.0.write() = Some(logger);
    log::set_max_level(most);
}

/// Read recursively: a line may be made of what logs itself, while somebody waits to change the levels.
impl Log for Current {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.read_recursive().as_ref().is_some_and(|logger| logger.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        if let Some(logger) = self.0.read_recursive().as_ref() {
            logger.log(record);
        }
    }

    fn flush(&self) {
        if let Some(logger) = self.0.read_recursive().as_ref() {
            logger.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_change_and_what_would_print_contents_stays_silent() {
        let asks = |target: &'static str, level| Metadata::builder().target(target).level(level).build();
        set("info");
        assert!(CURRENT.enabled(&asks("tenfour::store", log::Level::Info)));
        assert!(!CURRENT.enabled(&asks("tenfour::store", log::Level::Debug)));
        set("warn,tenfour::store=debug,tokio_postgres=trace");
        assert!(CURRENT.enabled(&asks("tenfour::store", log::Level::Debug)));
        assert!(!CURRENT.enabled(&asks("tenfour::http", log::Level::Info)));
        assert!(!CURRENT.enabled(&asks("tokio_postgres::query", log::Level::Info)));
        assert_eq!(log::max_level(), LevelFilter::Debug);
        set("off");
        assert!(!CURRENT.enabled(&asks("tenfour", log::Level::Error)));
    }
}
