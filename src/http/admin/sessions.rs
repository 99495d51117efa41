//! The open sessions: who, since when, from where, how much waits for them. And the end of one.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde::Serialize;

use super::ask::{Shown, ask};
use super::cluster::{Part, Question};
use super::page::{Page, Query, parse};
use crate::actors::registry::{EndSession, FindSession, ListSessions, Registered};
use crate::actors::session::{Inspect, SessionState};
use crate::auth::Identity;
use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::protocol::close::Close;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::time;

const REGISTRY: &str = "the registry";

/// What the registry knows of a session that does not answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    id: SessionId,
    user_id: UserId,
    name: String,
    #[serde(serialize_with = "time::serialize")]
    since: DateTime<Utc>,
    address: IpAddr,
    agent: Option<String>,
    frames_queued: usize,
    bytes_queued: usize,
}

/// `GET /admin/sessions?userId=…&channelId=…&after=…&limit=…`, the oldest first.
pub(super) async fn list(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request)?;
    let page = query.page::<SessionId>()?;
    let user = query.text("userId").map(UserId::from_external);
    let channel = query.parsed::<ChannelId>("channelId")?;
    let whole = Question::Sessions { user, channel, page }.everywhere(&app).await?;
    Ok(HttpResponse::Ok().json(whole.listed("sessions", "id", page.limit)))
}

pub(super) async fn list_here(
    app: &App,
    user: Option<UserId>,
    channel: Option<ChannelId>,
    page: Page<SessionId>,
) -> Result<Part, Refusal> {
    let mut sessions = ask(&app.parts.registry, ListSessions).await.or_unavailable(REGISTRY)?;
    sessions.retain(|session| {
        user.is_none_or(|user| session.handle.user == user)
            && channel.is_none_or(|channel| session.handle.feed.has(channel))
    });
    let total = sessions.len();
    let (sessions, _) = page.with_next().cut(sessions, |session| session.handle.id);
    let shown: Vec<_> = join_all(sessions.iter().map(show)).await.into_iter().flatten().collect();
    Part::of(&shown, total)
}

/// `GET /admin/sessions/{id}`, on whatever node it is.
pub(super) async fn one(id: web::Path<String>, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let id = parse("the session's id", &id)?;
    let found = Question::Session { id }.somewhere(&app).await?.items.pop();
    Ok(HttpResponse::Ok().json(found.ok_or_else(no_session)?))
}

pub(super) async fn one_here(app: &App, session: SessionId) -> Result<Part, Refusal> {
    let found = ask(&app.parts.registry, FindSession { session }).await.or_unavailable(REGISTRY)?;
    Part::of_one(match &found {
        Some(found) => show(found).await,
        None => None,
    })
}

/// `DELETE /admin/sessions/{id}`, on whatever node it is. Whoever holds a token that is still valid may come back.
pub(super) async fn end(
    id: web::Path<String>,
    app: web::Data<App>,
    admin: web::ReqData<Identity>,
) -> Result<HttpResponse, Problem> {
    let id: SessionId = parse("the session's id", &id)?;
    if (Question::EndSession { id, admin: admin.user.id }).somewhere(&app).await?.total == 0 {
        return Err(no_session().into());
    }
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn end_here(app: &App, session: SessionId, admin: UserId) -> Result<Part, Refusal> {
    let end = EndSession { session, why: Close::Removed };
    let ended = ask(&app.parts.registry, end).await.or_unavailable(REGISTRY)?;
    if ended {
        log::info!("session {session} is ended by the admin {admin}");
        app.parts.access.session_ended(admin, session);
    }
    Ok(Part { total: usize::from(ended), ..Part::default() })
}

async fn show(session: &Registered) -> Option<Shown<SessionState, Known>> {
    let known = || {
        let (frames_queued, bytes_queued) = session.handle.feed.outbox().queued();
        Known {
            id: session.handle.id,
            user_id: session.handle.user,
            name: session.name.clone(),
            since: session.since,
            address: session.address,
            agent: session.agent.clone(),
            frames_queued,
            bytes_queued,
        }
    };
    ask(&session.addr, Inspect).await.shown(known)
}

fn no_session() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "there is no such session; it may have ended")
}
