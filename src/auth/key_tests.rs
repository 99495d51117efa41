//! Which key a token is checked with, and which keys are refused at the start.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::testing::{HEADER, Pair, SECRET, all_refused, claiming, claims, hs256, pem, reason, sign, verifier};
use super::*;
use crate::config::{HmacKey, PublicKeyFile, Secret};

#[tokio::test]
async fn a_public_key_is_no_secret() {
    for pair in [Pair::rsa(), Pair::p256(), Pair::p384(), Pair::ed25519()] {
        let verifier = verifier(&pair.settings());
        assert_eq!(reason(&verifier, &pair.token(None)).await, "taken", "{:?}", pair.algorithm);
        assert_eq!(reason(&verifier, &pair.token(Some("k"))).await, "taken");
        let text = claims().to_string();
        let body: String = pair.pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(&body).unwrap();
        let mut forged = Vec::new();
        for key in [pair.pem.as_bytes(), pair.pem.trim().as_bytes(), body.as_bytes(), &der] {
            for (name, algorithm) in [("HS256", Algorithm::HS256), ("HS512", Algorithm::HS512)] {
                let header = format!(r#"{{"alg":"{name}"}}"#);
                forged.push((sign(&header, &text, &EncodingKey::from_secret(key), algorithm), "algorithm"));
                let header = format!(r#"{{"alg":"{name}","kid":"k"}}"#);
                forged.push((sign(&header, &text, &EncodingKey::from_secret(key), algorithm), "key"));
            }
        }
        all_refused(&verifier, forged).await;
    }
}

#[tokio::test]
async fn a_key_takes_its_own_algorithm_only() {
    let (rsa, other) = (Pair::rsa(), Pair::rsa());
    let verifier = verifier(&rsa.settings());
    let text = claims().to_string();
    let pss = sign(r#"{"alg":"PS256"}"#, &text, &rsa.private, Algorithm::PS256);
    let longer = sign(r#"{"alg":"RS512"}"#, &text, &rsa.private, Algorithm::RS512);
    let stranger = other.token(None);
    let other_kind = Pair::p256().token(None);
    all_refused(
        &verifier,
        vec![(pss, "algorithm"), (longer, "algorithm"), (stranger, "signature"), (other_kind, "algorithm")],
    )
    .await;
}

#[tokio::test]
async fn the_kid_selects_the_secret_and_both_live_during_a_change() {
    let (new, old) = ("n".repeat(32), "o".repeat(32));
    let key = |kid: &str, secret: &str| HmacKey { kid: Some(kid.to_owned()), secret: Secret::new(secret) };
    let settings = AuthSettings { keys: vec![key("new", &new), key("old", &old)], ..AuthSettings::default() };
    let verifier = verifier(&settings);
    let token = |kid: &str, secret: &str| {
        hs256(&json!({"alg": "HS256", "kid": kid}).to_string(), &claims().to_string(), secret)
    };
    for good in [
        token("new", &new),
        token("old", &old),
        hs256(HEADER, &claims().to_string(), &new),
        hs256(HEADER, &claims().to_string(), &old),
        mint(&settings, "a", "b", None, std::time::Duration::from_mins(1)).unwrap(),
    ] {
        assert_eq!(reason(&verifier, &good).await, "taken");
    }
    let bad = vec![
        (token("new", &old), "signature"),
        (token("NEW", &new), "key"),
        (token("../../dev/null", &new), "key"),
        (token("new' OR '1'='1", &new), "key"),
        (token("https://evil.example/key", &new), "key"),
    ];
    all_refused(&verifier, bad).await;
}

#[tokio::test]
async fn issuer_and_audience_are_required_where_they_are_configured() {
    let settings = AuthSettings {
        issuer: Some("https://id.example".to_owned()),
        audience: Some("tenfour".to_owned()),
        ..AuthSettings::with_secret(SECRET)
    };
    let verifier = verifier(&settings);
    let token = |iss: Option<Value>, aud: Option<Value>| {
        let mut claims = claims();
        for (name, value) in [("iss", iss), ("aud", aud)] {
            if let Some(value) = value {
                claims[name] = value;
            }
        }
        claiming(&claims.to_string())
    };
    let (iss, aud) = (Some(json!("https://id.example")), Some(json!("tenfour")));
    for aud in [json!("tenfour"), json!(["other", "tenfour"])] {
        assert_eq!(reason(&verifier, &token(iss.clone(), Some(aud))).await, "taken");
    }
    let minted = mint(&settings, "a", "b", Some("admin"), std::time::Duration::from_mins(1)).unwrap();
    assert!(verifier.verify(&minted).await.unwrap().admin);
    let bad = vec![
        (token(None, aud.clone()), "claim"),
        (token(iss.clone(), None), "claim"),
        (token(iss.clone(), Some(json!([]))), "claim"),
        (token(Some(json!("https://id.example/")), aud.clone()), "issuer"),
        (token(Some(json!("https://ID.example")), aud.clone()), "issuer"),
        (token(Some(json!(["https://id.example"])), aud.clone()), "claim"),
        (token(Some(json!(null)), aud), "claim"),
        (token(iss.clone(), Some(json!("tenfour2"))), "audience"),
        (token(iss.clone(), Some(json!("Tenfour"))), "audience"),
        (token(iss.clone(), Some(json!(["other"]))), "audience"),
        (token(iss, Some(json!({"tenfour": true}))), "claim"),
    ];
    all_refused(&verifier, bad).await;
}

#[test]
fn keys_that_cannot_be_right_are_refused_at_the_start() {
    let refused = |settings: &AuthSettings| Verifier::new(settings).expect_err("refused").to_string();
    assert!(refused(&AuthSettings::default()).contains("TENFOUR_JWT_SECRET"));
    assert!(refused(&AuthSettings::with_secret("")).contains("empty"));
    let file = |pem: String| AuthSettings {
        public_key: Some(PublicKeyFile { path: "key.pem".into(), pem }),
        ..AuthSettings::default()
    };
    let good = Pair::p256().pem;
    for (pem, word) in [
        (String::new(), "one public key"),
        ("secret".to_owned(), "one public key"),
        (format!("{good}{good}"), "one public key"),
        (good.replace("PUBLIC", "PRIVATE"), "private key"),
        (good.replace("PUBLIC KEY", "CERTIFICATE"), "certificate"),
        (pem("PUBLIC KEY", &[0; 64]), "RSA, P-256"),
        (good.replace('M', "!"), "not valid PEM"),
    ] {
        let error = refused(&file(pem));
        assert!(error.starts_with("key.pem: ") && error.contains(word), "{error}");
    }
}

#[test]
fn nothing_is_minted_that_would_not_be_taken() {
    let settings = AuthSettings::with_secret(SECRET);
    let ttl = std::time::Duration::from_mins(1);
    assert!(mint(&settings, "42", "Ana", None, ttl).is_ok());
    for (sub, name, ttl) in [
        ("", "Ana", ttl),
        (&*"s".repeat(256), "Ana", ttl),
        ("a\0", "Ana", ttl),
        ("42", " ", ttl),
        ("42", "Ana", std::time::Duration::ZERO),
        ("42", "Ana", std::time::Duration::from_secs(u64::MAX)),
    ] {
        assert!(mint(&settings, sub, name, None, ttl).is_err(), "{sub:?} {name:?} {ttl:?}");
    }
    assert_eq!(mint(&AuthSettings::default(), "42", "Ana", None, ttl), Err(MintError::NoSecret));
}
