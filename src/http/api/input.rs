//! What a request says besides who asks: the path, the query and the body, each with its limit.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{self, Bytes, BytesMut, Payload};
use futures_util::StreamExt;

use super::asker::Asker;
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::user::UserRef;
use crate::http::app::text;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::rest::parse_user;

/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// Entries of a page: at most, and where nothing is said.
const MAX_PAGE: usize = 200;
const PAGE: usize = 50;

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

fn id(request: &HttpRequest) -> &str {
    request.match_info().get("id").unwrap_or_default()
}

/// The user of a path that ends with one after a channel, in either form, percent-encoded where it has to be.
pub(super) fn user(request: &HttpRequest) -> Result<UserRef, Refusal> {
    let decoded: Result<(String, String), _> = request.match_info().load();
    let (_, user) = decoded.map_err(|_| Refusal::invalid("userId cannot be read"))?;
    parse_user("userId", &user)
}

/// The query's fields; unknown ones are ignored.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        Self::parse(request.query_string())
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(text);
        pairs.map(|pairs| Self(pairs.into_inner())).map_err(|_| Refusal::invalid("the query cannot be read"))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Refusal::invalid(format!("{name} is given twice"))),
        }
    }

    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refusal>
    where
        T::Err: Display,
    {
        let parse = |text: &str| text.parse().map_err(|error| Refusal::invalid(format!("{name} {error}")));
        self.text(name)?.map(parse).transpose()
    }

    /// A message's number.
    pub(super) fn seq(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse = |text: &str| {
            let number = text.parse().ok().filter(|seq| *seq >= 0);
            number.ok_or_else(|| Refusal::invalid(format!("{name} must be a whole number, 0 or more")))
        };
        self.text(name)?.map(parse).transpose()
    }

    /// How many entries are wanted.
    pub(super) fn limit(&self) -> Result<usize, Refusal> {
        let Some(text) = self.text("limit")? else { return Ok(PAGE) };
        let number = text.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
        number.ok_or_else(|| Refusal::invalid(format!("limit must be a whole number from 1 to {MAX_PAGE}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_what_is_wrong_with_it() {
        let limit = |text: &str| Query::parse(text).unwrap().limit().map_err(|refusal| refusal.message);
        assert_eq!(limit(""), Ok(50));
        assert_eq!(limit("limit=1&later=x"), Ok(1));
        assert_eq!(limit("limit=200"), Ok(200));
        for bad in ["limit=", "limit=0", "limit=201", "limit=-1", "limit=a", "limit=1.5", "limit=99999999999999999999"]
        {
            assert!(limit(bad).unwrap_err().contains("1 to 200"), "{bad}");
        }
        assert!(limit("limit=1&limit=2").unwrap_err().contains("limit is given twice"));
        let seq = |text: &str| Query::parse(text).unwrap().seq("before").map_err(|refusal| refusal.message);
        assert_eq!(seq("before=7"), Ok(Some(7)));
        assert_eq!(seq("after=7"), Ok(None));
        for bad in ["before=-1", "before=x", "before=", "before=9223372036854775808"] {
            assert!(seq(bad).unwrap_err().contains("before"), "{bad}");
        }
        assert!(Query::parse("after=7").unwrap().parsed::<ChannelId>("after").is_err());
    }
}
