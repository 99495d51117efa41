//! The connection itself, held from outside of the framework: a duplicate of its file descriptor that can end it
//! whatever the peer and the response body do.
//!
//! Made in `HttpServer::on_connect`, found by handlers through the connection's data. Never reads nor writes.

use std::any::Any;
use std::net::{Shutdown, SocketAddr, TcpStream};
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
use parking_lot::Mutex;
use socket2::SockRef;

/// What the connection's data own. Only this keeps the descriptor, so that the socket closes when the server lets go.
#[derive(Debug)]
struct Owner {
    stream: TcpStream,
    times: Times,
    traffic: Mutex<Traffic>,
    watcher: rt::task::JoinHandle<()>,
    /// Where the connection is counted; dropped with it.
    _place: Box<dyn Any + Send + Sync>,
}

/// What the peer asks, and since when it has asked nothing.
#[derive(Debug)]
struct Traffic {
    /// Requests whose answers are not yet given in full, an upgraded socket among them.
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

/// A request that is being answered: goes with the answer's body, so that it ends with that.
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

/// The body of an answer, and what ends with it.
struct Answering<B> {
    body: B,
    _request: Option<InFlight>,
}

impl<B: MessageBody + Unpin> MessageBody for Answering<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(cx)
    }
}

/// A handle on a connection. Cheap to clone, usable from any thread; keeps nothing open.
#[derive(Debug, Clone)]
pub struct Line {
    owner: Weak<Owner>,
    peer: SocketAddr,
}

impl Line {
    /// The line of a request's connection. None where [`on_connect`] could not duplicate the descriptor or was not
    /// set: refuse an upgrade then, since nothing could end it.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        request.conn_data::<Arc<Owner>>().and_then(Self::handle)
    }

    fn handle(owner: &Arc<Owner>) -> Option<Self> {
        let peer = owner.stream.peer_addr().ok()?;
        Some(Self { owner: Arc::downgrade(owner), peer })
    }

    /// Ends the connection at once, unsent bytes included. Does nothing if it has ended.
    pub fn shutdown(&self) {
        if let Some(owner) = self.owner.upgrade() {
            // Fails only where the peer was faster.
            let _ = owner.stream.shutdown(Shutdown::Both);
        }
    }

    /// The address of the other end of the TCP connection, which may be a proxy's.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether the server still holds the connection.
    pub fn is_open(&self) -> bool {
        self.owner.strong_count() > 0
    }
}

/// How long a connection may be without a request that is being answered.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// For a whole head.
    pub head: Duration,
    /// From an answer to the beginning of the next head.
    pub keep_alive: Duration,
}

/// For `HttpServer::on_connect`: keeps a line in the connection's data and ends the connection when no whole head has come
/// in time: the framework itself never closes a socket that sends nothing, and looks at the time of the first head
/// alone. `admit` counts it and gives what is dropped with it; where it gives none the connection is ended at once.
pub fn on_connect<P: Any + Send + Sync>(
    connection: &dyn Any,
    data: &mut Extensions,
    times: Times,
    admit: impl FnOnce(SocketAddr) -> Option<P>,
) {
    let Some(connection) = connection.downcast_ref::<rt::net::TcpStream>() else { return };
    // Ended without a duplicate, since there may be no descriptor left for one. Fails only where the peer was faster.
    let refuse = || drop(SockRef::from(connection).shutdown(Shutdown::Both));
    // Without an address the peer has gone already.
    let Some(place) = connection.peer_addr().ok().and_then(admit) else { return refuse() };
    let stream = match connection.as_fd().try_clone_to_owned() {
        Ok(descriptor) => TcpStream::from(descriptor),
        Err(error) => {
            log::warn!("a connection is ended, since it cannot be held on to: {error}");
            return refuse();
        }
    };
    let traffic = Mutex::new(Traffic { in_flight: 0, quiet_since: Instant::now(), patience: times.head });
    let owner = Arc::new_cyclic(|owner| {
        let watcher = rt::spawn(watch(owner.clone(), times.head));
        Owner { stream, times, traffic, watcher, _place: Box::new(place) }
    });
    data.insert(owner);
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

/// For `middleware::from_fn`, outermost: a request that comes to a service has a whole head, and is in flight until its
/// answer has been given in full or the connection is gone.
pub async fn mark_head(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let in_flight = request.conn_data::<Arc<Owner>>().map(InFlight::new);
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| Answering { body: body.boxed(), _request: in_flight }))
}
