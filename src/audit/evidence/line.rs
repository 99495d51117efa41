//! The lines of evidence, as JSON objects. What is hashed is told with its words, so that both can be compared.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::attachment::Attachment;
use crate::domain::audit::{Entry, FilesHash, InstructionHash, NamesHash, TextHash, What};
use crate::domain::channel::{ChannelKind, Role};
use crate::domain::hex::{hex, unhex};
use crate::domain::ids::{AttachmentId, ChannelId, ClientId, MessageId, UserId};
use crate::domain::instruction::Ask;
use crate::domain::journal::{Kind, Record};
use crate::domain::message::{Beside, SendDigest};
use crate::domain::retention::ERASED_TYPE;
use crate::domain::trail::{KeptAssignee, KeptInstruction};

/// Another meaning of these lines gets another name.
pub const FORM: &str = "tenfour evidence 1";

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Line {
    /// The first.
    Export(Box<Export>),
    /// Who is in the channel now, and how far they have read.
    Member(MemberLine),
    /// Of the channel's journal, one after the other.
    Record(RecordLine),
    /// Of the channel's trail, one after the other.
    Entry(Box<EntryLine>),
    /// An entry after the time that was asked for: its bytes in hexadecimal digits, without words.
    Link { version: i64, entry: String },
    /// The last, where there is a key: its signature of the SHA-256 of all lines before, line feeds included.
    Seal { public_key: String, signature: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    pub form: String,
    pub channel_id: ChannelId,
    pub channel_type: ChannelKind,
    pub name: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub exported_at: String,
    /// What `tenfour audit verify` said of this channel at that time; nothing where all was well.
    pub findings: Vec<String>,
    /// Where the chain begins that follows, and where it ends.
    pub trail: Span,
    pub journal: Span,
}

/// Of a chain: the number and the head before the first link that is told, and those of the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Of a trail the version after which it began, -1 where it is whole; of a journal when it began, in microseconds.
    pub since: i64,
    pub after: i64,
    pub after_head: String,
    pub until: i64,
    pub head: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberLine {
    pub user_id: UserId,
    pub external_id: Option<String>,
    pub name: String,
    pub role: Role,
    pub joined_at: Option<String>,
    pub last_read_seq: i64,
    pub last_read_at: String,
    /// The newest version that their devices have received, as far as that is known, and since when it is.
    #[serde(default)]
    pub received_version: Option<i64>,
    #[serde(default)]
    pub received_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordLine {
    pub number: i64,
    pub at: String,
    pub by: Option<UserId>,
    pub by_name: Option<String>,
    pub kind: String,
    pub hash: String,
    /// A JSON object as a text. None: erased, or after the time that was asked for.
    pub detail: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryLine {
    pub version: i64,
    pub at: String,
    /// None: the host application's server.
    pub by: Option<UserId>,
    pub by_name: Option<String>,
    #[serde(flatten)]
    pub what: Told,
}

/// What an entry is of. Words that are missing were erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Told {
    Created {
        hash: String,
        detail: Option<String>,
    },
    Sent(Box<SentLine>),
    /// `reaction` is missing where it was taken back since.
    Reacted {
        message_id: MessageId,
        seq: Option<i64>,
        set: bool,
        hash: String,
        reaction: Option<String>,
    },
    /// The answer, a line feed and its note; missing where another one was given since, with a note.
    Answered {
        message_id: MessageId,
        seq: Option<i64>,
        hash: String,
        answer: Option<String>,
    },
    Overdue {
        message_id: MessageId,
        seq: Option<i64>,
    },
    Edited {
        message_id: MessageId,
        seq: Option<i64>,
        hash: String,
        content: Option<String>,
    },
    Deleted {
        message_id: MessageId,
        seq: Option<i64>,
    },
    Changed {
        hash: String,
        detail: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentLine {
    pub message_id: MessageId,
    pub client_id: ClientId,
    pub seq: i64,
    /// SHA-256 of what was sent.
    pub digest: String,
    pub content: Option<String>,
    pub content_type: String,
    pub reply_to_id: Option<MessageId>,
    pub attachment_ids: Vec<AttachmentId>,
    pub mention_ids: Vec<UserId>,
    /// What it asks for, and the sum of that.
    pub instruction: Option<AskLine>,
    pub instruction_hash: Option<String>,
    /// Of the files, where there are any.
    pub files_hash: Option<String>,
    /// Those that are still there.
    pub attachments: Vec<Attachment>,
    /// Who has received it, by the journal, and since when that is known.
    #[serde(default)]
    pub received_by: Vec<Reader>,
    /// Who has read it, by the journal, and when they first had.
    pub read_by: Vec<Reader>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskLine {
    pub deadline: Option<String>,
    /// Of all other members of that moment, and not because they were named.
    pub to_all: bool,
    pub assignee_ids: Vec<UserId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reader {
    pub user_id: UserId,
    pub name: Option<String>,
    pub at: String,
}

/// To the microsecond, which is what is hashed.
pub(in crate::audit) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Only in that form: nothing may be changed that is not hashed.
pub(super) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (time(at) == text).then_some(at)
}

pub(super) fn bytes32(text: &str) -> Option<[u8; 32]> {
    unhex(text)?.try_into().ok()
}

impl EntryLine {
    /// The entry that these fields are; `None` where they make none.
    pub(super) fn entry(&self, channel_id: ChannelId) -> Option<Entry> {
        let what = match &self.what {
            Told::Created { hash, .. } => What::Created { detail: TextHash(bytes32(hash)?) },
            Told::Changed { hash, .. } => What::Changed { detail: TextHash(bytes32(hash)?) },
            Told::Edited { message_id, hash, .. } => {
                What::Edited { message_id: *message_id, content: TextHash(bytes32(hash)?) }
            }
            Told::Deleted { message_id, .. } => What::Deleted { message_id: *message_id },
            Told::Reacted { message_id, set, hash, .. } => {
                What::Reacted { message_id: *message_id, reaction: TextHash(bytes32(hash)?), set: *set }
            }
            Told::Answered { message_id, hash, .. } => {
                What::Answered { message_id: *message_id, answer: TextHash(bytes32(hash)?) }
            }
            Told::Overdue { message_id, .. } => What::Overdue { message_id: *message_id },
            Told::Sent(sent) => What::Sent {
                message_id: sent.message_id,
                client_id: sent.client_id,
                seq: sent.seq,
                digest: SendDigest(bytes32(&sent.digest)?),
                files: match &sent.files_hash {
                    Some(hash) => Some(FilesHash(bytes32(hash)?)),
                    None => None,
                },
                mentions: NamesHash::of(&sent.mention_ids),
                instruction: match &sent.instruction_hash {
                    Some(hash) => Some(InstructionHash(bytes32(hash)?)),
                    None => None,
                },
            },
        };
        Some(Entry { channel_id, version: self.version, at: parse_time(&self.at)?, by: self.by, what })
    }

    /// Which message it is of, and that one's number as it is told.
    pub(super) fn of(&self) -> Option<(MessageId, Option<i64>)> {
        match &self.what {
            Told::Created { .. } | Told::Changed { .. } => None,
            Told::Reacted { message_id, seq, .. }
            | Told::Answered { message_id, seq, .. }
            | Told::Overdue { message_id, seq }
            | Told::Edited { message_id, seq, .. }
            | Told::Deleted { message_id, seq } => Some((*message_id, *seq)),
            Told::Sent(sent) => Some((sent.message_id, Some(sent.seq))),
        }
    }

    /// Whether the words are those that were hashed. Words that are missing say nothing else.
    pub(super) fn is_true(&self, channel_id: ChannelId) -> bool {
        let is = |text: &Option<String>, hash: &str| {
            text.as_ref().is_none_or(|text| bytes32(hash) == Some(TextHash::of(text).0))
        };
        match &self.what {
            Told::Created { hash, detail } | Told::Changed { hash, detail } => is(detail, hash),
            Told::Edited { hash, content, .. } => is(content, hash),
            Told::Reacted { hash, reaction, .. } => is(reaction, hash),
            Told::Answered { hash, answer, .. } => is(answer, hash),
            Told::Overdue { .. } | Told::Deleted { .. } => true,
            Told::Sent(sent) => sent.is_true(channel_id),
        }
    }
}

impl SentLine {
    fn is_true(&self, channel_id: ChannelId) -> bool {
        let Self { content_type, reply_to_id, attachment_ids, attachments, .. } = self;
        let is_content = match &self.content {
            // Erased with all that its digest has.
            None => content_type == ERASED_TYPE && reply_to_id.is_none() && attachment_ids.is_empty(),
            Some(content) => {
                let ask = self.instruction.as_ref().map(AskLine::ask);
                let beside = Beside { attachments: attachment_ids, mentions: &self.mention_ids, ask: ask.as_ref() };
                let digest = SendDigest::of(channel_id, content_type, *reply_to_id, content, beside);
                bytes32(&self.digest) == Some(digest.0)
            }
        };
        let there: Vec<AttachmentId> = attachments.iter().map(|file| file.id).collect();
        // A deleted message has let go of its files; which ones stays.
        let are_files = there.is_empty()
            || there == *attachment_ids
                && FilesHash::of(attachments).map(|hash| hash.0) == self.files_hash.as_deref().and_then(bytes32);
        let asked = self
            .instruction
            .as_ref()
            .map(|line| hex(&InstructionHash::of(line.ask().deadline, line.to_all, &line.assignee_ids).0));
        is_content && are_files && asked == self.instruction_hash
    }
}

impl AskLine {
    pub(super) fn of(asked: &KeptInstruction, assignees: &[KeptAssignee]) -> Self {
        let mut assignees: Vec<&KeptAssignee> = assignees.iter().collect();
        assignees.sort_unstable_by_key(|kept| kept.position);
        let assignee_ids = assignees.into_iter().map(|kept| kept.user).collect();
        Self { deadline: asked.deadline.map(time), to_all: asked.to_all, assignee_ids }
    }

    fn ask(&self) -> Ask {
        let deadline = self.deadline.as_deref().and_then(parse_time);
        Ask { deadline, assignee_ids: (!self.to_all).then(|| self.assignee_ids.clone()) }
    }
}

impl RecordLine {
    pub(super) fn of(record: &Record, detail: Option<String>, by_name: Option<String>) -> Self {
        Self {
            number: record.number,
            at: time(record.at),
            by: record.by,
            by_name,
            kind: record.kind.as_str().to_owned(),
            hash: hex(&record.detail.0),
            detail,
        }
    }

    pub(super) fn record(&self) -> Option<Record> {
        let (at, detail) = (parse_time(&self.at)?, TextHash(bytes32(&self.hash)?));
        Some(Record { number: self.number, kind: Kind::of(&self.kind)?, by: self.by, at, detail })
    }
}
