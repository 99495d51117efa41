//! PostgreSQL: what became of a commit whose answer was lost.
//!
//! A transaction that writes learns its id as it begins. When the answer to its COMMIT does not come, the server is asked
//! on other connections what became of that id. Batches of messages do without: they are tried again, which tells too.

use std::sync::Arc;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::sql_types::SqlType;
use diesel::{QueryResult, define_sql_function, select};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::try_join;
use tokio::time::{Instant, timeout_at};

use super::postgres::{connect, word};
use super::{Manager, Place};
use crate::store::error::{OpenError, StoreError};
use crate::store::jobs::pause;

/// Which server gave a transaction its id, and since which recovery: an id says nothing to another server, to one that
/// was promoted, or after a crash, when ids that had not reached the disk are given again. The beginning of its
/// statistics tells a crash, since that throws them away; who resets them by hand only makes an answer unknown. A connection
/// does not outlive any of this, so that it is asked once for each.
pub(super) type Server = Arc<str>;

const SERVER: &str = "SELECT system_identifier || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '/' || \
     extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time()) AS word FROM pg_control_system() \
     WHERE pg_xact_status(pg_current_xact_id()) = 'in progress'";

/// `None` where the server does not tell all of it, or nothing of its transactions.
pub(super) async fn server(conn: &mut AsyncPgConnection) -> Result<Option<Server>, StoreError> {
    let told = word(conn, SERVER).await?;
    Ok(Some(told).filter(|told| !told.is_empty()).map(Server::from))
}

/// A transaction that can be asked for after its connection is gone.
#[derive(Debug, Clone)]
pub(in crate::store) struct Ticket {
    xid: Xid,
    server: Server,
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Begins a transaction that writes.
pub(super) async fn begin(conn: &mut AsyncPgConnection, server: Option<&Server>) -> QueryResult<Option<Ticket>> {
    let Some(server) = server else { return conn.batch_execute(BEGIN).await.map(|()| None) };
    let (mut first, mut second) = (&*conn, &*conn);
    // Both are sent before the first is answered, in this order: a joined future is polled after those before it.
    let begun = first.batch_execute(BEGIN);
    let xid = select(pg_current_xact_id()).get_result::<Xid>(&mut second);
    let ((), xid) = try_join(begun, xid).await?;
    Ok(Some(Ticket { xid, server: Arc::clone(server) }))
}

/// Whether the transaction was committed: `Ok` where it was, [`StoreError::Unavailable`] where nothing of it is left, and
/// [`StoreError::UnknownOutcome`] where that cannot be told in time.
pub(in crate::store) async fn settle(manager: &Manager, ticket: &Ticket, until: Instant) -> Result<(), StoreError> {
    let asking = async {
        for attempt in 1.. {
            match fate(manager, ticket).await {
                Ok(Fate::Committed) => return Ok(()),
                Ok(Fate::Aborted) => return Err(StoreError::Unavailable("the commit did not arrive".to_owned())),
                Ok(Fate::Unknown) => return Err(StoreError::UnknownOutcome),
                // It may arrive yet, and the server may come back.
                Ok(Fate::InProgress) | Err(_) => pause(attempt).await,
            }
        }
        Err(StoreError::UnknownOutcome)
    };
    timeout_at(until, asking).await.unwrap_or(Err(StoreError::UnknownOutcome))
}

enum Fate {
    Committed,
    Aborted,
    InProgress,
    Unknown,
}

async fn fate(manager: &Manager, ticket: &Ticket) -> Result<Fate, OpenError> {
    let Place::Postgres { url, .. } = &manager.place else { return Ok(Fate::Unknown) };
    let (mut conn, server) = connect(url, None, &manager.timeouts).await?;
    if server.as_ref() != Some(&ticket.server) {
        return Ok(Fate::Unknown);
    }
    let sql = format!("SELECT coalesce(pg_xact_status('{}'), '') AS word", ticket.xid.0);
    Ok(match word(&mut conn, &sql).await?.as_str() {
        "committed" => Fate::Committed,
        "aborted" => Fate::Aborted,
        "in progress" => Fate::InProgress,
        // So old that it was forgotten.
        _ => Fate::Unknown,
    })
}

/// PostgreSQL's `xid8`: the id of a transaction, never used again by the server that gave it.
#[derive(Debug, Clone, Copy, QueryId, SqlType)]
#[diesel(postgres_type(oid = 5069, array_oid = 271))]
pub struct Xid8;

#[derive(Debug, Clone, Copy, FromSqlRow)]
struct Xid(u64);

impl FromSql<Xid8, Pg> for Xid {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(u64::from_be_bytes(value.as_bytes().try_into()?)))
    }
}

define_sql_function! {
    /// The id of this transaction, which has one from here on.
    fn pg_current_xact_id() -> Xid8;
}
