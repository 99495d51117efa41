//! Searching messages. What may be seen is decided in the moment of the read, by the store.

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};

use super::Answer;
use super::asker::Asker;
use super::openapi::Reading;
use crate::domain::search::Search;
use crate::http::app::unreadable;
use crate::http::query::Query;
use crate::protocol::HISTORY_PAGE_BYTES;
use crate::protocol::error::Refusal;
use crate::protocol::rest::parse_user;
use crate::protocol::search::SearchPage;

/// Hits of a page: where nothing is said, and at most.
const PAGE: usize = 20;
const MAX_PAGE: usize = 100;

/// Searches messages.
///
/// The newest first, in the channels that the asker is in; a bearer with scope `admin` who acts as nobody searches all. A new
/// message is found within seconds; what is edited or deleted is not found by what it said from that moment on.
#[utoipa::path(get, path = "/api/v1/search", operation_id = "search", tag = "messages",
    params(
        ("q" = String, Query, min_length = 1, max_length = 255, description = "words that are all there; `word*` is a beginning, `\"some words\"` a phrase, `-word` must not be there"),
        ("channelId" = Option<String>, Query, format = Uuid, description = "only in this channel"),
        ("senderId" = Option<String>, Query, min_length = 1, max_length = 255, description = "only of this user"),
        ("from" = Option<String>, Query, format = DateTime, description = "only of this time or later"),
        ("to" = Option<String>, Query, format = DateTime, description = "only before this time"),
        ("hasAttachment" = Option<bool>, Query, description = "`true`: only with files; `false`: only without"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "20 where it is missing"),
        ("cursor" = Option<String>, Query, min_length = 1, description = "of the page before"),
    ),
    responses((status = 200, body = SearchPage), Reading))]
pub(super) async fn find(asker: Asker, request: HttpRequest) -> Answer {
    let query = Query::of(&request)?;
    let search = Search {
        query: query.parsed("q")?.ok_or_else(|| Refusal::invalid("q is missing: what to search for"))?,
        channel: query.parsed("channelId")?,
        sender: query.text("senderId")?.map(|text| parse_user("senderId", text)).transpose()?.map(|user| user.id),
        from: query.parsed::<Time>("from")?.map(|time| time.0),
        to: query.parsed::<Time>("to")?.map(|time| time.0),
        has_attachment: query.flag("hasAttachment")?,
        after: query.parsed("cursor")?,
        limit: query.limit_of(PAGE, MAX_PAGE)?,
        bytes: HISTORY_PAGE_BYTES,
    };
    let found = asker.parts().reader.search(asker.user_id(), search).await.map_err(|error| unreadable(&error))?;
    Ok(HttpResponse::Ok().json(SearchPage::from(found.ok_or_else(Refusal::no_channel)?)))
}

/// A time of RFC 3339, in any zone.
pub(super) struct Time(pub(super) DateTime<Utc>);

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = DateTime::parse_from_rfc3339(text);
        time.map(|time| Self(time.to_utc())).map_err(|_| "must be a time of RFC 3339, such as 2026-01-31T12:00:00Z")
    }
}
