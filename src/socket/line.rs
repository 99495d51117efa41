//! The connection itself, held from outside of the framework: a duplicate of its file descriptor that can end it
//! whatever the peer and the response body do.
//!
//! Made in `HttpServer::on_connect`, found by handlers through the connection's data. Never reads nor writes.

use std::any::Any;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, rt};

/// What the connection's data own. Only this keeps the descriptor, so that the socket closes when the server lets go.
#[derive(Debug)]
struct Owner {
    stream: TcpStream,
    head_arrived: AtomicBool,
    /// Where the connection is counted; dropped with it.
    _place: Box<dyn Any + Send + Sync>,
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

    /// Tells that a whole request head has come, so that the head time-out no longer ends the connection.
    pub fn head_arrived(&self) {
        if let Some(owner) = self.owner.upgrade() {
            owner.head_arrived.store(true, Ordering::Relaxed);
        }
    }
}

/// For `HttpServer::on_connect`: keeps a line in the connection's data and ends the connection unless a request head has
/// come within `head_timeout` (an accepted socket that sends nothing is otherwise never closed). `admit` counts it and
/// gives what is dropped with it; where it gives none the connection is ended at once.
pub fn on_connect<P: Any + Send + Sync>(
    connection: &dyn Any,
    data: &mut Extensions,
    head_timeout: Duration,
    admit: impl FnOnce(SocketAddr) -> Option<P>,
) {
    let Some(connection) = connection.downcast_ref::<rt::net::TcpStream>() else { return };
    let stream = match connection.as_fd().try_clone_to_owned() {
        Ok(descriptor) => TcpStream::from(descriptor),
        Err(error) => {
            log::warn!("cannot hold on to a connection, it gets no time-outs and no WebSocket: {error}");
            return;
        }
    };
    // Without an address the peer has gone already.
    let Some(place) = stream.peer_addr().ok().and_then(admit) else {
        let _ = stream.shutdown(Shutdown::Both);
        return;
    };
    let owner = Arc::new(Owner { stream, head_arrived: AtomicBool::new(false), _place: Box::new(place) });
    let watched = Arc::downgrade(&owner);
    rt::spawn(async move {
        rt::time::sleep(head_timeout).await;
        if let Some(owner) = watched.upgrade()
            && !owner.head_arrived.load(Ordering::Relaxed)
        {
            let _ = owner.stream.shutdown(Shutdown::Both);
        }
    });
    data.insert(owner);
}

/// For `middleware::from_fn`, outermost: a request that comes to a service has a whole head.
pub async fn mark_head(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if let Some(owner) = request.conn_data::<Arc<Owner>>() {
        owner.head_arrived.store(true, Ordering::Relaxed);
    }
    next.call(request).await
}
