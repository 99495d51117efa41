//! Uploading, downloading and letting go of files. Their bytes are streamed: they pass the worker, and no actor.
//!
//! Who may download what is the store's to say, at each download anew.

use std::ops::Range;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Answer;
use super::asker::Asker;
use super::input;
use super::openapi::{Reading, Writing};
use crate::actors::db::{Done, Order};
use crate::depot::{DepotError, Intake, Taken, is_shown, new_key};
use crate::domain::attachment::{Attachment, parse_file_name};
use crate::domain::ids::{AttachmentId, UserId, new_v7};
use crate::http::app::{App, text, unreadable};
use crate::http::files::Files;
use crate::http::query::Query;
use crate::http::range::{self, Wanted};
use crate::http::{disposition, problem::Problem};
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::schema::FileBytes;
use crate::store::{NewUpload, Uploaded};

/// How long the next bytes of an upload may take.
const NEXT_WITHIN: Duration = Duration::from_secs(20);
/// Nothing that a file holds is run, whatever a browser takes it for.
const POLICY: &str = "default-src 'none'; sandbox";

/// Uploads a file, to be named in a message's `attachmentIds`.
///
/// The body is the file itself, whatever type it is said to be of. Its type is told by its content. What a picture or film
/// tells besides itself (where it was taken, by what) is left out. A file that is in no message within a day is deleted.
#[utoipa::path(post, path = "/api/v1/attachments", operation_id = "upload", tag = "attachments",
    params(("name" = Option<String>, Query, description = "what the file is called; only the last part of a path")),
    request_body(content = FileBytes, content_type = "application/octet-stream"),
    responses((status = 201, body = Attachment, description = "stored"), Writing))]
pub(super) async fn upload(asker: Asker, request: HttpRequest, payload: Payload) -> Answer {
    let files = files(&asker)?.clone();
    let uploader = asker.acting("upload files")?.user.id;
    asker.parts().rates.check_upload(uploader).map_err(|retry_after_ms| {
        asker.parts().metrics.rate_limited.inc();
        Refusal::rate_limited(retry_after_ms)
    })?;
    let name = Query::of(&request)?;
    let name = parse_file_name(name.text("name")?.unwrap_or_default())
        .map_err(|error| Refusal::invalid(format!("name {error}")))?;
    let length = text(request.headers(), &CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let at_most = length.unwrap_or(files.limits.bytes);
    if at_most > files.limits.bytes {
        return Err(too_large(files.limits.bytes).into());
    }
    let place = files.uploads.take(uploader).map_err(|full| Refusal::unavailable(full.to_string()))?;
    let (id, storage_key) = (AttachmentId(new_v7()), new_key());
    let new = NewUpload {
        id,
        uploader,
        name,
        storage_key: storage_key.clone(),
        at_most: i64::try_from(at_most).unwrap_or(i64::MAX),
        max_files: files.limits.user_files,
        max_bytes: files.limits.user_bytes,
    };
    let beginning = asker.parts().db.order(Order::BeginUpload(new));
    // From here on, whatever becomes of the answer: orders keep their order, so that an end comes after this beginning.
    let mut begun = Begun { app: asker.app.clone(), uploader, id, settled: false };
    // What is refused for good is in no table.
    beginning.await.inspect_err(|refusal| begun.settled = !refusal.code.retryable())?;
    let taken = receive(&files, files.depot.take_in(&storage_key), payload, at_most).await?;
    let what = Uploaded {
        content_type: taken.content_type.to_owned(),
        size: i64::try_from(taken.size).unwrap_or(i64::MAX),
        sha256: taken.sha256,
        width: taken.dimensions.and_then(|(width, _)| width.try_into().ok()),
        height: taken.dimensions.and_then(|(_, height)| height.try_into().ok()),
    };
    let done = asker.parts().db.order(Order::FinishUpload { id, what }).await?;
    drop(place);
    let Done::Attachment(attachment) = done else {
        return Err(Refusal::unavailable("the database gave no attachment; try again").into());
    };
    begun.settled = true;
    Ok(HttpResponse::Created().json(attachment))
}

/// An upload that the database knows of, or is about to. One that comes to nothing, for whatever reason, is let go of.
struct Begun {
    app: Data<App>,
    uploader: UserId,
    id: AttachmentId,
    settled: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let discard = self.app.parts.db.order(Order::DiscardAttachment { user: self.uploader, id: self.id });
        let (Ok(runtime), Some(files)) = (Handle::try_current(), self.app.files.clone()) else { return };
        runtime.spawn(async move {
            // Where this fails it is found when its time in no message is over.
            if discard.await.is_ok() {
                files.let_go.notify_one();
            }
        });
    }
}

