//! The issuer's keys, against an issuer of a few lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::testing::{Pair, SECRET, claims, hs256};
use super::*;
use crate::config::JwksSettings;

/// Answers every request the same way until told otherwise, and counts them.
#[derive(Clone)]
pub(super) struct Issuer {
    url: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: String,
    body: String,
    delay: Duration,
}

impl Issuer {
    pub(super) async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            url: format!("http://{}/jwks", listener.local_addr().unwrap()),
            answer: Arc::new(Mutex::new(Answer {
                status: 200,
                headers: String::new(),
                body: json!({"keys": keys}).to_string(),
                delay: Duration::ZERO,
            })),
            asked: Arc::default(),
        };
        let serving = issuer.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    let _ = socket.read(&mut request).await;
                    serving.asked.fetch_add(1, Ordering::SeqCst);
                    let Answer { status, headers, body, delay } = serving.answer.lock().clone();
                    tokio::time::sleep(delay).await;
                    let length = body.len();
                    let text = format!(
                        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
                    );
                    let _ = socket.write_all(text.as_bytes()).await;
                });
            }
        });
        issuer
    }

    pub(super) fn answers(&self, change: impl FnOnce(&mut Answer)) {
        change(&mut self.answer.lock());
    }

    pub(super) fn publishes(&self, keys: &[Value]) {
        self.answers(|answer| answer.body = json!({"keys": keys}).to_string());
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Keys live for long, and nothing waits, unless a test says so.
    pub(super) fn settings(&self) -> JwksSettings {
        JwksSettings {
            refetch_interval: Duration::from_mins(1),
            retry_interval: Duration::ZERO,
            timeout: Duration::from_secs(2),
            ..JwksSettings::new(&self.url)
        }
    }

    pub(super) fn verifier(&self, change: impl FnOnce(&mut JwksSettings)) -> Arc<Verifier> {
        let mut settings = self.settings();
        change(&mut settings);
        let auth = AuthSettings { jwks: Some(settings), ..AuthSettings::default() };
        Arc::new(Verifier::new(&auth).unwrap())
    }
}

async fn reason(verifier: &Verifier, token: &str) -> &'static str {
    verifier.verify(token).await.map_or_else(|error| error.reason(), |_| "taken")
}

/// Waits until the token is judged so. Time-outs of a test are wide, so that a busy machine does not pass them by itself.
pub(super) async fn eventually(verifier: &Verifier, token: &str, wanted: &str) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let found = reason(verifier, token).await;
        if found == wanted {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "still {found:?}, not {wanted:?}");
        a_moment().await;
    }
}

/// Keys that are old at once.
fn short_lived(settings: &mut JwksSettings) {
    settings.ttl = Duration::from_millis(1);
}

