//! The rooms that run: members, sessions, how far they have come, what waits.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::ask::{Shown, WITHIN, ask};
use super::cluster::{Part, Question};
use super::page::{Page, Query, parse};
use crate::actors::room::{Inspect, RoomState};
use crate::domain::channel::Member;
use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::protocol::error::{ErrorCode, Refusal};

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

/// `GET /admin/rooms?after=…&limit=…`. With several nodes a channel has a room on each that has sessions in it.
pub(super) async fn list(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let page = Query::of(&request)?.page::<ChannelId>()?;
    let whole = Question::Rooms { page }.everywhere(&app).await?;
    let mut shown = whole.listed("rooms", "id", page.limit);
    if let Some(rooms) = shown["rooms"].as_array_mut() {
        name(&app, rooms).await;
    }
    Ok(HttpResponse::Ok().json(shown))
}

pub(super) async fn list_here(app: &App, page: Page<ChannelId>) -> Result<Part, Refusal> {
    let rooms = app.parts.directory.rooms();
    let total = rooms.len();
    let (rooms, _) = page.with_next().cut(rooms, |(id, _)| *id);
    let shown = rooms.iter().map(async |(id, room)| ask(room, Inspect).await.shown(|| Known { id: *id }));
    let rooms: Vec<Shown<RoomState, Known>> = join_all(shown).await.into_iter().flatten().collect();
    Part::of(&rooms, total)
}

/// `GET /admin/rooms/{id}`. With several nodes the room of the first that has one, and the others' beside it.
pub(super) async fn one(id: web::Path<String>, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let id: ChannelId = parse("the channel's id", &id)?;
    let whole = Question::Room { id }.everywhere(&app).await?;
    let mut rooms = whole.items.into_iter();
    let mut shown = rooms.next().ok_or_else(|| {
        let text = "no room runs for this channel; one starts when somebody opens it and stops when it is idle";
        Refusal::new(ErrorCode::NotFound, text)
    })?;
    if let (Some(unanswered), Some(shown)) = (&whole.unanswered, shown.as_object_mut()) {
        shown.insert("elsewhere".to_owned(), rooms.collect());
        shown.insert("unanswered".to_owned(), unanswered.iter().map(ToString::to_string).collect());
    }
    name_with_members(&app, id, &mut shown).await;
    Ok(HttpResponse::Ok().json(shown))
}

/// Adds what people call the channels, which no room needs to know. A database that does not answer holds nobody up.
async fn name(app: &App, rooms: &mut [Value]) {
    let id_of = |room: &Value| room["id"].as_str().and_then(|id| id.parse::<ChannelId>().ok());
    let ids = rooms.iter().filter_map(id_of).collect();
    let Ok(Ok(titles)) = timeout(WITHIN, app.parts.reader.titles(ids)).await else { return };
    let titles: HashMap<_, _> = titles.into_iter().map(|title| (title.id, title)).collect();
    for room in rooms {
        if let Some(title) = id_of(room).and_then(|id| titles.get(&id)) {
            (room["type"], room["name"]) = (json!(title.kind), json!(title.name));
        }
    }
}

/// The same for one channel, and its members by name.
async fn name_with_members(app: &App, id: ChannelId, room: &mut Value) {
    let Ok(Ok(channels)) = timeout(WITHIN, app.parts.reader.channels(vec![id])).await else { return };
    for channel in channels {
        (room["type"], room["name"]) = (json!(channel.kind), json!(channel.name));
        let one = |member: Member| json!({"id": member.user_id, "externalId": member.external_id, "name": member.name});
        room["people"] = channel.members.into_iter().map(one).collect();
    }
}

pub(super) async fn one_here(app: &App, id: ChannelId) -> Result<Part, Refusal> {
    let shown = match app.parts.directory.room(id) {
        Some(room) => ask(&room, Inspect).await.shown(|| Known { id }),
        None => None,
    };
    let detail = |mut state: RoomState| Detail {
        member_ids: std::mem::take(&mut state.member_ids),
        session_ids: std::mem::take(&mut state.session_ids),
        state,
    };
    Part::of_one(shown.map(|shown| shown.map(detail)))
}
