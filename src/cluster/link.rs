//! The link to Redis: a pool of connections for commands, each call bounded in time, none made while Redis is known to be
//! away. Subscriptions get connections of their own.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bb8_redis::{RedisConnectionManager, bb8};
use parking_lot::Mutex;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{Client, ErrorKind, FromRedisValue, Pipeline, RedisError};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::breaker::Breaker;

/// The longest that a call takes, a connection included.
const CALL_WITHIN: Duration = Duration::from_millis(500);
/// The longest that a connection for subscriptions may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const CONNECTIONS: u32 = 4;
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// `REDIS_URL` does not say where Redis is.
#[derive(Debug, thiserror::Error)]
#[error("REDIS_URL cannot be used: {0}")]
pub struct InvalidUrl(String);

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nobody tried: a moment ago it did not answer.
    #[error("Redis is away")]
    Away,
    #[error("Redis did not answer within {} ms", CALL_WITHIN.as_millis())]
    TooSlow,
    #[error("Redis: {0}")]
    Failed(String),
    /// It answered, and does not do what was asked: it has no memory left, or a key is of another kind.
    #[error("Redis refuses: {0}")]
    Refused(String),
}

/// Shared; all clones are the same link. Calls run on a runtime of their own, whoever makes them.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    client: Client,
    pool: bb8::Pool<Manager>,
    breaker: Mutex<Breaker>,
    /// Why the last connection could not be made: the pool itself only says that there was none in time.
    refused: Refused,
    /// When it was last said that Redis refuses something.
    said: Mutex<Option<Instant>>,
    runtime: Handle,
}

type Refused = Arc<Mutex<Option<LinkError>>>;

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("up", &self.is_up()).finish()
    }
}

/// Whether the URL says where Redis is. Connects to nothing.
pub fn check(url: &str) -> Result<(), InvalidUrl> {
    Client::open(url).map(drop).map_err(|error| invalid(&error))
}

/// The driver's own words may repeat the URL, which may hold a password.
fn invalid(error: &RedisError) -> InvalidUrl {
    InvalidUrl(format!("{:?}", error.kind()))
}

impl Link {
    /// Connects when it is first used: a Redis that is away does not keep the daemon from starting.
    pub fn new(url: &str, runtime: Handle) -> Result<Self, InvalidUrl> {
        let client = Client::open(url).map_err(|error| invalid(&error))?;
        let refused = Refused::default();
        let maker = RedisConnectionManager::new(url).map_err(|error| invalid(&error))?;
        let manager = Manager { maker, refused: Arc::clone(&refused) };
        let pool = bb8::Pool::builder()
            .max_size(CONNECTIONS)
            .connection_timeout(CALL_WITHIN)
            // Whatever failed is thrown away; asking before each use would double the round trips.
            .test_on_check_out(false)
            .retry_connection(false)
            .build_unchecked(manager);
        Ok(Self(Arc::new(Inner { client, pool, breaker: Mutex::default(), refused, said: Mutex::default(), runtime })))
    }

    /// Whether the last call went well.
    pub fn is_up(&self) -> bool {
        self.0.breaker.lock().is_up()
    }

    pub fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// Runs commands one after the other on one connection, not as a transaction. Dropped, it runs on.
    pub async fn call<T: FromRedisValue + Send + 'static>(&self, commands: Pipeline) -> Result<T, LinkError> {
        let link = self.clone();
        let call = self.0.runtime.spawn(async move { link.call_here(&commands).await });
        call.await.unwrap_or_else(|error| Err(LinkError::Failed(error.to_string())))
    }

    /// The same, for who runs on the link's runtime.
    pub async fn call_here<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, LinkError> {
        if !self.0.breaker.lock().may_try(Instant::now()) {
            return Err(LinkError::Away);
        }
        let outcome = timeout(CALL_WITHIN, self.attempt(commands)).await.unwrap_or_else(|_| Err(self.no_answer()));
        match &outcome {
            Ok(_) | Err(LinkError::Refused(_)) => {
                if self.0.breaker.lock().succeeded() {
                    log::info!("Redis answers again");
                }
            }
            Err(error) => {
                if self.0.breaker.lock().failed(Instant::now(), fastrand::f64()) {
                    log::warn!(
                        "{error}; presence and typing stay within this node, messages reach others by the database"
                    );
                }
            }
        }
        outcome
    }

    /// Nothing came in time, for a reason or without one.
    fn no_answer(&self) -> LinkError {
        self.0.refused.lock().take().unwrap_or(LinkError::TooSlow)
    }

    async fn attempt<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, LinkError> {
        let mut held = self.0.pool.get().await.map_err(|error| match error {
            bb8::RunError::TimedOut => self.no_answer(),
            bb8::RunError::User(error) => failed(&error),
        })?;
        // Whoever is cut off by the time-out leaves a connection whose next answer is another call's.
        held.sound = false;
        let answer = commands.query_async(&mut held.connection).await;
        held.sound = match &answer {
            Ok(_) => true,
            Err(error) => !(error.is_io_error() || error.is_timeout() || error.is_connection_dropped()),
        };
        answer.map_err(|error| if held.sound { self.refused(&error) } else { failed(&error) })
    }

    /// An error that it sent. Those by which it says that it is not the one to ask count as its absence.
    fn refused(&self, error: &RedisError) -> LinkError {
        const NOT_NOW: [&str; 5] = ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH"];
        if error.code().is_none_or(|code| NOT_NOW.contains(&code)) {
            return failed(error);
        }
        let mut said = self.0.said.lock();
        if said.is_none_or(|said| said.elapsed() >= COMPLAIN_EVERY) {
            log::warn!("Redis refuses what it is asked: {error}");
            *said = Some(Instant::now());
        }
        LinkError::Refused(error.to_string())
    }

    /// A connection for subscriptions.
    pub async fn subscriptions(&self) -> Result<PubSub, LinkError> {
        let connect = self.0.client.get_async_pubsub();
        match timeout(CONNECT_WITHIN, connect).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(LinkError::TooSlow),
        }
    }
}

/// Without what may repeat an address with its password.
fn failed(error: &RedisError) -> LinkError {
    LinkError::Failed(match error.kind() {
        ErrorKind::AuthenticationFailed => "it does not take the name or the password of REDIS_URL".to_owned(),
        _ => error.to_string(),
    })
}

/// Makes connections, and knows which of them went wrong.
struct Manager {
    maker: RedisConnectionManager,
    refused: Refused,
}

struct Held {
    connection: MultiplexedConnection,
    sound: bool,
}

impl bb8::ManageConnection for Manager {
    type Connection = Held;
    type Error = RedisError;

    async fn connect(&self) -> Result<Held, RedisError> {
        let made = self.maker.connect().await;
        *self.refused.lock() = made.as_ref().err().map(failed);
        Ok(Held { connection: made?, sound: true })
    }

    async fn is_valid(&self, held: &mut Held) -> Result<(), RedisError> {
        self.maker.is_valid(&mut held.connection).await
    }

    fn has_broken(&self, held: &mut Held) -> bool {
        !held.sound
    }
}
