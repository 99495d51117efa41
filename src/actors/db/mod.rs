//! The DB actor: every change goes through it.
//!
//! Sends come from rooms, the rest from sessions and the REST calls. Sends are written in groups: a batch is what
//! arrived while those before were written, one transaction each. Of several at once none has a channel of another's,
//! so that a room is told what was written in commit order.
//! Nobody waits longer than [`ANSWER_WITHIN`]; what may have been stored is never called failed, only "try again".
//! It never decides who may do what, and never reads for anybody but itself.

mod early;
mod handle;
mod order;
mod publish;
mod queue;
mod received;
mod sends;
mod state;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

pub use handle::{DbHandle, Flight, Load};
pub use order::{Done, Order};
pub(crate) use sends::conflict;
pub use sends::{CloseStore, IsIdle};
pub use state::{DbState, Inspect};

use super::directory::Directory;
use super::obituary::Obituary;
use super::origin::Origin;
use super::{room, tell};
use crate::bus::Bus;
use crate::domain::change::{Denied, Mark, Marked};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::message::Append;
use crate::fault::{self, Sabotage};
use crate::live::Live;
use crate::metrics::Metrics;
use crate::protocol::client::RefusedSend;
use crate::protocol::error::Refusal;
use crate::store::{Reader, StoreError, Writer};
use handle::Place;
use queue::Queue;
use received::Receipts;
use sends::Written;
use state::Counts;

/// The longest that anybody waits for an answer.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(4500);
/// How often it is looked who has waited too long.
const SWEEP: Duration = Duration::from_millis(100);
/// How often an error that lasts is logged.
const COMPLAIN_EVERY: Duration = Duration::from_secs(5);
/// Receipts of one transaction.
const MAX_MARKS: usize = 1000;
/// Look-ups of refused sends at a time.
const MAX_LOOKUPS: usize = 16;

/// See the module's text.
pub struct Db {
    writer: Arc<Writer>,
    reader: Reader,
    directory: Directory,
    bus: Bus,
    metrics: Arc<Metrics>,
    live: Live,
    queue: Queue,
    flights: Vec<Written>,
    orders: VecDeque<Submit>,
    /// Who waits for the order that is being carried out; none in it once their time was up.
    ordering: Option<Ordering>,
    marks: Vec<MarkRead>,
    /// Those that are being written; none in between.
    marking: Option<Vec<MarkRead>>,
    receipts: Receipts,
    lookups: Vec<Lookup>,
    looking_up: usize,
    /// Something may have been stored without the rooms knowing: the heads are compared after the next success.
    suspect: bool,
    /// The error that was logged last.
    said: Option<(StoreError, Instant)>,
    counts: Counts,
    _obituary: Obituary,
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
    accepted: Instant,
    place: Place,
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Submit {
    order: Order,
    reply: oneshot::Sender<Result<Done, Refusal>>,
    accepted: Instant,
    place: Place,
}

/// An order that is being carried out.
#[derive(Debug)]
struct Ordering {
    reply: Option<oneshot::Sender<Result<Done, Refusal>>>,
    accepted: Instant,
    _place: Place,
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
struct MarkRead {
    mark: Mark,
    session: Option<SessionId>,
    at: DateTime<Utc>,
    /// None once it was answered because its time was up.
    reply: Option<oneshot::Sender<Result<Marked, Refusal>>>,
    accepted: Instant,
    _place: Place,
}

impl Db {
    pub fn new(
        writer: Writer,
        reader: Reader,
        directory: Directory,
        bus: Bus,
        metrics: Arc<Metrics>,
        live: Live,
        obituary: Obituary,
    ) -> Self {
        Self {
            writer: Arc::new(writer),
            reader,
            directory,
            bus,
            metrics,
            live,
            queue: Queue::default(),
            flights: Vec::new(),
            orders: VecDeque::new(),
            ordering: None,
            marks: Vec::new(),
            marking: None,
            receipts: Receipts::default(),
            lookups: Vec::new(),
            looking_up: 0,
            suspect: false,
            said: None,
            counts: Counts::default(),
            _obituary: obituary,
        }
    }

    fn next_order(&mut self, ctx: &mut Context<Self>) {
        if self.ordering.is_some() {
            return;
        }
        let Some(Submit { order, reply, accepted, place }) = self.orders.pop_front() else { return };
        self.ordering = Some(Ordering { reply: Some(reply), accepted, _place: place });
        let writer = Arc::clone(&self.writer);
        // Never given up half-way: the store ends every call in a few seconds, and what it did is told to the rooms
        // even when nobody waits for the answer any more.
        ctx.spawn(async move { order.run(&writer).await }.into_actor(self).map(|outcome, act, ctx| {
            let reply = act.ordering.take().and_then(|ordering| ordering.reply);
            act.ordered(outcome, reply);
            act.next_order(ctx);
        }));
    }

    fn ordered(
        &mut self,
        outcome: Result<Result<Done, Denied>, StoreError>,
        reply: Option<oneshot::Sender<Result<Done, Refusal>>>,
    ) {
        self.counts.orders += 1;
        let answer = match outcome {
            Ok(Ok(done)) => {
                if let Done::Changed(change) = &done {
                    self.publish_change(change);
                    if let Some(room) = self.directory.room(change.channel_id) {
                        let items = vec![room::Item::Change(change.clone())];
                        tell(&room, room::Committed { items, place: None });
                    }
                }
                self.announce(&done);
                self.show(&done);
                self.recovered();
                Ok(done)
            }
            Ok(Err(denied)) => Err(Refusal::from(denied)),
            Err(error) => Err(self.failed(&error)),
        };
        if let Some(reply) = reply {
            // Who asked may be gone.
            let _ = reply.send(answer);
        }
    }

