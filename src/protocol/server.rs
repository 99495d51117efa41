//! What the server sends: each frame a value, encoded once and shared by all who get it.
//!
//! Made by sessions and rooms; the REST answers use the same [`MessageBody`] and [`ChannelBody`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::announcement::AnnouncementBody;
use super::client::Ref;
use super::error::{ErrorCode, Refusal};
pub use super::message::MessageBody;
use super::time;
use crate::domain::channel::{Audience, Channel, ChannelKind, ChannelView, Member, Role};
use crate::domain::ids::{ChannelId, ClientId, MessageId, SessionId, UserId};
use crate::domain::message::Stored;
use crate::domain::sync::SyncPage;
use crate::domain::user::User;

/// One frame. `ref` is the asking frame's own.
// The variants repeat what `rename_all_fields` says, since the published description is made without knowing it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ServerFrame<'a> {
    Hello(Box<Hello>),
    Ack {
        #[serde(flatten)]
        ack: Ack,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a Ref>,
    },
    Message {
        data: &'a MessageBody,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
    },
    MessageUpdated {
        data: &'a MessageBody,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
    },
    MessageDeleted {
        data: &'a MessageBody,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
    },
    #[serde(rename_all = "camelCase")]
    Typing {
        channel_id: ChannelId,
        user_id: UserId,
        name: &'a str,
        expires_in_ms: u64,
    },
    #[serde(rename_all = "camelCase")]
    TypingStopped {
        channel_id: ChannelId,
        user_id: UserId,
    },
    #[serde(rename_all = "camelCase")]
    Presence {
        channel_id: ChannelId,
        user_id: UserId,
        status: Status,
        #[serde(with = "time::option")]
        #[schema(required)]
        last_seen_at: Option<DateTime<Utc>>,
    },
    #[serde(rename_all = "camelCase")]
    Read {
        channel_id: ChannelId,
        user_id: UserId,
        seq: i64,
        #[serde(with = "time")]
        at: DateTime<Utc>,
    },
    Channel {
        data: &'a ChannelBody,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
    },
    #[serde(rename_all = "camelCase")]
    ChannelRemoved {
        channel_id: ChannelId,
    },
    #[serde(rename_all = "camelCase")]
    Members {
        channel_id: ChannelId,
        version: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
        member_ids: &'a [UserId],
        online: &'a [UserId],
        added: &'a [UserId],
        removed: &'a [UserId],
    },
    #[serde(rename_all = "camelCase")]
    Sync {
        channel_id: ChannelId,
        messages: Vec<MessageBody>,
        version: i64,
        has_more: bool,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        reset: bool,
        member_ids: Vec<UserId>,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a Ref>,
    },
    SyncComplete {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a Ref>,
    },
    Ok {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a Ref>,
    },
    #[serde(rename_all = "camelCase")]
    Pong {
        #[serde(with = "time")]
        server_time: DateTime<Utc>,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a Ref>,
    },
    #[serde(rename_all = "camelCase")]
    Error {
        code: ErrorCode,
        message: &'a str,
        retryable: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<ClientId>,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a Ref>,
    },
    /// Of an admin, to all sessions. Best effort: nothing is repeated.
    Announcement(AnnouncementBody),
    #[serde(rename_all = "camelCase")]
    Goaway {
        reason: &'a str,
        reconnect_in_ms: u64,
    },
}

/// Whether a user can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Online,
    Offline,
}

/// The first frame.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    pub protocol: u32,
    pub epoch: String,
    pub session_id: SessionId,
    pub user: UserBody,
    #[serde(with = "time")]
    pub server_time: DateTime<Utc>,
    pub heartbeat_ms: u64,
    pub channels: Vec<ChannelBody>,
}

#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserBody {
    pub id: UserId,
    /// The host's own id, where it is not the UUID itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    pub name: String,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self { id: user.id, external_id: user.external_id, name: user.name }
    }
}

/// Confirms that a message is stored.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ack {
    pub client_id: ClientId,
    pub server_id: MessageId,
    pub channel_id: ChannelId,
    pub seq: i64,
    pub version: i64,
    #[serde(with = "time")]
    pub created_at: DateTime<Utc>,
    /// This `clientId` had been stored before.
    pub duplicate: bool,
}

impl Ack {
    pub fn new(client_id: ClientId, stored: &Stored, duplicate: bool) -> Self {
        Self {
            client_id,
            server_id: stored.id,
            channel_id: stored.channel_id,
            seq: stored.seq,
            version: stored.version,
            created_at: stored.created_at,
            duplicate,
        }
    }
}

