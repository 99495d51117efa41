//! The frames that a client sends and receives, as far as it needs them.
//!
//! Used by every part of the client. Tolerant on purpose, unlike the server's own types: unknown fields and unknown
//! frames are ignored, so that an older client keeps working with a newer server.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::attachment::Attachment;
use crate::domain::channel::{ChannelKind, Role};
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};
use crate::domain::instruction::AnswerKind;
use crate::domain::reaction::Reacted;

/// What the server sends.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    Hello(Hello),
    Ack(Ack),
    Message(Versioned<Message>),
    MessageUpdated(Versioned<Message>),
    MessageDeleted(Versioned<Message>),
    Members(Members),
    Channel(Versioned<ChannelInfo>),
    ChannelRemoved(Removed),
    Sync(SyncPage),
    SyncComplete(Reply),
    Typing(Typing),
    TypingStopped(TypingStopped),
    Presence(Presence),
    Read(ReadMark),
    Ok(Reply),
    Pong(Reply),
    Error(ErrorFrame),
    Goaway(Goaway),
    #[serde(other)]
    Other,
}

/// The first frame.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    pub protocol: u32,
    pub epoch: String,
    pub session_id: String,
    pub user: User,
    pub heartbeat_ms: u64,
    pub channels: Vec<ChannelInfo>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct User {
    pub id: UserId,
    pub name: String,
}

/// A channel as this user sees it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelInfo {
    pub id: ChannelId,
    #[serde(rename = "type")]
    pub kind: ChannelKind,
    pub name: Option<String>,
    pub role: Role,
    pub last_seq: i64,
    pub version: i64,
    pub last_read_seq: i64,
    pub unread: i64,
    pub member_ids: Vec<UserId>,
    #[serde(default)]
    pub online: Vec<UserId>,
    pub peer: Option<Peer>,
}

/// The other one of a direct channel.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    pub id: UserId,
    pub name: String,
    #[serde(default)]
    pub last_read_seq: i64,
}

/// That a message is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ack {
    pub client_id: ClientId,
    pub server_id: MessageId,
    pub channel_id: ChannelId,
    pub seq: i64,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    #[serde(default)]
    pub duplicate: bool,
}

/// A state with, where a hole was filled, the first version that it covers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Versioned<T> {
    pub data: T,
    pub since: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub id: MessageId,
    pub client_id: Option<ClientId>,
    pub channel_id: ChannelId,
    pub sender_id: UserId,
    #[serde(default)]
    pub sender_name: String,
    pub seq: i64,
    pub version: i64,
    #[serde(default)]
    pub content: String,
    #[serde(default)]
    pub content_type: String,
    pub reply_to_id: Option<MessageId>,
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    #[serde(default)]
    pub mention_ids: Vec<UserId>,
    #[serde(default)]
    pub reactions: Vec<Reacted>,
    pub instruction: Option<Box<Instruction>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// What a message asks for, and what was answered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instruction {
    pub deadline: Option<DateTime<Utc>>,
    #[serde(default)]
    pub assignee_ids: Vec<UserId>,
    pub overdue_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub answers: Vec<Answer>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub user_id: UserId,
    pub answer: AnswerKind,
    pub note: Option<String>,
    pub at: DateTime<Utc>,
}

/// Who is in the channel, as of `version`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Members {
    pub channel_id: ChannelId,
    pub version: i64,
    pub since: Option<i64>,
    pub member_ids: Vec<UserId>,
    /// None where it is not known: a `sync` page does not say.
    pub online: Option<Vec<UserId>>,
    #[serde(default)]
    pub added: Vec<UserId>,
    #[serde(default)]
    pub removed: Vec<UserId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    pub channel_id: ChannelId,
}

