//! One WebSocket to the daemon: opening it, reading and writing frames, and telling whether it is alive.
//!
//! Used by the client's task and by [`super::raw`]. Never reconnects and knows nothing of what frames mean.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request, header::AUTHORIZATION};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::event::InvalidUrl;
use super::frames::{ClientFrame, ServerFrame};

/// The largest frame that is taken: a `hello` of thousands of channels is a few megabytes.
const MAX_FRAME: usize = 64 << 20;
/// How much of a refusal's body is shown.
const MAX_DETAIL: usize = 500;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    #[error("the server refused the connection with {status}: {detail}")]
    Refused { status: u16, detail: String },
    #[error("no connection within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    #[error("the token is no header value: it has characters that no token has")]
    BadToken,
    #[error("{0}")]
    Failed(String),
}

/// What came in.
#[derive(Debug)]
pub enum Incoming {
    Frame(Box<ServerFrame>),
    /// Something that only shows that the peer is alive.
    Sign,
    /// The end, with the close code if the server said one.
    Closed {
        code: Option<u16>,
        reason: String,
    },
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    /// How often to ping, and how long after that to wait.
    heartbeat: Duration,
    grace: Duration,
    heard: Instant,
    pinged: Instant,
}

/// Checks an address before anything is tried.
pub fn check_url(url: &str) -> Result<(), InvalidUrl> {
    let valid = ["ws", "wss"].iter().any(|scheme| url.split_once("://").is_some_and(|(it, _)| it == *scheme));
    match url.into_client_request() {
        Ok(request) if valid && request.uri().host().is_some() => Ok(()),
        _ => Err(InvalidUrl { url: url.to_owned() }),
    }
}

impl Connection {
    pub async fn open(url: &str, token: &str, timeout: Duration, grace: Duration) -> Result<Self, ConnectError> {
        let request = request(url, token)?;
        let socket = tokio::time::timeout(timeout, upgrade(request));
        let socket = socket.await.map_err(|_| ConnectError::TimedOut(timeout))??;
        let now = Instant::now();
        Ok(Self { socket, heartbeat: timeout, grace, heard: now, pinged: now })
    }

    /// The interval that the server announced.
    pub fn set_heartbeat(&mut self, heartbeat: Duration) {
        self.heartbeat = heartbeat.max(Duration::from_millis(10));
    }

    /// What comes next. May be dropped and called again without losing anything.
    pub async fn next(&mut self) -> Incoming {
        let next = self.socket.next().await;
        self.heard = Instant::now();
        match next {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(frame) => Incoming::Frame(Box::new(frame)),
                Err(error) => {
                    // Not fatal: if it had a place in a channel's sequence, the next frame shows the gap.
                    log::warn!("a frame from the server cannot be read: {error}");
                    Incoming::Sign
                }
            },
            Some(Ok(Message::Close(frame))) => match frame {
                Some(frame) => Incoming::Closed { code: Some(frame.code.into()), reason: frame.reason.to_string() },
                None => Incoming::Closed { code: None, reason: "closed without a code".to_owned() },
            },
            Some(Ok(_)) => Incoming::Sign,
            Some(Err(error)) => Incoming::Closed { code: None, reason: error.to_string() },
            None => Incoming::Closed { code: None, reason: "the connection ended".to_owned() },
        }
    }

    /// Writes frames, in order. An error is the end of the connection.
    pub async fn send(&mut self, frames: impl IntoIterator<Item = ClientFrame>) -> Result<(), String> {
        let write = async {
            for frame in frames {
                self.socket.feed(Message::text(frame.to_json())).await?;
            }
            self.socket.flush().await
        };
        match tokio::time::timeout(self.grace, write).await {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err("the server does not read what is sent".to_owned()),
        }
    }

    /// When [`Self::tick`] has something to do.
    pub fn tick_at(&self) -> Instant {
        (self.pinged + self.heartbeat).min(self.heard + self.heartbeat + self.grace)
    }

    /// Pings when it is time to, and tells when the peer has been silent for too long.
    pub async fn tick(&mut self) -> Result<(), String> {
        let now = Instant::now();
        if now >= self.heard + self.heartbeat + self.grace {
            return Err(format!("nothing heard for {} s", (now - self.heard).as_secs()));
        }
        if now >= self.pinged + self.heartbeat {
            self.pinged = now;
            self.send([ClientFrame::Ping]).await?;
        }
        Ok(())
    }

    /// Nobody has been reading: that nothing was heard says nothing about the peer.
    pub fn not_read(&mut self) {
        self.heard = Instant::now();
    }

    /// Says goodbye, for at most a second.
    pub async fn close(mut self) {
        let goodbye = async {
            if self.socket.close(None).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        // Whoever does not answer in time is left.
        let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    }
}

pub(super) fn request(url: &str, token: &str) -> Result<Request<()>, ConnectError> {
    let mut request = url.into_client_request().map_err(|error| ConnectError::Failed(error.to_string()))?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ConnectError::BadToken)?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    Ok(request)
}

pub(super) async fn upgrade(request: Request<()>) -> Result<Socket, ConnectError> {
    let config = WebSocketConfig::default().max_message_size(Some(MAX_FRAME)).max_frame_size(Some(MAX_FRAME));
    let upgraded = Box::pin(connect_async_with_config(request, Some(config), true)).await;
    upgraded.map(|(socket, _)| socket).map_err(refused)
}

pub(super) fn refused(error: tungstenite::Error) -> ConnectError {
    match error {
        tungstenite::Error::Http(response) => {
            let status = response.status().as_u16();
            let body = response.into_body().unwrap_or_default();
            ConnectError::Refused { status, detail: detail(&body) }
        }
        tungstenite::Error::Io(error) => ConnectError::Failed(format!("cannot reach the server: {error}")),
        error => ConnectError::Failed(error.to_string()),
    }
}

/// What a problem body says, or as much of another body as helps.
fn detail(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(16 << 10)]);
    let problem: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let said = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str()).unwrap_or(&text);
    said.chars().filter(|char| !char.is_control()).take(MAX_DETAIL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_of_a_websocket_will_do() {
        assert!(check_url("ws://127.0.0.1:8080/ws").is_ok());
        assert!(check_url("wss://chat.example.org/ws").is_ok());
        for bad in ["", "127.0.0.1:8080", "http://127.0.0.1:8080/ws", "ws://", "ws:///ws"] {
            assert_eq!(check_url(bad), Err(InvalidUrl { url: bad.to_owned() }));
        }
    }

    #[test]
    fn a_problem_body_is_told_by_its_detail() {
        assert_eq!(detail(br#"{"status":401,"detail":"the token has expired"}"#), "the token has expired");
        assert_eq!(detail(b"<html>\n\x1b[31mno"), "<html>[31mno");
    }
}
