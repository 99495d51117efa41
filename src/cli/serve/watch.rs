//! Tells the service manager how the daemon is, for as long as it runs.
//!
//! Runs beside what waits for signals, and holds it up in nothing. The watchdog is fed only when every part that holds the
//! truth has answered. A database that is away is no reason to starve it: a new process would not have it either.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::daemon::Pulse;
use crate::systemd::{self, Manager};

/// The longest that is waited for the first answer before it is taken for granted.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How often what is shown to people is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Signs of life for each time that the manager waits: one may be late.
const SIGNS: u32 = 3;

/// A watch over a daemon that serves. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub(super) struct Watch(Arc<Shared>);

struct Shared {
    manager: Manager,
    pulse: Pulse,
    /// From then on parts may be gone, and the manager has been told.
    stopping: AtomicBool,
    /// The settings were refused when they were last read anew.
    refused: AtomicBool,
    /// What was found when it was last looked.
    summary: Mutex<String>,
    /// What the manager was told last.
    shown: Mutex<String>,
}

impl Watch {
    /// Until the system ends.
    pub(super) fn keep(manager: &Manager, pulse: Pulse) -> Self {
        let (stopping, refused) = (AtomicBool::new(false), AtomicBool::new(false));
        let (summary, shown) = (Mutex::default(), Mutex::default());
        let shared = Shared { manager: manager.clone(), pulse, stopping, refused, summary, shown };
        let watch = Self(Arc::new(shared));
        if manager.is_there() {
            actix::spawn(watch.clone().run());
        }
        watch
    }

    /// The settings are being read anew.
    pub(super) fn reloading(&self) {
        self.0.manager.reloading();
    }

    /// They were, and were taken or refused.
    pub(super) fn reloaded(&self, taken: bool) {
        self.0.refused.store(!taken, Ordering::Release);
        self.ready();
    }

    /// The daemon stops, and will be gone by then.
    pub(super) fn stopping(&self, within: Duration) {
        self.0.stopping.store(true, Ordering::Release);
        self.0.manager.stopping(within);
    }

    async fn run(self) {
        if !self.0.pulse.answers(ANSWER_WITHIN).await {
            log::warn!("this process cannot reach its own address within {} s", ANSWER_WITHIN.as_secs());
        }
        self.look().await;
        self.ready();
        if let Some(patience) = systemd::watchdog() {
            actix::spawn(self.clone().feed(patience / SIGNS));
        }
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.look().await;
            let status = self.status();
            if *self.0.shown.lock() != status && !self.is_stopping() {
                self.0.manager.status(&status);
                *self.0.shown.lock() = status;
            }
        }
    }

    async fn look(&self) {
        let summary = self.0.pulse.summary().await;
        *self.0.summary.lock() = summary;
    }

    fn ready(&self) {
        let status = self.status();
        if !self.is_stopping() {
            self.0.manager.ready(&status);
            *self.0.shown.lock() = status;
        }
    }

    /// One line for people.
    fn status(&self) -> String {
        let summary = self.0.summary.lock().clone();
        if self.0.refused.load(Ordering::Acquire) {
            return format!("{summary}; the settings on disk are refused, see the log");
        }
        summary
    }

    fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    async fn feed(self, every: Duration) {
        let mut looks = interval(every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut complained = false;
        loop {
            looks.tick().await;
            let silent = self.0.pulse.silent(every).await;
            if silent.is_empty() {
                self.0.manager.alive();
                if complained {
                    log::info!("all parts answer again");
                }
            } else if !complained && !self.is_stopping() {
                let (parts, time) = (silent.join(", "), every.as_millis());
                log::error!(
                    "no answer within {time} ms from {parts}: the service manager is not told that all is well"
                );
            }
            complained = !silent.is_empty();
        }
    }
}
