//! The DB actor's sends: batch, write, try again, tell the rooms.

use std::time::{Duration, Instant, SystemTime};

use actix::{ActorFutureExt, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};

use super::queue::{BatchLimits, Sending};
use super::{ANSWER_WITHIN, Db, Enqueue, Lookup, MAX_LOOKUPS};
use crate::actors::origin::Origin;
use crate::actors::{room, tell};
use crate::domain::ids::ChannelId;
use crate::domain::message::Appended;
use crate::fault::{self, Part, Sabotage};
use crate::protocol::error::{ErrorCode, Refusal};
use crate::store::StoreError;
use crate::traces::Trace;

const BATCH: BatchLimits = BatchLimits { sends: 512, bytes: 4 << 20 };
/// So many sends wait where another batch is begun before the last one is done: a full one.
const WORTH_ANOTHER: usize = BATCH.sends;
/// Before a batch is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// A batch that is being written.
#[derive(Debug)]
pub(super) struct Written {
    number: u64,
    channels: Vec<ChannelId>,
    /// Of one channel that somebody else holds.
    alone: bool,
    began: SystemTime,
    pub(super) batch: Vec<Sending>,
}

/// Of those sends that are followed: that their transaction is done.
fn tell_traces(batch: &[Sending], outcomes: &[Appended], began: SystemTime) {
    let trace = |sending: &Sending| sending.origin.as_ref().and_then(Origin::trace).map(Trace::context);
    let all: Vec<_> = batch.iter().filter_map(trace).collect();
    if all.is_empty() {
        return;
    }
    for (sending, outcome) in batch.iter().zip(outcomes) {
        if let (Some(trace), Appended::New(stored)) = (sending.origin.as_ref().and_then(Origin::trace), outcome) {
            trace.committed(began, stored.channel_id, stored.seq, batch.len(), &all);
        }
    }
}

impl Handler<Enqueue> for Db {
    type Result = ();

    fn handle(&mut self, enqueue: Enqueue, ctx: &mut Context<Self>) {
        fault::point(Part::Db);
        if fault::planted(Sabotage::SenderUnordered) && fastrand::bool() {
            ctx.run_later(fault::WINDOW, |act, ctx| act.enqueue(enqueue, ctx));
            return;
        }
        self.enqueue(enqueue, ctx);
    }
}

impl Handler<Lookup> for Db {
    type Result = ();

    fn handle(&mut self, lookup: Lookup, ctx: &mut Context<Self>) {
        self.lookups.push(lookup);
        self.next_lookups(ctx);
    }
}

impl Db {
    fn enqueue(&mut self, Enqueue { append, origin, place, flight }: Enqueue, ctx: &mut Context<Self>) {
        let (origin, accepted) = (Some(origin), Instant::now());
        self.queue.push(Sending { append, origin, accepted, _flight: flight, _place: Some(place) });
        self.next_batches(ctx);
    }

    /// Whether another batch may be begun. A second one beside the first has to be worth it: a few sends do better to wait
    /// for others, since a transaction of one costs ten times its share of one of a hundred.
    fn has_room(&self) -> bool {
        let flying = self.flights.iter().filter(|flight| !flight.alone).count();
        // In this order: what comes last looks at each channel.
        flying == 0
            || flying < self.writer.batches()
                && self.queue.len() >= WORTH_ANOTHER
                && self.queue.startable() >= WORTH_ANOTHER
    }

    /// Starts what can be written now.
    fn next_batches(&mut self, ctx: &mut Context<Self>) {
        while self.has_room() {
            let batch = self.queue.take(BATCH);
            if batch.is_empty() {
                break;
            }
            let mut channels: Vec<ChannelId> = batch.iter().map(|sending| sending.append.message.channel_id).collect();
            // They follow one another.
            channels.dedup();
            self.write(channels, false, batch, ctx);
        }
        while let Some((channel, batch)) = self.queue.take_alone(BATCH) {
            self.write(vec![channel], true, batch, ctx);
        }
    }

