//! The door of a web server: each connection is counted or ended, and made safe where that is asked for, before the server
//! has it.
//!
//! Run by the web server's workers for each connection that they accept. Reads no request, but of who asks in the clear where
//! nothing is said in the clear.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use actix_http::error::DispatchError;
use actix_web::ResponseError;
use actix_web::rt::net::TcpStream;
use prometheus_client::metrics::counter::Counter;
use tokio::io::AsyncWriteExt;

use super::problem::{PROBLEM_JSON, Problem};
use crate::protocol::error::{ErrorCode, Refusal};
use crate::socket::line::{self, Place};
use crate::socket::{Stream, Times, linger};
use crate::tls::{Refused, Tls};

/// How connections are made safe, and where those that could not be are counted.
#[derive(Clone)]
pub struct Secured {
    pub tls: Tls,
    pub failed: Counter,
}

/// Whether a connection from there is let in: then the place where it is counted.
pub(super) type Admit = Rc<dyn Fn(SocketAddr) -> Option<Place>>;

pub(super) async fn enter(
    tcp: TcpStream,
    times: Times,
    secured: Option<Secured>,
    admit: Admit,
) -> Result<(Stream, Option<SocketAddr>), DispatchError> {
    // Without an address the peer has gone already.
    let Ok(peer) = tcp.peer_addr() else { return Err(gone()) };
    let Some(place) = admit(peer) else {
        line::end(&tcp);
        return Err(gone());
    };
    let stream = match secured {
        None => Stream::clear(tcp, Some(place)),
        // Large, and most daemons have none.
        Some(secured) => Box::pin(secured.shake(tcp, peer, place, times)).await?,
    };
    Ok((stream, Some(peer)))
}

impl Secured {
    async fn shake(
        self,
        tcp: TcpStream,
        peer: SocketAddr,
        place: Place,
        times: Times,
    ) -> Result<Stream, DispatchError> {
        let refused = match self.tls.accept(tcp, times.head).await {
            Ok(stream) => return Ok(Stream::tls(stream, Some(place))),
            Err(refused) => refused,
        };
        self.failed.inc();
        log::debug!("a connection from {} is ended: {refused}", peer.ip());
        if let Refused::Clear(tcp) = refused {
            // Who does not take the answer keeps his place no longer than for a head.
            drop(tokio::time::timeout(times.head, answer(tcp)).await);
        }
        drop(place);
        Err(gone())
    }
}

/// What a request in the clear is answered.
async fn answer(mut tcp: TcpStream) -> io::Result<()> {
    let text = "this address speaks TLS alone: use https:// or wss://";
    let problem = Problem::from(Refusal::new(ErrorCode::InvalidFrame, text));
    let (status, body) = (problem.status_code(), problem.body(None));
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    tcp.write_all(&[head.as_bytes(), &body].concat()).await?;
    linger(&tcp).await;
    Ok(())
}

fn gone() -> DispatchError {
    DispatchError::Io(io::ErrorKind::ConnectionAborted.into())
}
