//! Where the daemon is: its WebSocket address, taken apart, and what follows from it.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use reqwest::Url;

use super::BenchError;

const CONNECT: Duration = Duration::from_secs(5);

/// A daemon that answers.
#[derive(Debug, Clone)]
pub struct Address {
    /// As it was given.
    pub url: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
    path: String,
    /// Of REST, without a slash at the end.
    pub(crate) api: String,
    /// What the name stands for: the first address that took a connection.
    pub(crate) at: SocketAddr,
}

impl Address {
    /// Takes the URL apart and makes sure that somebody is there.
    pub fn find(text: &str) -> Result<Self, BenchError> {
        let (parts, addresses) = Self::resolve(text)?;
        let mut last = None;
        for at in addresses {
            match TcpStream::connect_timeout(&at, CONNECT) {
                Ok(_) => return Ok(Self { at, ..parts }),
                Err(error) => last = Some(error),
            }
        }
        let why = last.map_or_else(|| "the name has no address".to_owned(), |error| error.to_string());
        Err(BenchError::Failed(format!("cannot connect to {text}: {why}")))
    }

    fn resolve(text: &str) -> Result<(Self, Vec<SocketAddr>), BenchError> {
        let wrong = |why: &str| BenchError::Usage(format!("{text} is no address of a daemon's WebSocket: {why}"));
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        let is_tls = match url.scheme() {
            "ws" => false,
            "wss" => true,
            _ => return Err(wrong("it has to begin with ws:// or wss://")),
        };
        let host = url.host_str().ok_or_else(|| wrong("there is no host in it"))?.to_owned();
        let port = url.port().unwrap_or(if is_tls { 443 } else { 80 });
        // A proxy may put the daemon below a path: REST is then beside the socket.
        let below = url.path().strip_suffix("/ws").ok_or_else(|| wrong("its path has to end with /ws"))?;
        let scheme = if is_tls { "https" } else { "http" };
        let api = format!("{scheme}://{host}:{port}{below}/api/v1");
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let addresses = (bare.as_str(), port)
            .to_socket_addrs()
            .map_err(|error| BenchError::Failed(format!("cannot find {host}: {error}")))?
            .collect();
        let at = SocketAddr::from(([0, 0, 0, 0], 0));
        Ok((Self { url: text.to_owned(), host, port, is_tls, path: url.path().to_owned(), api, at }, addresses))
    }

    /// What asks for a socket.
    pub(crate) fn upgrade(&self, token: &str) -> Vec<u8> {
        // The key needs no randomness: no cache stands between us and a daemon that we measure.
        format!(
            "GET {} HTTP/1.1\r\nHost: {}:{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Authorization: Bearer {token}\r\n\r\n",
            self.path, self.host, self.port
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_is_beside_the_socket() {
        for (url, api, port, is_tls) in [
            ("ws://127.0.0.1:8080/ws", "http://127.0.0.1:8080/api/v1", 8080, false),
            ("wss://127.0.0.1/ws", "https://127.0.0.1:443/api/v1", 443, true),
            ("ws://127.0.0.1/chat/ws", "http://127.0.0.1:80/chat/api/v1", 80, false),
            ("ws://[::1]:9/ws", "http://[::1]:9/api/v1", 9, false),
        ] {
            let (address, addresses) = Address::resolve(url).unwrap();
            assert_eq!((address.api.as_str(), address.port, address.is_tls), (api, port, is_tls));
            assert_eq!(addresses.len(), 1, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for url in ["", "127.0.0.1:8080", "http://127.0.0.1/ws", "ws://127.0.0.1/", "ws:///ws"] {
            assert!(matches!(Address::resolve(url), Err(BenchError::Usage(_))), "{url}");
        }
    }
}
