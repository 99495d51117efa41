//! One upgrade, to see how a daemon is reached: what it says of who asks.
//!
//! For `tenfour doctor`. Says nothing but its headers, and holds no connection.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

use super::connection::{self, ConnectError};

const WITHIN: Duration = Duration::from_secs(5);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// From where the connection went out.
    pub from: Option<IpAddr>,
    /// The first text.
    pub text: String,
}

pub async fn probe(url: &str, headers: &[(&str, &str)]) -> Result<Probed, ConnectError> {
    timeout(WITHIN, ask(url, headers)).await.unwrap_or(Err(ConnectError::TimedOut(WITHIN)))
}

async fn ask(url: &str, headers: &[(&str, &str)]) -> Result<Probed, ConnectError> {
    let failed = |why: String| ConnectError::Failed(why);
    let mut request = url.into_client_request().map_err(|error| failed(error.to_string()))?;
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).map_err(|error| failed(error.to_string()))?;
        let value = HeaderValue::try_from(*value).map_err(|error| failed(error.to_string()))?;
        request.headers_mut().insert(name, value);
    }
    let mut socket = connection::upgrade(request).await?;
    let tcp = match socket.get_ref() {
        MaybeTlsStream::Plain(tcp) => Some(tcp),
        MaybeTlsStream::Rustls(stream) => Some(stream.get_ref().0),
        _ => None,
    };
    let from = tcp.and_then(|tcp| tcp.local_addr().ok()).map(|addr| addr.ip().to_canonical());
    match socket.next().await {
        Some(Ok(Message::Text(text))) => Ok(Probed { from, text: text.to_string() }),
        Some(Err(error)) => Err(failed(error.to_string())),
        _ => Err(failed("the connection ended before anything was said".to_owned())),
    }
}
