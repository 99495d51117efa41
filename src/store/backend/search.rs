//! The index of words, of which each database has its own kind: what goes in, and who may be what is searched for.
//!
//! Words come folded by `domain::search`, so that no database has to know what a word is. Used by the indexer and by
//! search. Never judges a message.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Conn, Kind, search_postgres, search_sqlite};
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::search::{Position, keys};
use crate::store::schema::search_progress;
use crate::store::sql_types::{At, Id, Micros};

/// A message as the index has to know it.
#[derive(Debug)]
pub(in crate::store) struct Entry {
    pub(in crate::store) id: MessageId,
    pub(in crate::store) channel: ChannelId,
    pub(in crate::store) sender: UserId,
    pub(in crate::store) created_at: At,
    /// None: the message is deleted.
    pub(in crate::store) content: Option<String>,
}

impl Entry {
    /// All that it can be found by; nothing where it cannot be.
    pub(super) fn marks(&self) -> Option<Vec<String>> {
        let mut marks = keys(self.content.as_deref()?);
        marks.push(channel_mark(self.channel));
        marks.push(sender_mark(self.sender));
        Some(marks)
    }
}

/// What all candidates have.
#[derive(Debug)]
pub(in crate::store) struct Wanted {
    /// Each a key, and whether it is a beginning.
    pub(in crate::store) words: Vec<(String, bool)>,
    /// One of them, where any is named.
    pub(in crate::store) channels: Vec<ChannelId>,
    pub(in crate::store) sender: Option<UserId>,
    pub(in crate::store) from: Option<DateTime<Utc>>,
    pub(in crate::store) to: Option<DateTime<Utc>>,
    /// Which no edit changes, so that it is no matter of the index: the messages' table says it.
    pub(in crate::store) has_attachment: Option<bool>,
}

impl Wanted {
    pub(super) fn marks_of_channels(&self) -> Vec<String> {
        self.channels.iter().map(|channel| channel_mark(*channel)).collect()
    }

    pub(super) fn mark_of_sender(&self) -> Option<String> {
        self.sender.map(sender_mark)
    }
}

/// Words have letters and digits only: no message says such a mark.
fn channel_mark(id: ChannelId) -> String {
    format!("\u{e000}{}", id.0.simple())
}

fn sender_mark(id: UserId) -> String {
    format!("\u{e001}{}", id.0.simple())
}

/// What may be found, and in which channel.
pub(in crate::store) type Candidate = (Position, ChannelId);

#[derive(QueryableByName)]
pub(super) struct CandidateRow {
    #[diesel(sql_type = Id)]
    message_id: MessageId,
    #[diesel(sql_type = Id)]
    channel_id: ChannelId,
    #[diesel(sql_type = Micros)]
    created_at: At,
}

impl From<CandidateRow> for Candidate {
    fn from(row: CandidateRow) -> Self {
        (Position { created_at: row.created_at.0, id: row.message_id }, row.channel_id)
    }
}

impl Conn {
    /// How far these channels are indexed, and nobody else indexes them until the end of the transaction. Those that were
    /// never indexed are missing, and those that another node is at work on.
    pub(in crate::store) async fn lock_progress(
        &mut self,
        channels: &[ChannelId],
    ) -> QueryResult<Vec<(ChannelId, i64)>> {
        let rows = search_progress::table
            .filter(search_progress::channel_id.eq_any(channels))
            .order(search_progress::channel_id)
            .select((search_progress::channel_id, search_progress::version));
        match &mut self.kind {
            Kind::Sqlite(c) => rows.load(c).await,
            Kind::Postgres(c) => rows.for_update().skip_locked().load(&mut **c).await,
        }
    }

    /// Within a transaction that writes.
    pub(in crate::store) async fn index(&mut self, entries: Vec<Entry>) -> QueryResult<()> {
        if entries.is_empty() {
            return Ok(());
        }
        match &mut self.kind {
            Kind::Sqlite(c) => search_sqlite::index(c, entries).await,
            Kind::Postgres(c) => search_postgres::index(c, &entries).await,
        }
    }

    /// Newest first, behind `after`.
    pub(in crate::store) async fn candidates(
        &mut self,
        wanted: &Wanted,
        after: Option<Position>,
        limit: usize,
    ) -> QueryResult<Vec<Candidate>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = match &mut self.kind {
            Kind::Sqlite(c) => search_sqlite::candidates(c, wanted, after, limit).await,
            Kind::Postgres(c) => search_postgres::candidates(c, wanted, after, limit).await,
        };
        Ok(rows?.into_iter().map(Candidate::from).collect())
    }
}
