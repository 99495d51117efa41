//! Error answers: `application/problem+json` with the codes of the wire.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::protocol::error::{ErrorCode, Refusal};

/// A refusal on its way to an HTTP client.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Problem(pub Refusal);

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
    pub retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let Refusal { code, message, retry_after_ms } = &self.0;
        let mut response = HttpResponse::build(self.status_code());
        match code {
            ErrorCode::Unauthorized => {
                response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
            }
            ErrorCode::RateLimited | ErrorCode::Unavailable => {
                let seconds = retry_after_ms.map_or(1, |ms| ms.div_ceil(1000).max(1));
                response.insert_header((header::RETRY_AFTER, seconds));
            }
            _ => {}
        }
        response.insert_header((header::CONTENT_TYPE, "application/problem+json")).body(
            serde_json::to_vec(&ProblemBody {
                kind: format!("urn:tenfour:problem:{}", code.as_str()),
                title: code.title(),
                status: code.status(),
                detail: message,
                code: *code,
                retryable: code.retryable(),
                retry_after_ms: *retry_after_ms,
            })
            .unwrap_or_default(),
        )
    }
}
