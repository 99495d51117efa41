//! The schema's steps, embedded, one folder a database with the same steps in both.
//!
//! Run at every opening, before anything else touches the database. Never goes back.

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::error::{OpenError, StoreError};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

pub(super) fn run_sqlite(conn: &mut SqliteConnection) -> Result<(), OpenError> {
    run::<Sqlite>(conn, SQLITE)
}

/// In a thread of its own: the migrations' machinery blocks.
pub(super) async fn run_postgres(conn: AsyncPgConnection) -> Result<(), OpenError> {
    tokio::task::spawn_blocking(move || {
        let mut conn: AsyncConnectionWrapper<AsyncPgConnection> = conn.into();
        run::<Pg>(&mut conn, POSTGRES)
    })
    .await
    .unwrap_or_else(|e| Err(StoreError::Internal(e.to_string()).into()))
}

fn run<DB: Backend>(conn: &mut impl MigrationHarness<DB>, steps: EmbeddedMigrations) -> Result<(), OpenError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let known: Vec<Box<dyn Migration<DB>>> = steps.migrations().map_err(|e| failed(e.as_ref()))?;
    let known: Vec<MigrationVersion<'static>> = known.iter().map(|m| m.name().version().as_owned()).collect();
    let applied = conn.applied_migrations().map_err(|e| failed(e.as_ref()))?;
    if let Some(unknown) = applied.iter().find(|version| !known.contains(version)) {
        let known = known.iter().max().map(ToString::to_string).unwrap_or_default();
        return Err(OpenError::Newer { found: unknown.to_string(), known });
    }
    conn.run_pending_migrations(steps).map_err(|e| failed(e.as_ref()))?;
    Ok(())
}

/// Several lines would be none.
fn failed(error: &(dyn std::error::Error + Send + Sync)) -> OpenError {
    OpenError::Migration(error.to_string().lines().collect::<Vec<_>>().join(" "))
}