async fn receive(files: &Files, mut intake: Intake, payload: Payload, at_most: u64) -> Result<Taken, Refusal> {
    let within = Files::time_for(at_most);
    let outcome = timeout(within, read(&mut intake, payload, files.limits.bytes)).await;
    let came = outcome.unwrap_or_else(|_| {
        let seconds = within.as_secs();
        Err(Refusal::invalid(format!("the file did not arrive within {seconds} s")))
    });
    if let Err(refusal) = came {
        intake.abort().await;
        return Err(refusal);
    }
    let taken = intake.finish().await.map_err(|error| unstored(&error))?;
    if taken.size == 0 {
        return Err(Refusal::invalid("the file is empty, or the picture is broken"));
    }
    Ok(taken)
}

async fn read(intake: &mut Intake, mut payload: Payload, max: u64) -> Result<(), Refusal> {
    let mut came = 0;
    let stopped = |_| Refusal::invalid(format!("the file stopped coming for {} s", NEXT_WITHIN.as_secs()));
    while let Some(piece) = timeout(NEXT_WITHIN, payload.next()).await.map_err(stopped)? {
        let piece = piece.map_err(|error| {
            log::info!("an upload broke off: {error}");
            Refusal::invalid("the file did not arrive whole")
        })?;
        came += piece.len() as u64;
        if came > max {
            return Err(too_large(max));
        }
        intake.write(&piece).await.map_err(|error| unstored(&error))?;
    }
    if came == 0 { Err(Refusal::invalid("the file is empty")) } else { Ok(()) }
}

fn files(asker: &Asker) -> Result<&Files, Refusal> {
    asker.app.files.as_ref().ok_or_else(|| Refusal::new(ErrorCode::NotFound, "this daemon keeps no attachments"))
}

fn too_large(max: u64) -> Refusal {
    Refusal::new(ErrorCode::TooLarge, format!("the file is over the limit of {max} bytes"))
}

fn unstored(error: &DepotError) -> Refusal {
    if let DepotError::Odd(why) = error {
        return Refusal::invalid(format!(
            "the picture or film is not understood ({why}), so that what it tells of places and people cannot be left out; \
             to send it as it is, put it into an archive"
        ));
    }
    log::error!("{error}");
    Refusal::unavailable(match error {
        DepotError::Spool(_) => "there is no room to look at the file; try again later",
        _ => "the store of attachments does not answer; try again",
    })
}

/// Downloads a file.
///
/// For who is in the channel of its message at that moment; while it is in none, for its uploader. Pictures are to be shown
/// (`inline`), everything else is to be saved.
#[utoipa::path(get, path = "/api/v1/attachments/{id}", operation_id = "download", tag = "attachments",
    params(
        ("id" = String, Path, format = Uuid),
        ("Range" = Option<String>, Header, description = "one part, such as bytes=0-1023"),
        ("If-None-Match" = Option<String>, Header, description = "the `ETag` of what is there already"),
    ),
    responses(
        (status = 200, body = FileBytes, content_type = "*/*", description = "the file"),
        (status = 206, body = FileBytes, content_type = "*/*", description = "the part that was asked for"),
        (status = 304, description = "what is there already is the same"),
        (status = 416, description = "there is no such part"),
        Reading
    ))]
pub(super) async fn download(asker: Asker, request: HttpRequest) -> Answer {
    give(&asker, &request, true).await
}

