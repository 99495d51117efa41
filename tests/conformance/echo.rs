//! A server that says back what it is told, on the daemon's own sockets: the same web server, handshake, line, guard,
//! decoder and outbox as `GET /ws`. Only what the daemon would do with a message is another: here it goes back.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_service::map_config;
use actix_web::dev::{AppConfig, Server, ServerHandle};
use actix_web::{App, Error, HttpRequest, HttpResponse, middleware, web};
use actix_web_actors::ws;
use futures_util::StreamExt;
use tenfour::http::takeover::{connections, hand_over};
use tenfour::socket::line::mark_head;
use tenfour::socket::{Event, Inbound, Limits, Outbox, Times, frame};

/// More than the largest message of a case, of 16 MiB.
const MAX_MESSAGE: usize = 20 << 20;
const LIMITS: Limits =
    Limits { bytes: 64 << 20, frames: 1 << 20, grace: Duration::from_secs(1), close_deadline: Duration::from_secs(2) };
const TIMES: Times = Times { head: Duration::from_secs(5), keep_alive: Duration::from_secs(5) };
const BINARY: u8 = 0x82;

/// Where it listens, and what stops it.
pub fn start() -> (SocketAddr, ServerHandle) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let routes = || {
        let app = App::new().wrap(middleware::from_fn(mark_head)).route("/", web::get().to(upgrade));
        map_config(app, |()| AppConfig::default())
    };
    let server = Server::build()
        .workers(1)
        .disable_signals()
        .listen("echo", listener, move || connections(routes, TIMES, None, |_| Some(())))
        .unwrap()
        .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, handle)
}

async fn upgrade(request: HttpRequest) -> Result<HttpResponse, Error> {
    let mut response = ws::handshake(&request)?.finish();
    hand_over(&mut response, |taken| {
        let (outbox, reader) = Outbox::open(LIMITS, taken);
        let events = Inbound::new(reader, MAX_MESSAGE);
        let goodbye = Arc::new(AtomicBool::new(false));
        let gone = (outbox.clone(), Arc::clone(&goodbye));
        outbox.on_gone(move || {
            // As the session is told by a message: what is on its way out has been written by then.
            let (outbox, goodbye) = gone;
            actix_web::rt::spawn(async move {
                if goodbye.load(Ordering::Acquire) {
                    outbox.kill();
                }
            });
        });
        actix_web::rt::spawn(echo(outbox, events, goodbye));
    });
    Ok(response)
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
