//! How a call runs: on the store's runtime, to its end whatever becomes of the caller, in one transaction and within
//! a time that is known.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::backend::commit::{self, Ticket};
use super::backend::note::Note;
use super::backend::{Conn, Manager, Tx};
use super::error::{Failure, StoreError};
use super::settings::Timeouts;
use crate::domain::change::Denied;

/// A call under way. Dropping it drops the answer, not the call.
#[must_use = "whether it succeeded is known only by waiting for it"]
pub struct Job<T>(JoinHandle<Result<T, StoreError>>);

impl<T> Future for Job<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(Pin::new(&mut self.0).poll(cx)) {
            Ok(outcome) => outcome,
            Err(error) if error.is_panic() => Err(StoreError::Internal("a call panicked".to_owned())),
            Err(_) => Err(StoreError::Unavailable("the store is closing".to_owned())),
        })
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}

/// What a call does with its connection.
pub(super) trait Body<T, E>:
    for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send + 'static
{
}

impl<T, E, F> Body<T, E> for F where F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, Result<T, E>> + Send + 'static {}

/// A pool of connections and the runtime on which they are used. Clones share both.
#[derive(Clone)]
pub(super) struct Database(Arc<Shared>);

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

/// How a call waits while all connections are in use.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    /// The wait is a part of the call's time.
    Counts,
    /// So long at most, and then the call has all of its time. A connection that nobody gets is waited for from the call on.
    Within(Duration),
}

struct Shared {
    pool: bb8::Pool<Manager>,
    /// One for each connection. Those that wait get theirs in the order in which they came.
    turns: Arc<Semaphore>,
    turn: Turn,
    /// Until a connection that is due is there.
    connect: Duration,
    /// Whether there was a connection to be had at the last turn.
    is_reachable: AtomicBool,
    /// When there was one last.
    reached: Mutex<Option<Instant>>,
    manager: Manager,
    runtime: Handle,
    timeouts: Timeouts,
    can_give_up: bool,
    note: Option<Note>,
}

