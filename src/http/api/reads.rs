//! How far a user has read.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use super::asker::Asker;
use super::input;
use super::openapi::Writing;
use crate::domain::change::Mark;
use crate::domain::now;
use crate::protocol::client::parse_read_body;
use crate::protocol::rest::ReadMark;
use crate::protocol::schema;

/// Marks a channel as read up to a message.
///
/// Answers where the mark stands: it never goes back, and never beyond the newest message.
#[utoipa::path(post, path = "/api/v1/channels/{id}/read", operation_id = "markRead", tag = "messages",
    params(("id" = String, Path, format = Uuid)),
    request_body = schema::MarkRead,
    responses((status = 200, body = ReadMark), Writing))]
pub(super) async fn mark(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let channel_id = input::channel_id(&request)?;
    let user_id = asker.acting("read")?.user.id;
    let seq = parse_read_body(&input::body(&asker, &request, payload).await?)?;
    let marked = asker.parts().db.mark_read(Mark { channel_id, user_id, seq }, None, now()).await?;
    Ok(HttpResponse::Ok().json(ReadMark { seq: marked.seq }))
}
