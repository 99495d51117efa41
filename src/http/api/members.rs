//! Who is in a channel, and in which role.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use super::asker::Asker;
use super::input;
use super::openapi::{Reading, Writing};
use crate::actors::db::Order;
use crate::domain::channel::Member;
use crate::http::app::unreadable;
use crate::protocol::rest::{MemberBody, Members, parse_add_body, parse_role_body};
use crate::protocol::schema;
use crate::protocol::server::ChannelBody;

/// Lists the members of a channel.
#[utoipa::path(get, path = "/api/v1/channels/{id}/members", operation_id = "listMembers", tag = "members",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = Members), Reading))]
pub(super) async fn list(asker: Asker, request: HttpRequest) -> Answer {
    let view = asker.see(input::channel_id(&request)?).await?;
    asker.learn(std::slice::from_ref(&view)).await;
    let online = &asker.parts().online;
    let received = asker.parts().reader.received(view.channel.id).await;
    let received = received.map_err(|error| unreadable(&error))?;
    let body = |member: &Member| {
        let user = member.user_id;
        MemberBody::new(member, received.get(&user).copied(), online.has(user), online.last_seen(user))
    };
    let members = view.channel.members.iter().map(body).collect();
    Ok(HttpResponse::Ok().json(Members { members }))
}

/// Adds members to a group.
///
/// They start at the newest message. Who is in it already stays as they are.
#[utoipa::path(post, path = "/api/v1/channels/{id}/members", operation_id = "addMembers", tag = "members",
    params(("id" = String, Path, format = Uuid)),
    request_body = schema::AddMembers,
    responses((status = 200, body = ChannelBody), Writing))]
pub(super) async fn add(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let channel_id = input::channel_id(&request)?;
    let max_members = asker.app.max_group_members;
    let users = parse_add_body(&input::body(&asker, &request, payload).await?, max_members)?;
    let placeholders = asker.makes_placeholders();
    let order = Order::AddMembers { by: asker.by(), channel_id, users, placeholders, max_members };
    let done = asker.parts().db.order(order).await?;
    Ok(HttpResponse::Ok().json(asker.body_after(channel_id, done).await?))
}

/// Changes the role of a member.
#[utoipa::path(patch, path = "/api/v1/channels/{id}/members/{userId}", operation_id = "setRole", tag = "members",
    params(
        ("id" = String, Path, format = Uuid),
        ("userId" = String, Path, min_length = 1, max_length = 255, description = "in either form"),
    ),
    request_body = schema::SetRole,
    responses((status = 200, body = ChannelBody), Writing))]
pub(super) async fn set_role(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let (channel_id, user) = (input::channel_id(&request)?, input::user(&request)?);
    let role = parse_role_body(&input::body(&asker, &request, payload).await?)?;
    let done = asker.parts().db.order(Order::SetRole { by: asker.by(), channel_id, user, role }).await?;
    Ok(HttpResponse::Ok().json(asker.body_after(channel_id, done).await?))
}

/// Removes a member from a group; who names themselves leaves.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/members/{userId}", operation_id = "removeMember", tag = "members",
    params(
        ("id" = String, Path, format = Uuid),
        ("userId" = String, Path, min_length = 1, max_length = 255, description = "in either form"),
    ),
    responses((status = 204, description = "removed"), Writing))]
pub(super) async fn remove(asker: Asker, request: HttpRequest) -> Answer {
    let (channel_id, user) = (input::channel_id(&request)?, input::user(&request)?);
    asker.parts().db.order(Order::RemoveMember { by: asker.by(), channel_id, user }).await?;
    Ok(HttpResponse::NoContent().finish())
}