/// A channel as one of its members sees it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Channel)]
pub struct ChannelBody {
    pub id: ChannelId,
    #[serde(rename = "type")]
    pub kind: ChannelKind,
    #[schema(required)]
    pub name: Option<String>,
    /// The reader's own; none for who sees the channel without being in it.
    #[schema(required)]
    pub role: Option<Role>,
    pub last_seq: i64,
    pub version: i64,
    pub last_read_seq: i64,
    pub unread: i64,
    pub revisions_visible_to: Audience,
    pub member_ids: Vec<UserId>,
    pub online: Vec<UserId>,
    /// The other one of a direct channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<PeerBody>,
}

#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeerBody {
    pub id: UserId,
    pub name: String,
    pub last_read_seq: i64,
}

impl ChannelBody {
    /// As `reader` sees it. `online` tells who of the members can be reached.
    pub fn new(view: &ChannelView, reader: UserId, online: impl Fn(UserId) -> bool) -> Self {
        Self::of(&view.channel, view.unread, reader, online)
    }

    pub fn of(channel: &Channel, unread: i64, reader: UserId, online: impl Fn(UserId) -> bool) -> Self {
        Self::build(channel, unread, channel.member(reader), online)
    }

    /// As the host application's server sees it, which is in no channel.
    pub fn for_host(channel: &Channel, online: impl Fn(UserId) -> bool) -> Self {
        Self::build(channel, 0, None, online)
    }

    fn build(channel: &Channel, unread: i64, reader: Option<&Member>, online: impl Fn(UserId) -> bool) -> Self {
        let peer = reader.and_then(|reader| channel.peer_of(reader.user_id));
        let member_ids = channel.member_ids();
        Self {
            id: channel.id,
            kind: channel.kind,
            name: channel.name.clone(),
            role: reader.map(|reader| reader.role),
            last_seq: channel.last_seq,
            version: channel.version,
            last_read_seq: reader.map_or(channel.last_seq, |reader| reader.last_read_seq),
            unread,
            revisions_visible_to: channel.revisions_visible_to,
            online: member_ids.iter().copied().filter(|id| online(*id)).collect(),
            member_ids,
            peer: peer.map(|peer| PeerBody {
                id: peer.user_id,
                name: peer.name.clone(),
                last_read_seq: peer.last_read_seq,
            }),
        }
    }
}

impl<'a> ServerFrame<'a> {
    pub fn error(refusal: &'a Refusal, client_id: Option<ClientId>, reference: Option<&'a Ref>) -> Self {
        Self::Error {
            code: refusal.code,
            message: &refusal.message,
            retryable: refusal.code.retryable(),
            retry_after_ms: refusal.retry_after_ms,
            client_id,
            reference,
        }
    }

    pub fn sync(channel_id: ChannelId, page: SyncPage, reference: Option<&'a Ref>) -> Self {
        Self::Sync {
            channel_id,
            messages: page.messages.into_iter().map(MessageBody::from).collect(),
            version: page.version,
            has_more: page.has_more,
            reset: page.reset,
            member_ids: page.member_ids,
            reference,
        }
    }

    /// The JSON text.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_else(|error| {
            // Not reachable: every map key is a string and no value can fail. A client is told rather than left waiting.
            log::error!("a frame could not be encoded: {error}");
            br#"{"type":"error","code":"unavailable","message":"the answer could not be encoded","retryable":true}"#
                .to_vec()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn an_ack_has_the_fields_and_the_ref_of_the_contract() {
        let stored = Stored {
            id: MessageId(Uuid::from_u128(1)),
            channel_id: ChannelId(Uuid::from_u128(2)),
            seq: 3,
            version: 4,
            created_at: DateTime::from_timestamp(1_700_000_000, 123_456_000).unwrap(),
            attachments: Vec::new(),
            instruction: None,
        };
        let ack = Ack::new(ClientId(Uuid::from_u128(5)), &stored, false);
        let json: serde_json::Value =
            serde_json::from_slice(&ServerFrame::Ack { ack, reference: None }.encode()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "ack", "clientId": "00000000-0000-0000-0000-000000000005",
                "serverId": "00000000-0000-0000-0000-000000000001",
                "channelId": "00000000-0000-0000-0000-000000000002",
                "seq": 3, "version": 4, "createdAt": "2023-11-14T22:13:20.123Z", "duplicate": false
            })
        );
    }
}
