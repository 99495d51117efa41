//! Messages that ask for an answer: what is answered, and which are open.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use super::asker::Asker;
use super::openapi::{Reading, Writing};
use super::{input, messages};
use crate::actors::db::Order;
use crate::domain::instruction::{Listing, Standing};
use crate::http::app::unreadable;
use crate::http::query::Query;
use crate::protocol::HISTORY_PAGE_BYTES;
use crate::protocol::error::Refusal;
use crate::protocol::instruction::parse_answer_body;
use crate::protocol::rest::{Messages, parse_user};
use crate::protocol::schema;
use crate::protocol::server::MessageBody;

/// Answers an instruction.
///
/// For those whom it is for, each for themselves. The same answer again changes nothing.
#[utoipa::path(put, path = "/api/v1/messages/{id}/answer", operation_id = "answerInstruction", tag = "messages",
    params(("id" = String, Path, format = Uuid)),
    request_body = schema::AnswerInstruction,
    responses((status = 200, body = MessageBody), Writing))]
pub(super) async fn answer(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let message_id = input::message_id(&request)?;
    let (answer, note) = parse_answer_body(&input::body(&asker, &request, payload).await?)?;
    messages::change(&asker, Order::Answer { by: asker.by(), message_id, answer, note }, message_id).await
}

/// Shows messages that ask for an answer, the newest first.
///
/// Open is one while somebody whom it is for, and who is in the channel, has neither declined nor is done; with `userId`, while
/// that user has not.
#[utoipa::path(get, path = "/api/v1/instructions", operation_id = "listInstructions", tag = "messages",
    params(
        ("channelId" = Option<String>, Query, format = Uuid, description = "only those of this channel"),
        ("userId" = Option<String>, Query, min_length = 1, max_length = 255, description = "only those that are for this user, in either form of the id"),
        ("state" = inline(Option<Standing>), Query, description = "`open`, `overdue` or `all`; `open` where it is missing"),
        ("before" = Option<String>, Query, format = Uuid, description = "only those older than this message"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "50 where it is missing"),
    ),
    responses((status = 200, body = Messages), Reading))]
pub(super) async fn list(asker: Asker, request: HttpRequest) -> Answer {
    let query = Query::of(&request)?;
    let wanted = Listing {
        channel: query.parsed("channelId")?,
        assignee: query.text("userId")?.map(|text| parse_user("userId", text)).transpose()?.map(|user| user.id),
        standing: query.parsed("state")?.unwrap_or(Standing::Open),
        before: query.parsed("before")?,
        limit: query.limit()?,
        bytes: HISTORY_PAGE_BYTES,
    };
    let found = asker.parts().reader.instructions(asker.user_id(), wanted).await.map_err(|error| unreadable(&error))?;
    let (messages, has_more) = found.ok_or_else(Refusal::no_channel)?;
    let messages = messages.into_iter().map(MessageBody::from).collect();
    Ok(HttpResponse::Ok().json(Messages { messages, has_more }))
}
