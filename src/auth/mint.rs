//! Makes a token, as the host application would.

use std::time::Duration;

use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use super::claims;
use super::use_aws_lc;
use crate::config::AuthSettings;
use crate::domain::content::parse_name;

/// Ten years: whoever wants longer wants no expiry, and that is not to be had.
const MAX_TTL: Duration = Duration::from_hours(10 * 365 * 24);

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    #[error(
        "there is no HS256 secret to sign with: these settings take the tokens of another issuer; set TENFOUR_JWT_SECRET to have one of your own"
    )]
    NoSecret,
    #[error("sub {0}")]
    Sub(String),
    #[error("name {0}")]
    Name(String),
    #[error("the time to live must be 1 second to 10 years")]
    Ttl,
    #[error("the token could not be signed: {0}")]
    Sign(String),
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

/// A token for that user, signed with the first HS256 secret, which a daemon with the same settings lets in.
pub fn mint(
    settings: &AuthSettings,
    sub: &str,
    name: &str,
    scope: Option<&str>,
    ttl: Duration,
) -> Result<String, MintError> {
    use_aws_lc();
    let key = settings.keys.first().ok_or(MintError::NoSecret)?;
    claims::user(sub).map_err(|error| match error {
        super::AuthError::Claim { problem, .. } => MintError::Sub(problem),
        other => MintError::Sub(other.to_string()),
    })?;
    let name = parse_name(name).map_err(|error| MintError::Name(error.to_string()))?;
    if ttl.is_zero() || ttl > MAX_TTL {
        return Err(MintError::Ttl);
    }
    let now = Utc::now().timestamp();
    let claims = Claims {
        sub,
        name: &name,
        scope,
        iat: now,
        exp: now.saturating_add_unsigned(ttl.as_secs().max(1)),
        iss: settings.issuer.as_deref(),
        aud: settings.audience.as_deref(),
    };
    let header = Header { kid: key.kid.clone(), ..Header::new(Algorithm::HS256) };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(key.secret.expose().as_bytes()))
        .map_err(|error| MintError::Sign(error.to_string()))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::decode_header;

    use super::*;
    use crate::config::{HmacKey, Secret};

    #[test]
    fn a_token_lives_for_ten_years_at_most() {
        let settings = AuthSettings::with_secret("s".repeat(32));
        let minted = |seconds| mint(&settings, "ana", "Ana", None, Duration::from_secs(seconds));
        for taken in [1, 315_360_000] {
            assert!(minted(taken).is_ok(), "{taken}");
        }
        for refused in [0, 315_360_001] {
            assert_eq!(minted(refused), Err(MintError::Ttl), "{refused}");
        }
    }

    #[test]
    fn it_names_the_key_that_signs_it() {
        for kid in [None, Some("2026-03".to_owned())] {
            let keys = vec![HmacKey { kid: kid.clone(), secret: Secret::new("s".repeat(32)) }];
            let settings = AuthSettings { keys, ..AuthSettings::default() };
            let token = mint(&settings, "ana", "Ana", None, Duration::from_secs(60)).unwrap();
            assert_eq!(decode_header(&token).unwrap().kid, kid);
        }
    }
}
