//! Who is online, and with how many sessions.

use actix_web::{HttpRequest, HttpResponse, web};

use super::ask::ask;
use super::cluster::{Part, Question};
use super::page::{Page, Query};
use crate::actors::presence::{Inspect, PresenceState};
use crate::domain::ids::UserId;
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::protocol::error::Refusal;

/// `GET /admin/presence?after=…&limit=…`. With several nodes a user has one entry on each.
pub(super) async fn list(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let page = Query::of(&request)?.page::<UserId>()?;
    let whole = Question::Presence { page }.everywhere(&app).await?;
    Ok(HttpResponse::Ok().json(whole.listed("online", "userId", page.limit)))
}

pub(super) async fn list_here(app: &App, page: Page<UserId>) -> Result<Part, Refusal> {
    let state = ask(&app.parts.presence, Inspect).await.or_unavailable("presence")?;
    let PresenceState { sessions, online, expired } = state;
    let total = online.len();
    let mut part = Part::of(&page.with_next().cut(online, |user| user.user_id).0, total)?;
    part.sums.insert("sessions".to_owned(), sessions as u64);
    // Sessions that were ended because no pong came.
    part.sums.insert("expired".to_owned(), expired);
    Ok(part)
}
