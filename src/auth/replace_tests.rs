//! Other settings for a verifier that is at work.

use super::jwks_tests::{Issuer, eventually};
use super::testing::{HEADER, Pair, claims, hs256, reason, verifier};
use super::*;
use crate::config::PublicKeyFile;

#[tokio::test]
async fn other_keys_hold_at_once_and_wrong_ones_change_nothing() {
    let (old, new) = ("o".repeat(32), "n".repeat(32));
    let signed = |secret: &str| hs256(HEADER, &claims().to_string(), secret);
    let verifier = verifier(&AuthSettings::with_secret(&*old));
    verifier.replace(&AuthSettings::with_secret(&*new)).unwrap();
    assert_eq!(reason(&verifier, &signed(&new)).await, "taken");
    assert_eq!(reason(&verifier, &signed(&old)).await, "signature");
    let issuer = AuthSettings { issuer: Some("https://id.example".to_owned()), ..AuthSettings::with_secret(&*new) };
    verifier.replace(&issuer).unwrap();
    assert_eq!(reason(&verifier, &signed(&new)).await, "claim");
    let none = AuthSettings::default();
    let no_key = PublicKeyFile { path: "key.pem".into(), pem: "no key".to_owned() };
    for wrong in [none, AuthSettings { public_key: Some(no_key), ..AuthSettings::with_secret(&*old) }] {
        assert!(verifier.replace(&wrong).is_err());
        assert_eq!(reason(&verifier, &signed(&new)).await, "claim");
        assert_eq!(reason(&verifier, &signed(&old)).await, "signature");
    }
}

#[tokio::test]
async fn an_issuer_that_stays_is_asked_anew_and_trusted_while_it_does_not_answer() {
    let (old, new) = (Pair::p256(), Pair::p256());
    let issuer = Issuer::start(&[old.jwk("old")]).await;
    let verifier = issuer.verifier(|_| {});
    let settings = AuthSettings { jwks: Some(issuer.settings()), ..AuthSettings::default() };
    assert_eq!(reason(&verifier, &old.token(Some("old"))).await, "taken");
    assert_eq!(issuer.asked(), 1);
    issuer.answers(|answer| answer.status = 500);
    verifier.replace(&settings).unwrap();
    assert_eq!(reason(&verifier, &old.token(Some("old"))).await, "taken");
    assert_eq!(issuer.asked(), 2);
    issuer.answers(|answer| answer.status = 200);
    issuer.publishes(&[new.jwk("new")]);
    verifier.replace(&settings).unwrap();
    eventually(&verifier, &new.token(Some("new")), "taken").await;
    eventually(&verifier, &old.token(Some("old")), "key").await;
    // Another one is another set of keys.
    let other = Issuer::start(&[old.jwk("old")]).await;
    verifier.replace(&AuthSettings { jwks: Some(other.settings()), ..AuthSettings::default() }).unwrap();
    assert_eq!(reason(&verifier, &old.token(Some("old"))).await, "taken");
    assert_eq!(reason(&verifier, &new.token(Some("new"))).await, "key");
}
