//! What happens on the node that is asked, as it happens: server-sent events, until the daemon stops or the admin's token ends.

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::page::Query;
use crate::auth::Identity;
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::now;
use crate::http::app::App;
use crate::http::problem::Problem;
use crate::live::{Event, KINDS, Listening, Told, Wanted, What};
use crate::protocol::error::Refusal;
use crate::protocol::time;

/// A line that says nothing, so that an end that is gone is noticed, and the connection is not ended for being quiet.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING: &[u8] = b":\n\n";
/// Said at once: from here on everything is told.
const BEGIN: &[u8] = b": listening\n\n";
/// The longest that may be asked for with `for`, in seconds.
const MAX_SECONDS: u64 = 86_400;

struct Stream {
    listening: Listening,
    app: web::Data<App>,
    admin: Identity,
    until: Instant,
    /// When the next sign of life is due.
    ping: Instant,
    begun: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(serialize_with = "time::serialize")]
    at: DateTime<Utc>,
    #[serde(flatten)]
    what: &'a What,
}

/// `GET /admin/events?type=…&user=…&channel=…&for=SECONDS`.
pub(super) async fn listen(
    request: HttpRequest,
    app: web::Data<App>,
    admin: web::ReqData<Identity>,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request)?;
    let kinds = query.text("type").map(kinds).transpose()?.unwrap_or_default();
    let user = query.text("user").map(UserId::from_external);
    let wanted = Wanted { kinds, user, channel: query.parsed::<ChannelId>("channel")? };
    let admin = admin.into_inner();
    let until = Instant::now() + lasts(&admin).min(seconds(&query)?);
    let listening = app.parts.live.listen(wanted).map_err(|full| Refusal::unavailable(full.to_string()))?;
    let stream = Stream { listening, app, admin, until, ping: Instant::now() + PING_EVERY, begun: false };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // nginx would gather them.
        .insert_header((header::HeaderName::from_static("x-accel-buffering"), "no"))
        .streaming(stream::unfold(stream, Stream::next)))
}

/// Names with commas between them; the part before a dot stands for all of its kind.
fn kinds(text: &str) -> Result<BTreeSet<&'static str>, Refusal> {
    let mut wanted = BTreeSet::new();
    for name in text.split(',') {
        let is_meant = |kind: &&&str| **kind == name || kind.split_once('.').is_some_and(|(family, _)| family == name);
        wanted.extend(KINDS.iter().filter(is_meant).copied());
        if !KINDS.iter().any(|kind| is_meant(&kind)) {
            let text = format!("type must be some of {}, with commas between them", KINDS.join(", "));
            return Err(Refusal::invalid(text));
        }
    }
    Ok(wanted)
}

fn seconds(query: &Query) -> Result<Duration, Refusal> {
    let Some(text) = query.text("for") else { return Ok(Duration::MAX) };
    let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_SECONDS);
    let wrong = || Refusal::invalid(format!("for must be a whole number of seconds, {MAX_SECONDS} at most"));
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

/// How long the admin's token does, and no longer than a clock can tell.
fn lasts(admin: &Identity) -> Duration {
    const MOST: Duration = Duration::from_secs(MAX_SECONDS * 365);
    (admin.expires_at - now()).to_std().unwrap_or_default().min(MOST)
}

impl Stream {
    async fn next(mut self) -> Option<(Result<Bytes, actix_web::Error>, Self)> {
        if !self.begun {
            self.begun = true;
            return Some((Ok(Bytes::from_static(BEGIN)), self));
        }
        let piece = tokio::select! {
            told = self.listening.next() => text(&told?).into(),
            () = tokio::time::sleep_until(self.ping.min(self.until)) => {
                self.ping = Instant::now() + PING_EVERY;
                Bytes::from_static(PING)
            }
        };
        // With each piece: where much happens there is no quiet moment to look in.
        if Instant::now() >= self.until || self.app.parts.verifier.revoked().refuses(&self.admin) {
            return None;
        }
        Some((Ok(piece), self))
    }
}

fn text(told: &Told) -> String {
    let (kind, body) = match told {
        // Texts and numbers alone: not reachable.
        Told::Event(event) => (event.what.kind(), serde_json::to_string(&body(event)).unwrap_or_default()),
        Told::Lost(count) => ("lost", json!({"type": "lost", "count": count}).to_string()),
    };
    format!("event: {kind}\ndata: {body}\n\n")
}

fn body(event: &Event) -> Body<'_> {
    Body { at: event.at, what: &event.what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_alone_or_as_a_family() {
        let named = |text: &str| kinds(text).map(|kinds| kinds.into_iter().collect::<Vec<_>>());
        assert_eq!(named("refused,message"), Ok(vec!["message.changed", "message.stored", "refused"]));
        assert_eq!(named("session.closed,session.closed"), Ok(vec!["session.closed"]));
        for wrong in ["", "mess", "message.", "message,unheard", "lost"] {
            assert!(named(wrong).unwrap_err().message.contains("session.opened, session.closed"), "{wrong}");
        }
    }

    #[test]
    fn an_event_is_told_under_the_name_that_it_has() {
        let user = UserId(uuid::Uuid::nil());
        let event = Event { at: DateTime::UNIX_EPOCH, what: What::TokensRevoked { user } };
        let told = text(&Told::Event(event.into()));
        let body = format!(r#"{{"at":"1970-01-01T00:00:00.000Z","type":"tokens.revoked","user":"{user}"}}"#);
        assert_eq!(told, format!("event: tokens.revoked\ndata: {body}\n\n"));
        assert_eq!(text(&Told::Lost(3)), "event: lost\ndata: {\"count\":3,\"type\":\"lost\"}\n\n");
    }
}
