//! Making, listing and changing channels.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use super::asker::{Asker, unasked};
use super::input;
use super::openapi::{Reading, Writing};
use crate::actors::db::{Done, Order};
use crate::http::app::unreadable;
use crate::http::query::Query;
use crate::protocol::error::Refusal;
use crate::protocol::rest::{Channels, CreateChannel, UpdateChannel, parse_update_body};
use crate::protocol::schema;
use crate::protocol::server::ChannelBody;
use crate::store::NewGroup;

/// Lists the asker's channels.
///
/// A user gets all of theirs. A bearer with scope `admin` who acts as nobody pages over every channel there is.
#[utoipa::path(get, path = "/api/v1/channels", operation_id = "listChannels", tag = "channels",
    params(
        ("after" = Option<String>, Query, format = Uuid, description = "the id of the last channel that is held; acting as nobody only"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "acting as nobody only; 50 where it is missing"),
    ),
    responses((status = 200, body = Channels), Reading))]
pub(super) async fn list(asker: Asker, request: HttpRequest) -> Answer {
    let query = Query::of(&request)?;
    let (views, has_more) = match asker.user_id() {
        Some(_) if query.has("after") || query.has("limit") => {
            let text = "after and limit page over every channel, with scope admin and without Tenfour-User; a user gets all of theirs at once";
            return Err(Refusal::invalid(text).into());
        }
        Some(user) => {
            let views = asker.parts().reader.snapshot(user).await.map_err(|error| unreadable(&error))?;
            (views, false)
        }
        None => {
            let page = asker.parts().reader.list_channels(query.parsed("after")?, query.limit()?);
            let (channels, has_more) = page.await.map_err(|error| unreadable(&error))?;
            (channels.into_iter().map(unasked).collect(), has_more)
        }
    };
    asker.learn(&views).await;
    let channels = views.iter().map(|view| asker.known_body(view)).collect();
    Ok(HttpResponse::Ok().json(Channels { channels, has_more }))
}

/// Makes a channel.
///
/// Two users have one direct channel: a second call returns the same. The user who makes a group becomes its owner.
#[utoipa::path(post, path = "/api/v1/channels", operation_id = "createChannel", tag = "channels",
    request_body = schema::CreateChannel,
    responses(
        (status = 201, body = ChannelBody, description = "made"),
        (status = 200, body = ChannelBody, description = "the direct channel was there"),
        Writing
    ))]
pub(super) async fn create(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let body = input::body(&asker, &request, payload).await?;
    let (max_members, placeholders) = (asker.app.max_group_members, asker.makes_placeholders());
    let by = asker.by();
    let order = match CreateChannel::parse(&body, max_members, asker.user_id().is_none())? {
        CreateChannel::Group { name, members } => {
            Order::CreateGroup(NewGroup { by, name, members, placeholders, max_members })
        }
        CreateChannel::DirectWith(other) => {
            let own = asker.acting("talk")?.user.clone();
            Order::CreateDirect { by, users: [own, other], placeholders }
        }
        CreateChannel::DirectOf(users) => Order::CreateDirect { by, users: *users, placeholders },
    };
    match asker.parts().db.order(order).await? {
        Done::Channel { channel, created: true } => {
            Ok(HttpResponse::Created().json(asker.body(&unasked(*channel)).await))
        }
        Done::Channel { channel, created: false } => {
            let view = asker.see(channel.id).await?;
            Ok(HttpResponse::Ok().json(asker.body(&view).await))
        }
        _ => Err(Refusal::unavailable("the database gave no channel; try again").into()),
    }
}

/// Shows one channel.
#[utoipa::path(get, path = "/api/v1/channels/{id}", operation_id = "showChannel", tag = "channels",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = ChannelBody), Reading))]
pub(super) async fn show(asker: Asker, request: HttpRequest) -> Answer {
    let view = asker.see(input::channel_id(&request)?).await?;
    Ok(HttpResponse::Ok().json(asker.body(&view).await))
}

/// Renames a group, or shows what its messages said before.
///
/// `revisionsVisibleTo`: who may read the revisions of its messages, its `members` or its `admins` (and owners) only. Of a
/// direct channel the host application's server decides that.
#[utoipa::path(patch, path = "/api/v1/channels/{id}", operation_id = "updateChannel", tag = "channels",
    params(("id" = String, Path, format = Uuid)),
    request_body = schema::UpdateChannel,
    responses((status = 200, body = ChannelBody), Writing))]
pub(super) async fn update(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let channel_id = input::channel_id(&request)?;
    let by = asker.by();
    let order = match parse_update_body(&input::body(&asker, &request, payload).await?)? {
        UpdateChannel::Rename(name) => Order::Rename { by, channel_id, name },
        UpdateChannel::ShowRevisions(to) => Order::ShowRevisions { by, channel_id, to },
    };
    let done = asker.parts().db.order(order).await?;
    Ok(HttpResponse::Ok().json(asker.body_after(channel_id, done).await?))
}
