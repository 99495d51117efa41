//! `GET /metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::{HttpRequest, HttpResponse, web};

use super::ask::{Asked, ask};
use crate::actors::registry::ListSessions;
use crate::bus::{self, Bus};
use crate::http::app::{App, is_from_here};
use crate::http::problem::Problem;
use crate::metrics::{BusMoment, Moment};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Open to whoever asks from this machine for themselves.
pub(super) async fn metrics(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    if !is_from_here(&request) {
        app.identify_admin(&request).await?;
    }
    // Each outbox counts for itself, so that no session has to be asked.
    let outbox_bytes = match ask(&app.parts.registry, ListSessions).await {
        Asked::Answered(sessions) => Some(sessions.iter().map(|session| session.handle.feed.outbox().queued().1).sum()),
        Asked::Unresponsive | Asked::Gone => None,
    };
    let moment = Moment {
        uptime: app.started.elapsed(),
        users_online: app.parts.online.count(),
        lines: app.lines.count(),
        outbox_bytes,
        bus: bus(&app.parts.bus),
    };
    Ok(HttpResponse::Ok().content_type(OPENMETRICS).body(app.parts.metrics.render(moment)))
}

/// How the bus is, for the metrics and the tree of the actors.
pub(super) fn bus(bus: &Bus) -> BusMoment {
    let count =
        |of: fn(&bus::Counts) -> &AtomicU64| bus.counts().map_or(0, |counts| of(counts).load(Ordering::Relaxed));
    BusMoment {
        published: count(|counts| &counts.published),
        dropped: count(|counts| &counts.dropped),
        received: count(|counts| &counts.received),
        refused: count(|counts| &counts.refused),
        connected: count(|counts| &counts.connected),
        redis_up: bus.is_up(),
        nodes: bus.others().len() + 1,
    }
}
