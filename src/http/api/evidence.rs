//! What happened in a channel, as evidence, for the host application's server.

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::asker::Asker;
use super::openapi::Reading;
use super::search::Time;
use super::{Answer, input};
use crate::actors::db::Order;
use crate::audit::evidence::form::{Format, Scribe};
use crate::audit::evidence::source::{Source, SourceError};
use crate::audit::evidence::{Ask, Exported};
use crate::domain::ids::JournalId;
use crate::domain::journal::Kind;
use crate::domain::now;
use crate::http::app::unreadable;
use crate::http::query::Query;
use crate::protocol::error::Refusal;
use crate::store::note;

/// Exports evidence of a channel.
///
/// Everything that happened in a channel within a time: messages, edits, deletions, members, and who had read what when, with the
/// links of its audit trail. `tenfour audit check` judges the file. For bearers with scope `admin` who act as nobody.
#[utoipa::path(get, path = "/api/v1/channels/{id}/evidence", operation_id = "exportEvidence", tag = "channels",
    params(
        ("id" = String, Path, format = Uuid),
        ("from" = Option<String>, Query, format = DateTime, description = "from then on; from the beginning where it is missing"),
        ("to" = Option<String>, Query, format = DateTime, description = "before then; up to now where it is missing"),
        ("format" = Option<String>, Query, pattern = "^(ndjson|csv|html)$", description = "`ndjson` where it is missing; `html` is for a person and a machine, `csv` for a spreadsheet"),
    ),
    responses((status = 200, description = "a file", content(
        (String = "application/x-ndjson"), (String = "text/csv"), (String = "text/html"))), Reading))]
pub(super) async fn export(asker: Asker, request: HttpRequest) -> Answer {
    let channel = input::channel_id(&request)?;
    asker.host_alone()?;
    let query = Query::of(&request)?;
    let from = query.parsed::<Time>("from")?.map(|time| time.0);
    let to = query.parsed::<Time>("to")?.map(|time| time.0);
    let format = query.parsed::<Format>("format")?.unwrap_or(Format::Ndjson);
    let turn = asker.app.export_turn()?;

    let ask = Ask { channel, from, to };
    let source = Source::open(asker.parts().reader.clone(), ask).await.map_err(|error| refused(&error))?;
    let told = Exported::new(&ask, format, "REST");
    let notes = vec![note(JournalId::DAEMON, Kind::Exported, None, now(), &told)];
    asker.parts().db.order(Order::Record { notes }).await?;
    let scribe = Scribe::new(format, asker.app.seal.clone());
    let name = format!("attachment; filename=\"evidence-{channel}.{}\"", format.as_str());
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, name))
        .streaming(stream::unfold(Some(Sending { source, scribe, begun: false, _turn: turn }), next)))
}

struct Sending {
    source: Source,
    scribe: Scribe,
    begun: bool,
    _turn: OwnedSemaphorePermit,
}

/// A piece at a time. What cannot be read ends the answer before its end, so that nobody takes a part for the whole.
async fn next(sending: Option<Sending>) -> Option<(Result<Bytes, SourceError>, Option<Sending>)> {
    let mut sending = sending?;
    let mut text = String::new();
    if !std::mem::replace(&mut sending.begun, true) {
        text += &sending.scribe.begin();
    }
    match sending.source.next().await {
        Err(error) => {
            log::error!("an export of evidence ended early: {error}");
            Some((Err(error), None))
        }
        Ok(lines) if lines.is_empty() => {
            text += &sending.scribe.end();
            Some((Ok(text.into()), None))
        }
        Ok(lines) => {
            text += &sending.scribe.write(&lines);
            Some((Ok(text.into()), Some(sending)))
        }
    }
}

fn refused(error: &SourceError) -> Refusal {
    match error {
        SourceError::NoChannel => Refusal::no_channel(),
        SourceError::NoTrail | SourceError::Unreadable(_) => Refusal::unavailable(error.to_string()),
        SourceError::Store(error) => unreadable(error),
    }
}
