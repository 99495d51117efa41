//! Who asked for a send, and how they are answered.

use tokio::sync::oneshot;

use super::feed::Subscriber;
use crate::domain::ids::{ClientId, SessionId};
use crate::domain::message::Stored;
use crate::fault::{self, Sabotage};
use crate::protocol::client::Ref;
use crate::protocol::error::Refusal;
use crate::protocol::server::{Ack, ServerFrame};
use crate::socket::frame;
use crate::traces::Trace;

/// Where the answer to one send goes. It is answered once; dropped unanswered it means that the outcome is not known.
#[derive(Debug)]
pub enum Origin {
    Session(Asker),
    Rest { client_id: ClientId, reply: oneshot::Sender<Result<Ack, Refusal>>, trace: Option<Box<Trace>> },
}

/// A session that waits for the answer to a send. An actor that dies takes the messages to it along: whoever is dropped
/// unanswered is told to try again.
#[derive(Debug)]
pub struct Asker {
    session: Subscriber,
    client_id: ClientId,
    reference: Option<Ref>,
    answered: bool,
    /// Where this send is followed.
    trace: Option<Box<Trace>>,
}

impl Asker {
    pub fn new(session: Subscriber, client_id: ClientId, reference: Option<Ref>) -> Self {
        Self { session, client_id, reference, answered: false, trace: None }
    }

    #[must_use]
    pub fn followed_by(mut self, trace: Option<Box<Trace>>) -> Self {
        self.trace = trace;
        self
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.answered = true;
        let frame = ServerFrame::error(refusal, Some(self.client_id), self.reference.as_ref()).encode();
        self.session.feed.send(&frame);
        if let Some(trace) = self.trace.take() {
            trace.refused(refusal.code.as_str());
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if !self.answered {
            self.refuse(&Refusal::unavailable("what became of this message is not known; try again"));
        }
    }
}

impl Origin {
    pub fn client_id(&self) -> ClientId {
        match self {
            Self::Session(Asker { client_id, .. }) | Self::Rest { client_id, .. } => *client_id,
        }
    }

    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Session(asker) => Some(asker.session.id),
            Self::Rest { .. } => None,
        }
    }

    /// Where the send is followed.
    pub fn trace(&self) -> Option<&Trace> {
        match self {
            Self::Session(Asker { trace, .. }) | Self::Rest { trace, .. } => trace.as_deref(),
        }
    }

    /// A duplicate's ack is no part of the channel's order, the first one's is where that can be.
    pub fn ack(self, stored: &Stored, duplicate: bool) {
        if duplicate && fault::planted(Sabotage::AckWrongDuplicate) {
            let wrong = Stored { seq: stored.seq + 1, version: stored.version + 1, ..stored.clone() };
            return self.answer(&wrong, duplicate);
        }
        self.answer(stored, duplicate);
    }

    fn answer(self, stored: &Stored, duplicate: bool) {
        match self {
            Self::Session(mut asker) => {
                asker.answered = true;
                let trace = asker.trace.take();
                let framed = |duplicate| {
                    let ack = Ack::new(asker.client_id, stored, duplicate);
                    frame::text(&ServerFrame::Ack { ack, reference: asker.reference.as_ref() }.encode())
                };
                let feed = &asker.session.feed;
                if duplicate {
                    feed.outbox().push(framed(true));
                } else {
                    feed.pass_ack(stored.channel_id, stored.version, framed);
                }
                acknowledged(trace, stored, duplicate);
            }
            Self::Rest { client_id, reply, trace } => {
                // Who asked may be gone.
                let _ = reply.send(Ok(Ack::new(client_id, stored, duplicate)));
                acknowledged(trace, stored, duplicate);
            }
        }
    }

    pub fn refuse(self, refusal: Refusal) {
        match self {
            Self::Session(mut asker) => asker.refuse(&refusal),
            Self::Rest { reply, trace, .. } => {
                if let Some(trace) = trace {
                    trace.refused(refusal.code.as_str());
                }
                let _ = reply.send(Err(refusal));
            }
        }
    }
}

fn acknowledged(trace: Option<Box<Trace>>, stored: &Stored, duplicate: bool) {
    if let Some(trace) = trace {
        trace.acknowledged(stored.channel_id, stored.seq, duplicate);
    }
}
