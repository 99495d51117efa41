//! A connection as it was accepted, in the clear or by TLS, while the web server has it.
//!
//! Made at the door, which counts it; taken apart where a socket is made of it. Never reads by itself.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::line::Place;
use super::secure::Secure;

pub struct Stream {
    way: Way,
    /// Where it is counted, until somebody takes that.
    place: Cell<Option<Place>>,
}

enum Way {
    Clear(TcpStream),
    // Large, and most connections have none.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub fn clear(tcp: TcpStream, place: Option<Place>) -> Self {
        Self { way: Way::Clear(tcp), place: Cell::new(place) }
    }

    pub fn tls(stream: TlsStream<TcpStream>, place: Option<Place>) -> Self {
        Self { way: Way::Tls(Box::new(stream)), place: Cell::new(place) }
    }

    pub fn tcp(&self) -> &TcpStream {
        match &self.way {
            Way::Clear(tcp) => tcp,
            Way::Tls(stream) => stream.get_ref().0,
        }
    }

    pub(super) fn take_place(&self) -> Option<Place> {
        self.place.take()
    }

    /// The connection, and what makes its bytes safe.
    pub(super) fn into_parts(self) -> (TcpStream, Option<Secure>) {
        match self.way {
            Way::Clear(tcp) => (tcp, None),
            Way::Tls(stream) => {
                let (tcp, session) = stream.into_inner();
                (tcp, Some(Secure::new(session)))
            }
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Self::clear(tcp, None)
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Clear(tcp) => Pin::new(tcp).poll_read(cx, into),
            Way::Tls(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().way {
            Way::Clear(tcp) => Pin::new(tcp).poll_write(cx, from),
            Way::Tls(stream) => Pin::new(stream).poll_write(cx, from),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Clear(tcp) => Pin::new(tcp).poll_flush(cx),
            Way::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Clear(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Way::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
