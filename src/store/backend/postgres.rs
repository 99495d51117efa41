//! PostgreSQL: how a session is set up, and what tells a server's history from another's.

use diesel::result::{ConnectionError, DatabaseErrorKind, Error};
use diesel::sql_types::Text;
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::timeout;

use super::commit::{self, Server};
use super::migrations;
use crate::fault::{self, Sabotage};
use crate::store::error::{OpenError, StoreError};
use crate::store::jobs::pause;
use crate::store::kept::Kept;
use crate::store::settings::{PostgresUrl, Timeouts};

/// Plans are kept as long as the session, and those made while the tables are small would scan them when they are
/// large. Every query here has its index, so that one plan serves all values. None is made for each execution anew, as
/// PostgreSQL would for small batches: that takes twice as long as to carry one out.
const INDEXES_ONLY: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
     SET plan_cache_mode = force_generic_plan";

/// A session that no statement, lock or forgotten transaction of ours can hold up for long.
pub(super) async fn connect(
    url: &PostgresUrl,
    schema: Option<&str>,
    timeouts: &Timeouts,
) -> Result<(AsyncPgConnection, Option<Server>), OpenError> {
    let establish = async {
        let mut conn = AsyncPgConnection::establish(url.secret()).await.map_err(|e| refusal(url, e))?;
        let session = format!(
            "SET statement_timeout = {call}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {idle}; SET client_encoding = 'UTF8'; SET TIME ZONE 'UTC'; \
             {INDEXES_ONLY}",
            call = timeouts.call.as_millis(),
            lock = timeouts.lock.as_millis(),
            idle = (timeouts.call + timeouts.commit).as_millis(),
        );
        conn.batch_execute(&session).await.map_err(StoreError::from)?;
        if fault::planted(Sabotage::PgAsyncCommit) {
            conn.batch_execute("SET synchronous_commit = off").await.map_err(StoreError::from)?;
        }
        // Errors are told apart by their texts; only a superuser may choose the language before version 15.
        let _ = conn.batch_execute("SET lc_messages = 'C'").await;
        if let Some(schema) = schema {
            conn.batch_execute(&format!("SET search_path = {}", quoted(schema))).await.map_err(StoreError::from)?;
        }
        let server = commit::server(&mut conn).await?;
        Ok((conn, server))
    };
    timeout(timeouts.connect, establish).await.unwrap_or_else(|_| Err(OpenError::Unreachable(url.clone())))
}

/// Tries of a migration that is in the way of nodes at work, and they in its.
const TRIES: u32 = 4;

/// Makes the schema and the tables where they are missing.
pub(super) async fn prepare(url: &PostgresUrl, schema: &str, timeouts: &Timeouts) -> Result<(), OpenError> {
    for attempt in 1..TRIES {
        match migrate(url, schema, timeouts).await {
            Err(OpenError::Migration(reason)) if reason.contains("deadlock detected") => pause(attempt).await,
            done => return done,
        }
    }
    migrate(url, schema, timeouts).await
}

async fn migrate(url: &PostgresUrl, schema: &str, timeouts: &Timeouts) -> Result<(), OpenError> {
    let (mut conn, _) = connect(url, None, timeouts).await?;
    // A migration may take long, and so may waiting for another node's.
    let unhurried = format!(
        "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
         SET search_path = {}",
        quoted(schema)
    );
    conn.batch_execute(&unhurried).await.map_err(StoreError::from)?;
    let lock =
        format!("SELECT pg_advisory_lock({MIGRATION_LOCK}, hashtext(current_database() || {}))", literal(schema));
    conn.batch_execute(&lock).await.map_err(StoreError::from)?;
    create_schema(&mut conn, schema).await.map_err(|e| OpenError::Schema {
        url: url.clone(),
        schema: schema.to_owned(),
        reason: e.to_string(),
    })?;
    // Behind a step that waits for a table everybody waits, other nodes too; a dump may hold it for an hour.
    let patience = format!("SET lock_timeout = {}", timeouts.call.as_millis());
    conn.batch_execute(&patience).await.map_err(StoreError::from)?;
    // The session's end releases the lock.
    migrations::run_postgres(conn).await
}

