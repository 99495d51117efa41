//! The task behind a client: connecting, live or waiting, until it is closed or has no business to go on.
//!
//! Started by [`super::Client::start`]. In every state it takes commands and hands out events. While the application
//! does not take its events, nothing more is read from the socket: the bound is the server's, not this process's memory.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};

use super::backoff::Backoff;
use super::connection::{ConnectError, Connection, Incoming};
use super::engine::{Command, Engine};
use super::event::{Event, Stopped};
use super::frames::{Hello, ServerFrame};
use super::token::{TokenError, TokenFuture, refresh_in};
use super::{Options, State, Status};

/// After a refused or failed refresh the next one is tried this much later.
const REFRESH_PAUSE: Duration = Duration::from_secs(10);
/// How long to stay away after being thrown out for breaking the rate limit.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(5);
/// How long the last events may take to be taken.
const FAREWELL: Duration = Duration::from_secs(1);

mod close {
    pub(super) const TOO_BIG: u16 = 1009;
    pub(super) const TOKEN_EXPIRED: u16 = 4401;
    pub(super) const REMOVED: u16 = 4403;
    pub(super) const RATE_LIMIT: u16 = 4429;
}

pub(super) struct Task {
    pub(super) options: Options,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) status: watch::Sender<Status>,
    pub(super) engine: Engine,
    pub(super) backoff: Backoff,
    pub(super) token: Option<String>,
    /// The server refused a token that was held, and a fresh one was asked for.
    pub(super) refreshed: bool,
}

/// Why a connection or an attempt is over.
enum End {
    Lost(String),
    Stop(Stopped),
}

impl From<Stopped> for End {
    fn from(stopped: Stopped) -> Self {
        Self::Stop(stopped)
    }
}

impl Task {
    pub(super) async fn run(mut self) {
        let stopped = loop {
            let reason = match self.connection().await {
                End::Lost(reason) => reason,
                End::Stop(stopped) => break stopped,
            };
            self.engine.lost();
            let retry_in = self.backoff.lost(Instant::now(), fastrand::f64());
            log::debug!("{reason}; trying again in {} ms", retry_in.as_millis());
            self.engine.events().push_back(Event::Disconnected { reason, retry_in });
            if let Err(stopped) = self.wait(retry_in).await {
                break stopped;
            }
        };
        self.stop(stopped).await;
    }

    /// One connection, from the attempt to its end.
    async fn connection(&mut self) -> End {
        self.publish(State::Connecting);
        let (mut connection, hello) = match self.connect().await {
            Ok(connected) => connected,
            Err(end) => return end,
        };
        connection.set_heartbeat(Duration::from_millis(hello.heartbeat_ms));
        self.refreshed = false;
        self.backoff.connected(Instant::now());
        self.engine.hello(hello);
        let end = self.live(&mut connection).await.unwrap_or_else(|end| end);
        if matches!(end, End::Stop(_)) {
            connection.close().await;
        }
        end
    }

    async fn connect(&mut self) -> Result<(Connection, Hello), End> {
        loop {
            let token = self.token().await?;
            let limits = self.options.timing;
            let url = self.options.url.clone();
            let attempt = async move {
                let mut connection = Connection::open(&url, &token, limits.connect, limits.grace).await?;
                let hello = timeout(limits.connect, first_frame(&mut connection)).await;
                let hello = hello.map_err(|_| ConnectError::TimedOut(limits.connect))?.map_err(ConnectError::Failed)?;
                Ok((connection, hello))
            };
            match self.meanwhile(attempt).await? {
                Ok((_, hello)) if hello.protocol != crate::protocol::PROTOCOL => {
                    return Err(Stopped::Protocol(hello.protocol).into());
                }
                Ok(connected) => return Ok(connected),
                // A token that was held may have been withdrawn; one fresh token is tried, and then it is final.
                Err(ConnectError::Refused { status: 401, .. }) if self.may_refresh() => {
                    self.refreshed = true;
                    self.token = None;
                }
                Err(ConnectError::Refused { status: 401, detail }) => return Err(Stopped::Unauthorized(detail).into()),
                Err(error @ ConnectError::BadToken) => return Err(Stopped::Unauthorized(error.to_string()).into()),
                Err(error) => return Err(End::Lost(error.to_string())),
            }
        }
    }

