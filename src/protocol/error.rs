//! The closed list of errors, each with its word on the wire, its HTTP status and whether a retry makes sense.

use serde::{Deserialize, Serialize};

use crate::domain::change::Denied;

/// What went wrong, for a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    InvalidJson,
    InvalidFrame,
    UnknownType,
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    TooLarge,
    UnknownUser,
    RateLimited,
    Unavailable,
}

impl ErrorCode {
    pub const ALL: [Self; 11] = [
        Self::InvalidJson,
        Self::InvalidFrame,
        Self::UnknownType,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::TooLarge,
        Self::UnknownUser,
        Self::RateLimited,
        Self::Unavailable,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::InvalidFrame => "invalid_frame",
            Self::UnknownType => "unknown_type",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::UnknownUser => "unknown_user",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
        }
    }

    pub fn status(self) -> u16 {
        match self {
            Self::InvalidJson => 400,
            Self::InvalidFrame | Self::UnknownType | Self::UnknownUser => 422,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
        }
    }

    /// May the same request succeed later, unchanged?
    pub fn retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable)
    }

    /// A title for the problem body, the same for every occurrence.
    pub fn title(self) -> &'static str {
        match self {
            Self::InvalidJson => "The body is not valid JSON",
            Self::InvalidFrame => "A field is missing or not valid",
            Self::UnknownType => "There is no such frame",
            Self::Unauthorized => "A valid token is needed",
            Self::Forbidden => "This is not allowed",
            Self::NotFound => "There is no such thing, or you may not see it",
            Self::Conflict => "This contradicts what is stored",
            Self::TooLarge => "This is too large",
            Self::UnknownUser => "A user is not known",
            Self::RateLimited => "Too many requests",
            Self::Unavailable => "Not available right now",
        }
    }
}

/// An error as it goes to the one who asked, over either way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Refusal {
    pub code: ErrorCode,
    /// For a person: what was wrong, the limit, the way out.
    pub message: String,
    /// When a retry makes sense, for `rate_limited`.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_ms: None }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidFrame, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Forbidden, message)
    }

    /// One text for what is not there and for what may not be seen, so that neither tells which.
    pub fn no_channel() -> Self {
        Self::new(ErrorCode::NotFound, "there is no such channel, or you are not in it")
    }

    pub fn no_message() -> Self {
        Self::new(ErrorCode::NotFound, "there is no such message, or you may not see it")
    }

    pub fn no_attachment() -> Self {
        Self::new(ErrorCode::NotFound, "there is no such attachment, or you may not see it")
    }

    pub fn no_webhook() -> Self {
        Self::new(ErrorCode::NotFound, "there is no such webhook")
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    pub fn rate_limited(retry_after_ms: u64) -> Self {
        Self {
            code: ErrorCode::RateLimited,
            message: format!("too many requests; try again in {retry_after_ms} ms"),
            retry_after_ms: Some(retry_after_ms),
        }
    }
}

/// The one place where a denial of the store becomes a word of the wire.
impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NoChannel => Self::no_channel(),
            Denied::NoMessage => Self::no_message(),
            Denied::NoAttachment => Self::no_attachment(),
            Denied::NoWebhook => Self::no_webhook(),
            Denied::TooManyFiles { max } => Self::new(
                ErrorCode::TooLarge,
                format!("you keep as many files as may be: {max}; delete messages that have some"),
            ),
            Denied::TooManyBytes { left, max } => Self::new(
                ErrorCode::TooLarge,
                format!(
                    "your files have {left} bytes left of {max}, which is not enough for this; delete messages that have some"
                ),
            ),
            Denied::NoMember => Self::new(ErrorCode::NotFound, "this user is not in the channel"),
            Denied::Forbidden(why) => Self::forbidden(why),
            Denied::Conflict(why) => Self::new(ErrorCode::Conflict, why),
            Denied::UnknownUsers(users) => {
                let named: Vec<_> = users.iter().take(5).map(|user| user.escape_debug().to_string()).collect();
                let more = if users.len() > named.len() { " and others" } else { "" };
                Self::new(
                    ErrorCode::UnknownUser,
                    format!("not known: {}{more}; a user is known from their first token on", named.join(", ")),
                )
            }
            Denied::TooManyMembers { max } => {
                Self::new(ErrorCode::Conflict, format!("a group has at most {max} members"))
            }
            Denied::ForeignSubject => {
                Self::new(ErrorCode::Unauthorized, "this user id belongs to another sub; use the user's own")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_what_serde_writes() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn only_what_passes_by_itself_is_retryable() {
        let retryable: Vec<_> = ErrorCode::ALL.into_iter().filter(|c| c.retryable()).collect();
        assert_eq!(retryable, [ErrorCode::RateLimited, ErrorCode::Unavailable]);
    }
}
