//! What comes before a call is looked at: tokens, pages of other origins, bodies, methods; and what every answer has.

use std::num::NonZeroU32;

use serde_json::json;

use crate::server::{Server, some_id};

const APP: &str = "https://app.example";

#[tokio::test]
async fn only_a_token_in_the_header_lets_in() {
    let server = Server::start();
    let token = server.user("ann").token;
    let answer = server.nobody().get(&format!("/channels?token={token}")).await;
    answer.refuses(401, "unauthorized");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    for bad in ["", "x", "a.b.c", &token[..token.len() - 2]] {
        server.bearer(bad).get("/channels").await.refuses(401, "unauthorized");
    }
    for path in ["/channels/x", "/channels/x/messages"] {
        server.nobody().get(path).await.refuses(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_body_has_a_limit_and_is_json_whatever_it_is_called() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    let group = |name: &str| json!({ "type": "group", "name": name }).to_string().into_bytes();
    let padded = |length: usize| {
        let mut body = group("Ops");
        body.resize(length, b' ');
        body
    };
    ann.call("POST", "/channels", Some(padded(256 * 1024))).await.is(201);
    for length in [256 * 1024 + 1, 4 * 1024 * 1024] {
        let why = ann.call("POST", "/channels", Some(padded(length))).await.refuses(413, "too_large");
        assert!(why.contains("262144"), "{why}");
    }
    ann.header("content-type", "text/plain").call("POST", "/channels", Some(group("Ops"))).await.is(201);
    let deep = format!(r#"{{"type":"group","name":"Ops","x":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    let deeper = "[".repeat(100_000);
    for bad in ["", "{", "[]", "7", "{}{}", "\u{feff}{}", deep.as_str(), deeper.as_str()] {
        ann.call("POST", "/channels", Some(bad.into())).await.refuses(400, "invalid_json");
    }
    ann.call("POST", "/channels", Some(b"{\"name\":\"\xff\"}".to_vec())).await.refuses(400, "invalid_json");
    ann.call("POST", "/channels", None).await.refuses(400, "invalid_json");
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones_and_a_wrong_address_is_not_found() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    let id = some_id();
    for (method, path, allow) in [
        ("PUT", "/channels".to_owned(), "GET, POST"),
        ("DELETE", format!("/channels/{id}"), "GET, PATCH"),
        ("PATCH", format!("/channels/{id}/members"), "GET, POST"),
        ("GET", format!("/channels/{id}/members/x"), "PATCH, DELETE"),
        ("OPTIONS", format!("/channels/{id}/messages"), "GET, POST"),
        ("GET", format!("/channels/{id}/read"), "POST"),
        ("GET", format!("/messages/{id}"), "PATCH, DELETE"),
        ("BREW", format!("/messages/{id}"), "PATCH, DELETE"),
        ("POST", "//openapi.json".to_owned(), "GET"),
        ("POST", "//healthz".to_owned(), "GET, HEAD"),
        ("DELETE", "//readyz".to_owned(), "GET, HEAD"),
        ("POST", "//ws".to_owned(), "GET"),
    ] {
        let answer = ann.call(method, &path, None).await;
        let why = answer.refuses(405, "not_found");
        assert_eq!((answer.header("allow"), why.contains(allow)), (allow, true), "{method} {path}");
    }
    for path in ["/nothing", "/channels/", "//", "//api", "//api/v2/channels", "//%ff", "//channels"] {
        ann.get(path).await.refuses(404, "not_found");
    }
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_call_and_no_others() {
    let server = Server::with(|config| config.allowed_origins = vec![APP.to_owned()]);
    let ann = server.user("ann").known().await;
    let asked = server
        .nobody()
        .header("origin", APP)
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization")
        .call("OPTIONS", "/channels/x", None)
        .await;
    asked.is(204);
    assert_eq!(asked.header("access-control-allow-origin"), APP);
    assert!(asked.header("access-control-allow-methods").contains("PATCH"));
    assert!(asked.header("access-control-allow-headers").contains("Authorization"));
    assert!(asked.header("access-control-allow-headers").contains("Tenfour-User"));
    assert_eq!(asked.header("access-control-allow-credentials"), "");

    let from_app = ann.header("origin", APP);
    for answer in [from_app.get("/channels").await, from_app.get("/channels/x").await] {
        assert_eq!(answer.header("access-control-allow-origin"), APP);
        assert!(answer.header("access-control-expose-headers").contains("X-Request-Id"));
        assert_eq!(answer.header("vary"), "Origin");
    }
    for origin in ["https://evil.example", "null"] {
        let page = ann.header("origin", origin);
        let refused = page.get("/channels").await;
        refused.refuses(403, "forbidden");
        assert_eq!(refused.header("access-control-allow-origin"), "");
        let asked = page.header("access-control-request-method", "GET").call("OPTIONS", "/channels", None).await;
        asked.refuses(403, "forbidden");
        assert_eq!(asked.header("access-control-allow-origin"), "");
    }
    ann.header("origin", APP).header("origin", APP).get("/channels").await.refuses(403, "forbidden");
    assert_eq!(ann.get("/channels").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn every_answer_of_both_addresses_has_a_request_id() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    for (caller, path, status) in [
        (&ann, "/channels", 200),
        (&ann, "/channels/x", 404),
        (&ann, "//healthz", 200),
        (&ann, "//openapi.json", 200),
        (&ann, "//nothing", 404),
        (&server.nobody(), "//ws", 401),
        (&server.at_admin(), "//nothing", 404),
    ] {
        let own = caller.header("x-request-id", "Trace-1.2_3").get(path).await;
        assert_eq!((own.status, own.header("x-request-id")), (status, "Trace-1.2_3"), "{path}");
        let (one, other) = (caller.get(path).await, caller.get(path).await);
        assert_eq!(one.header("x-request-id").len(), 36, "{path}");
        assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
        let replaced = caller.header("x-request-id", "two words").get(path).await;
        assert_eq!(replaced.header("x-request-id").len(), 36, "{path}");
    }
}

#[tokio::test]
async fn rest_answers_are_neither_kept_nor_guessed_at() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    for path in ["/channels", "/channels/x", "/nothing"] {
        let answer = ann.get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn calls_have_a_rate_for_users_and_none_for_the_host() {
    let server = Server::with(|config| config.limits.rate_limit = NonZeroU32::new(1));
    let ann = server.user("ann");
    let mut passed = 0;
    let refused = loop {
        let answer = ann.get("/channels").await;
        if answer.status != 200 {
            break answer;
        }
        passed += 1;
    };
    assert!((15..100).contains(&passed), "{passed}");
    refused.refuses(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "1");
    for _ in 0..50 {
        server.host().get("/channels").await.is(200);
    }
}

#[tokio::test]
async fn health_is_told_without_a_body_to_whom_asks_for_the_head() {
    let server = Server::start();
    for caller in [server.nobody(), server.at_admin()] {
        for path in ["//healthz", "//readyz"] {
            let (whole, head) = (caller.get(path).await, caller.call("HEAD", path, None).await);
            assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
            assert_eq!(head.header("content-length"), whole.header("content-length"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_description_is_served_to_anybody() {
    let server = Server::start();
    let answer = server.nobody().get("//openapi.json").await;
    let document = answer.is(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/v1/search"].is_object());
}
