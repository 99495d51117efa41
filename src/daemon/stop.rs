//! The end of a daemon: in order, and within its time.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Daemon;
use crate::actors::db::{CloseStore, IsIdle};
use crate::actors::presence;
use crate::actors::registry::Drain;

/// How long the closes of a stopping daemon are spread.
const SPREAD: Duration = Duration::from_secs(2);
const STOP_LOOK: Duration = Duration::from_millis(25);
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

impl Daemon {
    /// Stops in order: no new connections, goodbye to the sessions, everything accepted is stored, then the rest.
    pub async fn stop(mut self) {
        let deadline = Instant::now() + self.drain;
        log::info!("stopping: no new connections");
        self.doors.leave_to_the_next(|| self.asks()).await;
        self.app.parts.live.end();
        self.app.hooks.stop();
        self.app.draining.store(true, Ordering::Release);
        // First of all, so that nobody is told that those are gone who come back elsewhere.
        let _ = self.app.parts.presence.send(presence::Linger).await;
        let spread = SPREAD.min(self.drain / 4);
        let drain = Drain { spread, reason: "the daemon is stopping", for_good: true };
        let sessions = self.registry.send(drain).await.unwrap_or(0);
        log::info!("stopping: {sessions} sessions are told, their closes spread over {} ms", spread.as_millis());
        let half = Instant::now() + self.drain / 2;
        while self.app.parts.metrics.connections.get() > 0 && Instant::now() < half {
            tokio::time::sleep(STOP_LOOK).await;
        }
        // No longer than what is accepted is waited for.
        let _ = tokio::time::timeout_at(deadline.into(), self.app.parts.access.write(&self.db, true)).await;
        while !self.is_stored().await && Instant::now() < deadline {
            tokio::time::sleep(STOP_LOOK).await;
        }
        self.recorder.flushed(CLOSE_WITHIN).await;
        if let Some(tracer) = &self.app.parts.tracer {
            tracer.flush(CLOSE_WITHIN).await;
        }
        self.app.hooks.stopped(deadline.saturating_duration_since(Instant::now())).await;
        if let Some(exporter) = &self.exporter
            && let Err(error) = tokio::time::timeout(CLOSE_WITHIN, exporter.export()).await.unwrap_or(Ok(0))
        {
            log::error!("{error}");
        }
        if tokio::time::timeout(CLOSE_WITHIN, self.db.actor().send(CloseStore)).await.is_err() {
            log::warn!("the store did not close within {} ms", CLOSE_WITHIN.as_millis());
        }
        // Whoever still holds a connection has been told and given time.
        self.doors.close().await;
        log::info!("stopped");
        for arbiter in self.arbiters.drain(..) {
            arbiter.stop();
            // Its thread ends by itself.
            drop(arbiter);
        }
    }

    /// Whether anybody but sockets has a line here.
    fn asks(&self) -> bool {
        let sockets = usize::try_from(self.app.parts.metrics.connections.get()).unwrap_or_default();
        self.app.lines.count() > sockets
    }

    async fn is_stored(&self) -> bool {
        self.db.waiting() == 0 && self.db.actor().send(IsIdle).await.unwrap_or(true)
    }
}
