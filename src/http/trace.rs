//! A name for each request, by which its answer, its problem body and its line in the log belong together.
//!
//! The outermost of what every request of either address passes. Has its line written where that is asked for. Logs neither a
//! query, which may hold a token, nor a header.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError};

use super::access_log::{Counted, Line};
use super::app::text;
use super::problem::Problem;
use crate::domain::ids::new_v7;
use crate::logging;
use crate::traces::Remote;

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 64;

/// For `middleware::from_fn`.
pub async fn trace(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let id = request_id(request.headers());
    let response = logging::within(Arc::clone(&id), next.call(request)).await?;
    let mut response = with_request_id(response, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let request = response.request();
    log::debug!(
        request = id.as_ref();
        "{} {} {} {} ms",
        request.method(),
        // An address that is no route may hold anything, such as a token that was pasted.
        request.match_pattern().as_deref().unwrap_or("-"),
        response.status().as_u16(),
        began.elapsed().as_millis()
    );
    // A socket has its line when it ends.
    let is_socket = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if is_socket || !logging::logs_access() {
        return Ok(response.map_into_left_body());
    }
    let line = Line::new(response.request(), id, response.status(), began);
    Ok(response.map_into_boxed_body().map_body(|_, body| Counted::new(body, line)).map_into_right_body())
}

/// The caller's own name for the request where it is a plain one, else the trace that it is a part of, else a new one.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let is_plain = |id: &&str| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let named = text(headers, &REQUEST_ID)
        .filter(is_plain)
        .or_else(|| text(headers, &TRACE_PARENT).and_then(parts_of).map(|(trace, ..)| trace));
    named.map_or_else(|| new_v7().to_string().into(), Arc::from)
}

/// The trace that the caller says its request is a part of.
pub(super) fn remote_of(headers: &HeaderMap) -> Option<Remote> {
    let (trace, span, flags) = text(headers, &TRACE_PARENT).and_then(parts_of)?;
    Remote::new(trace, span, flags)
}

/// Trace, span and flags of a `traceparent` as W3C's Trace Context has it: `00-TRACE-SPAN-FLAGS`. Of a later version more may
/// follow.
fn parts_of(parent: &str) -> Option<(&str, &str, &str)> {
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is = |part: &str, len: usize| part.len() == len && is_hex(part);
    let is_something = |part: &str| part.bytes().any(|byte| byte != b'0');
    let mut parts = parent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_whole = is(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let is_right = is_whole && is(trace, 32) && is(span, 16) && is(flags, 2);
    (is_right && is_something(trace) && is_something(span)).then_some((trace, span, flags))
}

/// An error's body is written again with the id in it; one of the framework's becomes a problem like all others.
fn with_request_id<B: MessageBody>(response: ServiceResponse<B>, id: &str) -> ServiceResponse<EitherBody<B>> {
    let Some(error) = response.response().error() else { return response.map_into_left_body() };
    if let Some(problem) = error.as_error::<Problem>() {
        let body = problem.body(Some(id));
        return response.map_body(|_, _| EitherBody::right(BoxBody::new(body)));
    }
    let problem = Problem::of_framework(error);
    let (request, _) = response.into_parts();
    let answer = problem.error_response().set_body(BoxBody::new(problem.body(Some(id))));
    ServiceResponse::new(request, answer.map_into_right_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(sent: &str) -> Arc<str> {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(sent.as_bytes()).unwrap());
        request_id(&headers)
    }

    #[test]
    fn a_plain_id_is_kept_and_any_other_replaced() {
        let longest = "a".repeat(64);
        for good in ["a", "Trace-1.2_3", longest.as_str()] {
            assert_eq!(&*id_of(good), good);
        }
        for bad in ["", " ", "a b", "a\"b", "a\u{e9}", &"a".repeat(65), "a\tb"] {
            assert_eq!(id_of(bad).len(), 36, "{bad:?}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }

    #[test]
    fn without_one_a_request_is_named_by_its_trace() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let mut headers = HeaderMap::new();
        let mut named = |parent: &str| {
            headers.insert(TRACE_PARENT, HeaderValue::from_str(parent).unwrap());
            request_id(&headers)
        };
        for good in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(&*named(good), trace, "{good}");
        }
        for bad in [
            "",
            trace,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(named(bad).len(), 36, "{bad}");
        }
        headers.insert(REQUEST_ID, HeaderValue::from_static("mine"));
        assert_eq!(&*request_id(&headers), "mine", "the name comes first");
    }
}
