//! What every REST call passes first: which web pages may call, and the headers of every answer.
//!
//! Never looks at who asks: whatever is no browser passes.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};

use crate::http::app::App;
use crate::http::problem::Problem;
use crate::protocol::error::Refusal;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS: &str =
    "Authorization, Content-Type, If-None-Match, If-Range, Range, Tenfour-User, Traceparent, X-Request-Id";
const ANSWER_HEADERS: &str = "Content-Disposition, Content-Length, Content-Range, ETag, Retry-After, X-Request-Id";
/// How long a browser may remember the answer to its question, in seconds.
const MAX_AGE: &str = "600";

/// For `middleware::from_fn`.
pub(super) async fn gate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(app) = request.app_data::<Data<App>>().cloned() else {
        let starting = Refusal::unavailable("the daemon is starting; try again");
        return Ok(request.error_response(Problem::from(starting)).map_into_right_body());
    };
    let origin = request.headers().get(header::ORIGIN).cloned();
    let checked = app.check_origin(request.request());
    let page = origin.filter(|_| checked.is_ok());
    let mut response = match checked {
        Err(refusal) => request.error_response(Problem::from(refusal)).map_into_right_body(),
        Ok(()) if page.is_some() && asks_first(&request) => {
            request.into_response(HttpResponse::NoContent().finish()).map_into_right_body()
        }
        Ok(()) => next.call(request).await?.map_into_left_body(),
    };
    let asked = asks_first_of(response.request().method(), response.request().headers());
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // An attachment says itself how long it may be kept.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(page) = page {
        let_in(headers, page, asked);
    }
    Ok(response)
}

/// Is it a browser's question whether a page may make a call?
fn asks_first(request: &ServiceRequest) -> bool {
    asks_first_of(request.method(), request.headers())
}

fn asks_first_of(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn let_in(headers: &mut HeaderMap, page: HeaderValue, asked: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ANSWER_HEADERS));
    if asked {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    }
}
