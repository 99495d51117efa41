//! What a session is told and asked.

use std::net::IpAddr;
use std::time::Duration;

use actix::Message;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::protocol::close::Close;
use crate::protocol::time;

/// The user was added to a channel.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Added {
    pub channel: ChannelId,
}

/// Ends the socket.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct End {
    pub why: Close,
}

/// The token by which it lives may have been revoked.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Recheck;

/// What is told to all, in no channel's order.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Told {
    pub framed: Bytes,
}

/// The daemon is about to close the socket.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct GoAway {
    pub reason: &'static str,
    pub reconnect_in_ms: u64,
    pub close_in: Duration,
}

/// No more is written: the connection is gone, or the close frame is out.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Gone;

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "SessionState")]
pub struct Inspect;

/// What the admin surface shows.
#[derive(Debug, Clone, Serialize, actix::MessageResponse)]
#[serde(rename_all = "camelCase")]
pub struct SessionState {
    pub id: SessionId,
    pub user_id: UserId,
    pub external_id: Option<String>,
    pub name: String,
    #[serde(serialize_with = "time::serialize")]
    pub since: DateTime<Utc>,
    pub address: IpAddr,
    pub agent: Option<String>,
    #[serde(serialize_with = "time::serialize")]
    pub token_expires_at: DateTime<Utc>,
    #[serde(serialize_with = "time::option::serialize")]
    pub last_pong: Option<DateTime<Utc>>,
    pub channels: usize,
    pub frames_in: u64,
    /// From the client, over about the last ten seconds.
    pub frames_per_second: f64,
    pub messages_in: u64,
    pub rate_limited: u64,
    pub frames_out: u64,
    pub bytes_out: u64,
    pub frames_queued: usize,
    pub bytes_queued: usize,
    pub pending: usize,
}
