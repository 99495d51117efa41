//! What a session does with each frame of its client.

use std::time::Instant;

use actix::Context;

use super::Session;
use crate::actors::db::Order;
use crate::actors::origin::{Asker, Origin};
use crate::actors::{room, tell};
use crate::auth::{AuthError, Identity};
use crate::domain::change::{By, Mark};
use crate::domain::content::Content;
use crate::domain::ids::{ChannelId, ClientId, MessageId};
use crate::fault::{self, Part};
use crate::protocol::client::{ClientFrame, Ref, RefusedFrame, RefusedSend, SendRequest};
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::server::ServerFrame;
use crate::socket::frame;
use crate::traces;

impl Session {
    pub(super) fn frame(&mut self, text: &[u8], ctx: &mut Context<Self>) {
        fault::point(Part::Session);
        self.frames_in += 1;
        self.pace.note(Instant::now());
        match ClientFrame::parse(text, self.parts.frame_limits) {
            Ok((reference, frame)) => {
                self.parts.metrics.frame(frame.word());
                self.dispatch(reference, frame, ctx);
            }
            Err(refused) => {
                self.parts.metrics.frame("refused");
                self.refuse_frame(*refused);
            }
        }
    }

    /// Answers a ping of the WebSocket, which costs as much as any frame.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        if self.parts.rates.check_other(self.handle.user).is_err() {
            return self.over_rate();
        }
        self.handle.feed.outbox().push(frame::pong(payload));
    }

    pub(super) fn binary(&mut self) {
        if self.parts.rates.check_other(self.handle.user).is_err() {
            self.over_rate();
        }
        self.refuse(&Refusal::invalid("frames must be text messages, not binary ones"), None);
    }

    fn dispatch(&mut self, reference: Option<Ref>, frame: ClientFrame, ctx: &mut Context<Self>) {
        if let ClientFrame::Message(send) = frame {
            return self.publish(reference, send);
        }
        if let Err(retry_after_ms) = self.parts.rates.check_other(self.handle.user) {
            self.over_rate();
            // A typing notice has no answer, not even this one.
            if !matches!(frame, ClientFrame::Typing { .. }) {
                self.refuse(&Refusal::rate_limited(retry_after_ms), reference.as_ref());
            }
            return;
        }
        match frame {
            ClientFrame::Message(_) => {}
            ClientFrame::Edit { message_id, content } => self.edit(reference, message_id, content, ctx),
            ClientFrame::Delete { message_id } => {
                let by = By::User(self.handle.user);
                self.order(reference, Order::Delete { by, message_id }, ctx);
            }
            ClientFrame::React { message_id, reaction, remove } => {
                let by = By::User(self.handle.user);
                self.order(reference, Order::React { by, message_id, reaction, set: !remove }, ctx);
            }
            ClientFrame::Answer { message_id, answer, note } => {
                let by = By::User(self.handle.user);
                self.order(reference, Order::Answer { by, message_id, answer, note }, ctx);
            }
            ClientFrame::Typing { channel_id } => self.typing(channel_id, reference.as_ref()),
            ClientFrame::Read { channel_id, seq } => self.read(reference, channel_id, seq, ctx),
            ClientFrame::Sync(request) => self.sync(reference, request, ctx),
            ClientFrame::Auth { token } => self.renew(reference, token, ctx),
            ClientFrame::Ping => {
                let reference = reference.as_ref();
                self.send(&ServerFrame::Pong { server_time: crate::domain::now(), reference });
            }
        }
    }

    fn publish(&mut self, reference: Option<Ref>, send: SendRequest) {
        self.messages_in += 1;
        let trace =
            self.parts.tracer.as_ref().and_then(|tracer| tracer.begin(traces::Sender::Session(self.handle.id), None));
        let origin = Origin::Session(self.asker(send.client_id, reference).followed_by(trace));
        if let Err(retry_after_ms) = self.parts.rates.check_message(self.handle.user) {
            let refused = RefusedSend { client_id: send.client_id, digest: Some(send.digest()) };
            self.over_rate();
            let refusal = Refusal::rate_limited(retry_after_ms);
            return self.parts.db.refuse(self.handle.user, refused, refusal, origin);
        }
        let (sender, sender_name) = (self.handle.user, self.opening.identity.name.clone());
        if let Some(room) = self.parts.directory.room(send.channel_id) {
            tell(&room, room::Publish { sender, sender_name, send, origin });
        } else {
            // The channel is new, or its room is being started anew: the store knows who is in it.
            let append = room::append_of(sender, sender_name, send, room::UNSURE);
            self.parts.db.append(append, origin, None);
        }
    }

    /// A frame that could not be read, or says what may not be said. The retry of a stored message is not refused.
    fn refuse_frame(&mut self, refused: RefusedFrame) {
        let RefusedFrame { reference, refusal, send } = refused;
        if self.parts.rates.check_other(self.handle.user).is_err() {
            self.over_rate();
        }
        self.parts.metrics.error(refusal.code.as_str());
        match send {
            Some(send) => {
                let origin = Origin::Session(self.asker(send.client_id, reference));
                self.parts.db.refuse(self.handle.user, send, refusal, origin);
            }
            None => self.send(&ServerFrame::error(&refusal, None, reference.as_ref())),
        }
    }

    fn asker(&self, client_id: ClientId, reference: Option<Ref>) -> Asker {
        Asker::new(self.handle.clone(), client_id, reference)
    }

    fn edit(&mut self, reference: Option<Ref>, message_id: MessageId, content: Content, ctx: &mut Context<Self>) {
        let by = By::User(self.handle.user);
        self.order(reference, Order::Edit { by, message_id, content }, ctx);
    }

    fn order(&mut self, reference: Option<Ref>, order: Order, ctx: &mut Context<Self>) {
        let db = self.parts.db.clone();
        let work = async move { db.order(order).await };
        self.later(ctx, reference, work, |outcome, reference, act, _| {
            act.answer(outcome.map(drop), reference.as_ref());
        });
    }

    fn typing(&mut self, channel: ChannelId, reference: Option<&Ref>) {
        if !self.handle.feed.has(channel) {
            return self.refuse(&Refusal::no_channel(), reference);
        }
        // Without a room it is lost, as typing may be.
        if let Some(room) = self.parts.directory.room(channel) {
            let name = self.opening.identity.name.clone();
            tell(&room, room::UserTyped { user: self.handle.user, name, elsewhere: false });
        }
    }

    fn read(&mut self, reference: Option<Ref>, channel_id: ChannelId, seq: i64, ctx: &mut Context<Self>) {
        let db = self.parts.db.clone();
        let mark = Mark { channel_id, user_id: self.handle.user, seq };
        let session = Some(self.handle.id);
        let work = async move { db.mark_read(mark, session, crate::domain::now()).await };
        self.later(ctx, reference, work, |outcome, reference, act, _| {
            act.answer(outcome.map(drop), reference.as_ref());
        });
    }

    /// A fresh token of the same user takes the old one's place.
    fn renew(&mut self, reference: Option<Ref>, token: String, ctx: &mut Context<Self>) {
        let verifier = self.parts.verifier.clone();
        let work = async move { verifier.verify(&token).await };
        self.later(ctx, reference, work, |verified, reference, act, ctx| {
            let outcome = match verified.and_then(|identity| act.parts.verifier.still(identity)) {
                Ok(identity) if identity.user == act.opening.identity.user => {
                    act.rename(&identity);
                    act.opening.identity = identity;
                    act.watch_expiry(ctx);
                    Ok(())
                }
                Ok(_) => {
                    act.parts.access.refused(act.opening.address, "another_user");
                    Err(Refusal::new(ErrorCode::Unauthorized, "the token is of another user; open another socket"))
                }
                Err(error) => {
                    if !error.is_unavailable() {
                        act.parts.access.refused(act.opening.address, error.reason());
                    }
                    Err(refusal_of(&error))
                }
            };
            act.answer(outcome, reference.as_ref());
        });
    }

    /// The host application renames its users by what their tokens say.
    fn rename(&self, identity: &Identity) {
        if identity.name != self.opening.identity.name {
            let order = Order::UpsertUser { user: identity.user.clone(), name: identity.name.clone() };
            // Told by the call; nobody waits for the outcome.
            drop(self.parts.db.order(order));
        }
    }

    fn answer(&self, outcome: Result<(), Refusal>, reference: Option<&Ref>) {
        match outcome {
            Ok(()) => self.send(&ServerFrame::Ok { reference }),
            Err(refusal) => self.refuse(&refusal, reference),
        }
    }
}

/// What to tell who sent a token that is not taken.
pub(crate) fn refusal_of(error: &AuthError) -> Refusal {
    let code = if error.is_unavailable() { ErrorCode::Unavailable } else { ErrorCode::Unauthorized };
    Refusal::new(code, error.public_message())
}
