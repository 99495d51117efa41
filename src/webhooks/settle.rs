//! Writes down how far lanes have come: what has piled up, in one transaction.
//!
//! Whoever works on a lane waits for the answer, which says whether it is still theirs. On SQLite nobody else writes meanwhile,
//! so that it rests between two transactions.

use std::collections::HashMap;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use crate::domain::ids::{WebhookId, WorkerId};
use crate::domain::webhook::{Lane, Settled};
use crate::store::{StoreError, Webhooks};

/// Lanes of one transaction, and that may wait for theirs.
const AT_ONCE: usize = 64;
/// It rests so many times as long as it worked.
const REST: u32 = 3;

type Waiting = (Settled, oneshot::Sender<Result<bool, StoreError>>);

/// A way to who writes. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Settler(mpsc::Sender<Waiting>);

impl Settler {
    pub(super) fn start(store: Webhooks, worker: WorkerId) -> (Self, impl Future<Output = ()> + use<>) {
        let (sender, receiver) = mpsc::channel(AT_ONCE);
        (Self(sender), run(store, worker, receiver))
    }

    /// Whether the lane is still its holder's.
    pub(super) async fn settle(&self, settled: Settled) -> Result<bool, StoreError> {
        let closing = || StoreError::Unavailable("the daemon is stopping".to_owned());
        let (reply, answer) = oneshot::channel();
        self.0.send((settled, reply)).await.map_err(|_| closing())?;
        answer.await.unwrap_or_else(|_| Err(closing()))
    }
}

async fn run(store: Webhooks, worker: WorkerId, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch: Vec<Waiting> = Vec::with_capacity(AT_ONCE);
    while waiting.recv_many(&mut batch, AT_ONCE).await > 0 {
        let started = Instant::now();
        let (settled, replies): (Vec<Settled>, Vec<_>) = batch.drain(..).unzip();
        let keys: Vec<(WebhookId, Lane)> = settled.iter().map(|it| (it.webhook, it.lane)).collect();
        let outcome = store.settle(worker, settled).await;
        let outcome = outcome.map(|all| all.into_iter().map(|(webhook, lane, ours)| ((webhook, lane), ours)));
        let outcome: Result<HashMap<_, _>, _> = outcome.map(Iterator::collect);
        for (key, reply) in keys.iter().zip(replies) {
            let answer = match &outcome {
                Ok(all) => Ok(all.get(key).copied().unwrap_or_default()),
                Err(error) => Err(error.clone()),
            };
            // Who asked may be gone.
            let _ = reply.send(answer);
        }
        tokio::time::sleep(started.elapsed() * REST).await;
    }
}
