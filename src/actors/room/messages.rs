//! What a room is told and asked.

use std::time::Instant;

use actix::Message;
use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use crate::actors::db::conflict;
use crate::actors::feed::Subscriber;
use crate::actors::origin::Origin;
use crate::domain::change::Change;
use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::domain::message::{Appended, NewMessage};
use crate::protocol::client::SendRequest;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::time;

/// What the admin surface shows.
#[derive(Debug, Clone, Serialize, actix::MessageResponse)]
#[serde(rename_all = "camelCase")]
pub struct RoomState {
    pub id: ChannelId,
    pub members: usize,
    pub sessions: usize,
    /// The version that was passed on last.
    pub version: i64,
    pub last_seq: i64,
    /// Sends that wait for the database.
    pub in_flight: usize,
    /// Changes that wait for an earlier one.
    pub waiting: usize,
    pub filling: bool,
    pub published: u64,
    pub restarts: u32,
    #[serde(serialize_with = "time::serialize")]
    pub started_at: DateTime<Utc>,
    /// Long, so whoever wants the ids shows them.
    #[serde(skip)]
    pub member_ids: Vec<UserId>,
    #[serde(skip)]
    pub session_ids: Vec<SessionId>,
}

/// One thing that was committed, or what became of a send.
#[derive(Debug)]
pub enum Item {
    Send { message: Box<NewMessage>, outcome: Appended, origin: Option<Origin>, accepted: Instant },
    Change(Change),
}

/// Attaches a session: from now on it gets what happens. Whether its user is a member is for the session to read from
/// the store, before it lets anything out.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Attach {
    pub session: Subscriber,
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Detach {
    pub session: SessionId,
}

/// A send.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Publish {
    pub sender: UserId,
    pub sender_name: String,
    pub send: SendRequest,
    pub origin: Origin,
}

/// Told by the DB actor, in commit order, and by other nodes.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Committed {
    pub items: Vec<Item>,
    /// Of what comes from other nodes only so much waits at a time.
    pub place: Option<OwnedSemaphorePermit>,
}

/// The channel has come at least this far.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct HeadSeen {
    pub version: i64,
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct UserTyped {
    pub user: UserId,
    pub name: String,
    /// On another node, which passed it on by its own rule and will tell of its end.
    pub elsewhere: bool,
}

/// A notice that came from another node has ended there.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct TypingStopped {
    pub user: UserId,
}

/// A reader's mark moved.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct MarkMoved {
    pub user_id: UserId,
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub session: Option<SessionId>,
}

/// A user may have come or gone: how it is is known where everybody looks.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct PresenceChanged {
    pub user: UserId,
}

/// The same of any of the members.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct ComparePresence;

/// The registry lets go of it: it is no longer in the directory.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Retire;

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "RoomState")]
pub struct Inspect;

/// For tests of what comes after: the actor panics.
#[cfg(debug_assertions)]
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Panic;

impl Item {
    /// Answers a send outside of the channel's order.
    pub fn answer_without_room(self) {
        let Self::Send { outcome, origin: Some(origin), .. } = self else { return };
        match outcome {
            Appended::New(stored) => origin.ack(&stored, false),
            Appended::Duplicate(stored) => origin.ack(&stored, true),
            Appended::Conflict => origin.refuse(conflict()),
            Appended::NotMember => origin.refuse(Refusal::no_channel()),
            Appended::UnknownReply => {
                origin.refuse(Refusal::invalid("replyToId must name a message of the same channel"));
            }
            Appended::UnknownAttachment(id) => origin.refuse(Refusal::invalid(format!(
                "attachmentIds: {id} does not exist, is not yours or is in another message"
            ))),
            Appended::UnknownMention(user) => {
                origin
                    .refuse(Refusal::new(ErrorCode::UnknownUser, format!("mentionIds: {user} is not in the channel")));
            }
            Appended::UnknownAssignee(user) => origin.refuse(Refusal::new(
                ErrorCode::UnknownUser,
                format!("instruction: assigneeIds: {user} is not in the channel"),
            )),
            Appended::Rejected => origin.refuse(Refusal::invalid("the database refuses this content")),
        }
    }
}
