//! What the application is told, and what can go wrong.

use std::time::Duration;

use crate::domain::ids::{ChannelId, ClientId};

use super::frames::{Ack, ChannelInfo, Hello, Members, Message, Presence, ReadMark, Refused, Typing, TypingStopped};

/// Something that happened. A channel's messages come in ascending `version`, each once.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Connected, for the first time or again. What was missed follows by itself.
    Connected {
        hello: Box<Hello>,
    },
    Disconnected {
        reason: String,
        retry_in: Duration,
    },
    /// The last event: the client has given up, or was closed.
    Stopped {
        error: Stopped,
    },
    /// A message that was not held yet. One that was edited or deleted meanwhile comes in its latest state.
    Message(Message),
    Updated(Message),
    Deleted(Message),
    Members(Members),
    Channel(ChannelInfo),
    ChannelRemoved(ChannelId),
    Read(ReadMark),
    Typing(Typing),
    TypingStopped(TypingStopped),
    Presence(Presence),
    /// A message of this client is stored. It does not come as [`Event::Message`] as well, unless after a reset.
    Sent {
        client_id: ClientId,
        ack: Ack,
    },
    /// A message of this client was refused for good.
    Failed {
        client_id: ClientId,
        error: SendError,
    },
    /// Drop what is held of this channel: its newest messages follow.
    Reset(ChannelId),
}

/// Why the client does not try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    #[error("closed")]
    Closed,
    #[error("the server refuses the token: {0}")]
    Unauthorized(String),
    #[error("an admin ended the session")]
    Removed,
    #[error("the server speaks version {0} of the protocol; this client speaks {expected}", expected = crate::protocol::PROTOCOL)]
    Protocol(u32),
}

/// Why a message will not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("{waiting} messages wait to be sent already; that is the limit")]
    Full { waiting: usize },
    #[error("the message takes {len} bytes as a frame; the limit is {max}")]
    TooLarge { len: usize, max: usize },
    #[error("the message is empty")]
    Empty,
    #[error("{0}")]
    Refused(Refused),
    #[error("the server closed the connection over a frame that is too big")]
    TooBigForServer,
    #[error("the client stopped before the message was acknowledged; it may be stored")]
    Stopped,
}

/// Why a request (edit, delete) did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("not connected")]
    NotConnected,
    #[error("the connection was lost before the answer came; it may have been carried out")]
    Lost,
    #[error("{limit} requests wait for an answer already; that is the limit")]
    TooMany { limit: usize },
    #[error("{0}")]
    Refused(Refused),
    #[error("the client has stopped")]
    Stopped,
}

/// Why a client cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is not the address of a daemon: use ws://HOST:PORT/ws or wss://HOST/ws")]
pub struct InvalidUrl {
    pub url: String,
}