/// `CREATE SCHEMA IF NOT EXISTS` needs the right to create one even where it exists.
async fn create_schema(conn: &mut AsyncPgConnection, schema: &str) -> QueryResult<()> {
    let found: Vec<Word> = diesel::sql_query("SELECT nspname::text AS word FROM pg_namespace WHERE nspname = $1")
        .bind::<Text, _>(schema)
        .load(conn)
        .await?;
    if found.is_empty() {
        conn.batch_execute(&format!("CREATE SCHEMA {}", quoted(schema))).await?;
    }
    Ok(())
}

const SYSTEM: &str = "SELECT system_identifier::text AS word FROM pg_control_system()";
const TIMELINE: &str = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS word";
/// The text of a key and what [`lineage`] makes of the two, since every sync and every node every few seconds ask for it.
const HISTORY: &str = "SELECT coalesce((SELECT n.value FROM meta n WHERE n.key = $2 || h.made), h.made) AS word \
     FROM (SELECT m.value || '-' || c.system_identifier || '-' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) \
     AS made FROM meta m, pg_control_system() c WHERE m.key = $1) h";

/// `None` where the server does not tell all of it.
pub(super) async fn history(
    conn: &mut AsyncPgConnection,
    key: &str,
    named: &str,
) -> Result<Option<String>, StoreError> {
    let query = diesel::sql_query(HISTORY).bind::<Text, _>(key).bind::<Text, _>(named);
    let told = told(Kept(query).get_result(conn).await)?;
    Ok(Some(told).filter(|told| !told.is_empty()))
}

/// The system identifier and the timeline: a restored backup or a failover changes one of them. Where the server
/// does not tell, that part stays empty, and the second is false.
pub(super) async fn lineage(conn: &mut AsyncPgConnection) -> Result<(String, bool), StoreError> {
    let system = told(Kept(diesel::sql_query(SYSTEM)).get_result(conn).await)?;
    let timeline = told(Kept(diesel::sql_query(TIMELINE)).get_result(conn).await)?;
    let is_whole = !system.is_empty() && !timeline.is_empty();
    Ok((format!("-{system}-{timeline}"), is_whole))
}

/// The column `word` of the only row, of a statement that is sent once; empty where the server cannot answer that.
pub(super) async fn word(conn: &mut AsyncPgConnection, sql: &str) -> Result<String, StoreError> {
    told(diesel::sql_query(sql).get_result(conn).await)
}

fn told(word: QueryResult<Word>) -> Result<String, StoreError> {
    match word.map_err(StoreError::from) {
        Ok(found) => Ok(found.word),
        Err(StoreError::Internal(_)) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

/// "tenfour" in ASCII, cut to what fits: a lock that no other program takes by accident.
const MIGRATION_LOCK: i32 = 0x7465_6e66;

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    // E'' reads backslashes the same way whatever the server's settings are.
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn refusal(url: &PostgresUrl, error: ConnectionError) -> OpenError {
    let ConnectionError::CouldntSetupConfiguration(Error::DatabaseError(kind, info)) = error else {
        return OpenError::Unreachable(url.clone());
    };
    let message = info.message();
    // The driver says no more than this; the server speaks for itself.
    let reason = match kind {
        DatabaseErrorKind::UnableToSendCommand if message.contains("connecting") => {
            return OpenError::Unreachable(url.clone());
        }
        DatabaseErrorKind::UnableToSendCommand if message.contains("TLS") => {
            "the URL asks for TLS, which is not built in: use sslmode=prefer or a tunnel".to_owned()
        }
        DatabaseErrorKind::UnableToSendCommand if message == "invalid configuration" => {
            "the server asks for a password and the URL has none, or a setting in it is wrong".to_owned()
        }
        _ => message.to_owned(),
    };
    OpenError::Refused { url: url.clone(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_s_name_cannot_break_out_of_its_quotes() {
        assert_eq!(quoted(r#"a"b"#), r#""a""b""#);
        assert_eq!(literal(r"a'b\"), r"E'a\'b\\'");
    }
}
