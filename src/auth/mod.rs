//! From a token to who it speaks for.
//!
//! The HTTP layer and the sessions ask the [`Verifier`]; the command line mints. Knows no HTTP and no store: whether
//! the identity's user is who the store knows under that id is the caller's question. No error here repeats a token.

mod bearer;
mod claims;
mod error;
mod jwks;
mod keys;
mod mint;
mod revoked;
mod token;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod jwks_tests;
#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod replace_tests;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::RwLock;

use crate::config::{AuthSettings, JwksSettings};
use crate::domain::user::UserRef;

pub use bearer::{Presented, Via, bearer_of, offers_protocol};
pub use claims::LEEWAY;
pub use error::{AuthError, SetupError};
pub use mint::{MintError, mint};
pub use revoked::Revoked;

use claims::Expected;
use jwks::Jwks;
use keys::{Choice, Key};
use token::Token;

/// How many keys an issuer publishes that tokens may be signed with.
pub async fn published(settings: JwksSettings) -> Result<usize, String> {
    let jwks = Jwks::new(settings).map_err(|error| error.to_string())?;
    jwks.keys().await.map(|keys| keys.len()).map_err(|error| error.to_string())
}

/// Who a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub user: UserRef,
    pub name: String,
    /// The bearer acts as the host application's server.
    pub admin: bool,
    /// The token's `iat`, where it has one, to the second.
    pub issued_at: Option<DateTime<Utc>>,
    /// The token's `exp`; it is taken until [`LEEWAY`] after it.
    pub expires_at: DateTime<Utc>,
}

/// Checks tokens. Shared by all; asks the issuer for its keys when it has to.
#[derive(Debug)]
pub struct Verifier {
    current: RwLock<Arc<Trusted>>,
    revoked: Revoked,
}

/// By what tokens are judged, until other settings come.
#[derive(Debug)]
struct Trusted {
    keys: Vec<Key>,
    jwks: Option<Jwks>,
    expected: Expected,
}

impl Trusted {
    /// `before`: what was trusted until now. An issuer that stays is asked anew, and trusted meanwhile.
    fn new(settings: &AuthSettings, before: Option<&Self>) -> Result<Self, SetupError> {
        use_aws_lc();
        let keys = keys::of(settings)?;
        let known = before.and_then(|before| before.jwks.as_ref());
        let jwks = settings.jwks.clone().map(|wanted| match known.filter(|known| known.is_at(&wanted.url)) {
            Some(known) => Ok(known.asked_anew()),
            None => Jwks::new(wanted),
        });
        let jwks = jwks.transpose()?;
        if keys.is_empty() && jwks.is_none() {
            return Err(SetupError::NoKeys);
        }
        let expected = Expected { issuer: settings.issuer.clone(), audience: settings.audience.clone() };
        Ok(Self { keys, jwks, expected })
    }
}

impl Verifier {
    pub fn new(settings: &AuthSettings) -> Result<Self, SetupError> {
        let current = RwLock::new(Arc::new(Trusted::new(settings, None)?));
        Ok(Self { current, revoked: Revoked::default() })
    }

    /// Other keys for every token that is checked from now on. On an error those of before stay.
    pub fn replace(&self, settings: &AuthSettings) -> Result<(), SetupError> {
        let before = Arc::clone(&self.current.read());
        let trusted = Trusted::new(settings, Some(&before))?;
        *self.current.write() = Arc::new(trusted);
        Ok(())
    }

    /// Whose tokens are refused that were right once.
    pub fn revoked(&self) -> &Revoked {
        &self.revoked
    }

    /// The same identity, unless its token has been revoked since it was checked.
    pub fn still(&self, identity: Identity) -> Result<Identity, AuthError> {
        if self.revoked.refuses(&identity) { Err(AuthError::Revoked) } else { Ok(identity) }
    }

    /// The identity of a token that is right in every respect at this moment.
    pub async fn verify(&self, token: &str) -> Result<Identity, AuthError> {
        self.verify_at(token, Utc::now()).await
    }

    async fn verify_at(&self, token: &str, now: DateTime<Utc>) -> Result<Identity, AuthError> {
        let token = Token::parse(token)?;
        let trusted = Arc::clone(&self.current.read());
        let own = keys::check(&trusted.keys, &token)?;
        let claims = match (own, &trusted.jwks) {
            (Choice::Signed(claims), _) => claims,
            // An issuer publishes public keys only, so nothing of its is signed with a secret.
            (_, Some(jwks)) if !token.is_with_secret() => signed_by_issuer(jwks, &token).await?,
            (other, _) => other.signed(&token)?,
        };
        self.still(claims::check(&claims, &trusted.expected, now)?)
    }
}

async fn signed_by_issuer(jwks: &Jwks, token: &Token<'_>) -> Result<Vec<u8>, AuthError> {
    if let Choice::Signed(claims) = keys::check(&jwks.keys().await?, token)? {
        return Ok(claims);
    }
    // Keys change: the issuer may have one that it had not when we asked.
    keys::check(&jwks.newer_keys().await?, token)?.signed(token)
}

/// The library panics at the first signature where two crypto libraries could be meant; here there is one.
fn use_aws_lc() {
    // Fails when it has been chosen before.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
