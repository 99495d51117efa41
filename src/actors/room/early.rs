//! A bug on purpose ([`PublishBeforeCommit`](crate::fault::Sabotage::PublishBeforeCommit)): the others get a message that is not
//! stored yet. When it is, the room passes it on as ever, and their feeds drop what they had.

use actix::{Context, Handler, Message};

use super::{Room, is_dying};
use crate::domain::ids::SessionId;
use crate::domain::message::{NewMessage, Stored};

/// Told by the DB actor, and never while the bug is not planted.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Uncommitted {
    pub message: Box<NewMessage>,
    /// As it is to be.
    pub stored: Stored,
    pub sender: Option<SessionId>,
}

impl Handler<Uncommitted> for Room {
    type Result = ();

    fn handle(&mut self, Uncommitted { message, stored, sender }: Uncommitted, _: &mut Context<Self>) {
        if is_dying() {
            return;
        }
        let version = stored.version;
        let framed = self.message_frame(version, *message, &stored);
        for session in self.roster.sessions().filter(|session| Some(session.id) != sender) {
            // What would leave a gap waits for its turn.
            if session.feed.passed(self.id) == Some(version - 1) {
                session.feed.pass(self.id, version, version, &framed);
            }
        }
    }
}
