use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use actix_service::map_config;
use actix_web::dev::{AppConfig, Server, ServerHandle};
use actix_web::{App, middleware, web};
use socket2::{Domain, Socket, Type};
use tokio::io::AsyncReadExt;

use super::*;
use crate::socket::line::mark_head;

const TIMES: Times = Times { head: Duration::from_millis(400), keep_alive: Duration::from_millis(200) };
/// More than fits between a server and a peer with small buffers.
const LARGE: usize = 4 << 20;
const BUFFER: usize = 32 * 1024;
const ASK: &[u8] = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
const ASK_FOR_UPGRADE: &[u8] = b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// Counts who is connected.
#[derive(Clone, Default)]
struct Connected(Arc<AtomicUsize>);

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Connected {
    fn one(&self) -> Counted {
        self.0.fetch_add(1, Ordering::AcqRel);
        Counted(Arc::clone(&self.0))
    }

    /// Whether all are gone by then.
    async fn none_within(&self, time: Duration) -> bool {
        let start = Instant::now();
        while self.0.load(Ordering::Acquire) > 0 {
            if start.elapsed() > time {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }
}

fn small_buffers() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_send_buffer_size(BUFFER).unwrap();
    socket.set_recv_buffer_size(BUFFER).unwrap();
    socket
}

/// A server of one large answer.
fn serve_large(connected: &Connected) -> (SocketAddr, ServerHandle) {
    let socket = small_buffers();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(16).unwrap();
    let listener = std::net::TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let routes = || {
        let large = web::get().to(|| async { HttpResponse::Ok().body(vec![b'x'; LARGE]) });
        let app = App::new().wrap(middleware::from_fn(mark_head)).route("/large", large);
        map_config(app, |()| AppConfig::default())
    };
    let connected = connected.clone();
    let admit = move || {
        let connected = connected.clone();
        connections(routes, TIMES, None, move |_| Some(connected.one()))
    };
    let server = Server::build().workers(1).disable_signals().listen("large", listener, admit).unwrap().run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, handle)
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = small_buffers();
    socket.connect(&address.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    TcpStream::from_std(socket.into()).unwrap()
}

#[actix_web::test]
async fn who_takes_no_answer_is_ended() {
    let connected = Connected::default();
    let (address, server) = serve_large(&connected);
    for ask in [ASK, ASK_FOR_UPGRADE] {
        let mut peer = connect(address);
        peer.write_all(ask).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), peer.readable()).await.unwrap().unwrap();
        assert!(connected.0.load(Ordering::Acquire) == 1);
        assert!(connected.none_within(Duration::from_secs(5)).await, "{}", String::from_utf8_lossy(ask));
    }
    server.stop(false).await;
}

#[actix_web::test]
async fn who_is_slow_gets_the_whole_answer() {
    let connected = Connected::default();
    let (address, server) = serve_large(&connected);
    // In pieces, whatever was asked for: one that is held whole is given up on before it is taken.
    for ask in [ASK, ASK_FOR_UPGRADE] {
        let mut peer = connect(address);
        peer.write_all(ask).await.unwrap();
        let (start, mut piece, mut read) = (Instant::now(), vec![0; 32 * 1024], 0);
        while read < LARGE {
            let count = tokio::time::timeout(Duration::from_secs(10), peer.read(&mut piece)).await.unwrap().unwrap();
            assert!(count > 0, "ended after {read} bytes: {}", String::from_utf8_lossy(ask));
            read += count;
            // Its pace: with each piece at least so much time goes by.
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        let patience = TIMES.head + TIMES.keep_alive;
        assert!(start.elapsed() > 2 * patience, "it was fast: {:?}", start.elapsed());
        drop(peer);
        assert!(connected.none_within(Duration::from_secs(5)).await);
    }
    server.stop(false).await;
}

#[actix_web::test]
async fn a_connection_sends_small_frames_at_once() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = listener.accept().unwrap().0;
    accepted.set_nonblocking(true).unwrap();
    let accepted = TcpStream::from_std(accepted).unwrap();
    assert!(!accepted.nodelay().unwrap());
    let accepted = Stream::from(accepted);
    line::on_connect(&accepted, &mut actix_web::dev::Extensions::new(), TIMES);
    assert!(accepted.tcp().nodelay().unwrap());
}