impl Database {
    /// To be called on `runtime`. Connects when it is first used.
    pub(super) fn new(manager: Manager, connections: u32, turn: Turn, timeouts: Timeouts, runtime: Handle) -> Self {
        // What cannot be unreachable is only waited for: a thousand sessions may ask at once.
        let (turn, connect) =
            if manager.can_give_up() { (turn, timeouts.connect) } else { (Turn::Counts, timeouts.connect * 5) };
        let turns = Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS)));
        let (is_reachable, reached) = (AtomicBool::new(true), Mutex::new(None));
        let (can_give_up, note) = (manager.can_give_up(), manager.note());
        let pool = bb8::Pool::builder()
            .max_size(connections)
            .min_idle(None)
            // A database in memory is its connection; a closed one is noticed when it is taken out.
            .max_lifetime(None)
            .idle_timeout(None)
            .connection_timeout(connect)
            .build_unchecked(manager.clone());
        Self(Arc::new(Shared {
            pool,
            turns,
            turn,
            connect,
            is_reachable,
            reached,
            manager,
            runtime,
            timeouts,
            can_give_up,
            note,
        }))
    }

    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Job<T> {
        Job(self.0.runtime.spawn(work))
    }

    pub(super) fn run<T: Send + 'static>(&self, tx: Tx, body: impl Body<T, StoreError>) -> Job<T> {
        let db = self.clone();
        self.spawn(async move { db.attempt(tx, body).await })
    }

    /// A write that may be denied; nothing is changed then.
    pub(super) fn write<T: Send + 'static>(&self, body: impl Body<T, Failure>) -> Job<Result<T, Denied>> {
        self.judged(Tx::Write, body)
    }

    /// A call that may be denied.
    pub(super) fn judged<T: Send + 'static>(&self, tx: Tx, body: impl Body<T, Failure>) -> Job<Result<T, Denied>> {
        let db = self.clone();
        self.spawn(async move {
            match db.attempt(tx, body).await {
                Ok(value) => Ok(Ok(value)),
                Err(Failure::Denied(denied)) => Ok(Err(denied)),
                Err(Failure::Store(error)) => Err(error),
            }
        })
    }

    pub(super) fn manager(&self) -> &Manager {
        &self.0.manager
    }

    pub(super) fn note(&self) -> Option<&Note> {
        self.0.note.as_ref()
    }

    /// One transaction. The connection goes back to the pool only if its state is known.
    pub(super) async fn attempt<T, E>(&self, tx: Tx, body: impl Body<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let asked = Instant::now();
        let (since, turn) = self.turn(asked).await?;
        let deadline = since + self.0.timeouts.call;
        let end = deadline + self.0.timeouts.commit;
        // Where none of those before had a connection, to wait for them was to wait for one.
        let waits_since = if self.is_away() { asked } else { since };
        let mut conn = self.connection(waits_since).await?;
        conn.claim();
        let work = async {
            conn.begin(tx).await.map_err(E::from)?;
            body(&mut conn).await
        };
        let done = if self.0.can_give_up {
            timeout_at(deadline, work).await.map_err(|_| too_late("the call"))?
        } else {
            work.await
        };
        match done {
            Ok(value) => {
                match self.bounded(conn.commit(tx)).await {
                    Ok(()) => conn.release(),
                    Err(StoreError::Unavailable(reason)) if self.0.can_give_up && tx.writes() => {
                        let ticket = conn.ticket();
                        // A server that was not told to commit sees by this that it will not be.
                        drop(conn);
                        drop(turn);
                        self.settle(&reason, ticket, end).await?;
                    }
                    Err(error) => return Err(error.into()),
                }
                if let Some(note) = self.0.note.as_ref().filter(|_| tx.writes()) {
                    note.touch(self);
                }
                Ok(value)
            }
            Err(error) => {
                if self.bounded(conn.rollback(tx)).await.is_ok() {
                    conn.release();
                }
                Err(error)
            }
        }
    }

    fn is_away(&self) -> bool {
        let since_reached = self.0.reached.lock().map(|at| at.elapsed());
        is_away(self.0.is_reachable.load(Ordering::Relaxed), since_reached, self.0.connect)
    }

    /// A turn of another kind than a connection's, waited for as long as one.
    pub(super) async fn patiently<T, E>(&self, turn: impl Future<Output = Result<T, E>>) -> Result<T, StoreError> {
        let patience = self.0.timeouts.turn;
        match timeout(patience, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) => Err(StoreError::Internal("the turns are over".to_owned())),
            Err(_) => Err(StoreError::Crowded(format!("it was nobody's turn for {} ms", patience.as_millis()))),
        }
    }

    /// Since when the call's time runs, and what keeps a connection for it.
    async fn turn(&self, asked: Instant) -> Result<(Instant, OwnedSemaphorePermit), StoreError> {
        let patience = match self.0.turn {
            Turn::Counts => self.0.connect,
            Turn::Within(patience) => patience,
        };
        match timeout(patience, Arc::clone(&self.0.turns).acquire_owned()).await {
            Ok(Ok(turn)) => Ok((if matches!(self.0.turn, Turn::Counts) { asked } else { Instant::now() }, turn)),
            Ok(Err(_)) => Err(StoreError::Internal("the pool was closed".to_owned())),
            // Those before were waiting for one themselves.
            Err(_) if !self.0.is_reachable.load(Ordering::Relaxed) => Err(unreachable()),
            Err(_) => Err(StoreError::Crowded(format!("no connection became free within {} ms", patience.as_millis()))),
        }
    }

    async fn connection(&self, since: Instant) -> Result<bb8::PooledConnection<'static, Manager>, StoreError> {
        let got = match timeout_at(since + self.0.connect, self.0.pool.get_owned()).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(bb8::RunError::User(error))) => Err(StoreError::Unavailable(error.to_string())),
            Ok(Err(bb8::RunError::TimedOut)) | Err(_) => Err(unreachable()),
        };
        self.0.is_reachable.store(got.is_ok(), Ordering::Relaxed);
        if got.is_ok() {
            *self.0.reached.lock() = Some(Instant::now());
        }
        got
    }

    /// What became of a commit whose answer did not come.
    async fn settle(&self, reason: &str, ticket: Option<Ticket>, until: Instant) -> Result<(), StoreError> {
        let Some(ticket) = ticket else { return Err(StoreError::UnknownOutcome) };
        let settled = commit::settle(&self.0.manager, &ticket, until).await;
        let what = match &settled {
            Ok(()) => "it was done",
            Err(StoreError::UnknownOutcome) => "what became of it cannot be told",
            Err(_) => "nothing was stored",
        };
        log::warn!("the answer to a commit was lost ({reason}): {what}");
        settled
    }

    async fn bounded(&self, end: impl Future<Output = Result<(), StoreError>>) -> Result<(), StoreError> {
        if !self.0.can_give_up {
            return end.await;
        }
        timeout(self.0.timeouts.commit, end).await.unwrap_or_else(|_| Err(too_late("the commit")))
    }
}

/// Backs off between two tries, a little longer each time and never the same for two nodes.
pub async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..10) << attempt.min(4))).await;
}

fn unreachable() -> StoreError {
    StoreError::Unavailable("no connection could be made in time".to_owned())
}

fn too_late(what: &str) -> StoreError {
    StoreError::Unavailable(format!("{what} took too long"))
}

/// Whether nobody gets a connection: the last one got none, and nobody did for as long as one is waited for. Others may have
/// theirs while one is slow.
fn is_away(last_got_one: bool, since_reached: Option<Duration>, connect: Duration) -> bool {
    !last_got_one && since_reached.is_none_or(|since| since >= connect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_connection_among_others_is_no_database_that_is_away() {
        let connect = Duration::from_secs(4);
        let (just_now, long_ago) = (Some(Duration::from_secs(1)), Some(connect));
        assert!(!is_away(false, just_now, connect), "somebody has theirs");
        assert!(is_away(false, long_ago, connect));
        assert!(is_away(false, None, connect), "nobody ever had one");
        for since in [just_now, long_ago, None] {
            assert!(!is_away(true, since, connect), "the last one got theirs");
        }
    }
}
