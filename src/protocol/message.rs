//! A message as clients see it, in frames, pages and answers alike.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::instruction::InstructionBody;
use super::time;
use crate::domain::attachment::Attachment;
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};
use crate::domain::message::Message;
use crate::domain::reaction::Reacted;

/// A message as clients see it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Message)]
pub struct MessageBody {
    pub id: MessageId,
    pub client_id: ClientId,
    pub channel_id: ChannelId,
    pub sender_id: UserId,
    pub sender_name: String,
    /// Counts the channel's messages: 1, 2, 3 … without a gap.
    pub seq: i64,
    /// The version of its latest change.
    pub version: i64,
    /// Empty once deleted.
    pub content: String,
    pub content_type: String,
    #[schema(required)]
    pub reply_to_id: Option<MessageId>,
    /// Empty once deleted.
    pub attachments: Vec<Attachment>,
    /// Whom it names; missing where it names nobody, and once deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub mention_ids: Vec<UserId>,
    /// In the order in which they were first used; missing where there are none, and once deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub reactions: Vec<Reacted>,
    /// What it asks for; missing where it asks for no answer, and once deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<InstructionBody>,
    /// It was brought by an import, and not sent here; missing otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub imported: bool,
    #[serde(with = "time")]
    pub created_at: DateTime<Utc>,
    #[serde(with = "time::option")]
    #[schema(required)]
    pub updated_at: Option<DateTime<Utc>>,
    #[serde(with = "time::option")]
    #[schema(required)]
    pub deleted_at: Option<DateTime<Utc>>,
}

impl From<Message> for MessageBody {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            client_id: message.client_id,
            channel_id: message.channel_id,
            sender_id: message.sender_id,
            sender_name: message.sender_name,
            seq: message.seq,
            version: message.version,
            content: message.content,
            content_type: message.content_type,
            reply_to_id: message.reply_to_id,
            attachments: message.attachments,
            mention_ids: message.mention_ids,
            reactions: message.reactions,
            instruction: message.instruction.map(InstructionBody::from),
            imported: message.id.is_imported(),
            created_at: message.created_at,
            updated_at: message.updated_at,
            deleted_at: message.deleted_at,
        }
    }
}
