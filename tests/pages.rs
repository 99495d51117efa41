//! The pages and scripts that the daemon serves: what everybody may load, what is there in `tenfour dev` alone, the
//! console of the admin address; and that the SDK is made from what this daemon says of itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "admin/started.rs"]
mod started;

use serde_json::Value;
use started::{Answer, PATIENCE, SECRET, Started};
use tenfour::config::AuthSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/openapi.json");

async fn get(daemon: &Started, path: &str, headers: &[(&str, &str)]) -> Answer {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    daemon.ask("GET", &daemon.public_url(path), &headers).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[actix_web::test]
async fn the_sdk_is_there_for_pages_of_any_origin_and_is_not_sent_twice() {
    let daemon = Started::new().await;
    let first = get(&daemon, "/sdk/tenfour.js", &[("origin", "https://app.example")]).await;
    assert_eq!((first.status.as_u16(), first.kind.as_str()), (200, "text/javascript; charset=utf-8"));
    assert!(first.text.contains("TenfourClient"), "it is the SDK");
    assert_eq!(header(&first, "access-control-allow-origin"), "*");
    assert_eq!(header(&first, "cross-origin-resource-policy"), "cross-origin");
    assert_eq!(header(&first, "x-content-type-options"), "nosniff");
    let tag = header(&first, "etag");
    let again = get(&daemon, "/sdk/tenfour.js", &[("if-none-match", tag)]).await;
    assert_eq!((again.status.as_u16(), again.text.as_str(), header(&again, "etag")), (304, "", tag));
    let newer = get(&daemon, "/sdk/tenfour.js", &[("if-none-match", "\"another\"")]).await;
    assert_eq!(newer.status, 200);
    let head = daemon.ask("HEAD", &daemon.public_url("/sdk/tenfour.js"), &[]).await;
    assert_eq!((head.status.as_u16(), head.text.as_str(), header(&head, "etag")), (200, "", tag));
}

#[actix_web::test]
async fn what_is_no_file_is_not_there() {
    let daemon = Started::new().await;
    for path in ["/sdk/", "/sdk/none.js", "/sdk/..%2fadmin%2fapp.js", "/sdk/tenfour", "/admin/"] {
        let answer = get(&daemon, path, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.kind.as_str()), (404, "application/problem+json"), "{path}");
    }
    // As no client of good manners would ask.
    for path in ["/sdk/../admin/app.js", "/sdk/%2e%2e/admin/app.js", "/sdk//etc/passwd", "/../sdk/../admin/app.js"] {
        let mut socket = TcpStream::connect(daemon.daemon.addr()).await.unwrap();
        let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        socket.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
}

#[actix_web::test]
async fn the_demo_is_not_there_unless_it_was_asked_for() {
    let daemon = Started::new().await;
    for path in ["/", "/demo/users", "/demo/main.js"] {
        for method in ["GET", "HEAD", "POST"] {
            assert_eq!(daemon.ask(method, &daemon.public_url(path), &[]).await.status, 404, "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn the_demo_signs_its_users_in_on_this_machine_alone() {
    let daemon = Started::new().await;
    daemon.daemon.show_demo(&AuthSettings::with_secret(SECRET), &[("dispatcher", "Dispatcher")], "Demo");

    let page = get(&daemon, "/", &[]).await;
    assert_eq!((page.status.as_u16(), page.kind.as_str()), (200, "text/html; charset=utf-8"));
    let policy = header(&page, "content-security-policy");
    assert!(policy.contains("script-src 'self';") && policy.contains("img-src 'self' data: blob:;"), "{policy}");
    assert_eq!(get(&daemon, "/demo/main.js", &[]).await.status, 200);

    let users = get(&daemon, "/demo/users", &[]).await;
    assert_eq!((users.status.as_u16(), header(&users, "cache-control")), (200, "no-store"));
    let users: Value = serde_json::from_str(&users.text).unwrap();
    assert_eq!((&users["channel"], &users["users"][0]["name"]), (&"Demo".into(), &"Dispatcher".into()));
    let token = format!("Bearer {}", users["users"][0]["token"].as_str().unwrap());
    assert_eq!(get(&daemon, "/api/v1/channels", &[("authorization", &token)]).await.status, 200);

    // A page from elsewhere whose name was made to lead here, or somebody behind a proxy or a tunnel.
    let proxied = ("x-forwarded-for", "203.0.113.5");
    for foreign in [("host", "evil.example"), ("origin", "https://evil.example"), proxied] {
        let refused = get(&daemon, "/demo/users", &[foreign]).await;
        assert_eq!((refused.status.as_u16(), refused.text.contains("token\":")), (403, false), "{foreign:?}");
    }
}

#[actix_web::test]
async fn the_console_is_a_page_of_the_admin_address() {
    let daemon = Started::new().await;
    for path in ["/admin", "/admin/"] {
        let page = daemon.ask("GET", &daemon.admin_url(path), &[]).await;
        assert_eq!((page.status.as_u16(), page.kind.as_str()), (200, "text/html; charset=utf-8"), "{path}");
        let policy = header(&page, "content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(header(&page, "referrer-policy"), "no-referrer");
    }
    // What it shows takes a token as before.
    assert_eq!(daemon.ask("GET", &daemon.admin_url("/admin/other.js"), &[]).await.status, 401);
}

/// `TENFOUR_WRITE_DOCS=1 cargo test --test pages` writes it; `npm run generate` in `clients/` makes the types of it.
#[actix_web::test]
async fn the_sdk_is_made_from_this_daemons_schema() {
    let daemon = Started::new().await;
    let said: Value = serde_json::from_str(&get(&daemon, "/openapi.json", &[]).await.text).unwrap();
    let text = serde_json::to_string_pretty(&said).unwrap() + "\n";
    if std::env::var_os("TENFOUR_WRITE_DOCS").is_some() {
        std::fs::write(SCHEMA, &text).unwrap();
    }
    let kept = std::fs::read_to_string(SCHEMA).unwrap();
    assert!(kept == text, "clients/openapi.json is another one: TENFOUR_WRITE_DOCS=1 cargo test --test pages");
}