/// Longer than [`short_lived`] keys are fresh, however busy the machine is: it is their age that has to come.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn every_kind_of_key_verifies_and_the_answer_is_kept() {
    let pairs = [Pair::rsa(), Pair::p256(), Pair::p384(), Pair::ed25519()];
    let names = ["rsa", "p256", "p384", "ed"];
    let keys: Vec<_> = pairs.iter().zip(names).map(|(pair, kid)| pair.jwk(kid)).collect();
    let issuer = Issuer::start(&keys).await;
    let verifier = issuer.verifier(|_| {});
    for (pair, kid) in pairs.iter().zip(names) {
        assert_eq!(reason(&verifier, &pair.token(Some(kid))).await, "taken", "{kid}");
        assert_eq!(reason(&verifier, &pair.token(None)).await, "taken", "{kid}: the only key of its algorithm");
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn many_at_once_ask_once() {
    let pair = Pair::p256();
    let issuer = Issuer::start(&[pair.jwk("k")]).await;
    issuer.answers(|answer| answer.delay = Duration::from_millis(50));
    let verifier = issuer.verifier(|_| {});
    let token = pair.token(Some("k"));
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (verifier, token) = (Arc::clone(&verifier), token.clone());
            tokio::spawn(async move { verifier.verify(&token).await.is_ok() })
        })
        .collect();
    for one in waiting {
        assert!(one.await.unwrap());
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_client_who_goes_away_does_not_take_the_answer_along() {
    let pair = Pair::p256();
    let issuer = Issuer::start(&[pair.jwk("k")]).await;
    issuer.answers(|answer| answer.delay = Duration::from_millis(300));
    let verifier = issuer.verifier(|_| {});
    let token = pair.token(Some("k"));
    assert!(tokio::time::timeout(Duration::from_millis(5), verifier.verify(&token)).await.is_err());
    assert_eq!(reason(&verifier, &token).await, "taken");
    assert_eq!(issuer.asked(), 1);
}

#[test]
fn a_worker_that_dies_while_it_asks_leaves_nobody_waiting() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (issuing, worker, other) = (runtime(), runtime(), runtime());
    let pair = Pair::p256();
    let issuer = issuing.block_on(Issuer::start(&[pair.jwk("k")]));
    issuer.answers(|answer| answer.delay = Duration::from_millis(500));
    let verifier = issuer.verifier(|_| {});
    let token = pair.token(Some("k"));
    worker.block_on(async {
        assert!(tokio::time::timeout(Duration::from_millis(50), verifier.verify(&token)).await.is_err());
    });
    worker.shutdown_background();
    issuer.answers(|answer| answer.delay = Duration::ZERO);
    assert_eq!(other.block_on(reason(&verifier, &token)), "taken");
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn an_unknown_kid_asks_again_but_not_every_time() {
    let (old, new) = (Pair::p256(), Pair::p256());
    let issuer = Issuer::start(&[old.jwk("old")]).await;
    let verifier = issuer.verifier(|settings| settings.refetch_interval = Duration::from_secs(3));
    assert_eq!(reason(&verifier, &old.token(Some("old"))).await, "taken");
    issuer.publishes(&[old.jwk("old"), new.jwk("new")]);
    assert_eq!(reason(&verifier, &new.token(Some("new"))).await, "key", "just asked");
    eventually(&verifier, &new.token(Some("new")), "taken").await;
    assert_eq!(issuer.asked(), 2, "however often it was tried");
    for number in 0..200 {
        assert_eq!(reason(&verifier, &new.token(Some(&format!("made-up-{number}")))).await, "key");
    }
    assert!(issuer.asked() <= 4, "{} questions for 200 made-up names", issuer.asked());
}

#[tokio::test]
async fn a_key_that_is_no_longer_published_ages_out() {
    let (old, new) = (Pair::p256(), Pair::p256());
    let issuer = Issuer::start(&[old.jwk("old"), new.jwk("new")]).await;
    let verifier = issuer.verifier(short_lived);
    assert_eq!(reason(&verifier, &old.token(Some("old"))).await, "taken");
    issuer.publishes(&[new.jwk("new")]);
    a_moment().await;
    assert_eq!(reason(&verifier, &old.token(Some("old"))).await, "key");
    assert_eq!(reason(&verifier, &new.token(Some("new"))).await, "taken");
}

#[tokio::test]
async fn old_keys_serve_on_while_the_issuer_fails_but_not_forever() {
    let pair = Pair::p256();
    let issuer = Issuer::start(&[pair.jwk("k")]).await;
    let verifier = issuer.verifier(|settings| {
        short_lived(settings);
        settings.max_stale = Duration::from_secs(4);
    });
    let token = pair.token(Some("k"));
    assert_eq!(reason(&verifier, &token).await, "taken");
    for (status, body) in [(500, ""), (404, "no"), (200, "<html>"), (200, "{\"keys\":[]}"), (302, "")] {
        issuer.answers(|answer| (answer.status, answer.body) = (status, body.to_owned()));
        a_moment().await;
        assert_eq!(reason(&verifier, &token).await, "taken", "{status} {body}");
    }
    eventually(&verifier, &token, "unavailable").await;
    issuer.answers(|answer| answer.status = 200);
    issuer.publishes(&[pair.jwk("k")]);
    eventually(&verifier, &token, "taken").await;
}

#[tokio::test]
async fn nobody_waits_for_an_issuer_that_did_not_answer_last_time() {
    let pair = Pair::p256();
    let issuer = Issuer::start(&[pair.jwk("k")]).await;
    let verifier = issuer.verifier(|settings| {
        short_lived(settings);
        settings.timeout = Duration::from_secs(2);
    });
    let token = pair.token(Some("k"));
    assert_eq!(reason(&verifier, &token).await, "taken");
    issuer.answers(|answer| answer.delay = Duration::from_secs(30));
    a_moment().await;
    assert_eq!(reason(&verifier, &token).await, "taken");
    let start = std::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(reason(&verifier, &token).await, "taken");
    }
    assert!(start.elapsed() < Duration::from_millis(1800), "{:?}", start.elapsed());
}

