//! What `tenfour db` asks that differs between the databases beyond a query.

use diesel::QueryResult;

use super::{Conn, Kind, Manager, Place, migrations, sqlite};
use crate::store::error::{OpenError, StoreError};

impl Manager {
    /// Without changing anything by that.
    pub(in crate::store) async fn open_as_is(&self) -> Result<Conn, OpenError> {
        match &self.place {
            Place::SqliteFile(path) => {
                let conn = sqlite::connect_as_is(path, &self.timeouts).await?;
                Ok(Conn::new(Kind::Sqlite(conn), None))
            }
            Place::SqliteMemory | Place::Postgres { .. } => self.open().await,
        }
    }
}

impl Conn {
    /// Lifts the limits that keep a daemon's calls short.
    pub(in crate::store) async fn take_time(&mut self) -> QueryResult<()> {
        match self.kind {
            Kind::Sqlite(_) => Ok(()),
            // Here everything may be read from end to end, with the plans for that.
            Kind::Postgres(_) => {
                self.batch(
                    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; RESET enable_seqscan; \
                     RESET enable_hashjoin; RESET enable_mergejoin; RESET plan_cache_mode",
                )
                .await
            }
        }
    }

    /// What kind of database it is, and the schema's steps that this release has for it, ascending.
    pub(in crate::store) fn schema_steps(&self) -> Result<(&'static str, Vec<String>), StoreError> {
        let known = match self.kind {
            Kind::Sqlite(_) => migrations::known_to_sqlite(),
            Kind::Postgres(_) => migrations::known_to_postgres(),
        };
        let known = known.map_err(|error| StoreError::Internal(error.to_string()))?;
        Ok((self.of_dialect("SQLite", "PostgreSQL"), known))
    }

    pub(in crate::store) fn of_dialect<T>(&self, sqlite: T, postgres: T) -> T {
        match self.kind {
            Kind::Sqlite(_) => sqlite,
            Kind::Postgres(_) => postgres,
        }
    }

    /// A query in which `{text:COLUMN}` stands for an id as text.
    pub(in crate::store) fn id_texts(&self, query: &str) -> String {
        let (before, after) = self.of_dialect(("lower(hex(", "))"), ("CAST(", " AS TEXT)"));
        query.replace("{text:", before).replace('}', after)
    }
}
