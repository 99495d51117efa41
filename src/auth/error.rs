//! Which check a token failed.

use std::path::PathBuf;

/// Why a token is not taken. Names the check and its limit, never a part of the token, so that it can be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("no token: send one as `Authorization: Bearer JWT`")]
    Missing,
    #[error("there are two `Authorization` headers: send one")]
    Twice,
    #[error("the token is {len} bytes long; the limit is {max}")]
    TooLong { len: usize, max: usize },
    #[error("the token is not a signed JWT: {0}")]
    Malformed(&'static str),
    #[error("the token's header is refused: {0}")]
    Header(&'static str),
    #[error("the token's alg is not the one of its key")]
    Algorithm,
    #[error("no key for this token's kid")]
    UnknownKey,
    #[error("the token names no kid and there are several keys: set kid in its header")]
    NoKid,
    #[error("the signature does not match")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token was revoked")]
    Revoked,
    #[error("the token is not valid yet: its nbf is in the future")]
    NotYet,
    #[error("the token has no {0}, which is required")]
    ClaimMissing(&'static str),
    #[error("the token's {claim} {problem}")]
    Claim { claim: &'static str, problem: String },
    #[error("the token's iss is not the issuer that this server trusts")]
    Issuer,
    #[error("the token's aud does not name this server")]
    Audience,
    #[error("the issuer's keys cannot be had: {0}")]
    Unavailable(String),
}

impl AuthError {
    /// For the one who sent the token: what to do about it, and nothing about this server's insides.
    pub fn public_message(&self) -> String {
        match self {
            Self::Unavailable(_) => "tokens cannot be checked at the moment; try again".to_owned(),
            Self::Expired => "the token has expired; get a new one".to_owned(),
            Self::Revoked => "the token was revoked; get a new one".to_owned(),
            other => other.to_string(),
        }
    }

    /// One word, for counting.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Twice | Self::TooLong { .. } | Self::Malformed(_) => "malformed",
            Self::Header(_) => "header",
            Self::Algorithm => "algorithm",
            Self::UnknownKey | Self::NoKid => "key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::NotYet => "not_yet",
            Self::ClaimMissing(_) | Self::Claim { .. } => "claim",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// The token may be right; whoever sent it may try again (503, not 401).
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Why no tokens can be verified with these settings: a configuration error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("no key to verify tokens with: set TENFOUR_JWT_SECRET, TENFOUR_JWT_PUBLIC_KEY_FILE or TENFOUR_JWKS_URL")]
    NoKeys,
    #[error("an HS256 secret is empty; it needs 32 bytes or more")]
    EmptySecret,
    #[error("{}: {problem}", path.display())]
    PublicKey { path: PathBuf, problem: &'static str },
    #[error("no HTTP client for the issuer's keys: {0}")]
    Client(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_sent_a_token_is_told_what_to_do_and_nothing_of_the_insides() {
        let away = AuthError::Unavailable("10.0.0.7 refused".to_owned());
        assert_eq!(away.public_message(), "tokens cannot be checked at the moment; try again");
        assert_eq!(AuthError::Expired.public_message(), "the token has expired; get a new one");
        assert_eq!(AuthError::Audience.public_message(), "the token's aud does not name this server");
        assert!(away.is_unavailable() && !AuthError::Expired.is_unavailable());
    }
}
