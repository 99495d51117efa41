//! The DB actor: every change goes through it.
//!
//! Sends come from rooms, the rest from sessions and the REST calls. Sends are written in groups: a batch is what
//! arrived while the last one was written, one transaction each. What was written is told to the rooms in commit order.
//! Nobody waits longer than [`ANSWER_WITHIN`]; what may have been stored is never called failed, only "try again".
//! It never decides who may do what, and never reads for anybody but itself.

mod handle;
mod order;
mod queue;
mod sends;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult, WrapFuture};
use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::oneshot;

pub use handle::{DbHandle, Flight, Load};
pub use order::{Done, Order};
pub(crate) use sends::conflict;
pub use sends::{CloseStore, IsIdle};

use super::directory::Directory;
use super::obituary::Obituary;
use super::origin::Origin;
use super::registry::MembershipChanged;
use super::{room, tell};
use crate::domain::change::{Mark, Marked};
use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::domain::message::Append;
use crate::metrics::Metrics;
use crate::protocol::client::RefusedSend;
use crate::protocol::error::Refusal;
use crate::store::{Reader, StoreError, Writer};
use handle::Place;
use queue::{Queue, Sending};

/// The longest that anybody waits for an answer.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(4500);
/// How often it is looked who has waited too long.
const SWEEP: Duration = Duration::from_millis(100);
/// Receipts of one transaction.
const MAX_MARKS: usize = 1000;
/// Look-ups of refused sends at a time.
const MAX_LOOKUPS: usize = 16;

/// See the module's text.
pub struct Db {
    writer: Arc<Writer>,
    reader: Reader,
    directory: Directory,
    metrics: Arc<Metrics>,
    queue: Queue,
    /// Batches that are being written, the main one under no channel.
    flights: Vec<(Option<ChannelId>, Vec<Sending>)>,
    places: std::collections::VecDeque<Place>,
    orders: std::collections::VecDeque<(Submit, Instant)>,
    ordering: bool,
    marks: Vec<MarkRead>,
    marking: bool,
    lookups: Vec<Lookup>,
    looking_up: usize,
    /// Something may have been stored without the rooms knowing: the heads are compared after the next success.
    suspect: bool,
    counts: Counts,
    _obituary: Obituary,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    batches: u64,
    sends: u64,
    orders: u64,
    marks: u64,
    retries: u64,
    timeouts: u64,
}

/// What the admin surface shows.
#[derive(Debug, Clone, Serialize, actix::MessageResponse)]
#[serde(rename_all = "camelCase")]
pub struct DbState {
    /// Sends that wait, those of locked channels included.
    pub waiting_sends: usize,
    pub sends_in_flight: usize,
    pub locked_channels: usize,
    pub waiting_orders: usize,
    pub waiting_marks: usize,
    pub batches: u64,
    pub sends: u64,
    pub orders: u64,
    pub marks: u64,
    pub retries: u64,
    pub timeouts: u64,
}

/// A send that a room let pass.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Enqueue {
    append: Append,
    origin: Origin,
    place: Place,
    flight: Option<Flight>,
}