#[tokio::test]
async fn without_any_keys_the_answer_is_unavailable_and_the_issuer_is_left_in_peace() {
    let pair = Pair::p256();
    let issuer = Issuer::start(&[]).await;
    issuer.answers(|answer| answer.status = 503);
    let verifier = issuer.verifier(|settings| settings.retry_interval = Duration::from_secs(3));
    let token = pair.token(Some("k"));
    for _ in 0..20 {
        let error = verifier.verify(&token).await.unwrap_err();
        assert!(error.is_unavailable(), "{error}");
        assert!(!error.public_message().contains("503") && error.to_string().contains("503"));
    }
    assert_eq!(issuer.asked(), 1);
    issuer.answers(|answer| answer.status = 200);
    issuer.publishes(&[pair.jwk("k")]);
    eventually(&verifier, &token, "taken").await;
    let nobody = AuthSettings { jwks: Some(JwksSettings::new("http://127.0.0.1:1/jwks")), ..AuthSettings::default() };
    assert_eq!(reason(&Verifier::new(&nobody).unwrap(), &token).await, "unavailable");
}

#[tokio::test]
async fn cache_control_is_honoured_within_bounds() {
    let pair = Pair::p256();
    let token = pair.token(Some("k"));
    for (header, expected) in [
        ("cache-control: max-age=0\r\n", 2),
        ("cache-control: public, Max-Age=0\r\n", 2),
        ("cache-control: no-store\r\n", 2),
        ("cache-control: max-age=3600\r\n", 1),
        ("cache-control: max-age=later\r\n", 1),
        ("cache-control: stale-while-revalidate=0\r\n", 1),
        ("cache-control: public\r\n", 1),
        ("", 1),
    ] {
        let issuer = Issuer::start(&[pair.jwk("k")]).await;
        issuer.answers(|answer| header.clone_into(&mut answer.headers));
        let verifier = issuer.verifier(|settings| settings.ttl_min = Duration::from_millis(1));
        assert_eq!(reason(&verifier, &token).await, "taken");
        a_moment().await;
        assert_eq!(reason(&verifier, &token).await, "taken");
        assert_eq!(issuer.asked(), expected, "{header:?}");
    }
    let issuer = Issuer::start(&[pair.jwk("k")]).await;
    issuer.answers(|answer| answer.headers = "cache-control: max-age=0\r\n".to_owned());
    let verifier = issuer.verifier(|_| {});
    assert_eq!(reason(&verifier, &token).await, "taken");
    a_moment().await;
    assert_eq!(reason(&verifier, &token).await, "taken");
    assert_eq!(issuer.asked(), 1, "a minute is the least");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let pair = Pair::p256();
    let issuer = Issuer::start(&[]).await;
    let padding = "x".repeat(300 * 1024);
    issuer.answers(|answer| answer.body = json!({"keys": [pair.jwk("k")], "padding": padding}).to_string());
    let verifier = issuer.verifier(|_| {});
    let error = verifier.verify(&pair.token(Some("k"))).await.unwrap_err();
    assert!(error.to_string().contains("longer than 262144 bytes"), "{error}");
}