    fn write(&mut self, channels: Vec<ChannelId>, alone: bool, batch: Vec<Sending>, ctx: &mut Context<Self>) {
        // Its number, too.
        self.counts.batches += 1;
        let number = self.counts.batches;
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        self.metrics.batch_size.observe(batch.len() as f64);
        let appends = batch.iter().map(|sending| sending.append.clone()).collect();
        self.flights.push(Written { number, channels, alone, began: SystemTime::now(), batch });
        let write = self.writer.append(appends);
        ctx.spawn(write.into_actor(self).map(move |outcome, act, ctx| act.written(number, outcome, ctx)));
    }

    fn written(&mut self, number: u64, outcome: Result<Vec<Appended>, StoreError>, ctx: &mut Context<Self>) {
        let Some(at) = self.flights.iter().position(|flight| flight.number == number) else { return };
        let flight = self.flights.swap_remove(at);
        match outcome {
            Ok(outcomes) => {
                self.counts.sends += flight.batch.len() as u64;
                tell_traces(&flight.batch, &outcomes, flight.began);
                self.deliver(flight.batch, outcomes);
                self.recovered();
            }
            Err(StoreError::Locked) if !flight.alone => {
                log::warn!("{} channels wait for a lock that somebody else holds", flight.channels.len());
                self.queue.put_back(flight.batch);
                self.queue.set_aside(&flight.channels);
            }
            Err(error) => {
                self.put_back(flight.batch, &error);
                // Not before its channels are free: what is sent meanwhile waits behind what is tried again.
                ctx.run_later(RETRY, move |act, ctx| act.landed(&flight.channels, ctx));
                return;
            }
        }
        self.landed(&flight.channels, ctx);
    }

    fn landed(&mut self, channels: &[ChannelId], ctx: &mut Context<Self>) {
        self.queue.landed(channels);
        self.next_batches(ctx);
        self.next_lookups(ctx);
    }

