//! How long a channel's messages are kept, and what is kept of a user: for the host application's server alone.

use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::asker::Asker;
use super::openapi::{Reading, Writing};
use super::{Answer, input};
use crate::actors::db::Order;
use crate::audit::personal::Personal;
use crate::domain::ids::JournalId;
use crate::domain::journal::Kind;
use crate::domain::now;
use crate::domain::retention::{Erase, Which};
use crate::domain::user::User;
use crate::http::app::unreadable;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::records::{ErasedUser, ExportedUser, RetentionBody, parse_retention_body};
use crate::protocol::schema;
use crate::store::{StoreError, note};

/// Shows how long a channel keeps its messages.
///
/// `days` is null where the daemon's setting decides. For bearers with scope `admin` who act as nobody.
#[utoipa::path(get, path = "/api/v1/channels/{id}/retention", operation_id = "showRetention", tag = "channels",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, body = RetentionBody), Reading))]
pub(super) async fn show(asker: Asker, request: HttpRequest) -> Answer {
    let channel = input::channel_id(&request)?;
    asker.host_alone()?;
    let own = asker.parts().reader.retention(channel).await.map_err(|error| unreadable(&error))?;
    Ok(HttpResponse::Ok().json(RetentionBody::from(own.ok_or_else(Refusal::no_channel)?)))
}

/// Sets how long a channel keeps its messages, and whether it is held.
///
/// Under a legal hold nothing of it is erased, whatever else says so. A change takes a version of the channel. For bearers with scope
/// `admin` who act as nobody.
#[utoipa::path(put, path = "/api/v1/channels/{id}/retention", operation_id = "setRetention", tag = "channels",
    params(("id" = String, Path, format = Uuid)),
    request_body = schema::SetRetention,
    responses((status = 200, body = RetentionBody), Writing))]
pub(super) async fn set(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let channel_id = input::channel_id(&request)?;
    asker.host_alone()?;
    let to = parse_retention_body(&input::body(&asker, &request, payload).await?)?;
    asker.parts().db.order(Order::SetRetention { by: asker.by(), channel_id, to }).await?;
    Ok(HttpResponse::Ok().json(RetentionBody::from(to)))
}

/// Exports what is kept of a user.
///
/// A JSON object a line: who they are, where they are a member, what they sent (also what was edited or deleted since, unless it was erased), from
/// where they signed in. Files are described, and fetched one by one. For bearers with scope `admin` who act as nobody.
#[utoipa::path(get, path = "/api/v1/users/{id}/export", operation_id = "exportUser", tag = "users",
    params(("id" = String, Path, min_length = 1, max_length = 255, description = "a user id in either form")),
    responses((status = 200, description = "a file", body = String, content_type = "application/x-ndjson"), Reading))]
pub(super) async fn export_user(asker: Asker, request: HttpRequest) -> Answer {
    let user = known(&asker, &request).await?;
    let turn = asker.app.export_turn()?;
    let notes = vec![note(JournalId::DAEMON, Kind::UserExported, None, now(), &ExportedUser { user: user.id })];
    asker.parts().db.order(Order::Record { notes }).await?;
    let name = format!("attachment; filename=\"user-{}.ndjson\"", user.id);
    let personal = Personal::of(asker.parts().reader.clone(), user);
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .streaming(stream::unfold(Some((personal, turn)), next)))
}

/// A piece at a time. What cannot be read ends the answer before its end, so that nobody takes a part for the whole.
async fn next(state: Option<(Personal, OwnedSemaphorePermit)>) -> Option<(Result<Bytes, StoreError>, Exporting)> {
    let (mut personal, turn) = state?;
    match personal.next().await {
        Err(error) => {
            log::error!("an export of a user ended early: {error}");
            Some((Err(error), None))
        }
        Ok(lines) if lines.is_empty() => None,
        Ok(lines) => {
            // Texts and numbers alone: not reachable.
            let text = lines.iter().map(|line| serde_json::to_string(line).unwrap_or_default() + "\n");
            Some((Ok(text.collect::<String>().into()), Some((personal, turn))))
        }
    }
}

type Exporting = Option<(Personal, OwnedSemaphorePermit)>;

async fn known(asker: &Asker, request: &HttpRequest) -> Result<User, Refusal> {
    let user = input::user_alone(request)?;
    asker.host_alone()?;
    let known = asker.parts().reader.named(user).await.map_err(|error| unreadable(&error))?;
    known.ok_or_else(|| Refusal::new(ErrorCode::NotFound, "there is no such user"))
}

/// Erases what is kept of a user.
///
/// Their messages, with what these said before and their files, in every channel that is not held; their name; from where they signed in. What
/// they sent stays as a deleted message of nobody's words. They stay in their channels, and the host's id of them stays. For bearers with scope
/// `admin` who act as nobody.
#[utoipa::path(delete, path = "/api/v1/users/{id}", operation_id = "eraseUser", tag = "users",
    params(("id" = String, Path, min_length = 1, max_length = 255, description = "a user id in either form")),
    responses((status = 200, body = ErasedUser), Reading))]
pub(super) async fn erase_user(asker: Asker, request: HttpRequest) -> Answer {
    let user = known(&asker, &request).await?.id;
    let (reader, db) = (&asker.parts().reader, &asker.parts().db);
    let (mut messages, mut held) = (0, Vec::new());
    for channel in reader.spoken_in(user).await.map_err(|error| unreadable(&error))? {
        let (count, is_held) = db.erase(Erase { channel, which: Which::Of(user), after: 0 }).await?;
        messages += count;
        if is_held {
            held.push(channel);
        }
    }
    db.order(Order::ForgetUser { user }).await?;
    let told = ErasedUser { user, messages, held };
    let notes = vec![note(JournalId::DAEMON, Kind::UserErased, None, now(), &told)];
    db.order(Order::Record { notes }).await?;
    Ok(HttpResponse::Ok().json(told))
}
