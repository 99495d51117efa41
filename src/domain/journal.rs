//! The journals of the audit trail: what happened and took no version of a channel, record by record, as a chain.
//!
//! A channel's journal has how far each member has read and what their devices have received, each advance. The daemon's has who signed in, who was refused and
//! what admins did. A record's words are in its chain by their hash, so that they can be erased and the chain still holds.
//! Pure; the store writes and reads it, `tenfour audit verify` judges.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::audit::{Head, TextHash};
use super::ids::{JournalId, UserId};

/// What these bytes are of; another form of them gets another name.
const FORM: &[u8] = b"tenfour journal 1";

/// What a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A member has read up to there: `{"seq":…}`.
    Read,
    /// A member's devices have received these versions, since connections answered for them: `{"after":…,"version":…}`.
    Received,
    /// The same, since a device said so when it came back.
    Holds,
    /// Somebody became a member, who has nothing to read up to there: `{"seq":…}`.
    Joined,
    /// A session was opened: `{"session":…,"address":…}`.
    SignedIn,
    /// Somebody was not let in, or others like them: `{"address":…,"reason":…,"count":…}`.
    Refused,
    /// An admin ended a session: `{"session":…}`.
    SessionEnded,
    /// An admin had the tokens of a user refused that were made before a moment: `{"user":…,"issuedBefore":…}`.
    TokensRevoked,
    /// Evidence was exported: `{"channel":…,"from":…,"to":…,"format":…,"by":…}`.
    Exported,
    /// Messages were erased, by their numbers: `{"reason":…,"seqs":[[first,last],…]}`.
    Erased,
    /// All of a user was erased that no hold keeps: `{"user":…,"messages":…,"held":[channels]}`.
    UserErased,
    /// What is kept of a user was exported: `{"user":…}`.
    UserExported,
    /// So many records could not be written, since the database took none for too long: `{"count":…}`.
    Lost,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Read,
        Self::Received,
        Self::Holds,
        Self::Joined,
        Self::SignedIn,
        Self::Refused,
        Self::SessionEnded,
        Self::TokensRevoked,
        Self::Exported,
        Self::Erased,
        Self::UserErased,
        Self::UserExported,
        Self::Lost,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Received => "received",
            Self::Holds => "holds",
            Self::Joined => "joined",
            Self::SignedIn => "signed_in",
            Self::Refused => "refused",
            Self::SessionEnded => "session_ended",
            Self::TokensRevoked => "tokens_revoked",
            Self::Exported => "exported",
            Self::Erased => "erased",
            Self::UserErased => "user_erased",
            Self::UserExported => "user_exported",
            Self::Lost => "lost",
        }
    }

    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// The words of [`Kind::Read`] and [`Kind::Joined`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadUpTo {
    pub seq: i64,
}

/// What is to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub journal: JournalId,
    pub kind: Kind,
    /// Who did it, or whom it is of. None: nobody in particular.
    pub by: Option<UserId>,
    pub at: DateTime<Utc>,
    /// A JSON object.
    pub detail: String,
}

/// A line of a journal, as it is in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// 1, 2, 3 … without a gap.
    pub number: i64,
    pub kind: Kind,
    pub by: Option<UserId>,
    /// To the microsecond.
    pub at: DateTime<Utc>,
    pub detail: TextHash,
}

/// A journal, from its beginning up to some record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Journal {
    pub id: JournalId,
    /// When it was begun: a channel may be older.
    pub since: DateTime<Utc>,
    pub number: i64,
    pub head: Head,
}

impl Journal {
    /// Without records.
    pub fn begin(id: JournalId, since: DateTime<Utc>) -> Self {
        Self { id, since, number: 0, head: Head::NONE }
    }

    pub fn add(&mut self, record: &Record) {
        self.number = record.number;
        let mut hash = Sha256::new();
        hash.update(FORM);
        hash.update(self.id.0.as_bytes());
        hash.update(self.since.timestamp_micros().to_be_bytes());
        hash.update(self.head.0);
        hash.update(record.number.to_be_bytes());
        hash.update(record.at.timestamp_micros().to_be_bytes());
        hash.update([u8::from(record.by.is_some())]);
        hash.update(record.by.map_or([0; 16], |user| user.0.into_bytes()));
        hash.update(record.detail.0);
        // Last, since it alone has no fixed width.
        hash.update(record.kind.as_str());
        self.head = Head(hash.finalize().into());
    }

    /// The next record, of this note.
    pub fn write(&mut self, note: &Note) -> Record {
        let (number, detail) = (self.number + 1, TextHash::of(&note.detail));
        let record = Record { number, kind: note.kind, by: note.by, at: note.at, detail };
        self.add(&record);
        record
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    fn journal() -> Journal {
        Journal::begin(JournalId(Uuid::from_u128(1)), DateTime::from_timestamp_micros(5).unwrap())
    }

    fn record() -> Record {
        let at = DateTime::from_timestamp_micros(7).unwrap();
        Record { number: 1, kind: Kind::Read, by: Some(UserId(Uuid::from_u128(2))), at, detail: TextHash::of("{}") }
    }

    fn head(journal: Journal, records: &[Record]) -> Head {
        let mut journal = journal;
        for record in records {
            journal.add(record);
        }
        journal.head
    }

    #[test]
    fn everything_of_a_record_and_of_its_journal_is_in_the_head() {
        let (journal, record) = (journal(), record());
        let all = [
            head(journal, &[record]),
            head(Journal { id: JournalId::DAEMON, ..journal }, &[record]),
            head(Journal { since: DateTime::UNIX_EPOCH, ..journal }, &[record]),
            head(journal, &[Record { number: 2, ..record }]),
            head(journal, &[Record { kind: Kind::Joined, ..record }]),
            head(journal, &[Record { by: None, ..record }]),
            head(journal, &[Record { by: Some(UserId(Uuid::nil())), ..record }]),
            head(journal, &[Record { at: DateTime::UNIX_EPOCH, ..record }]),
            head(journal, &[Record { detail: TextHash::of("{} "), ..record }]),
            head(journal, &[record, record]),
            journal.head,
        ];
        let different: HashSet<[u8; 32]> = all.iter().map(|head| head.0).collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn a_journal_stays_what_it_is_from_one_release_to_the_next() {
        let told = crate::domain::hex::hex(&head(journal(), &[record()]).0);
        assert_eq!(told, "47d60fec6cfbf6d0145cc4501ebf0de8974e753e4c60e8ca3635243401711e30");
    }

    #[test]
    fn each_kind_has_its_word() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::of("reads"), None);
    }
}
