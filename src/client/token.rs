//! Where the client's token comes from, and when it needs a fresh one.
//!
//! Used by the client's task. Reads a token's expiry without verifying anything: that is the server's part.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

/// The longest that a fresh token is asked for ahead of the old one's end.
const LEAD: Duration = Duration::from_mins(1);

/// Why there is no token. The difference matters: the first ends the client, the second is tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("there is no token for this user: {0}")]
    Refused(String),
    #[error("the token cannot be had right now: {0}")]
    Unavailable(String),
}

pub(super) type TokenFuture = Pin<Box<dyn Future<Output = Result<String, TokenError>> + Send>>;

/// One token for ever, or one that is asked for each time that the last is about to expire.
#[derive(Clone)]
pub enum TokenSource {
    Static(String),
    Callback(Arc<dyn Fn() -> TokenFuture + Send + Sync>),
}

impl TokenSource {
    pub fn callback<F, T>(callback: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<String, TokenError>> + Send + 'static,
    {
        Self::Callback(Arc::new(move || Box::pin(callback())))
    }

    pub(super) fn can_refresh(&self) -> bool {
        matches!(self, Self::Callback(_))
    }

    pub(super) fn get(&self) -> TokenFuture {
        match self {
            Self::Static(token) => Box::pin(std::future::ready(Ok(token.clone()))),
            Self::Callback(callback) => callback(),
        }
    }
}

/// Shows no token.
impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.can_refresh() { "TokenSource::Callback" } else { "TokenSource::Static" })
    }
}

/// How long to wait before a fresh token is asked for: a minute, or a quarter of what is left, before its end. None
/// where the token says no end.
pub(super) fn refresh_in(token: &str, now: SystemTime) -> Option<Duration> {
    let left = expiry(token)?.duration_since(now).unwrap_or_default();
    Some(left.saturating_sub(LEAD.min(left / 4)))
}

fn expiry(token: &str) -> Option<SystemTime> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let payload = decode_base64url(token.split('.').nth(1)?)?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(claims.exp).ok()?)
}

fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len()), 0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
        bits &= (1 << held) - 1;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"sub":"ana","name":"Ana?~","exp":1000}`
    const TOKEN: &str = "e30.eyJzdWIiOiJhbmEiLCJuYW1lIjoiQW5hP34iLCJleHAiOjEwMDB9.sig";

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_fresh_token_is_asked_for_before_the_old_one_ends() {
        assert_eq!(refresh_in(TOKEN, at(0)), Some(Duration::from_secs(940)));
        assert_eq!(
            refresh_in(TOKEN, at(960)),
            Some(Duration::from_secs(30)),
            "a short one: three quarters of its time"
        );
        assert_eq!(refresh_in(TOKEN, at(2000)), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_no_jwt_has_no_end() {
        for text in ["", "a.b", "a.!!.c", "e30.e30.c"] {
            assert_eq!(refresh_in(text, at(0)), None, "{text}");
        }
    }

    #[test]
    fn a_token_is_never_printed() {
        assert!(!format!("{:?}", TokenSource::Static("secret".into())).contains("secret"));
    }
}
