//! TLS at the daemon's own address: the certificate and its key, and the handshake of who connects.
//!
//! Made by the composition root, asked by the web server for each connection that it accepts, and by what wants to reach a
//! daemon by its own certificate. Never looks into what is sent, and reads files only when it is told to.

mod ours;
mod pair;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub use ours::only_with;
pub use pair::{Content, Facts, Files, Pair, PairError};

/// What waits to be sent on a connection, beyond which it takes no more: a record and some.
const SEND_BUFFER: usize = 32 * 1024;

/// The certificate that the daemon shows. Cheap to clone; all clones show the same one.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pair: RwLock<Pair>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Whoever wrote it may be told.
    #[error("it began with a request in the clear")]
    Clear(TcpStream),
    #[error("no handshake within {} ms", .0.as_millis())]
    Late(Duration),
    #[error("the handshake failed: {0}")]
    Failed(#[from] io::Error),
}

/// The certificate that a host shows, whoever it is. Says nothing to it.
pub async fn shown_by(host: &str, port: u16) -> io::Result<Facts> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(ours::any().map_err(io::Error::other)?));
    let stream = connector.connect(name, TcpStream::connect((host, port)).await?).await?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificate = chain.first().ok_or_else(|| io::Error::other("it shows no certificate"))?;
    Facts::of(certificate).map_err(io::Error::other)
}

impl Tls {
    pub fn new(pair: Pair) -> Self {
        Self(Arc::new(Shared { pair: RwLock::new(pair) }))
    }

    /// From now on new connections see this one. Those that are open stay.
    pub fn replace(&self, pair: Pair) {
        *self.0.pair.write() = pair;
    }

    /// What the certificate says that is shown now.
    pub fn facts(&self) -> Facts {
        self.0.pair.read().facts.clone()
    }

    /// Makes a connection safe, within this time.
    pub async fn accept(&self, tcp: TcpStream, within: Duration) -> Result<TlsStream<TcpStream>, Refused> {
        timeout(within, self.shake(tcp)).await.unwrap_or(Err(Refused::Late(within)))
    }

    async fn shake(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Refused> {
        let mut first = [0];
        // Who is silent waits in nobody's way.
        if tcp.peek(&mut first).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        // No record of a handshake begins so, and every request in the clear does.
        if first[0].is_ascii_alphabetic() {
            return Err(Refused::Clear(tcp));
        }
        // Without a turn that somebody else could hold: a handshake takes no more than an open connection, and as those it is
        // bounded by its address, and by its time.
        let acceptor = TlsAcceptor::from(Arc::clone(&self.0.pair.read().config));
        Ok(acceptor.accept_with(tcp, |session| session.set_buffer_limit(Some(SEND_BUFFER))).await?)
    }

    /// Connects to the daemon itself, which is known by its certificate and not by its name.
    pub async fn connect(&self, addr: SocketAddr) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let certificate = self.0.pair.read().certificate.clone();
        let connector = TlsConnector::from(Arc::new(only_with(certificate).map_err(io::Error::other)?));
        let tcp = TcpStream::connect(addr).await?;
        connector.connect(addr.ip().into(), tcp).await
    }
}
