//! How a room passes on what has its turn, and gets what it missed.

use std::time::Duration;

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::{Item, Room};
use crate::actors::db::{ANSWER_WITHIN, too_slow};
use crate::actors::registry::Idle;
use crate::actors::tell;
use crate::domain::channel::ChannelState;
use crate::domain::sync::{Fill, FilledChange};
use crate::protocol::close::Close;
use crate::store::StoreError;

/// A version that is out of turn may be on its way; only then is the store asked.
const BEFORE_FILL: Duration = Duration::from_millis(20);
const FILL_RETRY: Duration = Duration::from_millis(500);
/// Between two looks whether somebody waits for too long.
const SWEEP: Duration = Duration::from_millis(100);
/// A larger hole is not filled: the sessions come back and catch up, each from its own cursor.
const MAX_FILL: usize = 500;

impl Room {
    /// Passes on what has its turn, and sees to what is missing.
    pub(super) fn advance(&mut self, ctx: &mut Context<Self>) {
        self.pass_on();
        self.learn(ctx);
        if self.sequence.has_hole() && !self.filling {
            self.filling = true;
            ctx.run_later(BEFORE_FILL, Self::fill);
            if !self.sweeping {
                self.sweeping = true;
                ctx.run_later(SWEEP, Self::answer_late);
            }
        }
    }

    /// What is missing cannot be read for as long as the database is away. Who waits behind it for too long is told to try
    /// again: the message is stored, and they get it like everybody.
    fn answer_late(&mut self, ctx: &mut Context<Self>) {
        self.sweeping = self.filling;
        if !self.sweeping {
            return;
        }
        for item in self.sequence.waiting_mut() {
            if let Item::Send { origin, accepted, .. } = item
                && accepted.elapsed() >= ANSWER_WITHIN
                && let Some(origin) = origin.take()
            {
                origin.refuse(too_slow());
            }
        }
        ctx.run_later(SWEEP, Self::answer_late);
    }

    pub(super) fn pass_on(&mut self) {
        while let Some((version, item)) = self.sequence.next() {
            self.emit(version, item);
        }
        self.pass_added();
    }

    fn fill(&mut self, ctx: &mut Context<Self>) {
        self.pass_on();
        if !self.sequence.has_hole() {
            self.filling = false;
            return;
        }
        let (from, heard) = (self.sequence.delivered(), self.sequence.head());
        let read = self.parts.reader.fill(self.id, from, MAX_FILL);
        ctx.spawn(read.into_actor(self).map(move |fill, act, ctx| act.filled(fill, heard, ctx)));
    }

    /// `heard`: how far the channel was said to have come when the store was asked.
    fn filled(&mut self, fill: Result<Fill, StoreError>, heard: i64, ctx: &mut Context<Self>) {
        match fill {
            Ok(Fill { changes, state: Some(state) }) => {
                let before = self.sequence.delivered();
                self.take_fill(changes, &state);
                let is_behind = self.sequence.head() > heard;
                if !is_behind {
                    // All that was heard of was there when the store was asked, or is not so: it was only said.
                    self.sequence.is_at(state.channel.version);
                }
                // What came meanwhile is read as soon as this was; what did not come is for the DB actor to bring.
                let is_slow = !is_behind && self.sequence.delivered() == before;
                self.fill_again(if is_slow { FILL_RETRY } else { BEFORE_FILL }, ctx);
            }
            Ok(Fill { state: None, .. }) => {
                log::warn!("channel {}: more than {MAX_FILL} changes were missed; its sessions are closed", self.id);
                self.give_up(ctx);
            }
            Err(error) => {
                log::error!("channel {}: what it missed could not be read: {error}", self.id);
                ctx.run_later(FILL_RETRY, Self::fill);
            }
        }
    }

    /// Passes on what the store has, as far as it was not passed on before.
    pub(super) fn take_fill(&mut self, changes: Vec<FilledChange>, state: &ChannelState) {
        for change in changes {
            if let Some(waited) = self.sequence.fill(change.version) {
                self.emit_filled(change, waited, state);
            }
        }
    }

    fn fill_again(&mut self, after: Duration, ctx: &mut Context<Self>) {
        self.pass_on();
        self.learn(ctx);
        self.filling = self.sequence.has_hole();
        if self.filling {
            ctx.run_later(after, Self::fill);
        }
    }

    /// Ends all sessions, which come back and catch up, and makes way for a new room.
    fn give_up(&mut self, ctx: &mut Context<Self>) {
        for session in self.roster.sessions() {
            session.feed.close(Close::Resync);
        }
        tell(&self.parts.registry, Idle { channel: self.id, at_once: true });
        self.obituary.cancel();
        ctx.stop();
    }
}
