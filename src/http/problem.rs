//! Error answers: `application/problem+json` with the codes of the wire.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::protocol::error::{ErrorCode, Refusal};

pub const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal on its way to an HTTP client.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
pub struct Problem {
    pub refusal: Refusal,
    /// What the address does take, where the method was wrong. The wire has no word of its own for that.
    allow: Option<&'static str>,
}

/// The body.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// Names the kind of problem, as a URI.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: &'a str,
    pub status: u16,
    /// What was wrong this time, for a person.
    pub detail: &'a str,
    pub code: ErrorCode,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The answer's `X-Request-Id`, by which the daemon's log knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
}

impl Problem {
    /// There is such an address, but not with this method.
    pub fn wrong_method(allow: &'static str) -> Self {
        let message = format!("this address takes {allow}");
        Self { refusal: Refusal::new(ErrorCode::NotFound, message), allow: Some(allow) }
    }

    /// What a part of the framework refused: its own text stays in the log.
    pub fn of_framework(error: &actix_web::Error) -> Self {
        let status = error.as_response_error().status_code();
        log::info!("the framework answers {status}: {error}");
        let code = ErrorCode::ALL.into_iter().find(|code| code.status() == status.as_u16());
        let code =
            code.unwrap_or(if status.is_server_error() { ErrorCode::Unavailable } else { ErrorCode::InvalidFrame });
        Refusal::new(code, "the request could not be read as this address expects it").into()
    }

    fn title(&self) -> &'static str {
        if self.allow.is_some() { "This method is not taken here" } else { self.refusal.code.title() }
    }

    /// The JSON text.
    pub fn body(&self, request_id: Option<&str>) -> Vec<u8> {
        let Refusal { code, message, retry_after_ms } = &self.refusal;
        let body = ProblemBody {
            kind: format!("urn:tenfour:problem:{}", code.as_str()),
            title: self.title(),
            status: self.status_code().as_u16(),
            detail: message,
            code: *code,
            retryable: code.retryable(),
            retry_after_ms: *retry_after_ms,
            request_id,
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, allow: None }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        if self.allow.is_some() {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        StatusCode::from_u16(self.refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
        match self.refusal.code {
            ErrorCode::Unauthorized => {
                response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
            }
            ErrorCode::RateLimited | ErrorCode::Unavailable => {
                let seconds = self.refusal.retry_after_ms.map_or(1, |ms| ms.div_ceil(1000).max(1));
                response.insert_header((header::RETRY_AFTER, seconds));
            }
            _ => {}
        }
        response.insert_header((header::CONTENT_TYPE, PROBLEM_JSON)).body(self.body(None))
    }
}
