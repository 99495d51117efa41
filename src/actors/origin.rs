//! Who asked for a send, and how they are answered.

use tokio::sync::oneshot;

use super::feed::Subscriber;
use crate::domain::ids::{ClientId, SessionId};
use crate::domain::message::Stored;
use crate::protocol::client::Ref;
use crate::protocol::error::Refusal;
use crate::protocol::server::{Ack, ServerFrame};

/// Where the answer to one send goes. It is answered once; dropped unanswered it means that the outcome is not known.
#[derive(Debug)]
pub enum Origin {
    Session { session: Subscriber, client_id: ClientId, reference: Option<Ref> },
    Rest { client_id: ClientId, reply: oneshot::Sender<Result<Ack, Refusal>> },
}

impl Origin {
    pub fn client_id(&self) -> ClientId {
        match self {
            Self::Session { client_id, .. } | Self::Rest { client_id, .. } => *client_id,
        }
    }

    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Session { session, .. } => Some(session.id),
            Self::Rest { .. } => None,
        }
    }

    /// The `ack` frame's text, for a session.
    pub fn ack_frame(&self, stored: &Stored, duplicate: bool) -> Vec<u8> {
        let reference = match self {
            Self::Session { reference, .. } => reference.as_ref(),
            Self::Rest { .. } => None,
        };
        ServerFrame::Ack { ack: Ack::new(self.client_id(), stored, duplicate), reference }.encode()
    }

    /// Answers outside of the channel's order.
    pub fn ack(self, stored: &Stored, duplicate: bool) {
        match self {
            Self::Session { ref session, .. } => {
                session.feed.send(&self.ack_frame(stored, duplicate));
            }
            Self::Rest { client_id, reply } => {
                // Who asked may be gone.
                let _ = reply.send(Ok(Ack::new(client_id, stored, duplicate)));
            }
        }
    }

    pub fn refuse(self, refusal: Refusal) {
        match self {
            Self::Session { session, client_id, reference } => {
                let frame = ServerFrame::error(&refusal, Some(client_id), reference.as_ref()).encode();
                session.feed.send(&frame);
            }
            Self::Rest { reply, .. } => {
                let _ = reply.send(Err(refusal));
            }
        }
    }
}
