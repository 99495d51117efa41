//! The one place that names a database: connections of either kind, and what each does in its own way.
//!
//! Queries are written once, in the file of their table, and pasted into both arms by [`with_conn!`]. What differs
//! beyond the dialect (connecting, transactions, row locks, migrations, the transfer from one to the other, the append batch, the index of words, the journals, the epoch) is here.

mod append_postgres;
mod append_sqlite;
mod care;
pub(super) mod commit;
mod heads_postgres;
mod journal;
pub(super) mod listen;
mod migrations;
mod named_postgres;
pub(super) mod note;
mod postgres;
pub(super) mod search;
mod search_postgres;
mod search_sqlite;
mod sqlite;
mod table;
pub(super) mod transfer;
mod webhooks;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use self::commit::{Server, Ticket};
use self::note::Note;
use super::channels::ChannelRow;
use super::error::{OpenError, StoreError};
use super::schema::{channels, users};
use super::settings::{DatabaseUrl, PostgresUrl, Settings, Timeouts};
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::message::{Append, Appended};
use crate::fault::{self, Sabotage};

pub(super) type SqliteConn = SyncConnectionWrapper<SqliteConnection>;

/// Runs one expression on whichever connection it is, with `$c` as the connection.
macro_rules! with_conn {
    ($conn:expr, |$c:ident| $body:expr) => {
        match &mut $conn.kind {
            $crate::store::backend::Kind::Sqlite($c) => $body,
            $crate::store::backend::Kind::Postgres(boxed) => {
                let $c = &mut **boxed;
                $body
            }
        }
    };
}
pub(super) use with_conn;

pub(super) enum Kind {
    Sqlite(SqliteConn),
    Postgres(Box<AsyncPgConnection>),
}

/// A connection, and whether its last use ended as it should.
pub(super) struct Conn {
    pub(super) kind: Kind,
    in_use: bool,
    /// Where PostgreSQL can be asked what became of a transaction.
    server: Option<Server>,
    ticket: Option<Ticket>,
    /// Whether PostgreSQL did not tell all of its lineage when it was asked last.
    tells_less: bool,
    /// What is left to do in the transaction and goes in one message with its COMMIT.
    last: String,
}

/// Which transaction a call runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tx {
    /// None: the call is one statement.
    None,
    /// Reads of one moment.
    Snapshot,
    /// Reads and writes. Whatever is decided is read after the channel's row is locked.
    Write,
    /// A batch of messages. It begins by itself, with its locks; on SQLite it also ends in the one blocking call.
    Batch,
}

impl Tx {
    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Batch)
    }
}

impl Conn {
    fn new(kind: Kind, server: Option<Server>) -> Self {
        Self { kind, in_use: false, server, ticket: None, tells_less: false, last: String::new() }
    }

    /// From here to [`Conn::release`] a loss of the connection's user is a loss of the connection.
    pub(super) fn claim(&mut self) {
        self.in_use = true;
    }

    pub(super) fn release(&mut self) {
        self.in_use = false;
    }

    pub(super) async fn batch(&mut self, sql: &str) -> QueryResult<()> {
        with_conn!(self, |c| c.batch_execute(sql).await)
    }

    pub(super) async fn begin(&mut self, tx: Tx) -> Result<(), StoreError> {
        self.ticket = None;
        self.last.clear();
        let sql = match (&mut self.kind, tx) {
            (_, Tx::None | Tx::Batch) => return Ok(()),
            (Kind::Sqlite(_), Tx::Snapshot) => "BEGIN DEFERRED",
            (Kind::Sqlite(_), Tx::Write) => "BEGIN IMMEDIATE",
            (Kind::Postgres(_), Tx::Snapshot) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            (Kind::Postgres(c), Tx::Write) => {
                self.ticket = commit::begin(c, self.server.as_ref()).await?;
                return Ok(());
            }
        };
        Ok(self.batch(sql).await?)
    }

    /// By which the transaction that was begun last can be asked for.
    pub(super) fn ticket(&mut self) -> Option<Ticket> {
        self.ticket.take()
    }

