//! The two web servers: who may open how many connections, and how they are bound.

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::h1::Codec;
use actix_http::{HttpService, Request};
use actix_service::{ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, ServerHandle, ServiceResponse};
use actix_web::rt::net::TcpStream;
use actix_web::{App as HttpApp, Error, middleware, web};

use super::StartError;
use crate::http;
use crate::http::app::App;
use crate::limits::lines::{self, Lines};
use crate::metrics;
use crate::socket::line::{mark_head, on_connect};
use crate::socket::{Times, Writer};

/// How coarse the web server's clock is.
const CLOCK_TICK: Duration = Duration::from_millis(500);
/// How long a peer's last bytes are awaited after an answer that ends its connection.
const DISCONNECT: Duration = Duration::from_secs(1);
/// What a worker of a web server opens for itself, at most.
const DESCRIPTORS_OF_A_WORKER: usize = 4;
/// Connections that may be accepted beyond those that are let in, to be told so.
const UNCOUNTED: usize = 16;
/// With room for fewer connections the start warns.
const FEW_LINES: usize = 1000;

/// A request for an upgrade, and its connection.
type Upgrade = (Request, Framed<TcpStream, Codec>);

pub(super) fn bind(address: SocketAddr, setting: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|error| StartError::Bind { address, setting, error })
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Who may open how many connections on the public and the admin address: descriptors are left for everything else.
pub(super) fn lines_of(sessions_per_address: usize) -> (Lines, Lines) {
    let per_address = lines::per_address(sessions_per_address);
    let count = |count: Option<i64>| count.and_then(|count| usize::try_from(count).ok());
    let (public, admin) = match count(metrics::max_fds()) {
        // No limit, or none that can be read.
        None => (usize::MAX, usize::MAX),
        Some(max) => {
            let open = count(metrics::open_fds()).unwrap_or_default() + 2 * workers() * DESCRIPTORS_OF_A_WORKER;
            let (public, admin) = lines::in_all(max, open);
            if public < FEW_LINES {
                log::warn!(
                    "the limit of {max} open files lets {public} connections in at a time; raise it for more \
                     (LimitNOFILE, ulimit -n)"
                );
            }
            (public, admin)
        }
    };
    (Lines::new(per_address, public), Lines::new(per_address, admin))
}

pub(super) fn serve(
    listener: TcpListener,
    app: &web::Data<App>,
    lines: Lines,
    times: Times,
    routes: fn(&mut web::ServiceConfig),
) -> Result<ServerHandle, StartError> {
    let app = app.clone();
    let refused = app.parts.metrics.lines_refused.clone();
    // What was accepted and not yet counted holds a descriptor as well. At the limit the server accepts no more.
    let of_a_worker = lines.limit().saturating_add(UNCOUNTED) / workers() + 1;
    let server = Server::build()
        .workers(workers())
        .max_concurrent_connections(of_a_worker)
        .shutdown_timeout(1)
        .disable_signals()
        .listen("http", listener, move || {
            let (app, lines, refused) = (app.clone(), lines.clone(), refused.clone());
            let routes = move || {
                let routes = HttpApp::new()
                    .app_data(app.clone())
                    .wrap(middleware::from_fn(http::trace::trace))
                    .wrap(middleware::from_fn(mark_head))
                    .configure(routes);
                map_config(routes, |()| AppConfig::default())
            };
            HttpService::build()
                // Its clock ticks every half second, so that a shorter time might be over before a connection has begun;
                // every head is watched by `on_connect`.
                .client_request_timeout(times.head + CLOCK_TICK)
                .client_disconnect_timeout(DISCONNECT)
                .keep_alive(times.keep_alive)
                // Small frames one after the other would wait for the peer's acknowledgement of the one before.
                .tcp_nodelay(true)
                .on_connect_ext(move |connection, data| {
                    on_connect(connection, data, times, |peer| {
                        let place = lines.take(peer.ip());
                        place
                            .inspect_err(|full| {
                                refused.inc();
                                log::debug!("a connection from {} is ended: {full}", peer.ip());
                            })
                            .ok()
                    });
                })
                .upgrade(taking_over(routes.clone()))
                .h1(routes().map_err(|error: Error| error.error_response()))
                .tcp()
        })?
        .run();
    let handle = server.handle();
    actix::spawn(server);
    Ok(handle)
}

/// The same routes, for requests after which the server may have to let go of the connection.
fn taking_over<F, R, B>(
    routes: R,
) -> impl ServiceFactory<Upgrade, Config = (), Response = (), Error = actix_http::Error, InitError = ()>
where
    R: Fn() -> F,
    F: ServiceFactory<Request, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()> + 'static,
    B: MessageBody + 'static,
{
    let routes = routes();
    fn_factory(move || {
        let routes = routes.new_service(());
        async move {
            let (routes, writer) = (Rc::new(routes.await?), Writer::start());
            Ok(fn_service(move |upgrade| http::takeover::serve(Rc::clone(&routes), writer.clone(), upgrade)))
        }
    })
}
