//! Who is online, and with how many sessions.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::ask::{Nothing, Shown, ask};
use super::page::{Page, Query};
use crate::actors::presence::{Inspect, OnlineUser, PresenceState};
use crate::domain::ids::UserId;
use crate::http::app::App;
use crate::http::problem::Problem;

#[derive(Debug, Serialize)]
struct Presence {
    online: Vec<OnlineUser>,
    /// All who are online.
    total: usize,
    sessions: usize,
    /// Sessions that were ended because no pong came.
    expired: u64,
    /// The last one of this page, if there are more: ask for those `after` it.
    next: Option<UserId>,
}

impl Presence {
    fn new(state: PresenceState, page: &Page<UserId>) -> Self {
        let PresenceState { sessions, online, expired } = state;
        let total = online.len();
        let (online, next) = page.cut(online, |user| user.user_id);
        Self { online, total, sessions, expired, next }
    }
}

/// `GET /admin/presence?after=…&limit=…`.
pub(super) async fn list(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let page = Query::of(&request)?.page::<UserId>()?;
    // The daemon ends with this actor: one that is gone is as good as one that does not answer.
    let shown = ask(&app.parts.presence, Inspect).await.shown(|| Nothing {});
    let shown = shown.unwrap_or_else(|| Shown::unresponsive(Nothing {}));
    Ok(HttpResponse::Ok().json(shown.map(|state| Presence::new(state, &page))))
}
