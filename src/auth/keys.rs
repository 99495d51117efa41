//! Keys, each with the one algorithm that it is for, and which of them a token may be checked with.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::error::{AuthError, SetupError};
use super::token::Token;
use crate::config::{AuthSettings, PublicKeyFile};

/// An issuer with more keys than this is no issuer.
pub(super) const MAX_KEYS: usize = 64;

/// A key to verify with. The algorithm is the key's, whatever a token says: a public key taken for an HS256 secret is
/// the oldest of the forgeries.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) material: DecodingKey,
}

/// What a set of keys says of a token.
pub(super) enum Choice {
    /// One of them has signed it: the bytes of its claims.
    Signed(Vec<u8>),
    /// None of those without a name has; a key of another set may have.
    NotSigned,
    /// None of them is the one that it means.
    NoSuchKey,
}

impl Choice {
    /// For the last set that was asked.
    pub(super) fn signed(self, token: &Token<'_>) -> Result<Vec<u8>, AuthError> {
        match self {
            Self::Signed(claims) => Ok(claims),
            Self::NotSigned => Err(AuthError::Signature),
            Self::NoSuchKey if token.kid.is_some() => Err(AuthError::UnknownKey),
            Self::NoSuchKey => Err(AuthError::Algorithm),
        }
    }
}

/// The keys that the settings hold themselves.
pub(super) fn of(settings: &AuthSettings) -> Result<Vec<Key>, SetupError> {
    let mut keys = Vec::new();
    for key in &settings.keys {
        let secret = key.secret.expose().as_bytes();
        if secret.is_empty() {
            return Err(SetupError::EmptySecret);
        }
        let key = Key { kid: key.kid.clone(), algorithm: Algorithm::HS256, material: DecodingKey::from_secret(secret) };
        keys.push(key);
    }
    if let Some(file) = &settings.public_key {
        keys.push(public_key(file)?);
    }
    Ok(keys)
}

/// Checks a token with those keys that it may mean: the ones of its `kid`, else the ones without a name; a token
/// without a `kid` means any HS256 secret, or the only key of its algorithm.
pub(super) fn check(keys: &[Key], token: &Token<'_>) -> Result<Choice, AuthError> {
    let signed = |meant: &[&Key]| meant.iter().find_map(|key| token.verified(&key.material).ok()).map(Choice::Signed);
    let fits = |key: &&Key| key.algorithm == token.algorithm;
    if let Some(kid) = &token.kid {
        let named: Vec<_> = keys.iter().filter(|key| key.kid.as_ref() == Some(kid)).collect();
        if !named.is_empty() {
            let fitting: Vec<_> = named.into_iter().filter(fits).collect();
            return if fitting.is_empty() {
                Err(AuthError::Algorithm)
            } else {
                signed(&fitting).ok_or(AuthError::Signature)
            };
        }
    }
    let meant: Vec<_> = keys.iter().filter(|key| token.kid.is_none() || key.kid.is_none()).filter(fits).collect();
    match meant.len() {
        0 => Ok(Choice::NoSuchKey),
        1 => Ok(signed(&meant).unwrap_or(Choice::NotSigned)),
        _ if token.is_with_secret() => Ok(signed(&meant).unwrap_or(Choice::NotSigned)),
        _ => Err(AuthError::NoKid),
    }
}

/// A public key in PEM form; its type tells the algorithm.
fn public_key(file: &PublicKeyFile) -> Result<Key, SetupError> {
    let refuse = |problem| SetupError::PublicKey { path: file.path.clone(), problem };
    let pem = file.pem.trim();
    if pem.contains("PRIVATE KEY") {
        return Err(refuse(
            "holds a private key, which does not belong here: `openssl pkey -pubout` makes the public one",
        ));
    }
    if pem.contains("CERTIFICATE") {
        return Err(refuse("holds a certificate: `openssl x509 -pubkey -noout` makes the public key of it"));
    }
    if pem.matches("-----BEGIN").count() != 1 {
        return Err(refuse("must hold one public key in PEM form (-----BEGIN PUBLIC KEY-----)"));
    }
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der = STANDARD.decode(body).map_err(|_| refuse("is not valid PEM"))?;
    // The identifier of the kind of key is within the first bytes of a SubjectPublicKeyInfo.
    let kind = &der[..der.len().min(40)];
    let is = |identifier: &[u8]| kind.windows(identifier.len()).any(|bytes| bytes == identifier);
    let bytes = pem.as_bytes();
    let (algorithm, key) = if pem.contains("BEGIN RSA PUBLIC KEY") || is(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1])
    {
        (Algorithm::RS256, DecodingKey::from_rsa_pem(bytes))
    } else if is(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]) {
        (Algorithm::ES256, DecodingKey::from_ec_pem(bytes))
    } else if is(&[0x2b, 0x81, 0x04, 0x00, 0x22]) {
        (Algorithm::ES384, DecodingKey::from_ec_pem(bytes))
    } else if is(&[0x2b, 0x65, 0x70]) {
        (Algorithm::EdDSA, DecodingKey::from_ed_pem(bytes))
    } else {
        return Err(refuse("must be an RSA, P-256, P-384 or Ed25519 key"));
    };
    let key = key.map_err(|_| refuse("is not a valid public key"))?;
    Ok(Key { kid: None, algorithm, material: key })
}

/// The keys of a JWK set that are for signatures and of a kind that is known; the others are passed over, since an
/// issuer may publish keys for other uses beside them. None where it is no set.
pub(super) fn of_jwks(json: &[u8]) -> Option<Vec<Key>> {
    let set: Value = serde_json::from_slice(json).ok()?;
    let keys = set.get("keys")?.as_array()?;
    Some(keys.iter().filter_map(jwk).take(MAX_KEYS).collect())
}

/// A secret (`oct`) in a published set is known to everybody, so only public keys count.
fn jwk(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return None;
    }
    if let Some(operations) = jwk.get("key_ops")
        && !operations.as_array()?.iter().any(|operation| operation == "verify")
    {
        return None;
    }
    let named = match jwk.get("alg") {
        None => None,
        Some(name) => Some(name.as_str()?.parse::<Algorithm>().ok()?),
    };
    let (algorithm, key) = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let algorithm = named.unwrap_or(Algorithm::RS256);
            (algorithm, DecodingKey::from_rsa_components(text("n")?, text("e")?).ok()?)
        }
        ("EC", Some("P-256")) => (Algorithm::ES256, ec(text("x")?, text("y")?, 32)?),
        ("EC", Some("P-384")) => (Algorithm::ES384, ec(text("x")?, text("y")?, 48)?),
        ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, DecodingKey::from_ed_components(text("x")?).ok()?),
        _ => return None,
    };
    // What the key says it is for has to be what its kind can do.
    if key.family() != algorithm.family() || named.is_some_and(|named| named != algorithm) {
        return None;
    }
    Some(Key { kid: text("kid").map(str::to_owned), algorithm, material: key })
}

fn ec(x: &str, y: &str, length: usize) -> Option<DecodingKey> {
    let right = |part: &str| URL_SAFE_NO_PAD.decode(part).is_ok_and(|bytes| bytes.len() == length);
    (right(x) && right(y)).then(|| DecodingKey::from_ec_components(x, y).ok())?
}
