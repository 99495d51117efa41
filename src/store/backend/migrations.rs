//! The schema's steps, embedded, one folder a database with the same steps in both.
//!
//! Run at every opening, before anything else touches the database. Never goes back. Steps that a newer release made are
//! no obstacle unless the database says so: for the time of an upgrade nodes of both releases are at work.

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::error::{OpenError, StoreError};
use crate::store::schema::meta;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The key in `meta` under which a step that takes something away says, in its own SQL, which step a binary must know at
/// least to do without that.
const OLDEST: &str = "oldest_schema";

pub(super) fn run_sqlite(conn: &mut SqliteConnection) -> Result<(), OpenError> {
    run::<Sqlite, _>(conn, SQLITE, |conn| meta::table.find(OLDEST).select(meta::value).first(conn).optional())
}

/// In a thread of its own: the migrations' machinery blocks.
pub(super) async fn run_postgres(conn: AsyncPgConnection) -> Result<(), OpenError> {
    tokio::task::spawn_blocking(move || {
        let mut conn: AsyncConnectionWrapper<AsyncPgConnection> = conn.into();
        run::<Pg, _>(&mut conn, POSTGRES, |conn| meta::table.find(OLDEST).select(meta::value).first(conn).optional())
    })
    .await
    .unwrap_or_else(|e| Err(StoreError::Internal(e.to_string()).into()))
}

pub(super) fn known_to_sqlite() -> Result<Vec<String>, OpenError> {
    known::<Sqlite>(&SQLITE)
}

pub(super) fn known_to_postgres() -> Result<Vec<String>, OpenError> {
    known::<Pg>(&POSTGRES)
}

/// Ascending.
fn known<DB: Backend>(steps: &EmbeddedMigrations) -> Result<Vec<String>, OpenError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let known: Vec<Box<dyn Migration<DB>>> = steps.migrations().map_err(|e| failed(e.as_ref()))?;
    let mut known: Vec<String> = known.iter().map(|m| m.name().version().to_string()).collect();
    known.sort();
    Ok(known)
}

fn run<DB: Backend, C: MigrationHarness<DB>>(
    conn: &mut C,
    steps: EmbeddedMigrations,
    oldest: impl FnOnce(&mut C) -> QueryResult<Option<String>>,
) -> Result<(), OpenError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let known = known::<DB>(&steps)?;
    let applied = conn.applied_migrations().map_err(|e| failed(e.as_ref()))?;
    let unknown = applied.iter().map(ToString::to_string).filter(|version| !known.contains(version)).max();
    if let Some(found) = unknown {
        let oldest = oldest(conn).map_err(StoreError::from)?;
        beside_newer(known.into_iter().max().unwrap_or_default(), &found, oldest)?;
    }
    conn.run_pending_migrations(steps).map_err(|e| failed(e.as_ref()))?;
    Ok(())
}

/// Whether a binary may work on a database with steps that it does not know. Versions have four digits, so that their texts
/// are in their order.
fn beside_newer(known: String, found: &str, oldest: Option<String>) -> Result<(), OpenError> {
    if let Some(oldest) = oldest.filter(|oldest| *oldest > known) {
        return Err(OpenError::Newer { found: found.to_owned(), known, oldest });
    }
    log::warn!(
        "the database was migrated to {found} by a newer tenfour; this one knows up to {known} and may run beside it"
    );
    Ok(())
}

/// Several lines would be none.
fn failed(error: &(dyn std::error::Error + Send + Sync)) -> OpenError {
    OpenError::Migration(error.to_string().lines().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_taken_away_keeps_an_older_binary_out() {
        let verdict = |oldest: Option<&str>| beside_newer("0009".to_owned(), "0012", oldest.map(str::to_owned));
        for fine in [None, Some("0002"), Some("0009")] {
            assert!(verdict(fine).is_ok(), "{fine:?}");
        }
        let line = verdict(Some("0010")).unwrap_err().to_string();
        assert!(["0012", "0010", "0009"].iter().all(|version| line.contains(version)), "{line}");
    }
}
