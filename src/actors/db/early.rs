//! Bugs on purpose ([`crate::fault`]): what the DB actor does with a batch before it is committed, and with one whose sender
//! went away. Nothing of it happens while none is planted.

use actix::{AsyncContext, Context, Handler, Message};
use parking_lot::Mutex;

use super::sends::Written;
use super::{Db, DbHandle};
use crate::actors::origin::Origin;
use crate::actors::{room, tell};
use crate::domain::ids::{MessageId, SessionId};
use crate::domain::message::Appended;
use crate::fault::{self, Sabotage};
use crate::store;

/// What was acknowledged too early, the newest last.
static ACKED: Mutex<Vec<(SessionId, MessageId)>> = Mutex::new(Vec::new());
/// More than can be on their way.
const MAX_ACKED: usize = 4096;

/// What the batch that is being written will have become of, once it is committed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Uncommitted(Vec<Appended>);

/// A session has ended.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
struct Dropped {
    session: SessionId,
}

impl DbHandle {
    /// Lets the DB actor do what it must not do when a session ends.
    pub fn dropped(&self, session: SessionId) {
        if fault::planted(Sabotage::TxDroppedOnDisconnect) {
            tell(self.actor(), Dropped { session });
        }
    }
}

impl Db {
    pub(super) fn hear_early(ctx: &Context<Self>) {
        let db = ctx.address();
        fault::hear(move |what| {
            if let Some(outcomes) = what.downcast_ref::<Vec<Appended>>() {
                tell(&db, Uncommitted(outcomes.clone()));
            }
        });
    }
}

impl Handler<Uncommitted> for Db {
    type Result = ();

    fn handle(&mut self, Uncommitted(outcomes): Uncommitted, _: &mut Context<Self>) {
        let acks = fault::planted(Sabotage::AckBeforeCommit) || fault::planted(Sabotage::TxDroppedOnDisconnect);
        let mut acked = ACKED.lock();
        for outcome in outcomes {
            let Appended::New(stored) = outcome else { continue };
            let mut sendings = self.flights.iter_mut().flat_map(|flight| &mut flight.batch);
            let Some(sending) = sendings.find(|it| it.append.message.id == stored.id) else { continue };
            let sender = sending.origin.as_ref().and_then(Origin::session);
            if fault::planted(Sabotage::PublishBeforeCommit)
                && let Some(room) = self.directory.room(stored.channel_id)
            {
                let message = Box::new(sending.append.message.clone());
                tell(&room, room::Uncommitted { message, stored: stored.clone(), sender });
            }
            if let Some(origin) = sending.origin.take_if(|_| acks) {
                origin.ack(&stored, false);
                acked.extend(sender.map(|session| (session, stored.id)));
            }
        }
        let surplus = acked.len().saturating_sub(MAX_ACKED);
        acked.drain(..surplus);
    }
}

impl Handler<Dropped> for Db {
    type Result = ();

    /// Its sends that are being written go with it, and with them all that are written together with them. The transaction
    /// comes to its end for nobody.
    fn handle(&mut self, Dropped { session }: Dropped, _: &mut Context<Self>) {
        let acked: Vec<MessageId> =
            ACKED.lock().extract_if(.., |(acked, _)| *acked == session).map(|(_, id)| id).collect();
        for Written { batch, .. } in &mut self.flights {
            if !batch.iter().any(|sending| acked.contains(&sending.append.message.id)) {
                continue;
            }
            store::cut(batch.iter().map(|sending| sending.append.message.id));
            for sending in std::mem::take(batch) {
                self.queue.finished(&sending);
            }
        }
    }
}
