//! SQLite: how a connection is set up so that a commit survives a power cut.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::SqliteConnection;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;

use super::{SqliteConn, migrations};
use crate::fault::{self, Sabotage};
use crate::store::error::{OpenError, StoreError};
use crate::store::settings::Timeouts;

/// Statements that were prepared stay so: there are few texts, and each append runs three of them hundreds of times.
const COMMON: &str = "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";

pub(super) async fn prepare(path: &Path, timeouts: &Timeouts) -> Result<(), OpenError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(OpenError::NoFolder(folder.to_owned()));
    }
    let (path, timeouts) = (path.to_owned(), *timeouts);
    blocking(move || {
        make_private(&path);
        let mut conn = open(&path, &timeouts)?;
        migrations::run_sqlite(&mut conn).map_err(|error| match error {
            OpenError::Migration(reason) if reason.contains("readonly") => OpenError::File { path, reason },
            other => other,
        })
    })
    .await
}

pub(super) async fn connect(path: &Path, timeouts: &Timeouts) -> Result<SqliteConn, OpenError> {
    let (path, timeouts) = (path.to_owned(), *timeouts);
    blocking(move || open(&path, &timeouts)).await.map(SyncConnectionWrapper::new)
}

/// A file as it is: even to look at it in another mode would change it.
pub(super) async fn connect_as_is(path: &Path, timeouts: &Timeouts) -> Result<SqliteConn, OpenError> {
    let (path, timeouts) = (path.to_owned(), *timeouts);
    blocking(move || establish(&path, &timeouts)).await.map(SyncConnectionWrapper::new)
}

/// A database that lives as long as this connection.
pub(super) async fn connect_memory() -> Result<SqliteConn, OpenError> {
    blocking(|| {
        let mut conn = SqliteConnection::establish(":memory:").map_err(|e| unusable(Path::new(":memory:"), &e))?;
        conn.batch_execute(COMMON).map_err(StoreError::from)?;
        migrations::run_sqlite(&mut conn)?;
        Ok(conn)
    })
    .await
    .map(SyncConnectionWrapper::new)
}

/// Makes the file where there is none, for its owner alone: messages are nobody else's, and the journal beside it takes
/// its mode. Where that does not succeed SQLite says why, when it opens it.
fn make_private(path: &Path) {
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(StoreError::Internal(e.to_string()).into()))
}

fn establish(path: &Path, timeouts: &Timeouts) -> Result<SqliteConnection, OpenError> {
    let refused = |error: &dyn ToString| unusable(path, error);
    let mut conn = SqliteConnection::establish(&file_name(path)?).map_err(|e| refused(&e))?;
    // First of all, since changing the journal takes a lock that another process may hold.
    let busy = format!("PRAGMA busy_timeout = {};", timeouts.busy.as_millis());
    conn.batch_execute(&busy).map_err(|e| refused(&e))?;
    conn.batch_execute(COMMON).map_err(|e| refused(&e))?;
    Ok(conn)
}

fn open(path: &Path, timeouts: &Timeouts) -> Result<SqliteConnection, OpenError> {
    let refused = |error: &dyn ToString| unusable(path, error);
    let mut conn = establish(path, timeouts)?;
    conn.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").map_err(|e| refused(&e))?;
    if fault::planted(Sabotage::SqliteNormal) {
        conn.batch_execute("PRAGMA synchronous = NORMAL;").map_err(|e| refused(&e))?;
        return Ok(conn);
    }
    // NORMAL loses acknowledged commits when the power goes.
    let journal: Journal = diesel::sql_query("PRAGMA journal_mode").get_result(&mut conn).map_err(|e| refused(&e))?;
    let synchronous: Synchronous =
        diesel::sql_query("PRAGMA synchronous").get_result(&mut conn).map_err(|e| refused(&e))?;
    let pragma = |pragma| OpenError::Pragma { pragma, path: path.to_owned() };
    if journal.journal_mode != "wal" {
        return Err(pragma("journal_mode = WAL"));
    }
    if synchronous.synchronous != 2 {
        return Err(pragma("synchronous = FULL"));
    }
    Ok(conn)
}

/// SQLite takes a name that starts with `file:` for a URL and one that starts with a colon for a database in memory.
fn file_name(path: &Path) -> Result<String, OpenError> {
    let here = if path.is_absolute() { path.to_owned() } else { PathBuf::from(".").join(path) };
    here.into_os_string().into_string().map_err(|_| unusable(path, &"its name is not UTF-8"))
}

fn unusable(path: &Path, error: &dyn ToString) -> OpenError {
    let reason = error.to_string();
    if reason.contains("not a database") {
        return OpenError::NoDatabase(path.to_owned());
    }
    OpenError::File { path: path.to_owned(), reason }
}

#[derive(QueryableByName)]
struct Journal {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

#[derive(QueryableByName)]
struct Synchronous {
    #[diesel(sql_type = BigInt)]
    synchronous: i64,
}

#[cfg(all(test, feature = "faults"))]
mod tests {
    use super::*;

    #[test]
    fn only_a_sabotaged_daemon_takes_a_file_that_does_not_wait_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenfour.db");
        let synchronous = || {
            let mut conn = open(&path, &Timeouts::default()).unwrap();
            let found: Synchronous = diesel::sql_query("PRAGMA synchronous").get_result(&mut conn).unwrap();
            found.synchronous
        };
        assert_eq!(synchronous(), 2);
        fault::plant(Sabotage::SqliteNormal);
        assert_eq!(synchronous(), 1);
        fault::heal(Sabotage::SqliteNormal);
        assert_eq!(synchronous(), 2);
    }
}
