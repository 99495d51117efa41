//! A name for each request, by which its answer, its problem body and its line in the log belong together.
//!
//! The outermost of what every request of either address passes. Logs neither a query, which may hold a token, nor a
//! header.

use std::time::Instant;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError};

use super::app::text;
use super::problem::Problem;
use crate::domain::ids::new_v7;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 64;

/// For `middleware::from_fn`.
pub async fn trace(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let id = request_id(request.headers());
    let response = next.call(request).await?;
    let mut response = with_request_id(response, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let request = response.request();
    log::debug!(
        "{} {} {} {} ms {id}",
        request.method(),
        // An address that is no route may hold anything, such as a token that was pasted.
        request.match_pattern().as_deref().unwrap_or("-"),
        response.status().as_u16(),
        began.elapsed().as_millis()
    );
    Ok(response)
}

/// The caller's own name for the request where it is a plain one, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let is_plain = |id: &&str| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    text(headers, &REQUEST_ID).filter(is_plain).map_or_else(|| new_v7().to_string(), str::to_owned)
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

    fn id_of(sent: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(sent.as_bytes()).unwrap());
        request_id(&headers)
    }

    #[test]
    fn a_plain_id_is_kept_and_any_other_replaced() {
        let longest = "a".repeat(64);
        for good in ["a", "Trace-1.2_3", longest.as_str()] {
            assert_eq!(id_of(good), good);
        }
        for bad in ["", " ", "a b", "a\"b", "a\u{e9}", &"a".repeat(65), "a\tb"] {
            assert_eq!(id_of(bad).len(), 36, "{bad:?}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
