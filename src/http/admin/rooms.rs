//! The rooms that run: members, sessions, how far they have come, what waits.

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::join_all;
use serde::Serialize;

use super::ask::{Shown, ask};
use super::page::{Query, parse};
use crate::actors::room::{Inspect, RoomState};
use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::protocol::error::{ErrorCode, Refusal};

#[derive(Debug, Serialize)]
struct List {
    rooms: Vec<Shown<RoomState, Known>>,
    /// All that run.
    total: usize,
    /// The last one of this page, if there are more: ask for those `after` it.
    next: Option<ChannelId>,
}

/// What the directory knows of a room that does not answer.
#[derive(Debug, Serialize)]
struct Known {
    id: ChannelId,
}

/// A room with those whom the list only counts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    member_ids: Vec<UserId>,
    session_ids: Vec<SessionId>,
    #[serde(flatten)]
    state: RoomState,
}

/// `GET /admin/rooms?after=…&limit=…`.
pub(super) async fn list(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let page = Query::of(&request)?.page::<ChannelId>()?;
    let rooms = app.parts.directory.rooms();
    let total = rooms.len();
    let (rooms, next) = page.cut(rooms, |(id, _)| *id);
    let shown = rooms.iter().map(async |(id, room)| ask(room, Inspect).await.shown(|| Known { id: *id }));
    let rooms = join_all(shown).await.into_iter().flatten().collect();
    Ok(HttpResponse::Ok().json(List { rooms, total, next }))
}

/// `GET /admin/rooms/{id}`.
pub(super) async fn one(id: web::Path<String>, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let id: ChannelId = parse("the channel's id", &id)?;
    let shown = match app.parts.directory.room(id) {
        Some(room) => ask(&room, Inspect).await.shown(|| Known { id }),
        None => None,
    };
    let detail = |mut state: RoomState| Detail {
        member_ids: std::mem::take(&mut state.member_ids),
        session_ids: std::mem::take(&mut state.session_ids),
        state,
    };
    let shown = shown.map(|shown| shown.map(detail)).ok_or_else(|| {
        let text = "no room runs for this channel; one starts when somebody opens it and stops when it is idle";
        Refusal::new(ErrorCode::NotFound, text)
    })?;
    Ok(HttpResponse::Ok().json(shown))
}
