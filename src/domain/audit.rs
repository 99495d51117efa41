//! The audit trail's chain: what happened to a channel, entry by entry, as bytes that hash to one value only.
//!
//! Each version of a channel is one [`Entry`]. A [`Head`] stands for all entries up to its version, in their order: whoever
//! holds one can tell whether any of them was changed, removed, inserted or moved since. Contents are in it by their hashes, so
//! that they can be erased and the chain still holds. Pure; the store writes and reads it, `tenfour audit verify` judges.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::attachment::Attachment;
use super::ids::{ChannelId, ClientId, MessageId, UserId};
use super::message::SendDigest;

/// What these bytes are of; another form of them gets another name.
const FORM: &[u8] = b"tenfour audit 1";

/// SHA-256 of a content, or of another text that may be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextHash(pub [u8; 32]);

impl TextHash {
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

/// SHA-256 of what is told of a message's files, their own sums among it, so that they can be erased too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilesHash(pub [u8; 32]);

impl FilesHash {
    /// In the order of the message. None: it has none.
    pub fn of(files: &[Attachment]) -> Option<Self> {
        let mut hash = Sha256::new();
        for file in files {
            hash.update(file.id.0.as_bytes());
            for text in [&file.name, &file.content_type, &file.sha256] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
            hash.update(file.size.to_be_bytes());
            for length in [file.width, file.height] {
                hash.update([u8::from(length.is_some())]);
                hash.update(length.unwrap_or_default().to_be_bytes());
            }
        }
        (!files.is_empty()).then(|| Self(hash.finalize().into()))
    }
}

/// SHA-256 of whom a message names, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamesHash(pub [u8; 32]);

impl NamesHash {
    /// None: it names nobody.
    pub fn of(users: &[UserId]) -> Option<Self> {
        let mut hash = Sha256::new();
        for user in users {
            hash.update(user.0.as_bytes());
        }
        (!users.is_empty()).then(|| Self(hash.finalize().into()))
    }
}

/// SHA-256 of what a message asks for: until when, and of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstructionHash(pub [u8; 32]);

impl InstructionHash {
    /// `to_all`: of all other members of that moment, and not because they were named.
    pub fn of(deadline: Option<DateTime<Utc>>, to_all: bool, assignees: &[UserId]) -> Self {
        let mut hash = Sha256::new();
        hash.update([u8::from(deadline.is_some()), u8::from(to_all)]);
        hash.update(deadline.map_or(0, |at| at.timestamp_micros()).to_be_bytes());
        for user in assignees {
            hash.update(user.0.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

/// One thing that happened to a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub channel_id: ChannelId,
    pub version: i64,
    /// To the microsecond.
    pub at: DateTime<Utc>,
    /// None: the host application's server.
    pub by: Option<UserId>,
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// With these members and roles, as a text.
    Created {
        detail: TextHash,
    },
    Sent {
        message_id: MessageId,
        client_id: ClientId,
        seq: i64,
        digest: SendDigest,
        files: Option<FilesHash>,
        mentions: Option<NamesHash>,
        instruction: Option<InstructionHash>,
    },
    /// Said of the message with a sign or a word, or taken back.
    Reacted {
        message_id: MessageId,
        reaction: TextHash,
        set: bool,
    },
    /// Answered, with the answer and its note as one text.
    Answered {
        message_id: MessageId,
        answer: TextHash,
    },
    /// Its deadline had passed without an answer of everybody.
    Overdue {
        message_id: MessageId,
    },
    Edited {
        message_id: MessageId,
        content: TextHash,
    },
    Deleted {
        message_id: MessageId,
    },
    /// A change of the channel itself, as a text.
    Changed {
        detail: TextHash,
    },
}

impl Entry {
    /// Every field has a fixed width for its kind and its flags, so that no two entries have the same bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(160);
        bytes.extend(self.channel_id.0.as_bytes());
        bytes.extend(self.version.to_be_bytes());
        bytes.extend(self.at.timestamp_micros().to_be_bytes());
        bytes.push(u8::from(self.by.is_some()));
        bytes.extend(self.by.map_or([0; 16], |user| user.0.into_bytes()));
        match &self.what {
            What::Created { detail } => {
                bytes.push(1);
                bytes.extend(detail.0);
            }
            What::Sent { message_id, client_id, seq, digest, files, mentions, instruction } => {
                match (files, mentions, instruction) {
                    (None, None, None) => bytes.push(2),
                    (Some(_), None, None) => bytes.push(6),
                    // What follows says itself what it has.
                    _ => {
                        let named = u8::from(mentions.is_some()) << 1 | u8::from(instruction.is_some()) << 2;
                        bytes.extend([8, u8::from(files.is_some()) | named]);
                    }
                }
                bytes.extend(message_id.0.as_bytes());
                bytes.extend(client_id.0.as_bytes());
                bytes.extend(seq.to_be_bytes());
                bytes.extend(digest.0);
                bytes.extend(files.iter().flat_map(|files| files.0));
                bytes.extend(mentions.iter().flat_map(|mentions| mentions.0));
                bytes.extend(instruction.iter().flat_map(|instruction| instruction.0));
            }
            What::Reacted { message_id, reaction, set } => {
                bytes.push(7);
                bytes.extend(message_id.0.as_bytes());
                bytes.extend(reaction.0);
                bytes.push(u8::from(*set));
            }
            What::Answered { message_id, answer } => {
                bytes.push(9);
                bytes.extend(message_id.0.as_bytes());
                bytes.extend(answer.0);
            }
            What::Overdue { message_id } => {
                bytes.push(10);
                bytes.extend(message_id.0.as_bytes());
            }
            What::Edited { message_id, content } => {
                bytes.push(3);
                bytes.extend(message_id.0.as_bytes());
                bytes.extend(content.0);
            }
            What::Deleted { message_id } => {
                bytes.push(4);
                bytes.extend(message_id.0.as_bytes());
            }
            What::Changed { detail } => {
                bytes.push(5);
                bytes.extend(detail.0);
            }
        }
        bytes
    }
}

/// What all entries so far come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head(pub [u8; 32]);

impl Head {
    /// Before the first entry.
    pub const NONE: Self = Self([0; 32]);

    #[must_use]
    pub fn and(self, entry: &Entry) -> Self {
        self.and_bytes(&entry.bytes())
    }

    /// The same of an entry's bytes.
    #[must_use]
    pub fn and_bytes(self, entry: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(FORM);
        hash.update(self.0);
        hash.update(entry);
        Self(hash.finalize().into())
    }
}

/// A channel's chain, from where it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The version after which it began; -1 where it has all there ever was.
    pub since: i64,
    pub version: i64,
    pub head: Head,
}

impl Chain {
    /// For entries from `version` on.
    pub fn from(version: i64) -> Self {
        Self { since: version - 1, version: version - 1, head: Head::NONE }
    }

    pub fn add(&mut self, entry: &Entry) {
        self.version = entry.version;
        self.head = self.head.and(entry);
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
