//! Reading, sending, editing and deleting messages. A send takes the way of a socket's: through the channel's room.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use tokio::sync::oneshot;

use super::Answer;
use super::asker::{Acting, Asker, Sender};
use super::input;
use super::openapi::{Reading, Writing};
use crate::actors::db::{Done, Order};
use crate::actors::origin::Origin;
use crate::actors::session::SessionParts;
use crate::actors::{registry, room, tell};
use crate::domain::change::{Change, Changed};
use crate::domain::ids::{ChannelId, ClientId, MessageId};
use crate::domain::message::Message;
use crate::domain::sync::{HistoryFrom, PageLimits};
use crate::http::app::unreadable;
use crate::http::query::Query;
use crate::http::trace::remote_of;
use crate::logging;
use crate::protocol::HISTORY_PAGE_BYTES;
use crate::protocol::client::{RefusedFrame, RefusedSend, SendRequest, parse_edit_body};
use crate::protocol::error::Refusal;
use crate::protocol::rest::{Messages, RevisionsBody};
use crate::protocol::schema;
use crate::protocol::server::{Ack, MessageBody};
use crate::traces::{self, Trace};

/// Shows a page of a channel's messages.
///
/// The newest first; with `after` the oldest first. A page ends before its limit where its content is long.
#[utoipa::path(get, path = "/api/v1/channels/{id}/messages", operation_id = "history", tag = "messages",
    params(
        ("id" = String, Path, format = Uuid),
        ("before" = Option<i64>, Query, minimum = 0, description = "only messages below this `seq`"),
        ("after" = Option<i64>, Query, minimum = 0, description = "only messages above this `seq`"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "50 where it is missing"),
    ),
    responses((status = 200, body = Messages), Reading))]
pub(super) async fn history(asker: Asker, request: HttpRequest) -> Answer {
    let channel_id = input::channel_id(&request)?;
    let query = Query::of(&request)?;
    let from = match (query.seq("before")?, query.seq("after")?) {
        (None, None) => HistoryFrom::Latest,
        (Some(seq), None) => HistoryFrom::Before(seq),
        (None, Some(seq)) => HistoryFrom::After(seq),
        (Some(_), Some(_)) => return Err(Refusal::invalid("before and after exclude each other: give one").into()),
    };
    let limits = PageLimits { messages: query.limit()?, bytes: HISTORY_PAGE_BYTES };
    let (messages, has_more) = page(&asker, channel_id, from, limits).await?;
    let messages = messages.into_iter().map(MessageBody::from).collect();
    Ok(HttpResponse::Ok().json(Messages { messages, has_more }))
}

/// What a user may read is decided in the moment of the read: nothing after a removal shows.
async fn page(
    asker: &Asker,
    channel: ChannelId,
    from: HistoryFrom,
    limits: PageLimits,
) -> Result<(Vec<Message>, bool), Refusal> {
    let reader = &asker.parts().reader;
    let page = if let Some(user) = asker.user_id() {
        reader.history_for(user, channel, from, limits).await
    } else {
        asker.see(channel).await?;
        reader.history(channel, from, limits).await.map(Some)
    };
    page.map_err(|error| unreadable(&error))?.ok_or_else(Refusal::no_channel)
}

/// Sends a message.
///
/// The same `clientId` again stores nothing and answers with the message as it now is.
#[utoipa::path(post, path = "/api/v1/channels/{id}/messages", operation_id = "sendMessage", tag = "messages",
    params(("id" = String, Path, format = Uuid)),
    request_body = schema::SendMessage,
    responses(
        (status = 201, body = MessageBody, description = "stored"),
        (status = 200, body = MessageBody, description = "had been stored before"),
        Writing
    ))]
