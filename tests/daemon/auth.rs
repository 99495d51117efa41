//! Who gets in, with which token, and for how long.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tenfour::domain::ids::UserId;

use crate::daemon::{SECRET, Setup, id_of};
use crate::socket::TestSocket;
use crate::wire::{self, upgrade_head};

const HOUR: i64 = 3600;

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// Any claims under any header, signed with HS256 and a secret.
pub(crate) fn signed(header: &Value, claims: &Value, secret: &str) -> String {
    use aws_lc_rs::hmac;
    let body = format!("{}.{}", encoded(header), encoded(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

pub(crate) fn claims(change: &Value) -> Value {
    let mut claims = json!({"sub": "ana", "name": "Ana", "exp": now() + HOUR});
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

#[tokio::test]
async fn a_token_is_taken_from_each_of_its_three_places() {
    let daemon = Setup::in_memory().start().await;
    let token = daemon.user("ana").await;
    let protocols = format!("tenfour.v1, bearer.{token}");
    let bearer = format!("Bearer {token}");
    let query = format!("/ws?token={token}");
    for (target, headers, protocol) in [
        ("/ws", vec![("Authorization", bearer.as_str())], None),
        (query.as_str(), vec![], None),
        ("/ws", vec![("Sec-WebSocket-Protocol", protocols.as_str())], Some("tenfour.v1")),
    ] {
        let (mut stream, answer) = wire::request(daemon.addr(), &upgrade_head(target, &headers)).await;
        assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, protocol), "{answer:?}");
        assert_eq!(answer.header("sec-websocket-extensions"), None);
        let (_, hello) = wire::read_frame(&mut stream).await;
        let hello: Value = serde_json::from_slice(&hello).unwrap();
        assert_eq!((&hello["type"], &hello["user"]["id"]), (&json!("hello"), &json!(id_of("ana"))));
    }
}

#[tokio::test]
async fn every_other_token_is_refused_before_the_upgrade() {
    let daemon = Setup::in_memory().start().await;
    let hs = json!({"alg": "HS256", "typ": "JWT"});
    let good = signed(&hs, &claims(&json!({})), SECRET);
    let token = |change: Value| signed(&hs, &claims(&change), SECRET);
    let with_header = |header: Value| signed(&header, &claims(&json!({})), SECRET);
    let parts: Vec<&str> = good.split('.').collect();
    let other_claims = encoded(&claims(&json!({"sub": "bo"})));
    let refused = [
        ("nothing", String::new()),
        ("no token", "not a token".replace(' ', "-")),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.x")),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("half a signature", good[..good.len() - 8].to_owned()),
        ("another's claims", format!("{}.{other_claims}.{}", parts[0], parts[2])),
        ("another secret", signed(&hs, &claims(&json!({})), "another secret, also of 32 bytes and more")),
        ("alg none", format!("{}.{}.", encoded(&json!({"alg": "none"})), parts[1])),
        ("alg none, signed", with_header(json!({"alg": "none"}))),
        ("alg RS256", with_header(json!({"alg": "RS256"}))),
        ("alg HS384", with_header(json!({"alg": "HS384"}))),
        ("alg in small letters", with_header(json!({"alg": "hs256"}))),
        ("alg a number", with_header(json!({"alg": 256}))),
        ("crit", with_header(json!({"alg": "HS256", "crit": ["exp"]}))),
        ("another typ", with_header(json!({"alg": "HS256", "typ": "JWE"}))),
        ("no sub", token(json!({"sub": null}))),
        ("an empty sub", token(json!({"sub": ""}))),
        ("a sub of 256 characters", token(json!({"sub": "x".repeat(256)}))),
        ("a sub that is a number", token(json!({"sub": 7}))),
        ("U+0000 in the sub", token(json!({"sub": "a\u{0}"}))),
        ("U+0000 in another claim", token(json!({"x": ["a\u{0}"]}))),
        ("no name", token(json!({"name": null}))),
        ("an empty name", token(json!({"name": " "}))),
        ("no exp", token(json!({"exp": null}))),
        ("exp a text", token(json!({"exp": (now() + HOUR).to_string()}))),
        ("exp in milliseconds", token(json!({"exp": (now() + HOUR) * 1000}))),
        ("exp negative", token(json!({"exp": -1}))),
        ("expired beyond the leeway", token(json!({"exp": now() - 7}))),
        ("not yet valid", token(json!({"nbf": now() + 60}))),
        ("nbf no time", token(json!({"nbf": "now"}))),
        ("too long", token(json!({"x": "x".repeat(9000)}))),
    ];
    for (what, token) in refused {
        let bearer = format!("Bearer {token}");
        let (_, answer) = wire::request(daemon.addr(), &upgrade_head("/ws", &[("Authorization", &bearer)])).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
        let problem = answer.json();
        assert_eq!((&problem["code"], &problem["status"]), (&json!("unauthorized"), &json!(401)), "{what}");
        assert!(problem["detail"].is_string() && problem["title"].is_string() && problem["type"].is_string());
        assert!(token.len() < 20 || !answer.body.contains(&token), "{what}");
    }
    let (_, answer) = wire::request(daemon.addr(), &upgrade_head("/ws", &[])).await;
    assert_eq!(answer.status, 401);
    drop(TestSocket::connect("ana", &daemon.url(), &good).await);
    let leeway = token(json!({"exp": now() - 2, "nbf": now() + 2}));
    drop(TestSocket::connect("ana", &daemon.url(), &leeway).await);
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let daemon = Setup::in_memory().start().await;
    let listed = Setup::in_memory().with(|config| config.allowed_origins = vec!["https://app.example".to_owned()]);
    let listed = listed.start().await;
    let own = "http://127.0.0.1";
    for (at, origin, status) in [
        (&daemon, own, 101),
        (&daemon, "https://evil.example", 403),
        (&daemon, "null", 403),
        (&daemon, "http://127.0.0.1.evil.example", 403),
        (&listed, "https://app.example", 101),
        (&listed, "https://app.example.evil.example", 403),
        (&listed, "http://app.example", 403),
        (&listed, own, 403),
    ] {
        let bearer = format!("Bearer {}", at.user("ana").await);
        let headers = [("Authorization", bearer.as_str()), ("Origin", origin)];
        let (_, answer) = wire::request(at.addr(), &upgrade_head("/ws", &headers)).await;
        assert_eq!(answer.status, status, "{origin}: {answer:?}");
        if status == 403 {
            assert_eq!(answer.json()["code"], "forbidden");
        }
    }
}

#[tokio::test]
async fn a_token_that_ends_closes_its_socket_unless_a_fresh_one_comes() {
    let daemon = Setup::in_memory().start().await;
    daemon.direct("ana", "bo").await;
    let short = || daemon.token_with("ana", "Ana", None, Duration::from_secs(2));
    let mut ending = TestSocket::connect("ana", &daemon.url(), &short()).await;
    let mut renewed = TestSocket::connect("ana", &daemon.url(), &short()).await;
    let mut stubborn = TestSocket::connect("ana", &daemon.url(), &short()).await;
    renewed.ask_ok(json!({"type": "auth", "token": daemon.user("ana").await})).await;
    let expired = signed(&json!({"alg": "HS256"}), &claims(&json!({"exp": now() - HOUR})), SECRET);
    for token in [daemon.user("bo").await, expired, "no token".to_owned()] {
        stubborn.ask_refused(json!({"type": "auth", "token": token}), "unauthorized").await;
    }
    // The refusals changed nothing: not who speaks, and not for how long.
    assert_eq!(ending.expect_close().await, (Some(4401), "token expired".to_owned()));
    assert_eq!(stubborn.expect_close().await.0, Some(4401));
    tokio::time::sleep(Duration::from_millis(300)).await;
    renewed.expect_none_before_pong(&["goaway"]).await;
}

#[tokio::test]
async fn a_token_of_many_years_keeps_its_socket() {
    let daemon = Setup::in_memory().start().await;
    let long = daemon.token_with("ana", "Ana", None, Duration::from_secs(9 * 365 * 24 * 3600));
    let mut ana = TestSocket::connect("ana", &daemon.url(), &long).await;
    ana.expect_silence("goaway", Duration::from_millis(300)).await;
    let forever = signed(&json!({"alg": "HS256"}), &claims(&json!({"exp": 253_402_300_799_i64})), SECRET);
    let mut ana = TestSocket::connect("ana", &daemon.url(), &forever).await;
    ana.expect_silence("goaway", Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_user_is_made_and_renamed_by_their_token() {
    let daemon = Setup::in_memory().start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut bo = daemon.connect("bo").await;
    let renamed = daemon.token_with("ana", " Ana Bell ", None, Duration::from_secs(60));
    let mut ana = TestSocket::connect("ana", &daemon.url(), &renamed).await;
    assert_eq!(ana.hello["user"], json!({"id": id_of("ana"), "externalId": "ana", "name": "Ana Bell"}));
    ana.send_message(channel, "it is me").await;
    assert_eq!(bo.expect_text("it is me").await["senderName"], "Ana Bell");
    assert_eq!(daemon.connect("bo").await.channel(channel)["peer"]["name"], "Ana Bell");
    // A host that uses UUIDs sees them unchanged.
    let uuid = "0198c0de-0000-7000-8000-000000000001";
    let token = daemon.token_with(uuid, "Cy", None, Duration::from_secs(60));
    let cy = TestSocket::connect("cy", &daemon.url(), &token).await;
    assert_eq!(cy.hello["user"], json!({"id": uuid, "name": "Cy"}));
}

#[tokio::test]
async fn nobody_becomes_another_by_choosing_the_uuid_that_the_others_id_maps_to() {
    let daemon = Setup::in_memory().start().await;
    drop(daemon.connect("ana").await);
    let mapped = UserId::from_external("ana").to_string();
    let bearer = format!("Bearer {}", daemon.token_with(&mapped, "Eve", None, Duration::from_secs(60)));
    let (_, answer) = wire::request(daemon.addr(), &upgrade_head("/ws", &[("Authorization", &bearer)])).await;
    assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("unauthorized")), "{answer:?}");
    assert_eq!(daemon.connect("ana").await.hello["user"]["name"], "Ana");
}

#[tokio::test]
async fn who_comes_within_the_leeway_after_the_end_stays_until_that_is_over() {
    let daemon = Setup::in_memory().start().await;
    let late = signed(&json!({"alg": "HS256"}), &claims(&json!({"exp": now() - 2})), SECRET);
    let mut ana = TestSocket::connect("ana", &daemon.url(), &late).await;
    ana.expect_silence("goaway", Duration::from_millis(500)).await;
    ana.expect_none_before_pong(&[]).await;
    assert_eq!(ana.expect_close().await.0, Some(4401));
}
