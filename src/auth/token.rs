//! A token taken apart: its header checked, its signature and claims not yet.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::error::AuthError;

/// The longest token, in bytes.
pub(super) const MAX_TOKEN: usize = 8 * 1024;
/// The longest `kid`, in bytes.
const MAX_KID: usize = 256;

/// The three parts of a compact JWT, and what its header says.
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    signed: &'a [u8],
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, AuthError> {
        if text.len() > MAX_TOKEN {
            return Err(AuthError::TooLong { len: text.len(), max: MAX_TOKEN });
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(AuthError::Malformed("it must have three parts with dots between them"));
        };
        let signed = &text.as_bytes()[..header.len() + 1 + claims.len()];
        let header = strict_object(&decode(header)?)
            .map_err(|_| AuthError::Malformed("its header must be one JSON object without repeated names"))?;
        let (algorithm, kid) = check_header(&header)?;
        Ok(Self { algorithm, kid, signed, claims, signature })
    }

    /// Whether it says that it is signed with a shared secret.
    pub(super) fn is_with_secret(&self) -> bool {
        self.algorithm.family() == AlgorithmFamily::Hmac
    }

    /// The claims' bytes where that key has signed them. The caller has compared the algorithms.
    pub(super) fn verified(&self, key: &DecodingKey) -> Result<Vec<u8>, AuthError> {
        if self.signature.is_empty() {
            return Err(AuthError::Signature);
        }
        match jsonwebtoken::crypto::verify(self.signature, self.signed, key, self.algorithm) {
            Ok(true) => decode(self.claims),
            Ok(false) | Err(_) => Err(AuthError::Signature),
        }
    }
}

fn decode(part: &str) -> Result<Vec<u8>, AuthError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::Malformed("its parts must be base64url without padding"))
}

/// Addresses of keys (`jku`, `x5u`) and keys in the token itself (`jwk`, `x5c`) are what their sender likes: never
/// looked at.
fn check_header(header: &Map<String, Value>) -> Result<(Algorithm, Option<String>), AuthError> {
    // An extension that has to be understood, and none is: RFC 7515, 4.1.11. The others change what was signed.
    if ["crit", "b64", "zip", "enc"].iter().any(|name| header.contains_key(*name)) {
        return Err(AuthError::Header("crit, b64, zip and enc are not supported"));
    }
    let typ = match header.get("typ") {
        None => "JWT",
        Some(Value::String(typ)) => typ,
        Some(_) => return Err(AuthError::Header("typ must be a string")),
    };
    let typ = typ.strip_prefix("application/").unwrap_or(typ);
    if !typ.eq_ignore_ascii_case("jwt") && !typ.eq_ignore_ascii_case("at+jwt") {
        return Err(AuthError::Header("typ must be JWT or at+jwt"));
    }
    if header.contains_key("cty") {
        return Err(AuthError::Header("a nested token is not supported"));
    }
    let algorithm = match header.get("alg") {
        Some(Value::String(name)) => {
            name.parse().map_err(|_| AuthError::Header("alg must be one of those of RFC 7518 that sign, not none"))?
        }
        _ => return Err(AuthError::Header("alg must be a string")),
    };
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) if !kid.is_empty() && kid.len() <= MAX_KID && !kid.contains('\0') => Some(kid.clone()),
        Some(_) => return Err(AuthError::Header("kid must be a string of 1 to 256 bytes without U+0000")),
    };
    Ok((algorithm, kid))
}

/// One JSON object that names nothing twice: of two values, another reader might take the other one.
pub(super) fn strict_object(json: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    struct Strict;

    impl<'de> Visitor<'de> for Strict {
        type Value = Map<String, Value>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = Map::new();
            while let Some((name, value)) = access.next_entry::<String, Value>()? {
                if map.insert(name, value).is_some() {
                    return Err(serde::de::Error::custom("a name is repeated"));
                }
            }
            Ok(map)
        }
    }

    let mut reader = serde_json::Deserializer::from_slice(json);
    let map = reader.deserialize_map(Strict)?;
    reader.end()?;
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_8_kib_at_most() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
        let of = |len: usize| {
            let text = format!("{header}.{}.s", "c".repeat(len - header.len() - 3));
            assert_eq!(text.len(), len);
            Token::parse(&text).err()
        };
        assert!(of(8_192).is_none());
        assert!(matches!(of(8_193), Some(AuthError::TooLong { len: 8_193, max: 8_192 })));
    }
}
