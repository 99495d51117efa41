//! Keys and tokens for the tests, good and bad. Every key is made anew, so none is worth stealing.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::Verifier;
use crate::config::{AuthSettings, PublicKeyFile};

pub(super) const SECRET: &str = "test-secret-of-thirty-two-bytes!";

/// A private key with its public half in both forms.
pub(super) struct Pair {
    pub(super) algorithm: Algorithm,
    pub(super) private: EncodingKey,
    pub(super) pem: String,
    /// Without a `kid`.
    pub(super) jwk: Value,
}

impl Pair {
    pub(super) fn rsa() -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
        Self {
            algorithm: Algorithm::RS256,
            private: EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).unwrap(),
            pem: pem("PUBLIC KEY", public.as_ref()),
            jwk: json!({"kty": "RSA", "n": part(n.big_endian_without_leading_zero()), "e": part(e.big_endian_without_leading_zero())}),
        }
    }

    pub(super) fn p256() -> Self {
        Self::ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, Algorithm::ES256, "P-256")
    }

    pub(super) fn p384() -> Self {
        Self::ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, Algorithm::ES384, "P-384")
    }

    fn ec(signing: &'static EcdsaSigningAlgorithm, algorithm: Algorithm, curve: &str) -> Self {
        let private = EcdsaKeyPair::generate_pkcs8(signing, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(signing, private.as_ref()).unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        // An uncompressed point: a 4, then both halves.
        let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Self {
            algorithm,
            private: EncodingKey::from_ec_der(private.as_ref()),
            pem: pem("PUBLIC KEY", public.as_ref()),
            jwk: json!({"kty": "EC", "crv": curve, "x": part(x), "y": part(y)}),
        }
    }

    pub(super) fn ed25519() -> Self {
        let private = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(private.as_ref()).unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        Self {
            algorithm: Algorithm::EdDSA,
            private: EncodingKey::from_ed_der(private.as_ref()),
            pem: pem("PUBLIC KEY", public.as_ref()),
            jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pair.public_key().as_ref())}),
        }
    }

    /// A good token signed by it.
    pub(super) fn token(&self, kid: Option<&str>) -> String {
        let mut header = json!({"alg": format!("{:?}", self.algorithm), "typ": "JWT"});
        if let Some(kid) = kid {
            header["kid"] = json!(kid);
        }
        sign(&header.to_string(), &claims().to_string(), &self.private, self.algorithm)
    }

    pub(super) fn jwk(&self, kid: &str) -> Value {
        let mut jwk = self.jwk.clone();
        jwk["kid"] = json!(kid);
        jwk
    }

    pub(super) fn settings(&self) -> AuthSettings {
        let public_key = Some(PublicKeyFile { path: "key.pem".into(), pem: self.pem.clone() });
        AuthSettings { public_key, ..AuthSettings::default() }
    }
}

pub(super) fn pem(tag: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {tag}-----\n{}\n-----END {tag}-----\n", lines.join("\n"))
}

/// Claims that are right.
pub(super) fn claims() -> Value {
    let now = Utc::now().timestamp();
    json!({"sub": "canary-sub", "name": "canary-name", "iat": now, "exp": now + 600})
}

/// Signs whatever the two texts are.
pub(super) fn sign(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// Signs with a secret.
pub(super) fn hs256(header: &str, claims: &str, secret: &str) -> String {
    sign(header, claims, &EncodingKey::from_secret(secret.as_bytes()), Algorithm::HS256)
}

pub(super) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

pub(super) fn verifier(settings: &AuthSettings) -> Verifier {
    Verifier::new(settings).unwrap()
}

pub(super) fn ours() -> Verifier {
    verifier(&AuthSettings::with_secret(SECRET))
}

pub(super) async fn reason(verifier: &Verifier, token: &str) -> &'static str {
    verifier.verify(token).await.map_or_else(|error| error.reason(), |_| "taken")
}

/// The good claims with one of them replaced, or taken out.
pub(super) fn with(name: &str, value: impl Into<Option<Value>>) -> String {
    let mut claims = claims();
    match value.into() {
        Some(value) => claims[name] = value,
        None => drop(claims.as_object_mut().unwrap().remove(name)),
    }
    claims.to_string()
}

pub(super) fn header(extra: &str) -> String {
    hs256(&format!(r#"{{"alg":"HS256",{extra}}}"#), &claims().to_string(), SECRET)
}

pub(super) fn claiming(claims: &str) -> String {
    hs256(HEADER, claims, SECRET)
}

/// Checks each token of a table, and that no error repeats a part of it.
pub(super) async fn all_refused(verifier: &Verifier, tokens: Vec<(String, &str)>) -> usize {
    let count = tokens.len();
    for (token, expected) in tokens {
        let error = verifier.verify(&token).await.expect_err(&token);
        assert_eq!(error.reason(), expected, "{error}: {token}");
        for text in [error.to_string(), error.public_message(), format!("{error:?}")] {
            assert!(!text.contains("canary"), "{text}");
            let parts = token.split('.').filter(|part| part.len() > 8);
            assert!(parts.clone().all(|part| !text.contains(part)), "{text}");
        }
    }
    count
}
