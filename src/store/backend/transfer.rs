//! From an SQLite file into a PostgreSQL database: every row as it is, so that ids, numbers and the audit trail stay what they were.
//!
//! For `tenfour migrate-store` alone. All in one transaction of the target, compared row by row before it is committed; the file is only
//! read. The history keeps its name, so that what clients hold stays good. The index of search is not taken along: each database has its own.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::table::{self, Dialect, Table};
use super::{Conn, Manager, Tx, with_conn};
use crate::store::epoch;
use crate::store::error::{OpenError, StoreError};
use crate::store::settings::Settings;

/// Rows of one statement.
const AT_ONCE: usize = 1000;
/// What is not taken along: what each database makes for itself.
const OWN: [&str; 5] = ["__diesel_schema_migrations", "meta", "message_words", "message_index", "search_progress"];

/// Why nothing was transferred.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the target holds {0} already; take an empty database or another schema")]
    NotEmpty(String),
    #[error("{table}: {reason}")]
    Differs { table: String, reason: String },
}

/// A table, and how many rows of it were transferred.
pub type Counts = Vec<(String, usize)>;

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = Nullable<Text>)]
    rows: Option<String>,
}

/// Both have the schema of this release, and nobody is at work on either.
pub async fn transfer(from: &Settings, to: &Settings, told: impl Fn(&str, usize)) -> Result<Counts, TransferError> {
    let mut source = Manager::new(from).open_as_is().await?;
    let mut target = Manager::new(to).open_as_is().await?;
    target.take_time().await.map_err(StoreError::from)?;
    source.begin(Tx::Snapshot).await?;
    target.begin(Tx::Write).await?;
    let done = everything(&mut source, &mut target, told).await;
    if done.is_ok() {
        target.commit(Tx::Write).await?;
    } else {
        target.rollback(Tx::Write).await?;
    }
    source.rollback(Tx::Snapshot).await?;
    done
}

async fn everything(source: &mut Conn, target: &mut Conn, told: impl Fn(&str, usize)) -> Result<Counts, TransferError> {
    let tables = table::all(target, &OWN).await?;
    // A new schema has the daemon's journal, with nothing in it.
    target.batch("DELETE FROM audit_journals WHERE number = 0").await.map_err(StoreError::from)?;
    for table in &tables {
        if !page(target, Dialect::Postgres, table, None, 1).await?.is_empty() {
            return Err(TransferError::NotEmpty(format!("rows in {}", table.name)));
        }
    }
    let mut counts = Counts::new();
    for table in &tables {
        let count = rows(source, target, table).await?;
        told(&table.name, count);
        counts.push((table.name.clone(), count));
    }
    for table in &tables {
        compare(source, target, table).await?;
    }
    let name = epoch::read(source).await?;
    epoch::keep_name(target, &name).await?;
    Ok(counts)
}

async fn rows(source: &mut Conn, target: &mut Conn, table: &Table) -> Result<usize, TransferError> {
    let (insert, mut after, mut count) = (table.insert(), None, 0);
    loop {
        let found = page(source, Dialect::Sqlite, table, after.as_ref(), AT_ONCE).await?;
        let Some(last) = found.last() else { return Ok(count) };
        after = Some(last.clone());
        count += found.len();
        let text = Value::Array(found).to_string();
        let query = diesel::sql_query(&insert).bind::<Text, _>(text);
        let stored = with_conn!(target, |c| query.clone().execute(c).await);
        stored.map_err(|error| TransferError::Differs { table: table.name.clone(), reason: error.to_string() })?;
    }
}

/// Whether both have the same rows.
async fn compare(source: &mut Conn, target: &mut Conn, table: &Table) -> Result<(), TransferError> {
    let mut after = None;
    loop {
        let here = page(source, Dialect::Sqlite, table, after.as_ref(), AT_ONCE).await?;
        let there = page(target, Dialect::Postgres, table, after.as_ref(), AT_ONCE).await?;
        if here != there {
            let other = here.iter().zip(&there).find(|(here, there)| here != there).map(|(here, _)| here);
            let key = other.map_or_else(|| "some".to_owned(), |row| table.key_of(row));
            return Err(TransferError::Differs {
                table: table.name.clone(),
                reason: format!("the row {key} is not what it is in the source; nothing was transferred"),
            });
        }
        let Some(last) = here.last() else { return Ok(()) };
        after = Some(last.clone());
    }
}

/// The rows after one, by the primary key, each as the list of its columns.
async fn page(
    conn: &mut Conn,
    dialect: Dialect,
    table: &Table,
    after: Option<&Value>,
    limit: usize,
) -> Result<Vec<Value>, StoreError> {
    let query = diesel::sql_query(table.page(dialect, after, limit));
    let found: Rows = with_conn!(conn, |c| query.clone().get_result(c).await)?;
    let rows = serde_json::from_str(found.rows.as_deref().unwrap_or("[]"));
    rows.map_err(|error| StoreError::Internal(format!("{}: {error}", table.name)))
}

/// In the order in which they can be filled: none before those that it refers to.
pub(super) fn in_order(tables: Vec<Table>, refers: &[(String, String)]) -> Vec<Table> {
    let (mut placed, mut ordered, mut rest) = (BTreeSet::<String>::new(), Vec::new(), tables);
    while !rest.is_empty() {
        let names: BTreeSet<String> = rest.iter().map(|table| table.name.clone()).collect();
        let is_ready = |table: &Table| {
            refers
                .iter()
                .filter(|(from, to)| *from == table.name && from != to)
                .all(|(_, to)| placed.contains(to) || !names.contains(to))
        };
        let (ready, blocked): (Vec<Table>, Vec<Table>) = rest.into_iter().partition(is_ready);
        if ready.is_empty() {
            // A circle, which the schema has none of: as they come.
            ordered.extend(blocked);
            return ordered;
        }
        placed.extend(ready.iter().map(|table| table.name.clone()));
        ordered.extend(ready);
        rest = blocked;
    }
    ordered
}
