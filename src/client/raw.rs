//! A socket to drive the protocol by hand, frame by frame.
//!
//! For tests and probes: it keeps no state and repairs nothing. Every error carries the transcript of what went over the
//! line, so that a failed test says what happened.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::http::Request;

use super::connection::{self, ConnectError};

/// Lines of the transcript that are kept, and how long each may be.
const MAX_LINES: usize = 200;
const MAX_LINE: usize = 600;
const CONNECT: Duration = Duration::from_secs(10);

/// What went wrong, and all that went before. Prints the same in both forms, for `unwrap`.
#[derive(thiserror::Error)]
pub struct RawError {
    pub what: What,
    transcript: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Connect(ConnectError),
    /// Nothing of the kind came in time.
    TimedOut {
        waited_for: String,
    },
    /// The connection ended first.
    Closed {
        code: Option<u16>,
        reason: String,
    },
    /// The other end sent what is no frame.
    NotJson(String),
}

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    line: connection::Socket,
    opened: Instant,
    transcript: VecDeque<String>,
}

impl Socket {
    pub async fn connect(url: &str, token: &str) -> Result<Self, RawError> {
        match connection::request(url, token) {
            Ok(request) => Self::connect_with(request).await,
            Err(error) => Err(RawError { what: What::Connect(error), transcript: String::new() }),
        }
    }

    /// With a request of one's own making: other headers, sub-protocols, no token.
    pub async fn connect_with(request: Request<()>) -> Result<Self, RawError> {
        let opened = timeout(CONNECT, connection::upgrade(request)).await;
        let socket = opened.unwrap_or(Err(ConnectError::TimedOut(CONNECT)));
        let socket = socket.map_err(|error| RawError { what: What::Connect(error), transcript: String::new() })?;
        Ok(Self { line: socket, opened: Instant::now(), transcript: VecDeque::new() })
    }

    /// On a connection of one's own making, such as one by TLS with other roots.
    pub async fn connect_over(request: Request<()>, line: MaybeTlsStream<TcpStream>) -> Result<Self, RawError> {
        let failed = |error| RawError { what: What::Connect(error), transcript: String::new() };
        let opened = timeout(CONNECT, tokio_tungstenite::client_async(request, line)).await;
        match opened {
            Ok(Ok((line, _))) => Ok(Self { line, opened: Instant::now(), transcript: VecDeque::new() }),
            Ok(Err(error)) => Err(failed(connection::refused(error))),
            Err(_) => Err(failed(ConnectError::TimedOut(CONNECT))),
        }
    }

    pub async fn send_json(&mut self, frame: &Value) -> Result<(), RawError> {
        self.send(Message::text(frame.to_string())).await
    }

    /// Any kind of message, as it is.
    pub async fn send(&mut self, message: Message) -> Result<(), RawError> {
        self.note('>', &message);
        let sent = self.line.send(message).await;
        sent.map_err(|error| self.error(What::Closed { code: None, reason: error.to_string() }))
    }

    /// The next frame. Pings are answered and passed over.
    pub async fn recv_json(&mut self, deadline: Duration) -> Result<Value, RawError> {
        self.recv_where("any frame", deadline, |_| true).await
    }

    /// The next frame of a type; others are passed over.
    pub async fn recv_type(&mut self, kind: &str, deadline: Duration) -> Result<Value, RawError> {
        self.recv_where(kind, deadline, |frame| frame["type"] == kind).await
    }

    /// The next frame that `wanted` is true of; others are passed over. `waited_for` names it in an error.
    pub async fn recv_where(
        &mut self,
        waited_for: &str,
        deadline: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, RawError> {
        let until = Instant::now() + deadline;
        loop {
            let Message::Text(text) = self.message(waited_for, until).await? else { continue };
            let frame = serde_json::from_str(&text).map_err(|error| self.error(What::NotJson(error.to_string())))?;
            if wanted(&frame) {
                return Ok(frame);
            }
        }
    }

    /// That no frame of a type comes within `time`.
    pub async fn recv_none(&mut self, kind: &str, time: Duration) -> Result<(), RawError> {
        match self.recv_type(kind, time).await {
            Err(RawError { what: What::TimedOut { .. }, .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(self.error(What::TimedOut { waited_for: format!("no {kind}") })),
        }
    }

    /// The server's close code, whatever comes before it.
    pub async fn recv_close(&mut self, deadline: Duration) -> Result<(Option<u16>, String), RawError> {
        let until = Instant::now() + deadline;
        loop {
            match self.message("a close", until).await {
                Ok(_) => {}
                Err(RawError { what: What::Closed { code, reason }, .. }) => return Ok((code, reason)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes in good order, for at most a second.
    pub async fn close(mut self) {
        if self.line.close(None).await.is_ok() {
            let _ = timeout(Duration::from_secs(1), async { while let Some(Ok(_)) = self.line.next().await {} }).await;
        }
    }

    /// What went over the line so far.
    pub fn transcript(&self) -> String {
        self.transcript.iter().map(String::as_str).collect()
    }

    async fn message(&mut self, waited_for: &str, until: Instant) -> Result<Message, RawError> {
        match tokio::time::timeout_at(until.into(), self.line.next()).await {
            Err(_) => Err(self.error(What::TimedOut { waited_for: waited_for.to_owned() })),
            Ok(Some(Ok(Message::Close(frame)))) => {
                let (code, reason) =
                    frame.map_or((None, String::new()), |f| (Some(f.code.into()), f.reason.to_string()));
                Err(self.error(What::Closed { code, reason }))
            }
            Ok(Some(Ok(message))) => {
                self.note('<', &message);
                Ok(message)
            }
            Ok(Some(Err(error))) => Err(self.error(What::Closed { code: None, reason: error.to_string() })),
            Ok(None) => Err(self.error(What::Closed { code: None, reason: "the connection ended".to_owned() })),
        }
    }

    fn note(&mut self, direction: char, message: &Message) {
        let text = match message {
            // A transcript ends in the log of a build.
            Message::Text(text) if text.contains(r#""token""#) => "(a frame with a token)".to_owned(),
            Message::Text(text) => text.chars().take(MAX_LINE).collect(),
            other => format!("{other:?}").chars().take(MAX_LINE).collect(),
        };
        if self.transcript.len() == MAX_LINES {
            self.transcript.pop_front();
        }
        self.transcript.push_back(format!("{:>8.3} {direction} {text}\n", self.opened.elapsed().as_secs_f64()));
    }

    fn error(&self, what: What) -> RawError {
        RawError { what, transcript: self.transcript() }
    }
}

impl fmt::Display for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Connect(error) => write!(f, "cannot connect: {error}")?,
            What::TimedOut { waited_for } => write!(f, "waited for {waited_for} in vain")?,
            What::Closed { code, reason } => write!(f, "closed: {code:?} {reason}")?,
            What::NotJson(error) => write!(f, "not JSON: {error}")?,
        }
        write!(f, "\n{}", self.transcript)
    }
}

impl fmt::Debug for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
