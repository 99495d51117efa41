//! The journals of the audit trail: records of what takes no version of a channel.
//!
//! Written in the transaction of what they tell, where that has one. Read for `tenfour audit` alone. Records are never
//! changed, but that their words may be erased.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use serde::Serialize;

use super::backend::{Conn, with_conn};
use super::error::StoreError;
use super::schema::{audit_journals, audit_records, channel_members};
use super::sql_types::At;
use crate::domain::audit::{Head, TextHash};
use crate::domain::ids::{ChannelId, JournalId, UserId};
use crate::domain::journal::{Journal, Kind, Note, Record};
use crate::domain::receipt::Reach;
use crate::domain::retention::ErasedDetail;
use crate::domain::trail::{JournalTrail, ReadMark, Recorded};

/// A note whose words are `detail`, as a JSON object.
pub fn note(journal: JournalId, kind: Kind, by: Option<UserId>, at: DateTime<Utc>, detail: &impl Serialize) -> Note {
    // Texts and numbers alone: not reachable.
    let detail = serde_json::to_string(detail).unwrap_or_default();
    Note { journal, kind, by, at, detail }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = audit_journals)]
pub(super) struct JournalRow {
    id: JournalId,
    since: At,
    number: i64,
    head: Vec<u8>,
}

impl JournalRow {
    /// A head of another length than it has to be is no head: what follows shows that to whoever verifies.
    pub(super) fn journal(self) -> Journal {
        let head = Head(self.head.try_into().unwrap_or_default());
        Journal { id: self.id, since: self.since.0, number: self.number, head }
    }
}

/// A record, with the words that the chain has only by their hash.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) journal: JournalId,
    pub(super) record: Record,
    pub(super) detail: String,
}

/// A journal without records, unless it is there.
pub(super) async fn begin(conn: &mut Conn, id: JournalId, at: DateTime<Utc>) -> QueryResult<()> {
    let query = diesel::insert_into(audit_journals::table)
        .values((
            audit_journals::id.eq(id),
            audit_journals::since.eq(At(at)),
            audit_journals::number.eq(0),
            audit_journals::head.eq(Head::NONE.0.to_vec()),
        ))
        .on_conflict_do_nothing();
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// Writes these down, in this order; in a transaction that writes. The journals' rows are locked from here to its end, so
/// that this comes after all that others might wait for.
pub(super) async fn write(conn: &mut Conn, notes: Vec<Note>) -> Result<(), StoreError> {
    if notes.is_empty() {
        return Ok(());
    }
    let begun: BTreeMap<JournalId, _> = notes.iter().map(|note| (note.journal, note.at)).collect();
    let ids: Vec<JournalId> = begun.keys().copied().collect();
    let mut journals: BTreeMap<JournalId, Journal> = BTreeMap::new();
    // The second time, those are there too that were not.
    for _ in 0..2 {
        journals.extend(conn.lock_journals(&ids).await?.into_iter().map(|row| (row.id, row.journal())));
        for id in ids.iter().filter(|id| !journals.contains_key(id)) {
            begin(conn, *id, begun[id]).await?;
        }
        if journals.len() == ids.len() {
            break;
        }
    }
    let mut lines = Vec::with_capacity(notes.len());
    for note in notes {
        let Some(journal) = journals.get_mut(&note.journal) else {
            return Err(StoreError::Internal(format!("the journal {} is not there", note.journal)));
        };
        let record = journal.write(&note);
        lines.push(Line { journal: note.journal, record, detail: note.detail });
    }
    conn.write_lines(lines, journals.into_values().collect()).await?;
    Ok(())
}

pub(super) async fn journals(conn: &mut Conn) -> QueryResult<Vec<Journal>> {
    let query = audit_journals::table.order(audit_journals::id);
    let rows: Vec<JournalRow> = with_conn!(conn, |c| query.select(JournalRow::as_select()).load(c).await)?;
    Ok(rows.into_iter().map(JournalRow::journal).collect())
}

/// What was erased of a channel and when, by its journal.
pub(super) async fn erasures(conn: &mut Conn, channel: ChannelId) -> QueryResult<Vec<Erased>> {
    let query = audit_journals::table.find(JournalId::of(channel)).select(audit_journals::number);
    let until: Option<i64> = with_conn!(conn, |c| query.first(c).await).optional()?;
    // What is beyond the journal's head is none of it. The kind as a word of the text: an index holds nothing else.
    let query = audit_records::table
        .filter(audit_records::journal_id.eq(JournalId::of(channel)).and(sql::<Bool>("kind = 'erased'")))
        .filter(audit_records::number.le(until.unwrap_or_default()))
        .order(audit_records::number)
        .select((audit_records::at, audit_records::detail));
    let rows: Vec<(At, Option<String>)> = with_conn!(conn, |c| query.load(c).await)?;
    let erased = |(at, text): (At, Option<String>)| Some((at.0, serde_json::from_str(&text?).ok()?));
    Ok(rows.into_iter().filter_map(erased).collect())
}

/// A journal, without its records, and the marks that those of a channel have to come to.
pub(super) async fn trail(conn: &mut Conn, id: JournalId) -> QueryResult<JournalTrail> {
    let query = audit_journals::table.find(id);
    let row: Option<JournalRow> =
        with_conn!(conn, |c| query.select(JournalRow::as_select()).first(c).await).optional()?;
    let query = channel_members::table
        .filter(channel_members::channel_id.eq(ChannelId(id.0)))
        .order(channel_members::user_id)
        .select((
            channel_members::user_id,
            channel_members::last_read_seq,
            channel_members::last_read_at,
            channel_members::joined_at,
            channel_members::received_after,
            channel_members::received_version,
            channel_members::received_at,
        ));
    let rows: Vec<MarkRow> = with_conn!(conn, |c| query.load(c).await)?;
    let mark = |(user, seq, at, joined, after, version, received_at): MarkRow| ReadMark {
        user,
        seq,
        at: at.0,
        joined: joined.0,
        received: Reach { after, version },
        received_at: received_at.map(|at| at.0),
    };
    Ok(JournalTrail { id, journal: row.map(JournalRow::journal), marks: rows.into_iter().map(mark).collect() })
}

type MarkRow = (UserId, i64, At, At, i64, i64, Option<At>);

type Erased = (DateTime<Utc>, ErasedDetail);

type RecordRow = (i64, String, Option<UserId>, At, Vec<u8>, Option<String>);

/// Those after `number`, ascending, `limit` at most.
pub(super) async fn records(conn: &mut Conn, id: JournalId, number: i64, limit: i64) -> QueryResult<Vec<Recorded>> {
    let query = audit_records::table
        .filter(audit_records::journal_id.eq(id).and(audit_records::number.gt(number)))
        .order(audit_records::number)
        .limit(limit)
        .select((
            audit_records::number,
            audit_records::kind,
            audit_records::actor_id,
            audit_records::at,
            audit_records::hash,
            audit_records::detail,
        ));
    let rows: Vec<RecordRow> = with_conn!(conn, |c| query.load(c).await)?;
    let recorded = |(number, kind, by, at, hash, detail): RecordRow| {
        let hash = hash.try_into().ok().map(TextHash);
        let record = Kind::of(&kind).zip(hash).map(|(kind, detail)| Record { number, kind, by, at: at.0, detail });
        Recorded { number, record, detail }
    };
    Ok(rows.into_iter().map(recorded).collect())
}