/// The same without the bytes.
#[utoipa::path(head, path = "/api/v1/attachments/{id}", operation_id = "lookAtAttachment", tag = "attachments",
    params(
        ("id" = String, Path, format = Uuid),
        ("Range" = Option<String>, Header, description = "one part, such as bytes=0-1023"),
        ("If-None-Match" = Option<String>, Header, description = "the `ETag` of what is there already"),
    ),
    responses(
        (status = 200, description = "the file is there"),
        (status = 206, description = "the part is there"),
        (status = 304, description = "what is there already is the same"),
        (status = 416, description = "there is no such part"),
        Reading
    ))]
pub(super) async fn look(asker: Asker, request: HttpRequest) -> Answer {
    give(&asker, &request, false).await
}

async fn give(asker: &Asker, request: &HttpRequest, with_bytes: bool) -> Answer {
    let files = files(asker)?;
    let id = input::attachment_id(request)?;
    let found = asker.parts().reader.attachment_for(asker.by(), id).await.map_err(|error| unreadable(&error))?;
    let held = found.ok_or_else(Refusal::no_attachment)?;
    let (attachment, headers) = (held.attachment, request.headers());
    let tag = format!("\"{}\"", attachment.sha256);
    if is_known(headers, &tag) {
        return Ok(with_tag(HttpResponse::NotModified(), &tag).finish());
    }
    let size = u64::try_from(attachment.size).unwrap_or_default();
    let same = text(headers, &IF_RANGE).is_none_or(|known| known == tag);
    let (status, part) = match range::of(text(headers, &RANGE).filter(|_| same), size) {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Nothing => {
            let mut answer = with_tag(HttpResponse::RangeNotSatisfiable(), &tag);
            return Ok(answer.insert_header((CONTENT_RANGE, format!("bytes */{size}"))).finish());
        }
    };
    let mut answer = with_tag(HttpResponse::build(status), &tag);
    describe(&mut answer, &attachment);
    if status == StatusCode::PARTIAL_CONTENT {
        let Range { start, end } = part;
        answer.insert_header((CONTENT_RANGE, format!("bytes {start}-{}/{size}", end.saturating_sub(1))));
    }
    let length = part.end - part.start;
    if !with_bytes {
        return Ok(answer.body(SizedStream::new(length, futures_util::stream::empty::<Result<_, DepotError>>())));
    }
    let part = (status == StatusCode::PARTIAL_CONTENT).then_some(part);
    match files.depot.give_out(&held.storage_key, part).await {
        Ok(bytes) => Ok(answer.body(SizedStream::new(length, bytes))),
        // It was let go of since it was looked up, or somebody has deleted it behind the daemon's back.
        Err(DepotError::Missing) => {
            log::warn!("the object of attachment {id} is not in the store");
            Err(Refusal::no_attachment().into())
        }
        Err(error) => Err(unstored(&error).into()),
    }
}

/// Kept by the browser alone, which asks each time whether it may still have it.
fn with_tag(mut answer: HttpResponseBuilder, tag: &str) -> HttpResponseBuilder {
    answer.insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, "private, no-cache"));
    answer
}

fn describe(answer: &mut HttpResponseBuilder, attachment: &Attachment) {
    let inline = is_shown(&attachment.content_type);
    answer
        .insert_header((CONTENT_TYPE, attachment.content_type.as_str()))
        .insert_header((CONTENT_DISPOSITION, disposition::of(inline, &attachment.name)))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((ACCEPT_RANGES, "bytes"));
}

/// Whether one of the tags that are known is this one.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    known.flat_map(|list| list.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

/// Lets go of a file that is in no message.
#[utoipa::path(delete, path = "/api/v1/attachments/{id}", operation_id = "discardAttachment", tag = "attachments",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 204, description = "it is gone"), Writing))]
pub(super) async fn discard(asker: Asker, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let files = files(&asker)?;
    let id = input::attachment_id(&request)?;
    let user = asker.acting("discard files")?.user.id;
    asker.parts().db.order(Order::DiscardAttachment { user, id }).await?;
    files.let_go.notify_one();
    Ok(HttpResponse::NoContent().finish())
}