    fn next_marks(&mut self, ctx: &mut Context<Self>) {
        if self.marking.is_some() || self.marks.is_empty() {
            return;
        }
        let count = self.marks.len().min(MAX_MARKS);
        let batch: Vec<MarkRead> = self.marks.drain(..count).collect();
        let at = batch.iter().map(|mark| mark.at).max().unwrap_or_else(crate::domain::now);
        let write = self.writer.mark_read(batch.iter().map(|wish| wish.mark).collect(), at);
        self.marking = Some(batch);
        ctx.spawn(write.into_actor(self).map(|outcome, act, ctx| {
            let batch = act.marking.take().unwrap_or_default();
            act.marked(outcome, batch);
            act.next_marks(ctx);
        }));
    }

    fn marked(&mut self, outcome: Result<Vec<Result<Marked, Denied>>, StoreError>, batch: Vec<MarkRead>) {
        let outcomes: Vec<Result<Marked, Refusal>> = match outcome {
            Ok(outcomes) => {
                self.counts.marks += batch.len() as u64;
                outcomes.into_iter().map(|outcome| outcome.map_err(Refusal::from)).collect()
            }
            Err(error) => vec![Err(self.failed(&error)); batch.len()],
        };
        for (wish, outcome) in batch.into_iter().zip(outcomes) {
            if let Ok(marked) = &outcome
                && marked.moved
            {
                let (channel, user_id, Marked { seq, at, .. }) = (wish.mark.channel_id, wish.mark.user_id, *marked);
                self.publish_mark(channel, user_id, *marked);
                if let Some(room) = self.directory.room(channel) {
                    tell(&room, room::MarkMoved { user_id, seq, at, session: wish.session });
                }
            }
            if let Some(reply) = wish.reply {
                let _ = reply.send(outcome);
            }
        }
    }

    /// What to tell who asked, after an error of the store.
    fn failed(&mut self, error: &StoreError) -> Refusal {
        self.complain(error);
        if matches!(error, StoreError::UnknownOutcome) {
            // Looked at now, and again when the database is known to answer.
            self.suspect = true;
            self.directory.compare_heads();
            if fault::planted(Sabotage::FailAfterUnknownCommit) {
                return Refusal::invalid("this could not be stored");
            }
        }
        Refusal::unavailable("the database takes no changes at the moment; try again")
    }

    /// One line for an error that lasts, and another every few seconds.
    fn complain(&mut self, error: &StoreError) {
        let said = self.said.as_ref().is_some_and(|(text, at)| *text == *error && at.elapsed() < COMPLAIN_EVERY);
        if !said {
            log::error!("the database: {error}");
            self.said = Some((error.clone(), Instant::now()));
        }
    }

    /// The database answers: rooms may have missed what was committed while it seemed gone.
    fn recovered(&mut self) {
        if std::mem::take(&mut self.suspect) {
            log::info!("the database answers again; comparing the rooms with it");
            self.directory.compare_heads();
        }
    }

    /// Answers everybody whose time is up, wherever they wait. What is being written goes on.
    fn sweep(&mut self, ctx: &mut Context<Self>) {
        let Some(limit) = Instant::now().checked_sub(ANSWER_WITHIN) else { return };
        let before = self.counts.timeouts;
        self.sweep_sends(limit);
        let (late, waiting) = std::mem::take(&mut self.orders).into_iter().partition(|order| order.accepted <= limit);
        self.orders = waiting;
        let late: VecDeque<Submit> = late;
        let carried_out = self.ordering.as_mut().filter(|order| order.accepted <= limit);
        let orders = late.into_iter().map(|order| order.reply).chain(carried_out.and_then(|order| order.reply.take()));
        for reply in orders {
            self.counts.timeouts += 1;
            let _ = reply.send(Err(too_slow()));
        }
        for wish in self.marking.iter_mut().flatten().filter(|wish| wish.accepted <= limit) {
            if let Some(reply) = wish.reply.take() {
                self.counts.timeouts += 1;
                let _ = reply.send(Err(too_slow()));
            }
        }
        for mut wish in self.marks.extract_if(.., |wish| wish.accepted <= limit) {
            self.counts.timeouts += 1;
            let _ = wish.reply.take().map(|reply| reply.send(Err(too_slow())));
        }
        if self.counts.timeouts > before {
            let late = self.counts.timeouts - before;
            log::warn!("{late} requests were not answered by the database within {} ms", ANSWER_WITHIN.as_millis());
        }
        self.next_lookups(ctx);
        let queued = self.queue.len() + self.orders.len() + self.marks.len() + self.lookups.len();
        self.metrics.db_queue.set(i64::try_from(queued).unwrap_or(i64::MAX));
    }
}

/// What is told whose time is up.
pub fn too_slow() -> Refusal {
    Refusal::unavailable(format!("not stored within {} ms; try again", ANSWER_WITHIN.as_millis()))
}

impl Actor for Db {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(SWEEP, Self::sweep);
        Self::hear_early(ctx);
        Self::write_receipts_regularly(ctx);
    }
}

impl Handler<Submit> for Db {
    type Result = ();

    fn handle(&mut self, submit: Submit, ctx: &mut Self::Context) {
        self.orders.push_back(submit);
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
