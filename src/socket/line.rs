//! A connection while the web server has it, held from outside: a duplicate of its file descriptor that can end it
//! whatever the peer and the server do.
//!
//! Made when the server accepts a connection, found by handlers through the connection's data, let go when a socket is
//! taken over. Never reads nor writes.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, rt};
use bytes::Bytes;
use futures_util::ready;
use parking_lot::Mutex;
use socket2::SockRef;

use super::stream::Stream;

/// The most of an answer that is given to the server at once.
const PIECE: usize = 16 * 1024;

/// What the connection's data own. Only this keeps the descriptor, so that the socket closes when the server lets go.
#[derive(Debug)]
struct Owner {
    stream: TcpStream,
    times: Times,
    traffic: Mutex<Traffic>,
    watcher: rt::task::JoinHandle<()>,
    /// Given on to whoever takes the connection over.
    place: Mutex<Option<Place>>,
}

/// Where a connection is counted; dropped with it.
pub type Place = Box<dyn Any + Send + Sync>;

/// What the peer asks, and since when it has asked nothing and taken nothing.
#[derive(Debug)]
struct Traffic {
    /// Requests that have no answer yet.
    in_flight: usize,
    quiet_since: Instant,
    /// How long it may be quiet: until the first request a head's time, later also what a connection is kept for.
    patience: Duration,
}

impl Owner {
    /// How long to wait before looking again; None: it has been quiet for too long.
    fn wait(&self) -> Option<Duration> {
        let traffic = self.traffic.lock();
        if traffic.in_flight > 0 {
            return Some(traffic.patience);
        }
        traffic.patience.checked_sub(traffic.quiet_since.elapsed()).filter(|wait| !wait.is_zero())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

/// A request that has no answer yet.
#[derive(Debug)]
struct InFlight(Weak<Owner>);

impl InFlight {
    fn new(owner: &Arc<Owner>) -> Self {
        let mut traffic = owner.traffic.lock();
        traffic.in_flight += 1;
        traffic.patience = owner.times.head + owner.times.keep_alive;
        Self(Arc::downgrade(owner))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(owner) = self.0.upgrade() {
            let mut traffic = owner.traffic.lock();
            traffic.in_flight -= 1;
            traffic.quiet_since = Instant::now();
        }
    }
}

/// The body of an answer, given in pieces. The server asks for the next one when the peer has taken enough of those before
/// it: that is how a peer that takes nothing is told from one that is slow.
struct Answering<B> {
    body: B,
    /// What is left of what the body gave last.
    rest: Bytes,
    owner: Option<Weak<Owner>>,
}

impl<B: MessageBody + Unpin> MessageBody for Answering<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        let this = self.get_mut();
        if let Some(owner) = this.owner.as_ref().and_then(Weak::upgrade) {
            owner.traffic.lock().quiet_since = Instant::now();
        }
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_next(cx)) {
                Some(Ok(given)) => this.rest = given,
                ended => return Poll::Ready(ended),
            }
        }
        Poll::Ready(Some(Ok(this.rest.split_to(this.rest.len().min(PIECE)))))
    }
}

/// The place of a request's connection, for who takes it over. The duplicate goes with the request.
pub fn let_go(request: &HttpRequest) -> Option<Place> {
    request.conn_data::<Arc<Owner>>().and_then(|owner| owner.place.lock().take())
}

/// How long a connection may be without a request that is being answered.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// For a whole head.
    pub head: Duration,
    /// From an answer to the beginning of the next head.
    pub keep_alive: Duration,
}

/// For each connection that the server accepts: keeps a line in the connection's data and ends the connection when no whole head has come
/// in time: the framework itself never closes a socket that sends nothing, and looks at the time of the first head
/// alone.
pub fn on_connect(connection: &Stream, data: &mut Extensions, times: Times) {
    let (place, connection) = (connection.take_place(), connection.tcp());
    // Small frames one after the other would wait for the peer's acknowledgement of the one before. Fails only where the
    // peer was faster.
    let _ = connection.set_nodelay(true);
    let stream = match connection.as_fd().try_clone_to_owned() {
        Ok(descriptor) => TcpStream::from(descriptor),
        Err(error) => {
            log::warn!("a connection is ended, since it cannot be held on to: {error}");
            return end(connection);
        }
    };
    let traffic = Mutex::new(Traffic { in_flight: 0, quiet_since: Instant::now(), patience: times.head });
    let owner = Arc::new_cyclic(|owner| {
        let watcher = rt::spawn(watch(owner.clone(), times.head));
        Owner { stream, times, traffic, watcher, place: Mutex::new(place) }
    });
    data.insert(owner);
}

/// Ends a connection without a duplicate, since there may be no descriptor left for one. Fails only where the peer was faster.
pub fn end(connection: &rt::net::TcpStream) {
    drop(SockRef::from(connection).shutdown(Shutdown::Both));
}

async fn watch(owner: Weak<Owner>, first: Duration) {
    let mut wait = first;
    loop {
        rt::time::sleep(wait).await;
        let Some(owner) = owner.upgrade() else { return };
        let Some(next) = owner.wait() else {
            // Fails only where the peer was faster.
            let _ = owner.stream.shutdown(Shutdown::Both);
            return;
        };
        wait = next;
    }
}

/// For `middleware::from_fn`, outermost: a request that comes to a service has a whole head, and is in flight until it has
/// its answer or the connection is gone. From then on the peer has to take that, piece by piece.
pub async fn mark_head(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let owner = request.conn_data::<Arc<Owner>>().map(Arc::downgrade);
    let in_flight = request.conn_data::<Arc<Owner>>().map(InFlight::new);
    let response = next.call(request).await?;
    drop(in_flight);
    Ok(response.map_body(|_, body| Answering { body: body.boxed(), rest: Bytes::new(), owner }))
}
