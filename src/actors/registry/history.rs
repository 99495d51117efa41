//! Which history the database holds. When it is another one (a restored backup, a failover), what the rooms know and
//! what clients hold may never have happened: all sessions are closed and come back to a new `epoch`.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message};

use super::{CompareHeads, Drain, Registry, then};
use crate::actors::{room, tell};
use crate::fault::{self, Sabotage};

const LOOK_EVERY: Duration = Duration::from_secs(3);
const SPREAD: Duration = Duration::from_millis(500);
/// A sabotaged daemon compares one of so many times.
const SELDOM: u32 = 20;

/// Reads the database's epoch and compares it.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct CompareHistory;

impl Registry {
    pub(super) fn watch_history(ctx: &mut Context<Self>) {
        // Where the database was away it may have come back as another; and whatever was committed unseen shows in the
        // heads, without any new traffic.
        let mut looks = 0_u32;
        ctx.run_interval(LOOK_EVERY, move |_, ctx| {
            looks = looks.wrapping_add(1);
            if fault::planted(Sabotage::NoResubscribeCheck) && !looks.is_multiple_of(SELDOM) {
                return ctx.notify(CompareHistory);
            }
            ctx.notify(CompareHeads);
        });
    }

    fn history_changed(&mut self, epoch: String, ctx: &mut Context<Self>) {
        log::warn!("the database holds another history, {epoch}; all sessions are closed and catch up from it");
        *self.parts.epoch.write() = epoch;
        self.drain(Drain { spread: SPREAD, reason: "the history changed", for_good: false });
        self.orphaned.clear();
        self.restarts.clear();
        // Rooms that know another history get nothing more, and end with the sessions that are left in them.
        let rooms = self.parts.directory.rooms();
        for (channel, _) in &rooms {
            self.forget_room(*channel);
        }
        ctx.run_later(SPREAD, move |_, _| {
            for (_, room) in rooms {
                tell(&room, room::Retire);
            }
        });
    }
}

impl Handler<CompareHistory> for Registry {
    type Result = ();

    fn handle(&mut self, _: CompareHistory, ctx: &mut Self::Context) {
        let read = self.parts.reader.epoch();
        then(read, self, ctx, |epoch, act, ctx| match epoch {
            Ok(epoch) if epoch != *act.parts.epoch.read() => act.history_changed(epoch, ctx),
            Ok(_) => {}
            // The database is away; those who write have said so already.
            Err(error) => log::debug!("the history cannot be read: {error}"),
        });
    }
}
