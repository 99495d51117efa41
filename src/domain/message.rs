//! Messages, how they are sent and what becomes of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::attachment::Attachment;
use super::content::Content;
use super::ids::{AttachmentId, ChannelId, ClientId, MessageId, UserId};
use super::instruction::{Ask, Instruction};
use super::reaction::Reacted;

/// A message as it now is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub client_id: ClientId,
    pub channel_id: ChannelId,
    pub sender_id: UserId,
    pub sender_name: String,
    pub seq: i64,
    /// The version of its latest change.
    pub version: i64,
    /// Empty once deleted.
    pub content: String,
    pub content_type: String,
    pub reply_to_id: Option<MessageId>,
    /// In the sender's order; none once deleted.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// Whom it names; none once deleted.
    #[serde(default)]
    pub mention_ids: Vec<UserId>,
    /// In the order in which they were first used; none once deleted.
    #[serde(default)]
    pub reactions: Vec<Reacted>,
    /// None once deleted.
    #[serde(default)]
    pub instruction: Option<Instruction>,
    /// Something happened to it that left its content alone.
    #[serde(default)]
    pub touched: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// What is told of an attachment besides its name, nearly, in bytes.
const ATTACHMENT_BYTES: usize = 220;
/// An id, nearly.
const ID_BYTES: usize = 40;

impl Message {
    /// How much it adds to a page, nearly, in bytes: what may be long or many of it.
    pub fn weight(&self) -> usize {
        let files = self.attachments.iter().map(|file| file.name.len() + ATTACHMENT_BYTES);
        let reactions = self.reactions.iter().map(|it| it.reaction.len() + ID_BYTES * it.user_ids.len());
        let asked = self.instruction.as_ref().map_or(0, |it| {
            let answers = it.answers.iter().map(|answer| 2 * ID_BYTES + answer.note.as_ref().map_or(0, String::len));
            ID_BYTES * it.assignee_ids.len() + answers.sum::<usize>()
        });
        let mentioned = ID_BYTES * self.mention_ids.len();
        self.content.len() + files.sum::<usize>() + reactions.sum::<usize>() + mentioned + asked
    }
}

/// What a message said from one version on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    pub version: i64,
    pub content: String,
    pub at: DateTime<Utc>,
}

/// Who deleted a message; none for the host application's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    pub version: i64,
    pub by: Option<(UserId, String)>,
    pub at: DateTime<Utc>,
}

/// All that a message has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revisions {
    /// Ascending by version; the last one is what it says now. Empty where the reader may know no more than the deletion.
    pub revisions: Vec<Revision>,
    pub deletion: Option<Deletion>,
    pub message: Message,
}

/// A checked message on its way to the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMessage {
    pub id: MessageId,
    pub client_id: ClientId,
    pub channel_id: ChannelId,
    pub sender_id: UserId,
    pub sender_name: String,
    pub content: Content,
    pub content_type: String,
    pub reply_to_id: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachment_ids: Vec<AttachmentId>,
    /// Members of the channel whom it names, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mention_ids: Vec<UserId>,
    /// What it asks for, if it asks for an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
    pub created_at: DateTime<Utc>,
}

impl NewMessage {
    pub fn digest(&self) -> SendDigest {
        let Self { channel_id, content_type, reply_to_id, content, attachment_ids, mention_ids, ask, .. } = self;
        let beside = Beside { attachments: attachment_ids, mentions: mention_ids, ask: ask.as_ref() };
        SendDigest::of(*channel_id, content_type, *reply_to_id, content.as_str(), beside)
    }
}

/// What tells whether a second send with the same `clientId` is the first one again. Kept for ever: edits,
/// deletion and erasure leave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendDigest(pub [u8; 32]);

/// What a send names beside what it says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    pub attachments: &'a [AttachmentId],
    pub mentions: &'a [UserId],
    pub ask: Option<&'a Ask>,
}

impl SendDigest {
    /// SHA-256 over the fields, each preceded by its length, so that no two sends run together. What it names nothing of is
    /// left out, as it was before there was any.
    pub fn of(
        channel: ChannelId,
        content_type: &str,
        reply_to: Option<MessageId>,
        content: &str,
        Beside { attachments, mentions, ask }: Beside<'_>,
    ) -> Self {
        let reply_to: &[u8] = reply_to.as_ref().map_or(&[], |id| id.0.as_bytes());
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        for part in [channel.0.as_bytes().as_slice(), content_type.as_bytes(), reply_to, content.as_bytes()] {
            add(part);
        }
        for id in attachments {
            add(id.0.as_bytes());
        }
        if !mentions.is_empty() {
            // A word, since no id is as long.
            add(b"mentions");
            for id in mentions {
                add(id.0.as_bytes());
            }
        }
        if let Some(Ask { deadline, assignee_ids }) = ask {
            add(b"instruction");
            add(deadline.map(|at| at.timestamp_micros().to_be_bytes()).as_ref().map_or(&[], |at| at.as_slice()));
            match assignee_ids {
                None => add(b"all"),
                Some(ids) => {
                    for id in ids {
                        add(id.0.as_bytes());
                    }
                }
            }
        }
        Self(hash.finalize().into())
    }
}

/// What is known of a message that was stored under a sender's `clientId`: enough to repeat its ack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    pub id: MessageId,
    pub channel_id: ChannelId,
    pub seq: i64,
    /// The version that it got when it was first stored, whatever changed since.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    /// Of one that was stored just now, for those who are told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Instruction>,
}

/// A message for the store, with what the room knew when it let it pass.
#[derive(Debug, Clone)]
pub struct Append {
    pub message: NewMessage,
    pub digest: SendDigest,
    /// The roster by which the sender was let in: while the channel's own is the same, nobody has to be looked up.
    pub members_version: i64,
}

/// What became of one send of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// Stored now.
    New(Stored),
    /// Stored before, by the same send.
    Duplicate(Stored),
    /// The `clientId` belongs to another send of this sender.
    Conflict,
    /// The sender is not, or no longer, in the channel; or there is no such channel.
    NotMember,
    /// The message that it replies to is not in the channel.
    UnknownReply,
    /// This one does not exist, is another user's, or is in another message.
    UnknownAttachment(AttachmentId),
    /// Who is named is not in the channel.
    UnknownMention(UserId),
    /// Who is asked for an answer is not in the channel.
    UnknownAssignee(UserId),
    /// The store refused this row and only this one.
    Rejected,
}