    fn may_refresh(&self) -> bool {
        self.options.token.can_refresh() && !self.refreshed
    }

    /// The token that is held, or a fresh one where that has ended.
    async fn token(&mut self) -> Result<String, End> {
        let ended = |token: &String| refresh_in(token, SystemTime::now()) == Some(Duration::ZERO);
        if let Some(token) = self.token.clone().filter(|token| !(self.options.token.can_refresh() && ended(token))) {
            return Ok(token);
        }
        let asked = timeout(self.options.timing.connect, self.options.token.get());
        match self.meanwhile(asked).await? {
            Ok(Ok(token)) => {
                self.token = Some(token.clone());
                Ok(token)
            }
            Ok(Err(TokenError::Refused(reason))) => Err(Stopped::Unauthorized(reason).into()),
            Ok(Err(error)) => Err(End::Lost(error.to_string())),
            Err(_) => Err(End::Lost("no token came in time".to_owned())),
        }
    }

    async fn live(&mut self, connection: &mut Connection) -> Result<End, End> {
        let mut refresh_at = self.refresh_at();
        let mut fresh: Option<TokenFuture> = None;
        let mut reading = Reading::default();
        loop {
            let now = Instant::now();
            let taken = self.engine.events().is_empty();
            if !reading.note(taken, now) {
                connection.not_read();
            } else if reading.lasts(now, self.options.timing.answer) && self.engine.is_stuck(now) {
                return Err(End::Lost("the server does not answer".to_owned()));
            }
            let due = self.engine.due(now);
            if !due.is_empty() {
                connection.send(due).await.map_err(End::Lost)?;
            }
            self.publish(State::Live);
            let next_due = self.engine.next_due().filter(|at| *at > now);
            let wake_at = [Some(connection.tick_at()), next_due, refresh_at].into_iter().flatten().min();
            let wake_at = wake_at.unwrap_or(now + REFRESH_PAUSE);
            tokio::select! {
                served = self.serve() => served?,
                incoming = connection.next(), if taken => match incoming {
                    Incoming::Frame(frame) => self.frame(*frame),
                    Incoming::Sign => {}
                    Incoming::Closed { code, reason } => return Ok(self.closed(code, &reason)),
                },
                () = sleep_until(wake_at.into()) => {
                    connection.tick().await.map_err(End::Lost)?;
                    if refresh_at.is_some_and(|at| Instant::now() >= at) {
                        refresh_at = None;
                        fresh = Some(self.options.token.get());
                    }
                }
                refreshed = ready(&mut fresh) => {
                    fresh = None;
                    refresh_at = self.refreshed_with(refreshed);
                }
            }
        }
    }

    fn frame(&mut self, frame: ServerFrame) {
        if let ServerFrame::Goaway(goaway) = &frame {
            log::debug!("the server is about to close: {}", goaway.reason);
            if let Some(millis) = goaway.reconnect_in_ms {
                self.backoff.hint(Duration::from_millis(millis));
            }
        }
        self.engine.frame(frame, Instant::now(), fastrand::f64());
    }

    fn closed(&mut self, code: Option<u16>, reason: &str) -> End {
        match code {
            Some(close::REMOVED) => return End::Stop(Stopped::Removed),
            Some(close::TOKEN_EXPIRED) if self.options.token.can_refresh() => self.token = None,
            Some(close::TOO_BIG) => self.engine.too_big(),
            Some(close::RATE_LIMIT) => self.backoff.hint(RATE_LIMIT_PAUSE),
            _ => {}
        }
        End::Lost(match code {
            Some(code) => format!("the server closed the connection: {code} {reason}"),
            None => format!("the connection was lost: {reason}"),
        })
    }

