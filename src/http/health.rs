//! Whether the daemon lives and whether it can work.

use std::fmt::Write;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws;

use super::app::{App, client_of, text};
use super::takeover::{hand_over, is_takeable};
use crate::socket::{Limits, Outbox, frame};

/// The longest that the database may take to answer.
const PING_WITHIN: Duration = Duration::from_secs(2);

/// It answers, so it lives. Looks at nothing else: a database that is away is no reason to restart the daemon.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// The same; and to an upgrade it says in one text how the request came to it, and closes: who looks whether a proxy is right
/// sees what the daemon sees. Takes no token, and tells nobody of anybody else.
pub async fn livez(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let (true, Ok(mut response), Some(peer)) = (is_takeable(&request), ws::handshake(&request), request.peer_addr())
    else {
        return healthz().await;
    };
    let client = client_of(&request, peer);
    let seen = serde_json::json!({
        "client": client.ip,
        "forwarded": client.forwarded,
        "host": text(request.headers(), &header::HOST),
        "origin": app.check_origin(&request).is_ok(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    let mut response = response.finish();
    hand_over(&mut response, move |taken| {
        let (outbox, reader) = Outbox::open(Limits::default(), taken);
        // Closes in any case, with or without it.
        let _ = outbox.push(frame::text(seen.to_string().as_bytes()));
        outbox.close(1000, "");
        // Nobody is listened to.
        drop(reader);
    });
    response
}

/// It can take work: the database answers, and the daemon is not stopping. With `verbose` it says more, of which nothing
/// decides.
pub async fn readyz(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let asked = Instant::now();
    let database = matches!(tokio::time::timeout(PING_WITHIN, app.parts.reader.ping()).await, Ok(Ok(())));
    let took = asked.elapsed();
    let accepting = !app.is_draining();
    let word = |fine: bool| if fine { "ok" } else { "failed" };
    let mut lines = format!("{} database\n{} accepting\n", word(database), word(accepting));
    if request.query_string().split('&').any(|part| part == "verbose" || part.starts_with("verbose=")) {
        let bus = &app.parts.bus;
        let redis = match (bus.is_alone(), bus.is_up()) {
            (true, _) => "ok redis: none is set, this is the only node",
            (false, true) => "ok redis",
            (false, false) => "away redis: messages reach other nodes late, presence only this one",
        };
        // Writing into a String cannot fail.
        let _ = write!(
            lines,
            "{redis}\n   database answered in {} ms\n   {} changes wait for it\n   {} connections\n   up for {} s\n   version {}\n",
            took.as_millis(),
            app.parts.db.waiting(),
            app.parts.metrics.connections.get(),
            app.started.elapsed().as_secs(),
            env!("CARGO_PKG_VERSION"),
        );
    }
    let mut response = if database && accepting { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.content_type("text/plain").body(lines)
}
