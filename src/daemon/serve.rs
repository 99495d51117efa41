//! The two web servers: who may open how many connections, and what is between a socket and the handlers.

use std::net::{SocketAddr, TcpListener};

use actix_service::map_config;
use actix_web::dev::{AppConfig, Server, ServerHandle};
use actix_web::{App as HttpApp, middleware, web};
use ipnet::IpNet;

use super::StartError;
use crate::http;
use crate::http::app::App;
use crate::http::door::Secured;
use crate::limits::lines::{self, Lines};
use crate::metrics;
use crate::socket::Times;
use crate::socket::line::mark_head;

/// What a worker of a web server opens for itself, at most.
const DESCRIPTORS_OF_A_WORKER: usize = 4;
/// Connections that may be accepted beyond those that are let in, to be told so.
const UNCOUNTED: usize = 16;
/// With room for fewer connections the start warns.
const FEW_LINES: usize = 1000;

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Who may open how many connections on the public and the admin address: descriptors are left for everything else.
pub(super) fn lines_of(sessions_per_address: usize, proxies: &[IpNet]) -> (Lines, Lines) {
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
    (Lines::new(per_address, public, proxies), Lines::new(per_address, admin, proxies))
}

pub(super) fn serve(
    listener: TcpListener,
    app: &web::Data<App>,
    lines: Lines,
    times: Times,
    secured: Option<&Secured>,
    routes: fn(&mut web::ServiceConfig),
) -> Result<ServerHandle, StartError> {
    let (app, secured) = (app.clone(), secured.cloned());
    let refused = app.parts.metrics.lines_refused.clone();
    // One that is accepted to be refused holds a descriptor as well. Beyond that the server accepts no more, for as long as the
    // connections are its own: sockets have left it, and only `lines` counts them.
    let of_a_worker = lines.limit().saturating_add(UNCOUNTED) / workers() + 1;
    let server = Server::build()
        .workers(workers())
        .max_concurrent_connections(of_a_worker)
        .shutdown_timeout(1)
        .disable_signals()
        .listen("http", listener, move || {
            let (app, lines, refused) = (app.clone(), lines.clone(), refused.clone());
            let secured = secured.clone();
            let routes = move || {
                let routes = HttpApp::new()
                    .app_data(app.clone())
                    .wrap(middleware::from_fn(http::trace::trace))
                    .wrap(middleware::from_fn(mark_head))
                    .configure(routes);
                map_config(routes, |()| AppConfig::default())
            };
            let admit = move |peer: SocketAddr| {
                let place = lines.take(peer.ip());
                let refused = place.inspect_err(|full| {
                    refused.inc();
                    log::debug!("a connection from {} is ended: {full}", peer.ip());
                });
                refused.ok()
            };
            http::takeover::connections(routes, times, secured, admit)
        })?
        .run();
    let handle = server.handle();
    actix::spawn(server);
    Ok(handle)
}
