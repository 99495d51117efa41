//! `GET /ws`: everything that may refuse a socket happens here, as an ordinary HTTP answer before the upgrade.

use std::sync::Arc;

use actix::Actor;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws;

use super::app::{App, agent_of, client_of, protocols};
use super::problem::Problem;
use super::takeover::{hand_over, is_takeable};
use crate::actors::feed::{Feed, SessionHandle};
use crate::actors::session::{Gone, Opening, Session};
use crate::actors::tell;
use crate::auth::offers_protocol;
use crate::domain::ids::{SessionId, new_v7};
use crate::logging;
use crate::protocol::SUBPROTOCOL;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::socket::{Inbound, Outbox};

/// Opens a session.
pub async fn upgrade(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    if app.is_draining() {
        return Err(Refusal::unavailable("the daemon is stopping; try again").into());
    }
    app.check_origin(&request).inspect_err(|refusal| app.note_refused(&request, "origin", refusal))?;
    let identity = app.identify_socket(&request).await?;
    let mut response = ws::handshake(&request)
        .map_err(|error| Refusal::new(ErrorCode::InvalidFrame, format!("this is no WebSocket upgrade: {error}")))?;
    if !is_takeable(&request) {
        let text = "this is no WebSocket upgrade: `Upgrade` is not exactly `websocket`, or there is a body";
        return Err(Refusal::new(ErrorCode::InvalidFrame, text).into());
    }
    // The framework looks at the first line of the offered ones alone.
    if protocols(request.headers()).is_some_and(|offered| offers_protocol(&offered)) {
        response.insert_header((header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL));
    }
    let Some(peer) = request.peer_addr() else {
        return Err(Refusal::unavailable("the other end is gone").into());
    };
    let client = client_of(&request, peer);
    let place = app.caps.take(identity.user.id, client).map_err(|full| {
        let retry_after_ms = Some(1000);
        let refusal = Refusal { code: ErrorCode::RateLimited, message: full.to_string(), retry_after_ms };
        app.note_refused(&request, "too_many_sessions", &refusal);
        refusal
    })?;
    app.ensure_user(&identity).await?;

    let user = identity.user.id;
    let opening =
        Opening { identity, address: client.ip, agent: agent_of(&request), place, request: logging::request() };
    let mut response = response.finish();
    hand_over(&mut response, move |taken| {
        let (outbox, reader) = Outbox::open(app.outbox, taken);
        let handle = Arc::new(SessionHandle { id: SessionId(new_v7()), user, feed: Feed::new(outbox.clone()) });
        let request = opening.request.as_deref();
        log::debug!(
            request, session:% = handle.id, user:%;
            "session {} of user {user} opens from {}", handle.id, opening.address
        );
        app.parts.access.signed_in(user, handle.id, opening.address);
        let events = Box::pin(Inbound::new(reader, app.max_frame_bytes));
        let session = Session::new(Arc::clone(&app.parts), handle, opening, events).start();
        outbox.on_gone(move || tell(&session, Gone));
    });
    Ok(response)
}