/// A refused send, which may be the retry of a stored one.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Lookup {
    sender: UserId,
    send: RefusedSend,
    refusal: Refusal,
    origin: Origin,
    place: Place,
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Submit {
    order: Order,
    reply: oneshot::Sender<Result<Done, Refusal>>,
    place: Place,
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
struct MarkRead {
    mark: Mark,
    session: Option<SessionId>,
    at: DateTime<Utc>,
    reply: oneshot::Sender<Result<Marked, Refusal>>,
    _place: Place,
}

/// Asks for its state.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "DbState")]
pub struct Inspect;

impl Db {
    pub fn new(
        writer: Writer,
        reader: Reader,
        directory: Directory,
        metrics: Arc<Metrics>,
        obituary: Obituary,
    ) -> Self {
        Self {
            writer: Arc::new(writer),
            reader,
            directory,
            metrics,
            queue: Queue::default(),
            flights: Vec::new(),
            places: std::collections::VecDeque::new(),
            orders: std::collections::VecDeque::new(),
            ordering: false,
            marks: Vec::new(),
            marking: false,
            lookups: Vec::new(),
            looking_up: 0,
            suspect: false,
            counts: Counts::default(),
            _obituary: obituary,
        }
    }

    fn next_order(&mut self, ctx: &mut Context<Self>) {
        if self.ordering {
            return;
        }
        let Some((Submit { order, reply, place }, accepted)) = self.orders.pop_front() else { return };
        if accepted.elapsed() > ANSWER_WITHIN {
            self.counts.timeouts += 1;
            // Who asked may be gone.
            let _ = reply.send(Err(too_slow()));
            return self.next_order(ctx);
        }
        self.ordering = true;
        let writer = Arc::clone(&self.writer);
        let run = async move {
            match tokio::time::timeout(ANSWER_WITHIN, order.run(&writer)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(StoreError::UnknownOutcome),
            }
        };
        ctx.spawn(run.into_actor(self).map(move |outcome, act, ctx| {
            drop(place);
            act.ordering = false;
            act.ordered(outcome, reply);
            act.next_order(ctx);
        }));
    }

    fn ordered(
        &mut self,
        outcome: Result<Result<Done, crate::domain::change::Denied>, StoreError>,
        reply: oneshot::Sender<Result<Done, Refusal>>,
    ) {
        self.counts.orders += 1;
        let answer = match outcome {
            Ok(Ok(done)) => {
                if let Done::Changed(change) = &done
                    && let Some(room) = self.directory.room(change.channel_id)
                {
                    tell(&room, room::Committed { items: vec![room::Item::Change(change.clone())] });
                }
                if let Some((channel_id, added, removed)) = done.membership() {
                    self.directory.membership_changed(MembershipChanged { channel_id, added, removed });
                }
                self.recovered();
                Ok(done)
            }
            Ok(Err(denied)) => Err(Refusal::from(denied)),
            Err(error) => Err(self.failed(&error)),
        };
        let _ = reply.send(answer);
    }

    fn next_marks(&mut self, ctx: &mut Context<Self>) {
        if self.marking || self.marks.is_empty() {
            return;
        }
        self.marking = true;
        let count = self.marks.len().min(MAX_MARKS);
        let batch: Vec<MarkRead> = self.marks.drain(..count).collect();
        let at = batch.iter().map(|mark| mark.at).max().unwrap_or_else(crate::domain::now);
        let marks = batch.iter().map(|wish| wish.mark).collect();
        let write = self.writer.mark_read(marks, at);
        ctx.spawn(tokio::time::timeout(ANSWER_WITHIN, write).into_actor(self).map(move |outcome, act, ctx| {
            act.marking = false;
            act.marked(outcome.unwrap_or(Err(StoreError::UnknownOutcome)), batch);
            act.next_marks(ctx);
        }));
    }

    fn marked(
        &mut self,
        outcome: Result<Vec<Result<Marked, crate::domain::change::Denied>>, StoreError>,
        batch: Vec<MarkRead>,
    ) {
        match outcome {
            Ok(outcomes) => {
                self.counts.marks += batch.len() as u64;
                for (wish, outcome) in batch.into_iter().zip(outcomes) {
                    if let Ok(marked) = outcome
                        && marked.moved
                        && let Some(room) = self.directory.room(wish.mark.channel_id)
                    {
                        let Mark { user_id, .. } = wish.mark;
                        let Marked { seq, at, .. } = marked;
                        tell(&room, room::MarkMoved { user_id, seq, at, session: wish.session });
                    }
                    let _ = wish.reply.send(outcome.map_err(Refusal::from));
                }
            }
            Err(error) => {
                let refusal = self.failed(&error);
                for wish in batch {
                    let _ = wish.reply.send(Err(refusal.clone()));
                }
            }
        }
    }

    /// What to tell who asked, after an error of the store.
    fn failed(&mut self, error: &StoreError) -> Refusal {
        log::error!("the database: {error}");
        if matches!(error, StoreError::UnknownOutcome) {
            self.suspect = true;
        }
        Refusal::unavailable("the database does not answer; try again")
    }

    /// The database answers: rooms may have missed what was committed while it seemed gone.
    fn recovered(&mut self) {
        if std::mem::take(&mut self.suspect) {
            log::info!("the database answers again; comparing the rooms with it");
            self.directory.compare_heads();
        }
    }

    fn sweep(&mut self) {
        let Some(limit) = Instant::now().checked_sub(ANSWER_WITHIN) else { return };
        let mut late = Vec::new();
        for sending in self.queue.expired(limit) {
            self.queue.finished(&sending);
            self.places.pop_front();
            late.extend(sending.origin);
        }
        for (_, batch) in &mut self.flights {
            for sending in batch.iter_mut().filter(|sending| sending.accepted <= limit) {
                // It may be stored yet: then the sender gets it as a message, like everybody.
                late.extend(sending.origin.take());
            }
        }
        if !late.is_empty() {
            log::warn!("{} sends were not stored within {} ms", late.len(), ANSWER_WITHIN.as_millis());
        }
        for origin in late {
            self.counts.timeouts += 1;
            origin.refuse(too_slow());
        }
        let queued = self.queue.len() + self.orders.len() + self.marks.len();
        self.metrics.db_queue.set(i64::try_from(queued).unwrap_or(i64::MAX));
    }
}

fn too_slow() -> Refusal {
    Refusal::unavailable(format!("not stored within {} ms; try again", ANSWER_WITHIN.as_millis()))
}

impl Actor for Db {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(SWEEP, |act, _| act.sweep());
    }
}

impl Handler<Submit> for Db {
    type Result = ();

    fn handle(&mut self, submit: Submit, ctx: &mut Self::Context) {
        self.orders.push_back((submit, Instant::now()));
        self.next_order(ctx);
    }
}

impl Handler<MarkRead> for Db {
    type Result = ();

    fn handle(&mut self, mark: MarkRead, ctx: &mut Self::Context) {
        self.marks.push(mark);
        self.next_marks(ctx);
    }
}

impl Handler<Inspect> for Db {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        MessageResult(DbState {
            waiting_sends: self.queue.len(),
            sends_in_flight: self.flights.iter().map(|(_, batch)| batch.len()).sum(),
            locked_channels: self.queue.set_aside_count(),
            waiting_orders: self.orders.len() + usize::from(self.ordering),
            waiting_marks: self.marks.len(),
            batches: self.counts.batches,
            sends: self.counts.sends,
            orders: self.counts.orders,
            marks: self.counts.marks,
            retries: self.counts.retries,
            timeouts: self.counts.timeouts,
        })
    }
}
