//! The way into the DB actor: bounded here, since its mailbox is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix::Addr;
use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::order::{Done, Order};
use super::received::NoteReceived;
use super::{Db, Enqueue, Lookup, MarkRead, Submit};
use crate::actors::origin::Origin;
use crate::actors::tell;
use crate::domain::change::{Mark, Marked};
use crate::domain::ids::SessionId;
use crate::domain::message::Append;
use crate::domain::receipt::Receipt;
use crate::domain::retention::Erase;
use crate::fault::{self, Sabotage};
use crate::protocol::client::RefusedSend;
use crate::protocol::error::Refusal;

/// Between two parts of what erases much.
const BETWEEN_PARTS: Duration = Duration::from_millis(20);

/// How much waits for the database, shared with the actor.
#[derive(Debug)]
pub struct Load {
    waiting: AtomicUsize,
    max: usize,
}

impl Load {
    pub fn new(max: usize) -> Self {
        Self { waiting: AtomicUsize::new(0), max }
    }

    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn enter(&self) -> bool {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.max {
            return true;
        }
        self.leave();
        false
    }

    pub(super) fn leave(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a room counts its sends in flight by: one clone each.
pub type Flight = Arc<()>;

/// One place in the queue, given back when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Load>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A handle for those who want something changed.
#[derive(Debug, Clone)]
pub struct DbHandle {
    db: Addr<Db>,
    load: Arc<Load>,
}

impl DbHandle {
    pub fn new(db: Addr<Db>, load: Arc<Load>) -> Self {
        Self { db, load }
    }

    pub fn actor(&self) -> &Addr<Db> {
        &self.db
    }

    pub fn waiting(&self) -> usize {
        self.load.waiting()
    }

    fn place(&self) -> Result<Place, Refusal> {
        if self.load.enter() {
            return Ok(Place(Arc::clone(&self.load)));
        }
        let max = self.load.max;
        Err(Refusal::unavailable(format!("more than {max} changes wait for the database; try again")))
    }

    /// All of a wish that erases messages, part by part, with pauses in which others have their turn. How many, and whether
    /// the channel is held.
    pub async fn erase(&self, mut wish: Erase) -> Result<(usize, bool), Refusal> {
        let mut count = 0;
        loop {
            let Done::Erased(erasure) = self.order(Order::Erase(wish)).await? else { return Ok((count, false)) };
            count += erasure.messages;
            let Some(next) = erasure.next else { return Ok((count, erasure.held)) };
            wish.after = next;
            tokio::time::sleep(BETWEEN_PARTS).await;
        }
    }

    /// A send. Its room, if there is one, hears what became of it; `flight` is dropped when it waits no longer.
    pub fn append(&self, append: Append, origin: Origin, flight: Option<Flight>) {
        match self.place() {
            Ok(place) => tell(&self.db, Enqueue { append, origin, place, flight }),
            Err(refusal) => origin.refuse(refusal),
        }
    }

    /// A send that is refused, unless it is the retry of a stored one.
    pub fn refuse(&self, sender: crate::domain::ids::UserId, send: RefusedSend, refusal: Refusal, origin: Origin) {
        if fault::planted(Sabotage::DedupeAfterAuthz) {
            return origin.refuse(refusal);
        }
        match self.place() {
            Ok(place) => tell(&self.db, Lookup { sender, send, refusal, origin, accepted: Instant::now(), place }),
            Err(refusal) => origin.refuse(refusal),
        }
    }

    /// Any other change. Asked for by the call, in the order of the calls; the future may be dropped without undoing it.
    pub fn order(&self, order: Order) -> impl Future<Output = Result<Done, Refusal>> + use<> {
        let (reply, done) = oneshot::channel();
        let full = match self.place() {
            Ok(place) => {
                tell(&self.db, Submit { order, reply, accepted: Instant::now(), place });
                None
            }
            Err(refusal) => Some(refusal),
        };
        answered(full, done)
    }

    /// Moves a reader's mark. `session` is the one that asked, which needs no `read` frame.
    pub fn mark_read(
        &self,
        mark: Mark,
        session: Option<SessionId>,
        at: DateTime<Utc>,
    ) -> impl Future<Output = Result<Marked, Refusal>> + use<> {
        let (reply, done) = oneshot::channel();
        let full = match self.place() {
            Ok(place) => {
                let reply = Some(reply);
                tell(&self.db, MarkRead { mark, session, at, reply, accepted: Instant::now(), _place: place });
                None
            }
            Err(refusal) => Some(refusal),
        };
        answered(full, done)
    }

    /// What devices of members have received. Nobody hears of it.
    pub fn received(&self, receipts: Vec<Receipt>) {
        tell(&self.db, NoteReceived(receipts));
    }
}

async fn answered<T>(full: Option<Refusal>, done: oneshot::Receiver<Result<T, Refusal>>) -> Result<T, Refusal> {
    match full {
        Some(refusal) => Err(refusal),
        None => done.await.unwrap_or_else(|_| Err(Refusal::unavailable("the daemon is stopping; try again"))),
    }
}