    pub(super) async fn commit(&mut self, tx: Tx) -> Result<(), StoreError> {
        if self.is_alone(tx) {
            return Ok(());
        }
        let mut last = std::mem::take(&mut self.last);
        if fault::planted(Sabotage::AuditOutsideTransaction) && !last.is_empty() {
            self.batch("COMMIT").await?;
            tokio::time::sleep(fault::WINDOW).await;
            return Ok(self.batch(&last).await?);
        }
        last.push_str("COMMIT");
        let done = self.batch(&last).await;
        if done.is_err() && matches!(self.kind, Kind::Sqlite(_)) {
            // SQLite keeps a transaction open that it could not commit.
            let _ = self.batch("ROLLBACK").await;
        }
        Ok(done?)
    }

    pub(super) async fn rollback(&mut self, tx: Tx) -> Result<(), StoreError> {
        if self.is_alone(tx) {
            return Ok(());
        }
        Ok(self.batch("ROLLBACK").await?)
    }

    /// Whether begin and end are left to the call itself.
    fn is_alone(&self, tx: Tx) -> bool {
        matches!((&self.kind, tx), (_, Tx::None) | (Kind::Sqlite(_), Tx::Batch))
    }

    /// Reads a channel's row and keeps others from changing it until the end of the transaction. SQLite has one
    /// writer, and `BEGIN IMMEDIATE` made us that.
    pub(super) async fn lock_channel(&mut self, id: ChannelId) -> QueryResult<Option<ChannelRow>> {
        let row = channels::table.find(id);
        match &mut self.kind {
            Kind::Sqlite(c) => row.select(ChannelRow::as_select()).first(c).await,
            Kind::Postgres(c) => row.select(ChannelRow::as_select()).for_update().first(&mut **c).await,
        }
        .optional()
    }

    /// Keeps others from changing these users' rows until the end of the transaction, one after the other in the order of
    /// their ids, so that two transactions never wait for each other.
    pub(super) async fn lock_users(&mut self, ids: &[UserId]) -> QueryResult<()> {
        let Kind::Postgres(c) = &mut self.kind else { return Ok(()) };
        let rows = users::table.filter(users::id.eq_any(ids)).order(users::id).select(users::id);
        let locked: Vec<UserId> = rows.for_no_key_update().load(&mut **c).await?;
        debug_assert!(locked.is_sorted());
        Ok(())
    }

    /// Stores a range of a batch, within [`Tx::Batch`].
    pub(super) async fn append(&mut self, batch: &Arc<[Append]>, range: Range<usize>) -> QueryResult<Vec<Appended>> {
        match &mut self.kind {
            Kind::Sqlite(c) => append_sqlite::append(c, Arc::clone(batch), range).await,
            Kind::Postgres(c) => {
                let (outcomes, last) = append_postgres::append(c, &batch[range]).await?;
                self.last = last;
                Ok(outcomes)
            }
        }
    }

    pub(super) async fn ping(&mut self) -> QueryResult<()> {
        self.batch("SELECT 1").await
    }

    /// The text of this key in `meta` with the lineage, or what stands in `meta` for that behind `named`, by one statement; `None` where they have to be asked for one by
    /// one, or there is no lineage.
    pub(super) async fn history(&mut self, key: &str, named: &str) -> Result<Option<String>, StoreError> {
        match &mut self.kind {
            Kind::Postgres(c) if !self.tells_less => {
                let told = postgres::history(c, key, named).await?;
                self.tells_less = told.is_none();
                Ok(told)
            }
            _ => Ok(None),
        }
    }

    /// What tells one history of this database from another, beside the epoch that it holds itself.
    pub(super) async fn lineage(&mut self) -> Result<String, StoreError> {
        let Kind::Postgres(c) = &mut self.kind else { return Ok(String::new()) };
        let (lineage, is_whole) = postgres::lineage(c).await?;
        // It may have learnt to: a standby that became the primary, a right that was given.
        self.tells_less = !is_whole;
        Ok(lineage)
    }
}

/// Makes connections for a pool.
#[derive(Debug, Clone)]
pub(super) struct Manager {
    pub(super) place: Place,
    timeouts: Timeouts,
}

