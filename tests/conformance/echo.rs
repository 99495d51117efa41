//! A server that says back what it is told, on the daemon's own sockets: the same web server, handshake, line, guard,
//! decoder and outbox as `GET /ws`. Only what the daemon would do with a message is another: here it goes back.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, middleware, web};
use actix_web_actors::ws;
use futures_util::StreamExt;
use tenfour::socket::line::{mark_head, on_connect};
use tenfour::socket::{Event, Inbound, Limits, Line, Outbox, Times, WRITE_FROM, frame};

/// More than the largest message of a case, of 16 MiB.
const MAX_MESSAGE: usize = 20 << 20;
const LIMITS: Limits =
    Limits { bytes: 64 << 20, frames: 1 << 20, grace: Duration::from_secs(1), close_deadline: Duration::from_secs(2) };
const TIMES: Times = Times { head: Duration::from_secs(5), keep_alive: Duration::from_secs(5) };
const BINARY: u8 = 0x82;

/// Where it listens, and what stops it.
pub fn start() -> (SocketAddr, ServerHandle) {
    let server = HttpServer::new(|| App::new().wrap(middleware::from_fn(mark_head)).route("/", web::get().to(upgrade)))
        .on_connect(|connection, data| on_connect(connection, data, TIMES, |_| Some(())))
        .h1_write_buffer_size(WRITE_FROM)
        .tcp_nodelay(true)
        .workers(1)
        .disable_signals()
        .bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, handle)
}

async fn upgrade(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Error> {
    let mut response = ws::handshake(&request)?;
    let (outbox, body) = Outbox::open(LIMITS, Line::of(&request));
    let events = Inbound::new(payload.into_inner(), MAX_MESSAGE);
    let goodbye = Arc::new(AtomicBool::new(false));
    actix_web::rt::spawn(echo(outbox.clone(), events, Arc::clone(&goodbye)));
    let body = body.on_gone(move || {
        // As the session is told by a message: what is on its way out has been written by then.
        actix_web::rt::spawn(async move {
            if goodbye.load(Ordering::Acquire) {
                outbox.kill();
            }
        });
    });
    Ok(response.body(body))
}

/// As a session does it, but for what a message means.
async fn echo<S>(outbox: Outbox, mut events: Inbound<S>, goodbye: Arc<AtomicBool>)
where
    Inbound<S>: StreamExt<Item = Result<Event, tenfour::socket::InboundError>> + Unpin,
{
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Text(text)) => drop(outbox.push(frame::text(text.as_bytes()))),
            Ok(Event::Binary(content)) => drop(outbox.push(binary(&content))),
            Ok(Event::Ping(payload)) => drop(outbox.push(frame::pong(&payload))),
            Ok(Event::Pong(_)) => {}
            Ok(Event::Close(code)) => {
                goodbye.store(true, Ordering::Release);
                outbox.close(code.unwrap_or(1000), "");
            }
            Err(error) => match error.close_code() {
                Some(code) => drop(outbox.close(code, error.to_string())),
                None => outbox.kill(),
            },
        }
    }
    if !outbox.is_closed() {
        outbox.kill();
    }
}

/// The daemon itself sends no binary message: that of a text with another opcode.
fn binary(content: &[u8]) -> web::Bytes {
    let mut framed = frame::text(content).to_vec();
    framed[0] = BINARY;
    framed.into()
}