    fn refresh_at(&self) -> Option<Instant> {
        let token = self.token.as_ref().filter(|_| self.options.token.can_refresh())?;
        let wait = refresh_in(token, SystemTime::now())?;
        // Far beyond any connection's life there is nothing to plan for.
        Instant::now().checked_add(wait.max(Duration::from_secs(1)))
    }

    fn refreshed_with(&mut self, token: Result<String, TokenError>) -> Option<Instant> {
        match token {
            Ok(token) => {
                self.engine.authenticate(token.clone());
                self.token = Some(token);
                self.refresh_at()
            }
            Err(error) => {
                log::warn!("no fresh token: {error}");
                Some(Instant::now() + REFRESH_PAUSE)
            }
        }
    }

    async fn wait(&mut self, retry_in: Duration) -> Result<(), Stopped> {
        let until = Instant::now() + retry_in;
        self.publish(State::Waiting { until });
        self.meanwhile(sleep_until(until.into())).await
    }

    /// Waits for something while the application is served.
    async fn meanwhile<T>(&mut self, something: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::pin!(something);
        loop {
            tokio::select! {
                done = &mut something => return Ok(done),
                served = self.serve() => served?,
            }
            let state = self.status.borrow().state;
            self.publish(state);
        }
    }

    /// Takes a command or hands out an event.
    async fn serve(&mut self) -> Result<(), Stopped> {
        let told = !self.engine.events().is_empty();
        tokio::select! {
            command = self.commands.recv() => match command {
                None | Some(Command::Close) => return Err(Stopped::Closed),
                Some(command) => self.engine.command(command),
            },
            permit = self.events.reserve(), if told => match permit {
                Ok(permit) => {
                    if let Some(event) = self.engine.events().pop_front() {
                        permit.send(event);
                    }
                }
                // Nobody listens any more; the sending goes on.
                Err(_) => self.engine.events().clear(),
            },
        }
        Ok(())
    }

    fn publish(&self, state: State) {
        self.tell_status(self.status_in(state));
    }

    fn status_in(&self, state: State) -> Status {
        Status { state, waiting: self.engine.waiting(), went_out: self.engine.went_out() }
    }

    fn tell_status(&self, status: Status) {
        self.status.send_if_modified(|old| std::mem::replace(old, status) != status);
    }

    async fn stop(mut self, error: Stopped) {
        let status = self.status_in(State::Stopped);
        self.engine.stop();
        let mut last = std::mem::take(self.engine.events());
        last.push_back(Event::Stopped { error });
        let farewell = async {
            for event in last {
                if self.events.send(event).await.is_err() {
                    break;
                }
            }
        };
        // Whoever does not take them in time has gone.
        let _ = timeout(FAREWELL, farewell).await;
        self.tell_status(status);
    }
}

/// Whether the socket is being read. An application that does not take its events stops it, and then nothing can be
/// said about the server.
#[derive(Default)]
struct Reading {
    stopped: Option<Instant>,
    since: Option<Instant>,
}

impl Reading {
    /// False if nothing was read for a while, up to now.
    fn note(&mut self, taken: bool, now: Instant) -> bool {
        if !taken {
            self.stopped.get_or_insert(now);
            return true;
        }
        let paused = self.stopped.take().is_some_and(|at| now - at > Duration::from_secs(1));
        if paused || self.since.is_none() {
            self.since = Some(now);
        }
        !paused
    }

    fn lasts(&self, now: Instant, time: Duration) -> bool {
        self.stopped.is_none() && self.since.is_some_and(|since| now - since >= time)
    }
}

async fn first_frame(connection: &mut Connection) -> Result<Hello, String> {
    loop {
        match connection.next().await {
            Incoming::Frame(frame) => match *frame {
                ServerFrame::Hello(hello) => return Ok(hello),
                other => return Err(format!("the first frame must be hello; it was {other:?}")),
            },
            Incoming::Sign => {}
            Incoming::Closed { code, reason } => {
                return Err(format!("closed before hello: {} {reason}", code.unwrap_or_default()));
            }
        }
    }
}

/// The future's end, or never without one.
async fn ready(future: &mut Option<TokenFuture>) -> Result<String, TokenError> {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