#[derive(Debug, Clone)]
pub(super) enum Place {
    SqliteFile(PathBuf),
    SqliteMemory,
    Postgres { url: PostgresUrl, schema: String },
}

impl Manager {
    pub(super) fn new(settings: &Settings) -> Self {
        let place = match &settings.url {
            DatabaseUrl::SqliteFile(path) => Place::SqliteFile(path.clone()),
            DatabaseUrl::SqliteMemory => Place::SqliteMemory,
            DatabaseUrl::Postgres(url) => Place::Postgres { url: url.clone(), schema: settings.pg_schema.clone() },
        };
        Self { place, timeouts: settings.timeouts }
    }

    /// How many connections reads and writes may have, and whether they share one. SQLite has one writer at a
    /// time; a database in memory is its only connection.
    pub(super) fn connections(&self, readers: u32) -> Connections {
        match self.place {
            Place::SqliteMemory => Connections { read: 1, write: 1, batches: 1, shared: true },
            Place::SqliteFile(_) => Connections { read: readers.max(1), write: 1, batches: 1, shared: false },
            // While one waits for the disk another is worked on.
            Place::Postgres { .. } => Connections { read: readers.max(1), write: 4, batches: 2, shared: false },
        }
    }

    /// The schema of the tables, where others may write into it as well.
    pub(super) fn schema(&self) -> Option<&str> {
        match &self.place {
            Place::SqliteFile(_) | Place::SqliteMemory => None,
            Place::Postgres { schema, .. } => Some(schema),
        }
    }

    /// What is kept beside the database about its history.
    pub(super) fn note(&self) -> Option<Note> {
        match &self.place {
            Place::SqliteFile(path) => Some(Note::beside(path)),
            Place::SqliteMemory | Place::Postgres { .. } => None,
        }
    }

    /// Whether a call can be given up while it runs: SQLite's run in a thread of their own to their end.
    pub(super) fn can_give_up(&self) -> bool {
        matches!(self.place, Place::Postgres { .. })
    }

    /// Migrates. A database in memory is migrated when its connection is made.
    pub(super) async fn prepare(&self) -> Result<(), OpenError> {
        match &self.place {
            Place::SqliteMemory => Ok(()),
            Place::SqliteFile(path) => sqlite::prepare(path, &self.timeouts).await,
            Place::Postgres { url, schema } => postgres::prepare(url, schema, &self.timeouts).await,
        }
    }

    async fn open(&self) -> Result<Conn, OpenError> {
        match &self.place {
            Place::SqliteFile(path) => sqlite::connect(path, &self.timeouts).await.map(|c| (Kind::Sqlite(c), None)),
            Place::SqliteMemory => sqlite::connect_memory().await.map(|c| (Kind::Sqlite(c), None)),
            Place::Postgres { url, schema } => {
                let connected = postgres::connect(url, Some(schema), &self.timeouts).await;
                connected.map(|(c, server)| (Kind::Postgres(Box::new(c)), server))
            }
        }
        .map(|(kind, server)| Conn::new(kind, server))
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Connections {
    pub(super) read: u32,
    pub(super) write: u32,
    /// How many batches of messages it pays to have under way at once.
    pub(super) batches: usize,
    pub(super) shared: bool,
}

impl bb8::ManageConnection for Manager {
    type Connection = Conn;
    type Error = OpenError;

    async fn connect(&self) -> Result<Conn, OpenError> {
        self.open().await
    }

    /// Cleans up after a use that was cut off, where the connection has to live on.
    async fn is_valid(&self, conn: &mut Conn) -> Result<(), OpenError> {
        if self.has_broken(conn) {
            return Err(StoreError::Unavailable("the connection is closed".to_owned()).into());
        }
        if conn.in_use {
            // Without an open transaction this fails, which is as good.
            let _ = conn.batch("ROLLBACK").await;
            conn.release();
        }
        Ok(())
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        match &mut conn.kind {
            // Its database would go with it, and its calls always run to their end.
            Kind::Sqlite(_) => false,
            Kind::Postgres(c) => conn.in_use || (**c).is_broken(),
        }
    }
}
