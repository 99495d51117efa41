//! Reactions to messages: each for oneself, set and taken back.

use actix_web::HttpRequest;

use super::Answer;
use super::asker::Asker;
use super::openapi::Writing;
use super::{input, messages};
use crate::actors::db::Order;
use crate::protocol::server::MessageBody;

/// Reacts to a message.
///
/// With a sign or a short word, without blanks and of at most 64 bytes. Where one has done so already it changes nothing.
#[utoipa::path(put, path = "/api/v1/messages/{id}/reactions/{reaction}", operation_id = "addReaction", tag = "messages",
    params(("id" = String, Path, format = Uuid), ("reaction" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, body = MessageBody), Writing))]
pub(super) async fn add(asker: Asker, request: HttpRequest) -> Answer {
    react(&asker, &request, true).await
}

/// Takes a reaction back.
///
/// Where there is none it changes nothing.
#[utoipa::path(delete, path = "/api/v1/messages/{id}/reactions/{reaction}", operation_id = "removeReaction", tag = "messages",
    params(("id" = String, Path, format = Uuid), ("reaction" = String, Path, min_length = 1, max_length = 64)),
    responses((status = 200, body = MessageBody), Writing))]
pub(super) async fn remove(asker: Asker, request: HttpRequest) -> Answer {
    react(&asker, &request, false).await
}

async fn react(asker: &Asker, request: &HttpRequest, set: bool) -> Answer {
    let message_id = input::message_id(request)?;
    let reaction = input::reaction(request)?;
    messages::change(asker, Order::React { by: asker.by(), message_id, reaction, set }, message_id).await
}