    /// The appends are idempotent, so that trying again is right whatever the outcome was.
    fn put_back(&mut self, batch: Vec<Sending>, error: &StoreError) {
        let refusal = self.failed(error);
        let unknown = matches!(error, StoreError::UnknownOutcome);
        let again = error.is_retryable() || (unknown && !fault::planted(Sabotage::FailAfterUnknownCommit));
        let (alive, late): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|sending| again && sending.accepted.elapsed() < ANSWER_WITHIN);
        for sending in late {
            self.queue.finished(&sending);
            if let Some(origin) = sending.origin {
                origin.refuse(refusal.clone());
            }
        }
        if !alive.is_empty() {
            self.counts.retries += 1;
            self.metrics.db_retries.inc();
        }
        self.queue.put_back(alive);
    }

    /// Sends whose time is up, and refused ones that could not be looked up in time.
    pub(super) fn sweep_sends(&mut self, limit: Instant) {
        let mut late = Vec::new();
        for sending in self.queue.expired(limit) {
            self.queue.finished(&sending);
            late.extend(sending.origin);
        }
        for Written { batch, .. } in &mut self.flights {
            for sending in batch.iter_mut().filter(|sending| sending.accepted <= limit) {
                // It may be stored yet: then the sender gets it as a message, like everybody.
                late.extend(sending.origin.take());
            }
        }
        late.extend(self.lookups.extract_if(.., |lookup| lookup.accepted <= limit).map(|lookup| lookup.origin));
        for origin in late {
            self.counts.timeouts += 1;
            origin.refuse(super::too_slow());
        }
    }

    /// Tells each room what became of its sends, in commit order.
    fn deliver(&mut self, batch: Vec<Sending>, outcomes: Vec<Appended>) {
        let mut by_channel: Vec<(ChannelId, Vec<room::Item>)> = Vec::new();
        for (sending, outcome) in batch.into_iter().zip(outcomes) {
            self.queue.finished(&sending);
            let Sending { append, origin, accepted, .. } = sending;
            let outcome = match outcome {
                // Found under the id that this very send was given: a try whose answer was lost had stored it.
                Appended::Duplicate(stored) if stored.id == append.message.id => Appended::New(stored),
                outcome => outcome,
            };
            match &outcome {
                Appended::New(_) => {
                    self.metrics.messages_stored.inc();
                    self.metrics.persist.observe(accepted.elapsed().as_secs_f64());
                }
                Appended::Duplicate(_) => {
                    self.metrics.messages_deduplicated.inc();
                }
                _ => {}
            }
            let channel = append.message.channel_id;
            let item = room::Item::Send { message: Box::new(append.message), outcome, origin, accepted };
            // Those of a channel follow one another.
            match by_channel.last_mut() {
                Some((id, items)) if *id == channel => items.push(item),
                _ => by_channel.push((channel, vec![item])),
            }
        }
        for (channel, items) in by_channel {
            self.publish_sends(channel, &items);
            self.show_sends(&items);
            match self.directory.room(channel) {
                Some(room) => tell(&room, room::Committed { items, place: None }),
                None => items.into_iter().for_each(room::Item::answer_without_room),
            }
        }
    }

    pub(super) fn next_lookups(&mut self, ctx: &mut Context<Self>) {
        let mut at = 0;
        while self.looking_up < MAX_LOOKUPS && at < self.lookups.len() {
            let Lookup { sender, send, .. } = &self.lookups[at];
            if self.queue.knows(*sender, send.client_id) {
                // The first one is still being written: what became of it is the answer.
                at += 1;
                continue;
            }
            let lookup = self.lookups.swap_remove(at);
            self.looking_up += 1;
            let find = self.reader.find_stored(lookup.sender, lookup.send.client_id);
            let find = tokio::time::timeout(ANSWER_WITHIN.saturating_sub(lookup.accepted.elapsed()), find);
            ctx.spawn(find.into_actor(self).map(move |found, act, ctx| {
                act.looking_up -= 1;
                let Lookup { send, refusal, origin, place, .. } = lookup;
                drop(place);
                match found {
                    Ok(Ok(Some((stored, digest)))) if send.digest.is_none_or(|own| own == digest) => {
                        act.metrics.messages_deduplicated.inc();
                        origin.ack(&stored, true);
                    }
                    Ok(Ok(Some(_))) => origin.refuse(conflict()),
                    Ok(Ok(None)) => origin.refuse(refusal),
                    Ok(Err(error)) => origin.refuse(act.failed(&error)),
                    Err(_) => origin.refuse(super::too_slow()),
                }
                act.next_lookups(ctx);
            }));
        }
    }

    /// For the end of the daemon: nothing waits and nothing is being written.
    pub(super) fn is_idle(&self) -> bool {
        self.flights.is_empty()
            && self.queue.len() == 0
            && self.orders.is_empty()
            && self.ordering.is_none()
            && self.marks.is_empty()
            && self.marking.is_none()
            && self.receipts.is_idle()
    }
}

/// Asks whether all that was accepted is stored.
#[derive(Debug, Clone, Copy, actix::Message)]
#[rtype(result = "bool")]
pub struct IsIdle;

impl Handler<IsIdle> for Db {
    type Result = bool;

    fn handle(&mut self, _: IsIdle, ctx: &mut Context<Self>) -> bool {
        self.write_receipts(ctx);
        self.is_idle()
    }
}

/// The end: the store writes down what it has to. Asked when all is stored.
#[derive(Debug, Clone, Copy, actix::Message)]
#[rtype(result = "()")]
pub struct CloseStore;

impl Handler<CloseStore> for Db {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: CloseStore, _: &mut Context<Self>) -> Self::Result {
        let close = self.writer.close();
        Box::pin(async move {
            if let Err(error) = close.await {
                log::warn!("the store was not closed well: {error}");
            }
        })
    }
}

pub(crate) fn conflict() -> Refusal {
    Refusal::new(ErrorCode::Conflict, "this clientId was used for another message; take a new one")
}
