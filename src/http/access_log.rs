//! A line for each request that is answered, when all of its answer has gone or nobody takes it any more. Sockets have theirs
//! when they end, from their sessions.
//!
//! Used by [`super::trace`]. Never says a query, a header or a body.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest};
use bytes::Bytes;

use super::app::client_of;
use crate::domain::ids::UserId;
use crate::logging::ACCESS;

/// A part of a path that is longer is no id: it may be a token that was pasted.
const LONGEST_PART: usize = 64;

/// Whose token came with the request, once that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bearer(pub(super) UserId);

/// What is known of a request before its answer is written.
#[derive(Debug)]
pub(super) struct Line {
    request: Arc<str>,
    method: Method,
    path: String,
    status: StatusCode,
    client: Option<IpAddr>,
    user: Option<UserId>,
    began: Instant,
}

impl Line {
    pub(super) fn new(request: &HttpRequest, id: Arc<str>, status: StatusCode, began: Instant) -> Self {
        // An address that is no route may hold anything.
        let path = request.match_pattern().map_or(Cow::Borrowed("-"), |_| plain(request.path()));
        Self {
            request: id,
            method: request.method().clone(),
            path: path.into_owned(),
            status,
            client: request.peer_addr().map(|peer| client_of(request, peer).ip),
            user: request.extensions().get::<Bearer>().map(|bearer| bearer.0),
            began,
        }
    }

    fn say(&self, bytes: u64) {
        let Self { request, method, path, .. } = self;
        let (status, took) = (self.status.as_u16(), self.began.elapsed().as_millis());
        let took = u64::try_from(took).unwrap_or(u64::MAX);
        let mut who = String::new();
        // A String takes whatever is written.
        let _ = self.client.map(|client| write!(who, " from {client}"));
        let _ = self.user.map(|user| write!(who, " user {user}"));
        let (client, user) = (self.client.map(|it| it.to_string()), self.user.map(|it| it.to_string()));
        log::info!(
            target: ACCESS, request = request.as_ref(), method = method.as_str(), path = path.as_str(), status,
            durationMs = took, bytes, client, user;
            "{method} {path} {status} {took} ms {bytes} bytes{who}"
        );
    }
}

fn plain(path: &str) -> Cow<'_, str> {
    let is_short = |part: &str| part.len() <= LONGEST_PART;
    if path.split('/').all(is_short) {
        return path.into();
    }
    let parts: Vec<&str> = path.split('/').map(|part| if is_short(part) { part } else { "…" }).collect();
    parts.join("/").into()
}

/// The body of an answer, counted as it goes.
pub(super) struct Counted {
    body: BoxBody,
    bytes: u64,
    /// Said when nothing more goes.
    line: Line,
}

impl Counted {
    pub(super) fn new(body: BoxBody, line: Line) -> Self {
        Self { body, bytes: 0, line }
    }
}

impl MessageBody for Counted {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_next(cx);
        if let Poll::Ready(Some(Ok(piece))) = &polled {
            this.bytes += piece.len() as u64;
        }
        polled
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.line.say(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_that_is_no_id_is_left_out() {
        let (id, token) = ("01890a5d-ac96-774b-bcce-b302099a8057", "x".repeat(65));
        assert_eq!(plain(&format!("/api/v1/channels/{id}")), format!("/api/v1/channels/{id}"));
        assert_eq!(plain(&format!("/api/v1/users/{token}/export")), "/api/v1/users/…/export");
    }
}
