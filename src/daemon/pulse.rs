//! Whether the daemon lives: what a service manager wants to know again and again.
//!
//! Looks at the actors and their threads, never at what they wait for: a database that is away ends nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, ArbiterHandle, Handler};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::actors::db::Db;
use crate::actors::ping::Ping;
use crate::actors::presence::Presence;
use crate::actors::registry::Registry;
use crate::config::reachable;
use crate::metrics::Metrics;
use crate::store::Reader;
use crate::tls::Tls;

/// The longest that the database may take to answer.
const DATABASE_WITHIN: Duration = Duration::from_secs(2);
const TRY_EVERY: Duration = Duration::from_millis(20);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 ";

/// A finger on the daemon. Cheap to clone; outlives it, and finds it dead then.
#[derive(Clone)]
pub struct Pulse {
    pub(super) addr: SocketAddr,
    pub(super) tls: Option<Tls>,
    pub(super) db: Addr<Db>,
    pub(super) registry: Addr<Registry>,
    pub(super) presence: Addr<Presence>,
    /// Those that rooms run on.
    pub(super) rooms: Vec<ArbiterHandle>,
    pub(super) reader: Reader,
    pub(super) metrics: Arc<Metrics>,
}

impl Pulse {
    /// The parts that hold the truth and do not answer within this time.
    pub async fn silent(&self, within: Duration) -> Vec<&'static str> {
        let rooms = async {
            let turns = self.rooms.iter().map(turns);
            futures_util::future::join_all(turns).await.into_iter().all(|turned| turned)
        };
        let asked = futures_util::join!(
            timeout(within, answers(&self.db)),
            timeout(within, answers(&self.registry)),
            timeout(within, answers(&self.presence)),
            timeout(within, rooms),
        );
        let names = ["the database actor", "the registry", "the presence actor", "a thread of rooms"];
        let asked = [asked.0, asked.1, asked.2, asked.3];
        names.into_iter().zip(asked).filter(|(_, answer)| *answer != Ok(true)).map(|(name, _)| name).collect()
    }

    /// One line for people: how many are here, and whether the database answers.
    pub async fn summary(&self) -> String {
        let database = match timeout(DATABASE_WITHIN, self.reader.ping()).await {
            Ok(Ok(())) => "the database answers",
            _ => "the database does not answer",
        };
        match self.metrics.connections.get() {
            1 => format!("1 session, {database}"),
            count => format!("{count} sessions, {database}"),
        }
    }

    /// Waits until a client that connects is answered, as long as that.
    pub async fn answers(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if timeout(left, self.is_answered()).await.is_ok_and(|answered| answered) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
    }

    async fn is_answered(&self) -> bool {
        let addr = reachable(self.addr);
        let asked = async {
            match &self.tls {
                None => ask(TcpStream::connect(addr).await?).await,
                Some(tls) => ask(tls.connect(addr).await?).await,
            }
        };
        asked.await.unwrap_or(false)
    }
}

async fn answers<A>(actor: &Addr<A>) -> bool
where
    A: Actor + Handler<Ping>,
    A::Context: ToEnvelope<A, Ping>,
{
    actor.send(Ping).await.is_ok()
}

/// Whether what is handed to that thread is carried out.
async fn turns(arbiter: &ArbiterHandle) -> bool {
    let (turned, turns) = oneshot::channel();
    let turn = move || {
        // Who asked may have given up.
        let _ = turned.send(());
    };
    arbiter.spawn_fn(turn) && turns.await.is_ok()
}

async fn ask(mut line: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<bool> {
    line.write_all(REQUEST).await?;
    line.flush().await?;
    let mut answer = [0; ANSWER.len()];
    line.read_exact(&mut answer).await?;
    Ok(answer == ANSWER)
}
