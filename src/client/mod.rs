//! A client of the daemon: connects and reconnects, sends each message until it is stored, and hands out what happens in
//! a channel once and in order.
//!
//! Used by `tenfour chat`, the tests and the load tools. Reads in this order: [`frames`], [`cursor`] (what is held),
//! [`outbox`] (what is owed), [`backoff`] and [`token`], [`connection`] (one WebSocket); a task ties them together.
//! Depends on the domain's ids and the protocol's constants only, never on the server's own modules.

pub mod backoff;
pub mod connection;
pub mod cursor;
mod engine;
pub mod event;
pub mod frames;
pub mod held;
pub mod outbox;
pub mod probe;
pub mod raw;
mod seen;
mod task;
pub mod token;

#[cfg(test)]
mod cursor_property;
#[cfg(test)]
mod cursor_tests;
#[cfg(test)]
mod line_tests;
#[cfg(test)]
mod outbox_tests;
#[cfg(test)]
pub(crate) mod scripted;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::ids::{ChannelId, ClientId, MessageId};

use backoff::Backoff;
use engine::{Command, Engine};
use event::{Event, InvalidUrl, RequestError, SendError};
use frames::Ack;
use outbox::Outgoing;
use task::Task;
use token::TokenSource;

/// Commands that may wait for the task.
const COMMANDS: usize = 256;

/// How to connect, and within which bounds.
#[derive(Debug, Clone)]
pub struct Options {
    pub url: String,
    pub token: TokenSource,
    pub outbox: outbox::Limits,
    pub backoff: backoff::Limits,
    pub timing: Timing,
    /// Events that may wait for the application before the socket is no longer read.
    pub events: usize,
}

impl Options {
    pub fn new(url: impl Into<String>, token: TokenSource) -> Self {
        Self {
            url: url.into(),
            token,
            outbox: outbox::Limits::default(),
            backoff: backoff::Limits::default(),
            timing: Timing::default(),
            events: 1024,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// To open the socket, and again to get `hello`.
    pub connect: Duration,
    /// Beyond the heartbeat's interval, until a silent server counts as gone; also for one write.
    pub grace: Duration,
    /// For the answer to a message or a `sync`, until the connection counts as broken.
    pub answer: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), grace: Duration::from_secs(10), answer: Duration::from_secs(30) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Connecting,
    Live,
    /// For the next attempt.
    Waiting {
        until: Instant,
    },
    Stopped,
}

/// How it stands, at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    pub state: State,
    /// Messages that are not acknowledged yet; of a stopped client, those that it gave up.
    pub waiting: usize,
    /// Of these, how many went out at least once: they may be stored.
    pub went_out: usize,
}

/// A handle on a running client. All clones are of the same one; when the last is dropped, it closes.
#[derive(Debug, Clone)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
}

impl Client {
    /// Starts connecting, on the current tokio runtime. The events have to be taken (or the receiver dropped): while too
    /// many wait, nothing more is read from the server.
    pub fn start(options: Options) -> Result<(Self, mpsc::Receiver<Event>), InvalidUrl> {
        connection::check_url(&options.url)?;
        let (commands, taken) = mpsc::channel(COMMANDS);
        let (events, receiver) = mpsc::channel(options.events.max(1));
        let (status, watched) = watch::channel(Status { state: State::Connecting, waiting: 0, went_out: 0 });
        let task = Task {
            engine: Engine::new(options.outbox, options.timing.answer),
            backoff: Backoff::new(options.backoff),
            options,
            commands: taken,
            events,
            status,
            token: None,
            refreshed: false,
        };
        tokio::spawn(task.run());
        Ok((Self { commands, status: watched }, receiver))
    }

    /// Takes a message on: it is sent, now or when there is a connection, until the server has answered for it. What
    /// becomes of it is told as [`Event::Sent`] or [`Event::Failed`].
    pub async fn send(&self, channel_id: ChannelId, content: impl Into<String>) -> Result<ClientId, SendError> {
        let client_id = ClientId(uuid::Uuid::new_v4());
        self.send_as(client_id, channel_id, content).await.map(|()| client_id)
    }

    /// The same under an idempotency key of the caller's own, so that it can be asked for again by another client.
    pub async fn send_as(
        &self,
        client_id: ClientId,
        channel_id: ChannelId,
        content: impl Into<String>,
    ) -> Result<(), SendError> {
        self.queue(client_id, channel_id, content.into(), None).await
    }

    /// The same, and waits until it is stored.
    pub async fn send_and_wait(&self, channel_id: ChannelId, content: impl Into<String>) -> Result<Ack, SendError> {
        let (acked, ack) = oneshot::channel();
        self.queue(ClientId(uuid::Uuid::new_v4()), channel_id, content.into(), Some(acked)).await?;
        ack.await.unwrap_or(Err(SendError::Stopped))
    }

    pub async fn edit(&self, message_id: MessageId, content: impl Into<String>) -> Result<(), RequestError> {
        let content = content.into();
        self.request(|answer| Command::Edit { message_id, content, answer }).await
    }

    pub async fn delete(&self, message_id: MessageId) -> Result<(), RequestError> {
        self.request(|answer| Command::Delete { message_id, answer }).await
    }

    /// Says that the user is typing, if there is a connection. Call it as often as a key is pressed, every 2 s at most.
    pub async fn typing(&self, channel_id: ChannelId) {
        self.tell(Command::Typing(channel_id)).await;
    }

    /// Says how far the user has read; repeated over connections until the server has it.
    pub async fn read(&self, channel_id: ChannelId, seq: i64) {
        self.tell(Command::Read { channel_id, seq }).await;
    }

    /// Has the last `versions` changes of a channel handed out again, after an [`Event::Reset`].
    pub async fn replay(&self, channel_id: ChannelId, versions: u32) {
        self.tell(Command::Replay { channel_id, versions }).await;
    }

    pub fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Closes the connection and waits for the end. What is not acknowledged is given up; the answer says how much that is.
    pub async fn close(mut self) -> Status {
        self.tell(Command::Close).await;
        // An error says that the task is gone, which is the same.
        let _ = self.status.wait_for(|status| status.state == State::Stopped).await;
        self.status()
    }

    async fn queue(
        &self,
        client_id: ClientId,
        channel_id: ChannelId,
        content: String,
        acked: Option<engine::Acked>,
    ) -> Result<(), SendError> {
        let (queued, answer) = oneshot::channel();
        let outgoing = Outgoing { client_id, channel_id, content };
        self.tell(Command::Send { outgoing, queued, acked }).await;
        answer.await.unwrap_or(Err(SendError::Stopped))
    }

    async fn request(&self, command: impl FnOnce(engine::Answered) -> Command) -> Result<(), RequestError> {
        let (answer, answered) = oneshot::channel();
        self.tell(command(answer)).await;
        answered.await.unwrap_or(Err(RequestError::Stopped))
    }

    /// A task that is gone drops the command, and with it the answer's sender, by which the caller knows.
    async fn tell(&self, command: Command) {
        let _ = self.commands.send(command).await;
    }
}
