//! A connection that never waits, with or without TLS.

use std::io::{self, Read, Write};
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::BenchError;
use super::address::Address;

/// What every connection to one daemon is made with.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) address: Arc<Address>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Dialer {
    pub(crate) fn new(address: &Address) -> Result<Self, BenchError> {
        let tls = if address.is_tls { Some(tls(address)?) } else { None };
        Ok(Self { address: Arc::new(address.clone()), tls })
    }

    /// Begins a connection: it is there when it can be written to.
    pub(crate) fn dial(&self) -> io::Result<Stream> {
        let tcp = TcpStream::connect(self.address.at)?;
        match &self.tls {
            None => Ok(Stream::Plain(tcp)),
            Some((config, name)) => {
                let session = ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
                Ok(Stream::Tls(Box::new(StreamOwned::new(session, tcp))))
            }
        }
    }
}

fn tls(address: &Address) -> Result<(Arc<ClientConfig>, ServerName<'static>), BenchError> {
    let failed = |error: &dyn std::fmt::Display| BenchError::Failed(format!("cannot speak TLS: {error}"));
    let mut roots = RootCertStore::empty();
    // What cannot be read is left out: if it was the one that is needed, the handshake says so.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = address.host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|error| failed(&error))?;
    Ok((Arc::new(config), name))
}

pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    pub(crate) fn tcp(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(stream) => &mut stream.sock,
        }
    }

    /// Whether a read of less than was asked for leaves nothing behind.
    pub(crate) fn ends_with_a_short_read(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(from),
            Self::Tls(stream) => stream.write(from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