/// What happened in a channel since the version that was asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncPage {
    pub channel_id: ChannelId,
    pub messages: Vec<Message>,
    pub version: i64,
    #[serde(default)]
    pub has_more: bool,
    #[serde(default)]
    pub reset: bool,
    pub member_ids: Option<Vec<UserId>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Typing {
    pub channel_id: ChannelId,
    pub user_id: UserId,
    #[serde(default)]
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TypingStopped {
    pub channel_id: ChannelId,
    pub user_id: UserId,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    pub channel_id: ChannelId,
    pub user_id: UserId,
    pub status: String,
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl Presence {
    pub fn is_online(&self) -> bool {
        self.status == "online"
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadMark {
    pub channel_id: ChannelId,
    pub user_id: UserId,
    pub seq: i64,
}

/// An answer that says no more than which frame it is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reply {
    #[serde(rename = "ref", default, deserialize_with = "own_ref")]
    pub reference: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorFrame {
    #[serde(flatten)]
    pub refused: Refused,
    pub retry_after_ms: Option<u64>,
    pub client_id: Option<ClientId>,
    #[serde(rename = "ref", default, deserialize_with = "own_ref")]
    pub reference: Option<u64>,
}

/// What the server says to a frame that it does not carry out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refused {
    /// One of the contract's codes, or one that this client does not know yet.
    pub code: String,
    pub message: String,
    #[serde(default)]
    pub retryable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Goaway {
    #[serde(default)]
    pub reason: String,
    pub reconnect_in_ms: Option<u64>,
}

/// What the client sends.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ClientFrame {
    Message {
        client_id: ClientId,
        channel_id: ChannelId,
        content: String,
    },
    Edit {
        message_id: MessageId,
        content: String,
        #[serde(rename = "ref")]
        reference: u64,
    },
    Delete {
        message_id: MessageId,
        #[serde(rename = "ref")]
        reference: u64,
    },
    Typing {
        channel_id: ChannelId,
    },
    Read {
        channel_id: ChannelId,
        seq: i64,
        #[serde(rename = "ref")]
        reference: u64,
    },
    Sync {
        channels: std::collections::BTreeMap<ChannelId, i64>,
        epoch: String,
        #[serde(rename = "ref")]
        reference: u64,
    },
    Auth {
        token: String,
        #[serde(rename = "ref")]
        reference: u64,
    },
    Ping,
}

impl ClientFrame {
    /// As it goes out. The types above have no value that JSON could not hold, so this is never empty.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// This client's own references are numbers; any other value is of no interest to it, and no reason to drop the frame.
fn own_ref<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<u64>, D::Error> {
    Ok(serde_json::Value::deserialize(value)?.as_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0198c0de-0000-7000-8000-000000000001";

    fn parse(text: &str) -> ServerFrame {
        serde_json::from_str(&text.replace("ID", ID)).expect(text)
    }

    #[test]
    fn an_unknown_frame_and_unknown_fields_are_no_error() {
        assert_eq!(parse(r#"{"type":"confetti","amount":7}"#), ServerFrame::Other);
        let pong = parse(r#"{"type":"pong","serverTime":"2026-01-01T00:00:00.000Z","ref":"theirs"}"#);
        assert_eq!(pong, ServerFrame::Pong(Reply { reference: None }));
    }

    #[test]
    fn an_error_says_whom_it_is_for_and_when_to_come_back() {
        let text = r#"{"type":"error","code":"rate_limited","message":"slower","retryable":true,"retryAfterMs":90,
            "clientId":"ID"}"#;
        let ServerFrame::Error(error) = parse(text) else { panic!("no error") };
        assert_eq!(error.retry_after_ms, Some(90));
        assert_eq!(error.client_id, ID.parse().ok());
        assert!(error.refused.retryable);
    }

    #[test]
    fn hello_of_a_direct_channel_is_read() {
        let text = r#"{"type":"hello","protocol":1,"epoch":"e","sessionId":"ID","user":{"id":"ID","name":"Ana"},
            "serverTime":"2026-01-01T00:00:00.000Z","heartbeatMs":30000,"channels":[{"id":"ID","type":"direct",
            "name":null,"role":"member","lastSeq":3,"version":4,"lastReadSeq":2,"unread":1,"memberIds":["ID"],
            "online":[],"peer":{"id":"ID","name":"Bo","lastReadSeq":3}}]}"#;
        let ServerFrame::Hello(hello) = parse(text) else { panic!("no hello") };
        assert_eq!(hello.channels[0].peer.as_ref().map(|peer| peer.name.as_str()), Some("Bo"));
    }

    #[test]
    fn what_is_sent_has_the_names_of_the_contract() {
        let id: uuid::Uuid = ID.parse().unwrap();
        let frame = ClientFrame::Message { client_id: ClientId(id), channel_id: ChannelId(id), content: "hi".into() };
        let expected = r#"{"type":"message","clientId":"ID","channelId":"ID","content":"hi"}"#.replace("ID", ID);
        assert_eq!(frame.to_json(), expected);
        assert_eq!(ClientFrame::Ping.to_json(), r#"{"type":"ping"}"#);
    }
}