#[tokio::test]
async fn only_so_many_keys_are_kept() {
    let (first, last) = (Pair::p256(), Pair::p256());
    let mut keys: Vec<_> = (0..64).map(|number| first.jwk(&format!("k{number}"))).collect();
    keys.push(last.jwk("last"));
    let issuer = Issuer::start(&keys).await;
    let verifier = issuer.verifier(|_| {});
    assert_eq!(reason(&verifier, &first.token(Some("k63"))).await, "taken");
    assert_eq!(reason(&verifier, &last.token(Some("last"))).await, "key");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let pair = Pair::p256();
    let target = Issuer::start(&[pair.jwk("k")]).await;
    let issuer = Issuer::start(&[]).await;
    issuer.answers(|answer| (answer.status, answer.headers) = (302, format!("location: {}\r\n", target.url)));
    assert_eq!(reason(&issuer.verifier(|_| {}), &pair.token(Some("k"))).await, "unavailable");
    assert_eq!(target.asked(), 0);
}

#[tokio::test]
async fn keys_for_other_uses_are_passed_over() {
    let pair = Pair::p256();
    let with = |name: &str, value: Value| {
        let mut jwk = pair.jwk("k");
        jwk[name] = value;
        jwk
    };
    let text = claims().to_string();
    for good in [with("use", json!("sig")), with("alg", json!("ES256")), with("key_ops", json!(["verify"]))] {
        let issuer = Issuer::start(&[json!("nonsense"), json!({"kty": "XX"}), good]).await;
        assert_eq!(reason(&issuer.verifier(|_| {}), &pair.token(Some("k"))).await, "taken");
    }
    for bad in [
        with("use", json!("enc")),
        with("alg", json!("ES384")),
        with("alg", json!("HS256")),
        with("alg", json!("RS256")),
        with("alg", json!("none")),
        with("alg", json!(7)),
        with("key_ops", json!(["encrypt"])),
        with("key_ops", json!("verify")),
        with("crv", json!("P-384")),
        with("crv", json!("secp256k1")),
        with("x", json!("AAAA")),
        json!({"kty": "oct", "kid": "k", "k": "dGVzdC1zZWNyZXQtb2YtdGhpcnR5LXR3by1ieXRlcyE"}),
    ] {
        let other = Pair::ed25519();
        let issuer = Issuer::start(&[bad.clone(), other.jwk("other")]).await;
        let verifier = issuer.verifier(|_| {});
        assert_eq!(reason(&verifier, &pair.token(Some("k"))).await, "key", "{bad}");
        let forged = hs256(r#"{"alg":"HS256","kid":"k"}"#, &text, SECRET);
        assert_eq!(reason(&verifier, &forged).await, "key", "{bad}");
    }
}

#[tokio::test]
async fn a_secret_of_ones_own_and_an_issuer_live_side_by_side() {
    let pair = Pair::p256();
    let issuer = Issuer::start(&[pair.jwk("k"), Pair::p256().jwk("other")]).await;
    let settings = AuthSettings { jwks: Some(issuer.settings()), ..AuthSettings::with_secret(SECRET) };
    let verifier = Verifier::new(&settings).unwrap();
    let own = hs256(r#"{"alg":"HS256"}"#, &claims().to_string(), SECRET);
    assert_eq!(reason(&verifier, &own).await, "taken");
    let forged = hs256(r#"{"alg":"HS256","kid":"k"}"#, &claims().to_string(), &pair.pem);
    assert_eq!(reason(&verifier, &forged).await, "signature");
    assert_eq!(issuer.asked(), 0, "a secret is no business of the issuer's");
    assert_eq!(reason(&verifier, &pair.token(Some("k"))).await, "taken");
    assert_eq!(reason(&verifier, &pair.token(None)).await, "key", "there are two");
}
