//! Tells the service manager how the daemon is, for as long as it runs.
//!
//! The watchdog is fed only when every part that holds the truth has answered. A database that is away is no reason to
//! starve it: a new process would not have it either.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::daemon::Pulse;
use crate::systemd::{self, Manager};

/// How often what is shown to people is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Signs of life for each time that the manager waits: one may be late.
const SIGNS: u32 = 3;

/// What the watch is told by the rest of the command.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    refused: AtomicBool,
}

impl Notes {
    /// From now on parts may be gone.
    pub(super) fn stopping(&self) {
        self.0.stopping.store(true, Ordering::Release);
    }

    /// Whether the settings were refused when they were last read anew.
    pub(super) fn refused(&self, refused: bool) {
        self.0.refused.store(refused, Ordering::Release);
    }

    fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    /// One line for people.
    pub(super) async fn status(&self, pulse: &Pulse) -> String {
        let summary = pulse.summary().await;
        if self.0.refused.load(Ordering::Acquire) {
            return format!("{summary}; the settings on disk are refused, see the log");
        }
        summary
    }
}

/// Until the system ends.
pub(super) fn keep(manager: &Manager, pulse: &Pulse, notes: &Notes) {
    if !manager.is_there() {
        return;
    }
    actix::spawn(show(manager.clone(), pulse.clone(), notes.clone()));
    if let Some(patience) = systemd::watchdog() {
        actix::spawn(feed(manager.clone(), pulse.clone(), notes.clone(), patience / SIGNS));
    }
}

async fn show(manager: Manager, pulse: Pulse, notes: Notes) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown = String::new();
    loop {
        looks.tick().await;
        let status = notes.status(&pulse).await;
        if status != shown && !notes.is_stopping() {
            manager.status(&status);
            shown = status;
        }
    }
}

async fn feed(manager: Manager, pulse: Pulse, notes: Notes, every: Duration) {
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut complained = false;
    loop {
        looks.tick().await;
        let silent = pulse.silent(every).await;
        if silent.is_empty() {
            manager.alive();
            if complained {
                log::info!("all parts answer again");
            }
        } else if !complained && !notes.is_stopping() {
            let (parts, time) = (silent.join(", "), every.as_millis());
            log::error!("no answer within {time} ms from {parts}: the service manager is not told that all is well");
        }
        complained = !silent.is_empty();
    }
}
