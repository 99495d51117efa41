//! Writes lines into the journals: in one blocking call on SQLite, in two statements on PostgreSQL, however many there are.

use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult, SelectableHelper, SqliteConnection};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Conn, Kind};
use crate::domain::ids::JournalId;
use crate::domain::journal::Journal;
use crate::store::journal::{JournalRow, Line};
use crate::store::kept::Kept;
use crate::store::schema::{audit_journals, audit_records};
use crate::store::sql_types::{At, Id, Micros};

const LINES: &str = "\
INSERT INTO audit_records (journal_id, number, kind, actor_id, at, hash, detail)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::timestamptz[], $6::bytea[], $7::text[])";

/// Found by an array and not by a join: a plan that was made for a small table would read it from end to end when it is large.
const HEADS: &str = "\
UPDATE audit_journals j SET (number, head) = (
  SELECT ($2::bigint[])[at], ($3::bytea[])[at] FROM array_position($1::uuid[], j.id) AS at)
WHERE j.id = ANY ($1::uuid[])";

impl Conn {
    /// Reads these journals' rows, ascending, and keeps others from them until the end of the transaction. What is not
    /// there is missing.
    pub(in crate::store) async fn lock_journals(&mut self, ids: &[JournalId]) -> QueryResult<Vec<JournalRow>> {
        let rows = audit_journals::table.filter(audit_journals::id.eq_any(ids)).order(audit_journals::id);
        match &mut self.kind {
            Kind::Sqlite(c) => rows.select(JournalRow::as_select()).load(c).await,
            Kind::Postgres(c) => rows.select(JournalRow::as_select()).for_update().load(&mut **c).await,
        }
    }

    /// Of journals that are locked, with where they stand after these lines.
    pub(in crate::store) async fn write_lines(&mut self, lines: Vec<Line>, journals: Vec<Journal>) -> QueryResult<()> {
        match &mut self.kind {
            Kind::Sqlite(c) => c.spawn_blocking(move |conn| sqlite(conn, &lines, &journals)).await,
            Kind::Postgres(c) => postgres(c, &lines, &journals).await,
        }
    }
}

fn sqlite(conn: &mut SqliteConnection, lines: &[Line], journals: &[Journal]) -> QueryResult<()> {
    for Line { journal, record, detail } in lines {
        let insert = diesel::insert_into(audit_records::table).values((
            audit_records::journal_id.eq(journal),
            audit_records::number.eq(record.number),
            audit_records::kind.eq(record.kind.as_str()),
            audit_records::actor_id.eq(record.by),
            audit_records::at.eq(At(record.at)),
            audit_records::hash.eq(record.detail.0.as_slice()),
            audit_records::detail.eq(detail),
        ));
        diesel::RunQueryDsl::execute(Kept(insert), conn)?;
    }
    for journal in journals {
        let moved = diesel::update(audit_journals::table.find(journal.id))
            .set((audit_journals::number.eq(journal.number), audit_journals::head.eq(journal.head.0.as_slice())));
        diesel::RunQueryDsl::execute(Kept(moved), conn)?;
    }
    Ok(())
}

async fn postgres(conn: &mut AsyncPgConnection, lines: &[Line], journals: &[Journal]) -> QueryResult<()> {
    fn column<'a, I, T>(items: &'a [I], of: impl Fn(&'a I) -> T) -> Vec<T> {
        items.iter().map(of).collect()
    }
    let query = diesel::sql_query(LINES)
        .bind::<Array<Id>, _>(column(lines, |line| line.journal))
        .bind::<Array<BigInt>, _>(column(lines, |line| line.record.number))
        .bind::<Array<Text>, _>(column(lines, |line| line.record.kind.as_str()))
        .bind::<Array<Nullable<Id>>, _>(column(lines, |line| line.record.by))
        .bind::<Array<Micros>, _>(column(lines, |line| At(line.record.at)))
        .bind::<Array<Binary>, _>(column(lines, |line| line.record.detail.0.as_slice()))
        .bind::<Array<Text>, _>(column(lines, |line| line.detail.as_str()));
    Kept(query).execute(conn).await?;
    let query = diesel::sql_query(HEADS)
        .bind::<Array<Id>, _>(column(journals, |journal| journal.id))
        .bind::<Array<BigInt>, _>(column(journals, |journal| journal.number))
        .bind::<Array<Binary>, _>(column(journals, |journal| journal.head.0.as_slice()));
    Kept(query).execute(conn).await?;
    Ok(())
}
