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
                hash.update(length.unwrap_or(-1).to_be_bytes());
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
        users.iter().for_each(|user| hash.update(user.0.as_bytes()));
        (!users.is_empty()).then(|| Self(hash.finalize().into()))
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
    },
    /// Said of the message with a sign or a word, or taken back.
    Reacted {
        message_id: MessageId,
        reaction: TextHash,
        set: bool,
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
    fn bytes(&self) -> Vec<u8> {
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
            What::Sent { message_id, client_id, seq, digest, files, mentions } => {
                match (files, mentions) {
                    (None, None) => bytes.push(2),
                    (Some(_), None) => bytes.push(6),
                    // What follows says itself what it has.
                    _ => bytes.extend([8, u8::from(files.is_some()) | u8::from(mentions.is_some()) << 1]),
                }
                bytes.extend(message_id.0.as_bytes());
                bytes.extend(client_id.0.as_bytes());
                bytes.extend(seq.to_be_bytes());
                bytes.extend(digest.0);
                bytes.extend(files.iter().flat_map(|files| files.0));
                bytes.extend(mentions.iter().flat_map(|mentions| mentions.0));
            }
            What::Reacted { message_id, reaction, set } => {
                bytes.push(7);
                bytes.extend(message_id.0.as_bytes());
                bytes.extend(reaction.0);
                bytes.push(u8::from(*set));
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
        let mut hash = Sha256::new();
        hash.update(FORM);
        hash.update(self.0);
        hash.update(entry.bytes());
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
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::AttachmentId;

    fn entries() -> Vec<Entry> {
        let [a, b] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let hash = TextHash::of("Gate 3");
        let at = DateTime::from_timestamp_micros(1_000_000).unwrap();
        let mut all = Vec::new();
        for what in [
            What::Created { detail: hash },
            What::Changed { detail: hash },
            What::Deleted { message_id: MessageId(a) },
            What::Deleted { message_id: MessageId(b) },
            What::Edited { message_id: MessageId(a), content: hash },
            What::Edited { message_id: MessageId(a), content: TextHash::of("Gate 4") },
            What::Sent {
                message_id: MessageId(a),
                client_id: ClientId(b),
                seq: 1,
                digest: SendDigest([7; 32]),
                files: None,
                mentions: None,
            },
            What::Sent {
                message_id: MessageId(b),
                client_id: ClientId(a),
                seq: 1,
                digest: SendDigest([7; 32]),
                files: None,
                mentions: None,
            },
            What::Sent {
                message_id: MessageId(a),
                client_id: ClientId(b),
                seq: 2,
                digest: SendDigest([7; 32]),
                files: None,
                mentions: None,
            },
            What::Sent {
                message_id: MessageId(a),
                client_id: ClientId(b),
                seq: 1,
                digest: SendDigest([8; 32]),
                files: None,
                mentions: None,
            },
        ] {
            let entry = Entry { channel_id: ChannelId(a), version: 1, at, by: Some(UserId(a)), what };
            all.extend([
                entry,
                Entry { by: None, ..entry },
                Entry { by: Some(UserId(b)), ..entry },
                Entry { version: 2, ..entry },
                Entry { channel_id: ChannelId(b), ..entry },
                Entry { at: DateTime::from_timestamp_micros(1_000_001).unwrap(), ..entry },
            ]);
        }
        all
    }

    #[test]
    fn files_are_part_of_a_send_with_all_that_is_told_of_them() {
        let file = Attachment {
            id: AttachmentId(Uuid::from_u128(1)),
            name: "a".to_owned(),
            content_type: "bc".to_owned(),
            size: 1,
            sha256: "00".to_owned(),
            width: None,
            height: Some(1),
        };
        let other = |change: fn(&mut Attachment)| {
            let mut other = file.clone();
            change(&mut other);
            vec![other]
        };
        let lists = [
            vec![file.clone()],
            vec![file.clone(), file.clone()],
            other(|file| file.id = AttachmentId(Uuid::from_u128(2))),
            other(|file| (file.name, file.content_type) = ("ab".to_owned(), "c".to_owned())),
            other(|file| file.size = 2),
            other(|file| file.sha256 = "01".to_owned()),
            other(|file| (file.width, file.height) = (Some(1), None)),
        ];
        let hashes: HashSet<[u8; 32]> =
            lists.iter().filter_map(|list| FilesHash::of(list)).map(|hash| hash.0).collect();
        assert_eq!((hashes.len(), FilesHash::of(&[])), (lists.len(), None));
        let (id, client_id) = (MessageId(Uuid::from_u128(1)), ClientId(Uuid::from_u128(2)));
        let sent = |files, mentions| What::Sent {
            message_id: id,
            client_id,
            seq: 1,
            digest: SendDigest([7; 32]),
            files,
            mentions,
        };
        let entry = entries()[0];
        let files = [None, FilesHash::of(&lists[0]), FilesHash::of(&lists[1])];
        let [ana, bo] = [UserId(Uuid::from_u128(3)), UserId(Uuid::from_u128(4))];
        let names = [&[][..], &[ana], &[bo], &[ana, bo], &[bo, ana]].map(NamesHash::of);
        let heads: HashSet<[u8; 32]> = files
            .iter()
            .flat_map(|files| names.iter().map(|names| sent(*files, *names)))
            .map(|what| Head::NONE.and(&Entry { what, ..entry }).0)
            .collect();
        assert_eq!(heads.len(), 15);
    }

    #[test]
    fn a_reaction_is_of_a_message_and_set_or_taken_back() {
        let [a, b] = [MessageId(Uuid::from_u128(1)), MessageId(Uuid::from_u128(2))];
        let [thumb, heart] = ["👍", "❤️"].map(TextHash::of);
        let entry = entries()[0];
        let heads: HashSet<[u8; 32]> = [(a, thumb, true), (b, thumb, true), (a, heart, true), (a, thumb, false)]
            .into_iter()
            .map(|(message_id, reaction, set)| What::Reacted { message_id, reaction, set })
            .map(|what| Head::NONE.and(&Entry { what, ..entry }).0)
            .collect();
        assert_eq!(heads.len(), 4);
    }

    #[test]
    fn no_two_entries_and_no_two_orders_come_to_the_same() {
        let all = entries();
        let heads: HashSet<[u8; 32]> = all.iter().map(|entry| Head::NONE.and(entry).0).collect();
        assert_eq!(heads.len(), all.len());
        let pairs: HashSet<[u8; 32]> =
            all.iter().flat_map(|a| all.iter().map(move |b| Head::NONE.and(a).and(b).0)).collect();
        assert_eq!(pairs.len(), all.len() * all.len());
    }

    #[test]
    fn a_chain_stays_what_it_is_from_one_release_to_the_next() {
        let head = entries().iter().fold(Head::NONE, Head::and);
        let told = head.0.chunks(16).map(|half| Uuid::from_slice(half).unwrap().simple().to_string());
        assert_eq!(told.collect::<String>(), "897eacb62c6770eb9de78fde798a7ef4b3b7d45dc1d5449042b9b7347e0986e1");
    }
}
