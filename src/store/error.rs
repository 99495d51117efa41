//! What the store can fail with, in the caller's terms: may it be tried again, and may it have been stored?

use std::path::PathBuf;

use diesel::result::{DatabaseErrorKind, Error};

use super::settings::PostgresUrl;
use crate::domain::change::Denied;

/// Why a read or a write came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or does not take it now. Nothing was stored; another try may succeed.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database is there, but all connections were in use for too long. Nothing was done; another try may succeed.
    #[error("the database is busy: {0}")]
    Crowded(String),
    /// The commit was sent, its answer got lost and the server could not be asked for it: look up what became of it before
    /// saying anything.
    #[error("the connection was lost while committing; what became of it is unknown")]
    UnknownOutcome,
    /// Another transaction was in the way. Nothing was stored; another try will probably succeed.
    #[error("another transaction was in the way")]
    Busy,
    /// A channel's row stayed locked by someone else. Nothing was stored; a smaller batch waits alone.
    #[error("a channel stayed locked by another transaction")]
    Locked,
    /// A defect here or in the schema. Another try fails in the same way.
    #[error("{0}")]
    Internal(String),
}

impl StoreError {
    /// Whether the same call may succeed later, with nothing stored now.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Crowded(_) | Self::Busy | Self::Locked)
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match &error {
            Error::DatabaseError(kind, info) => of_database(*kind, info.message()),
            _ => Self::Internal(error.to_string()),
        }
    }
}

/// PostgreSQL's codes do not reach us through diesel, only its English texts do (`lc_messages` is set to C where
/// that is allowed).
fn of_database(kind: DatabaseErrorKind, message: &str) -> StoreError {
    const AWAY: [&str; 14] = [
        "statement timeout",
        "idle-in-transaction timeout",
        "terminating connection",
        "shutting down",
        "starting up",
        "recovery mode",
        "too many clients",
        "connection slots",
        "No space left",
        "out of memory",
        "disk is full",
        "disk I/O error",
        "readonly database",
        "unable to open database file",
    ];
    match kind {
        DatabaseErrorKind::UnableToSendCommand
        | DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::ReadOnlyTransaction => StoreError::Unavailable(message.to_owned()),
        // Everything is looked up before it is stored: who finds it there now was overtaken.
        DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::UniqueViolation => StoreError::Busy,
        _ if message.contains("deadlock detected") => StoreError::Busy,
        _ if message.contains("database is locked") || message.contains("database table is locked") => StoreError::Busy,
        _ if message.contains("lock timeout") => StoreError::Locked,
        _ if AWAY.iter().any(|away| message.contains(away)) => StoreError::Unavailable(message.to_owned()),
        _ => StoreError::Internal(message.to_owned()),
    }
}

/// How the inside of a transaction ends without a value: it is rolled back either way.
#[derive(Debug)]
pub(super) enum Failure {
    Denied(Denied),
    Store(StoreError),
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error.into())
    }
}

/// Why the store could not be opened: one line that says what, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the folder {} of the database does not exist; create it or set DATABASE_URL to another place", .0.display())]
    NoFolder(PathBuf),
    #[error("cannot open the database file {}: {reason}; check that it and its folder may be written by this user", path.display())]
    File { path: PathBuf, reason: String },
    #[error("{} is no SQLite database; move it away or set DATABASE_URL to another place", .0.display())]
    NoDatabase(PathBuf),
    #[error("SQLite did not take {pragma} for {}; a local file system is needed", path.display())]
    Pragma { pragma: &'static str, path: PathBuf },
    #[error("cannot reach PostgreSQL at {0}; check that it runs and that DATABASE_URL names its host and port")]
    Unreachable(PostgresUrl),
    #[error("PostgreSQL at {url} refused: {reason}; check user, password and database in DATABASE_URL")]
    Refused { url: PostgresUrl, reason: String },
    #[error(
        "cannot use the schema {schema:?} at {url}: {reason}; grant CREATE on the database, or create the schema for this user"
    )]
    Schema { url: PostgresUrl, schema: String, reason: String },
    #[error(
        "the database was migrated to {found} by a newer tenfour and needs one that knows at least {oldest}, this one knows up to {known}; run a newer version or restore a backup"
    )]
    Newer { found: String, known: String, oldest: String },
    #[error("migrating the database failed: {0}; nothing was changed by the step that failed")]
    Migration(String),
    #[error("the database does not answer: {0}")]
    Store(#[from] StoreError),
    #[error("cannot write the note {}: {reason}; check that its folder may be written by this user", path.display())]
    Note { path: PathBuf, reason: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: DatabaseErrorKind, message: &str) -> StoreError {
        Error::DatabaseError(kind, Box::new(message.to_owned())).into()
    }

    #[test]
    fn a_database_that_is_away_or_full_may_be_tried_again() {
        use DatabaseErrorKind::{ClosedConnection, ReadOnlyTransaction, UnableToSendCommand, Unknown};
        for error in [
            of(UnableToSendCommand, "connection closed"),
            of(ClosedConnection, ""),
            of(ReadOnlyTransaction, "cannot execute INSERT in a read-only transaction"),
            of(Unknown, "canceling statement due to statement timeout"),
            of(Unknown, "terminating connection due to administrator command"),
            of(Unknown, "database or disk is full"),
        ] {
            assert!(matches!(error, StoreError::Unavailable(_)) && error.is_retryable(), "{error:?}");
        }
    }

    #[test]
    fn who_was_in_the_way_decides_what_to_do() {
        use DatabaseErrorKind::{SerializationFailure, UniqueViolation, Unknown};
        assert_eq!(of(Unknown, "canceling statement due to lock timeout"), StoreError::Locked);
        assert_eq!(of(Unknown, "deadlock detected"), StoreError::Busy);
        assert_eq!(of(Unknown, "database is locked"), StoreError::Busy);
        assert_eq!(of(SerializationFailure, ""), StoreError::Busy);
        assert_eq!(of(UniqueViolation, ""), StoreError::Busy);
    }

    #[test]
    fn a_row_that_is_refused_is_no_case_for_another_try() {
        let error = of(DatabaseErrorKind::Unknown, "invalid byte sequence for encoding \"UTF8\": 0x00");
        assert!(matches!(error, StoreError::Internal(_)) && !error.is_retryable());
        assert!(!StoreError::UnknownOutcome.is_retryable());
    }
}
