//! What members have received, on its way to the store: nobody waits for it, so it goes together and not at once.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};

use super::Db;
use crate::domain::receipt::Receipt;

/// How often it is written.
const EVERY: Duration = Duration::from_secs(1);
/// Receipts of one transaction.
const MAX_WRITTEN: usize = 500;
/// Receipts that wait. What comes beyond is dropped: a later one of the same member says more, or the cursor with which they
/// come back.
const MAX_WAITING: usize = 100_000;

/// Those that wait.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    waiting: Vec<Receipt>,
    is_writing: bool,
    /// The database did not take them the last time: the end of the daemon does not wait for that.
    has_failed: bool,
}

impl Receipts {
    fn add(&mut self, receipts: impl IntoIterator<Item = Receipt>) {
        let room = MAX_WAITING.saturating_sub(self.waiting.len());
        self.waiting.extend(receipts.into_iter().take(room));
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.is_writing && (self.waiting.is_empty() || self.has_failed)
    }
}

/// What sessions have found out.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct NoteReceived(pub(super) Vec<Receipt>);

impl Handler<NoteReceived> for Db {
    type Result = ();

    fn handle(&mut self, NoteReceived(receipts): NoteReceived, _: &mut Self::Context) {
        self.receipts.add(receipts);
    }
}

impl Db {
    pub(super) fn write_receipts_regularly(ctx: &mut Context<Self>) {
        ctx.run_interval(EVERY, Self::write_receipts);
    }

    /// One transaction at a time, until none wait.
    pub(super) fn write_receipts(&mut self, ctx: &mut Context<Self>) {
        if self.receipts.is_writing || self.receipts.waiting.is_empty() {
            return;
        }
        self.receipts.is_writing = true;
        let count = self.receipts.waiting.len().min(MAX_WRITTEN);
        let batch: Vec<Receipt> = self.receipts.waiting.drain(..count).collect();
        let write = self.writer.note_received(batch.clone());
        ctx.spawn(write.into_actor(self).map(|outcome, act, ctx| {
            act.receipts.is_writing = false;
            act.receipts.has_failed = outcome.is_err();
            match outcome {
                Ok(overtaken) => {
                    act.receipts.add(overtaken);
                    act.write_receipts(ctx);
                }
                Err(error) => {
                    act.complain(&error);
                    // Noting one twice changes nothing.
                    act.receipts.add(batch);
                }
            }
        }));
    }
}
