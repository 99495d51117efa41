//! What a request says besides who asks, in its path and its body, each with its limit. Its query: [`crate::http::query`].

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;

use super::asker::Asker;
use crate::domain::ids::{AttachmentId, ChannelId, MessageId, WebhookId};
use crate::domain::reaction::Reaction;
use crate::domain::user::UserRef;
use crate::http::app::text;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::rest::parse_user;

/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// The body, whatever type it is said to be of: all bodies are JSON. Read only where there is room for it.
pub(super) async fn body(asker: &Asker, request: &HttpRequest, payload: Payload) -> Result<Bytes, Refusal> {
    let bodies = &asker.app.bodies;
    let length = text(request.headers(), &CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let room = bodies.take(asker.user_id(), length).map_err(|full| Refusal::unavailable(full.to_string()))?;
    let body = tokio::time::timeout(BODY_WITHIN, read(payload, bodies.largest())).await.unwrap_or_else(|_| {
        let seconds = BODY_WITHIN.as_secs();
        Err(Refusal::new(ErrorCode::InvalidJson, format!("the body did not arrive within {seconds} s")))
    });
    drop(room);
    body
}

async fn read(mut payload: Payload, max: usize) -> Result<Bytes, Refusal> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            log::info!("a body broke off: {error}");
            Refusal::new(ErrorCode::InvalidJson, "the body did not arrive whole")
        })?;
        if body.len() + chunk.len() > max {
            return Err(Refusal::new(ErrorCode::TooLarge, format!("the body is over the limit of {max} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The channel of the path. What is no id names no channel.
pub(super) fn channel_id(request: &HttpRequest) -> Result<ChannelId, Refusal> {
    id(request).parse().map_err(|_| Refusal::no_channel())
}

pub(super) fn message_id(request: &HttpRequest) -> Result<MessageId, Refusal> {
    id(request).parse().map_err(|_| Refusal::no_message())
}

pub(super) fn attachment_id(request: &HttpRequest) -> Result<AttachmentId, Refusal> {
    id(request).parse().map_err(|_| Refusal::no_attachment())
}

pub(super) fn webhook_id(request: &HttpRequest) -> Result<WebhookId, Refusal> {
    id(request).parse().map_err(|_| Refusal::no_webhook())
}

fn id(request: &HttpRequest) -> &str {
    request.match_info().get("id").unwrap_or_default()
}

/// The user of a path that has nobody else in it, in either form.
pub(super) fn user_alone(request: &HttpRequest) -> Result<UserRef, Refusal> {
    let decoded: Result<(String,), _> = request.match_info().load();
    let (user,) = decoded.map_err(|_| Refusal::invalid("id cannot be read"))?;
    parse_user("id", &user)
}

/// The user of a path that ends with one after a channel, in either form, percent-encoded where it has to be.
pub(super) fn user(request: &HttpRequest) -> Result<UserRef, Refusal> {
    let decoded: Result<(String, String), _> = request.match_info().load();
    let (_, user) = decoded.map_err(|_| Refusal::invalid("userId cannot be read"))?;
    parse_user("userId", &user)
}

/// The reaction of a path that ends with one after a message, percent-encoded.
pub(super) fn reaction(request: &HttpRequest) -> Result<Reaction, Refusal> {
    let decoded: Result<(String, String), _> = request.match_info().load();
    let (_, reaction) = decoded.map_err(|_| Refusal::invalid("reaction cannot be read"))?;
    reaction.parse().map_err(|error| Refusal::invalid(format!("reaction {error}")))
}
