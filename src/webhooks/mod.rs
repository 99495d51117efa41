//! Tells the host application's server of what happens, by signed POSTs in the form of Standard Webhooks.
//!
//! Started by the composition root, asked by the calls that manage webhooks. Events are read from the logs that the database has of
//! each channel, so that nothing of this is in the way of a message: a webhook is a cursor into them. It never changes anything
//! of chat, and never logs what an event says.

mod dispatch;
mod guard;
mod lane;
mod own;
mod post;
mod queue;
mod retry;
mod set_aside;
mod settle;
mod sign;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::RwLock;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use guard::Refused;
pub use sign::fresh_secret;

use crate::config::WebhookSettings;
use crate::domain::ids::{EventId, WebhookId};
use crate::domain::now;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::protocol::event::encode_test;
use crate::protocol::webhook::{Tested, name_of};
use crate::store::{StoreError, Webhooks, new_worker};
use dispatch::Dispatcher;
use lane::Shared;
use post::{Letter, Poster, Verdict};
use retry::Retries;
use settle::Settler;

/// A way to who delivers. Clones are the same.
#[derive(Debug, Clone)]
pub struct Hooks {
    shared: Arc<Shared>,
    running: Arc<RwLock<Option<JoinHandle<()>>>>,
    runtime: Handle,
}

impl Hooks {
    /// Fails where no client for HTTP can be made.
    pub fn new(
        settings: &WebhookSettings,
        store: Webhooks,
        (metrics, live): (Arc<Metrics>, Live),
        epoch: Arc<RwLock<String>>,
        runtime: &Handle,
    ) -> Result<Self, String> {
        let poster = Poster::new(settings).map_err(|error| error.to_string())?;
        let worker = new_worker();
        let (settler, settling) = Settler::start(store.clone(), worker);
        runtime.spawn(settling);
        let shared = Arc::new(Shared {
            store,
            poster,
            settler,
            retries: Retries::new(&settings.retries),
            lease: settings.timeout * 3,
            timeout: settings.timeout,
            metrics,
            live,
            epoch,
            stopping: AtomicBool::new(false),
        });
        let dispatcher = Dispatcher::new(Arc::clone(&shared), worker);
        let running = Arc::new(RwLock::new(None));
        let hooks = Self { shared, running, runtime: runtime.clone() };
        *hooks.running.write() = Some(runtime.spawn(dispatcher.run()));
        Ok(hooks)
    }

    pub fn store(&self) -> &Webhooks {
        &self.shared.store
    }

    /// Whether anything may be sent there, as far as the address itself says.
    pub fn check(&self, url: &str) -> Result<(), Refused> {
        self.shared.poster.guard().check(url).map(drop)
    }

    /// Posts a test, and says how that went; `None`: there is no such webhook.
    pub async fn test(&self, id: WebhookId) -> Result<Option<Tested>, StoreError> {
        let Some(webhook) = self.store().find(id).await? else { return Ok(None) };
        let started = Instant::now();
        let Some(body) = encode_test(id, now()) else {
            return Err(StoreError::Internal("a test has no form".to_owned()));
        };
        let letter = Letter { id: name_of(EventId(Uuid::now_v7())), body: Bytes::from(body) };
        let poster = self.shared.poster.clone();
        // Where the connections are: they are not the asking worker's.
        let posting = self.runtime.spawn(async move { poster.post(&webhook, &letter).await });
        let posted = posting.await.map_err(|error| StoreError::Internal(error.to_string()))?;
        let error = match posted.verdict {
            Verdict::Delivered => None,
            Verdict::Gone => Some("answered 410: events would disable it".to_owned()),
            Verdict::Failed { trouble, .. } => Some(trouble.error),
        };
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Some(Tested { delivered: error.is_none(), status: posted.status, error, duration_ms }))
    }

    /// Begins nothing more. What happens from now on is told after the next start.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.store().wake();
    }

    /// Waits so long for what is on its way. What is cut off is delivered again, under the same id.
    pub async fn stopped(&self, within: Duration) {
        let running = self.running.write().take();
        if let Some(running) = running
            && tokio::time::timeout(within, running).await.is_err()
        {
            log::info!("some events were on their way to webhooks: they are delivered again");
        }
    }
}