pub(super) async fn send(Sender(asker): Sender, request: HttpRequest, payload: Payload) -> Answer {
    let channel_id = input::channel_id(&request)?;
    let sender = asker.acting("send messages")?;
    let parts = asker.parts();
    let body = input::body(&asker, &request, payload).await?;
    let ack = match SendRequest::parse_body(&body, channel_id, parts.frame_limits) {
        Ok(send) => {
            // What is followed is not for everybody to say.
            let remote = asker.is_host().then(|| remote_of(request.headers())).flatten();
            let named = || traces::Sender::Request(logging::request());
            let trace = parts.tracer.as_ref().and_then(|tracer| tracer.begin(named(), remote));
            publish(parts, sender, send, trace).await?
        }
        Err(refused) => refuse(parts, sender, *refused).await?,
    };
    let message = parts.reader.message(ack.server_id).await.map_err(|error| unreadable(&error))?;
    let message = message.map(MessageBody::from).ok_or_else(Refusal::no_message)?;
    let mut answer = if ack.duplicate { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(answer.json(message))
}

async fn publish(
    parts: &SessionParts,
    sender: &Acting,
    send: SendRequest,
    trace: Option<Box<Trace>>,
) -> Result<Ack, Refusal> {
    let user = sender.user.id;
    if let Err(retry_after_ms) = parts.rates.check_message(user) {
        parts.metrics.rate_limited.inc();
        let (origin, answer) = origin(send.client_id, trace);
        let refused = RefusedSend { client_id: send.client_id, digest: Some(send.digest()) };
        parts.db.refuse(user, refused, Refusal::rate_limited(retry_after_ms), origin);
        return wait(answer).await;
    }
    if parts.directory.room(send.channel_id).is_none() {
        let open = registry::Open { channels: vec![send.channel_id] };
        let stopping = |_| Refusal::unavailable("the daemon is stopping; try again");
        parts.registry.send(open).await.map_err(stopping)?.map_err(|error| unreadable(&error))?;
    }
    let (origin, answer) = origin(send.client_id, trace);
    if let Some(room) = parts.directory.room(send.channel_id) {
        tell(&room, room::Publish { sender: user, sender_name: sender.name.clone(), send, origin });
    } else {
        // There is none, or its room has died again already: the store knows which, and who is in it.
        let append = room::append_of(user, sender.name.clone(), send, room::UNSURE);
        parts.db.append(append, origin, None);
    }
    wait(answer).await
}

/// A body that could not be read, or says what may not be said. The retry of a stored message is not refused.
async fn refuse(parts: &SessionParts, sender: &Acting, refused: RefusedFrame) -> Result<Ack, Refusal> {
    let user = sender.user.id;
    let refusal = match parts.rates.check_other(user) {
        Ok(()) => refused.refusal,
        Err(retry_after_ms) => {
            parts.metrics.rate_limited.inc();
            Refusal::rate_limited(retry_after_ms)
        }
    };
    let Some(send) = refused.send else { return Err(refusal) };
    let (origin, answer) = origin(send.client_id, None);
    parts.db.refuse(user, send, refusal, origin);
    wait(answer).await
}

type Reply = oneshot::Receiver<Result<Ack, Refusal>>;

fn origin(client_id: ClientId, trace: Option<Box<Trace>>) -> (Origin, Reply) {
    let (reply, answer) = oneshot::channel();
    (Origin::Rest { client_id, reply, trace }, answer)
}

async fn wait(answer: Reply) -> Result<Ack, Refusal> {
    let lost = "whether it is stored is not known; try again with the same clientId";
    answer.await.unwrap_or_else(|_| Err(Refusal::unavailable(lost)))
}

/// Edits a message of one's own.
#[utoipa::path(patch, path = "/api/v1/messages/{id}", operation_id = "editMessage", tag = "messages",
    params(("id" = String, Path, format = Uuid)),
    request_body = schema::EditMessage,
    responses((status = 200, body = MessageBody), Writing))]
pub(super) async fn edit(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let message_id = input::message_id(&request)?;
    let content = parse_edit_body(&input::body(&asker, &request, payload).await?, asker.parts().frame_limits)?;
    change(&asker, Order::Edit { by: asker.by(), message_id, content }, message_id).await
}

/// Deletes a message: its content is gone, its place stays.
#[utoipa::path(delete, path = "/api/v1/messages/{id}", operation_id = "deleteMessage", tag = "messages",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = MessageBody), Writing))]
pub(super) async fn delete(asker: Asker, request: HttpRequest) -> Answer {
    let message_id = input::message_id(&request)?;
    change(&asker, Order::Delete { by: asker.by(), message_id }, message_id).await
}

/// Shows all that a message has said, and who deleted it.
///
/// For the channel's admins and owners and the host application's server; for its members where the channel's
/// `revisionsVisibleTo` says so, who are shown nothing more of a message once it is deleted.
#[utoipa::path(get, path = "/api/v1/messages/{id}/revisions", operation_id = "listRevisions", tag = "messages",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = RevisionsBody), Reading))]
pub(super) async fn revisions(asker: Asker, request: HttpRequest) -> Answer {
    let message_id = input::message_id(&request)?;
    let revisions = asker.parts().reader.revisions(asker.by(), message_id).await;
    let revisions = revisions.map_err(|error| unreadable(&error))?.map_err(Refusal::from)?;
    Ok(HttpResponse::Ok().json(RevisionsBody::from(revisions)))
}

/// The message as it is after an order.
pub(super) async fn change(asker: &Asker, order: Order, id: MessageId) -> Answer {
    let done = asker.parts().db.order(order).await?;
    let message = if let Done::Changed(Change { what: Changed::Message(message), .. }) = done {
        *message
    } else {
        // It was so already.
        let found = asker.parts().reader.message(id).await.map_err(|error| unreadable(&error))?;
        found.ok_or_else(Refusal::no_message)?
    };
    Ok(HttpResponse::Ok().json(MessageBody::from(message)))
}
