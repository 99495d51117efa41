//! What has no version: who types, who read what, who is there. None of it is stored, all of it may be lost.

use std::time::Instant;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};

use super::messages::{ComparePresence, MarkMoved, PresenceChanged, TypingStopped, UserTyped};
use super::receipts::{Due, Receipt};
use super::{Room, is_dying};
use crate::bus::{Event, Topic};
use crate::domain::ids::UserId;
use crate::protocol::server::Status;

impl Room {
    fn look_at_typing(&mut self, ctx: &mut Context<Self>) {
        if self.typing_timer {
            return;
        }
        let Some(next) = self.typing.next_look() else { return };
        self.typing_timer = true;
        ctx.run_later(next.saturating_duration_since(Instant::now()), |act, ctx| {
            act.typing_timer = false;
            for user in act.typing.expired(Instant::now()) {
                act.emit_typing_stopped(user);
                // One that came from elsewhere was to be ended by that node: whoever else has it ends it as well.
                act.publish_notice(Event::TypingStopped { user_id: user });
            }
            act.look_at_typing(ctx);
        });
    }

    fn publish_notice(&self, event: Event) {
        self.parts.bus.publish(Topic::Channel(self.id), event);
    }

    /// Tells the sessions how a member is, if that is news to them.
    fn compare_presence_of(&mut self, user: UserId) {
        if self.roster.has(user)
            && let Some(status) = self.present.compare(user)
        {
            if status == Status::Offline {
                self.stop_typing(user);
            }
            self.emit_presence(user, status);
        }
    }

    /// Asks how members are who came and of whom nothing is known here yet.
    pub(super) fn learn(&mut self, ctx: &mut Context<Self>) {
        let users = std::mem::take(&mut self.unknown);
        if self.parts.bus.is_alone() || users.is_empty() {
            return;
        }
        let online = self.parts.online.clone();
        let learn = async move { online.learn(users).await };
        ctx.spawn(learn.into_actor(self).map(|(), _, ctx| ctx.notify(ComparePresence)));
    }
}

impl Handler<UserTyped> for Room {
    type Result = ();

    fn handle(&mut self, UserTyped { user, name, elsewhere }: UserTyped, ctx: &mut Self::Context) {
        if is_dying() || !self.roster.has(user) {
            return;
        }
        let now = Instant::now();
        if elsewhere {
            if self.typing.typed_elsewhere(user, now) {
                self.emit_typing(user, &name);
            }
        } else if self.typing.typed(user, now) {
            self.emit_typing(user, &name);
            self.publish_notice(Event::Typed { user_id: user, name });
        }
        self.look_at_typing(ctx);
    }
}

impl Handler<TypingStopped> for Room {
    type Result = ();

    fn handle(&mut self, TypingStopped { user }: TypingStopped, _: &mut Self::Context) {
        if is_dying() {
            return;
        }
        self.stop_typing(user);
    }
}

impl Handler<MarkMoved> for Room {
    type Result = ();

    fn handle(&mut self, moved: MarkMoved, ctx: &mut Self::Context) {
        if is_dying() {
            return;
        }
        let receipt = Receipt { seq: moved.seq, at: moved.at, session: moved.session };
        let now = Instant::now();
        match self.receipts.moved(moved.user_id, receipt, now) {
            Due::Now => self.emit_receipts(now),
            Due::After(wait) => {
                ctx.run_later(wait, |act, _| act.emit_receipts(Instant::now()));
            }
            Due::Waits => {}
        }
    }
}

impl Handler<PresenceChanged> for Room {
    type Result = ();

    fn handle(&mut self, PresenceChanged { user }: PresenceChanged, _: &mut Self::Context) {
        if is_dying() {
            return;
        }
        self.compare_presence_of(user);
    }
}

impl Handler<ComparePresence> for Room {
    type Result = ();

    fn handle(&mut self, _: ComparePresence, _: &mut Self::Context) {
        if is_dying() {
            return;
        }
        for user in self.roster.member_ids() {
            self.compare_presence_of(user);
        }
    }
}
