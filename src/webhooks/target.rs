//! A webhook as this node knows it, and whether it answers: found by whoever posts to it, and written down for all nodes.
//!
//! Used by lanes, by what was set aside, and by the dispatcher, which hears what other nodes have found. Never posts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::lane::Shared;
use crate::domain::now;
use crate::domain::webhook::Webhook;
use crate::live::What;

/// Once a webhook answers again, what waited for that is tried within this time.
const SOON: TimeDelta = TimeDelta::minutes(5);
/// For so long what was found here may not be in the database yet. After that the database is right, where a call may have taken
/// it back.
const UNWRITTEN: Duration = Duration::from_secs(5);

/// See the module's text.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) webhook: Webhook,
    /// False: it was changed, disabled or removed.
    is_current: AtomicBool,
    pause: Mutex<Pause>,
    /// It does not answer, and that is noted.
    silent: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Option<DateTime<Utc>>,
    /// When this node found last that it does not answer.
    found: Option<Instant>,
}

impl Target {
    pub(super) fn new(webhook: Webhook) -> Self {
        let pause = Mutex::new(Pause { until: webhook.paused_until, found: None });
        let silent = webhook.failing_since.is_some().into();
        Self { webhook, is_current: AtomicBool::new(true), pause, silent }
    }

    /// What all nodes know of it by now.
    pub(super) fn hear(&self, webhook: &Webhook) {
        let mut pause = self.pause.lock();
        let is_silent = webhook.failing_since.is_some();
        if pause.found.is_some_and(|at| at.elapsed() < UNWRITTEN) {
            pause.until = pause.until.max(webhook.paused_until);
            self.silent.fetch_or(is_silent, Ordering::Relaxed);
        } else {
            pause.until = webhook.paused_until;
            self.silent.store(is_silent, Ordering::Relaxed);
        }
    }

    pub(super) fn is_current(&self) -> bool {
        self.is_current.load(Ordering::Relaxed)
    }

    /// Nothing more is sent there by whoever has it.
    pub(super) fn retire(&self) {
        self.is_current.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_paused(&self) -> bool {
        self.pause.lock().until.is_some_and(|until| until > now())
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    pub(super) fn may_be_told(&self) -> bool {
        self.is_current() && self.webhook.disabled.is_none() && !self.is_paused()
    }

    pub(super) async fn answered(&self, shared: &Shared) {
        if self.silent.swap(false, Ordering::Relaxed) {
            let id = self.webhook.id;
            match shared.store.answers(id, now() + SOON).await {
                Ok(true) => log::info!("webhook {id} answers again"),
                Ok(false) => {}
                // With the next event.
                Err(_) => self.silent.store(true, Ordering::Relaxed),
            }
        }
    }

    pub(super) async fn gone(&self, shared: &Shared) {
        let id = self.webhook.id;
        self.retire();
        log::warn!("webhook {id} answered 410: it is disabled, until that is changed by a call");
        shared.live.tell(|| What::WebhookDisabled { webhook: id });
        if let Err(error) = shared.store.disable(id, "it answered 410".to_owned()).await {
            log::warn!("webhook {id} could not be disabled: {error}");
        }
    }

    /// Notes, for all nodes, that it does not answer.
    pub(super) async fn unreachable(&self, shared: &Shared, why: &str, pause: Option<Duration>) {
        let at = now();
        let until = pause.map(|pause| at + TimeDelta::from_std(pause).unwrap_or_default());
        {
            let mut pause = self.pause.lock();
            *pause = Pause { until: until.or(pause.until), found: Some(Instant::now()) };
        }
        let is_new = !self.silent.swap(true, Ordering::Relaxed);
        if is_new || until.is_some() {
            let id = self.webhook.id;
            if is_new {
                log::warn!("webhook {id} takes nothing for now: {why}");
            }
            if let Err(error) = shared.store.pause(id, at, until).await {
                log::debug!("webhook {id}: that it does not answer could not be written down: {error}");
                self.silent.store(false, Ordering::Relaxed);
            }
        }
    }
}
