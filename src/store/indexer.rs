//! Takes messages into the index of search, in the background: a message is stored and told without waiting for it.
//!
//! One task a daemon, started by the composition root. It learns from the writer which channels changed; what it was not
//! told of (another node's death, an upgrade of a database with messages in it) it finds by comparing all channels' versions
//! with how far each is indexed. Never decides what is found: whoever searches reads the messages themselves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::backend::Tx;
use super::error::StoreError;
use super::index::{compare, take_in};
use super::jobs::Database;
use crate::domain::ids::ChannelId;

/// How long it waits after the first news, for more to come.
const GATHER: Duration = Duration::from_millis(500);
/// How often all channels are compared.
const SWEEP: Duration = Duration::from_secs(60);
/// Until another try after one that failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// While there is more, it rests so many times as long as it worked: on SQLite nobody else writes while it does.
const REST: u32 = 9;
/// Channels of one transaction.
const CHANNELS: usize = 64;

/// Channels with changes that are not indexed yet, as far as this node knows.
#[derive(Debug, Default)]
pub(super) struct Pending {
    channels: Mutex<BTreeSet<ChannelId>>,
    news: Notify,
}

impl Pending {
    pub(super) fn note(&self, channels: impl IntoIterator<Item = ChannelId>) {
        self.channels.lock().extend(channels);
        self.news.notify_one();
    }

    fn take(&self, most: usize) -> Vec<ChannelId> {
        let mut channels = self.channels.lock();
        (0..most).map_while(|_| channels.pop_first()).collect()
    }

    fn is_empty(&self) -> bool {
        self.channels.lock().is_empty()
    }
}

/// See the module's text.
#[derive(Debug)]
pub struct Indexer {
    writes: Database,
    reads: Database,
    pending: Arc<Pending>,
    /// One channel at a time, since of several that were tried together one is at fault.
    careful: AtomicBool,
}

impl Indexer {
    pub(super) fn new(writes: Database, reads: Database, pending: Arc<Pending>) -> Self {
        Self { writes, reads, pending, careful: AtomicBool::new(false) }
    }

    /// Works until the runtime ends.
    pub async fn run(&self) {
        let mut swept: Option<Instant> = None;
        loop {
            if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
                match self.sweep().await {
                    Ok(()) => swept = Some(Instant::now()),
                    Err(error) => self.failed(&error).await,
                }
            }
            if self.pending.is_empty() {
                let _ = timeout(SWEEP, self.pending.news.notified()).await;
            }
            sleep(GATHER).await;
            loop {
                let started = Instant::now();
                match self.step().await {
                    Ok(true) => sleep(started.elapsed() * REST).await,
                    Ok(false) => break,
                    Err(error) => {
                        self.failed(&error).await;
                        break;
                    }
                }
            }
        }
    }

    /// Everything that is stored by now, without rest. For who has to know when it is done.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        self.sweep().await?;
        while self.step().await? {}
        Ok(())
    }

    async fn failed(&self, error: &StoreError) {
        log::warn!("search is behind: {error}");
        sleep(AFTER_ERROR).await;
    }

    /// Notes every channel that has changes which are not indexed.
    async fn sweep(&self) -> Result<(), StoreError> {
        let mut after = ChannelId(Uuid::nil());
        loop {
            let page = self.reads.run(Tx::None, move |conn| Box::pin(compare(conn, after))).await?;
            let Some((last, ..)) = page.last() else { return Ok(()) };
            after = *last;
            let behind = page.into_iter().filter(|(_, version, indexed)| indexed.unwrap_or(0) < *version);
            self.pending.note(behind.map(|(channel, ..)| channel));
        }
    }

    /// One transaction; whether there is more to do.
    async fn step(&self) -> Result<bool, StoreError> {
        let careful = self.careful.load(Ordering::Relaxed);
        let channels = self.pending.take(if careful { 1 } else { CHANNELS });
        if channels.is_empty() {
            self.careful.store(false, Ordering::Relaxed);
            return Ok(false);
        }
        let tried = channels.clone();
        match self.writes.run(Tx::Write, move |conn| Box::pin(take_in(conn, channels))).await {
            Ok(left) => {
                self.pending.note(left);
                Ok(!self.pending.is_empty())
            }
            Err(error) => {
                // The one at fault is found again by the next comparison; until then it is in nobody's way.
                if tried.len() > 1 || error.is_retryable() {
                    self.careful.store(!error.is_retryable(), Ordering::Relaxed);
                    self.pending.note(tried);
                }
                Err(error)
            }
        }
    }
}
