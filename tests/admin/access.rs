//! Who gets to see what: the table of all routes.

use tenfour::http::admin::{Access, ROUTES};
use uuid::Uuid;

use super::started::{SECRET, Started};

/// Each route, with a path that there may be and the answer that an admin gets for it. A route that is not here fails.
const EXPECTED: &[(&str, &str, Access, &str, u16)] = &[
    ("get", "/admin/sessions", Access::Admin, "/admin/sessions", 200),
    ("get", "/admin/sessions/{id}", Access::Admin, "/admin/sessions/{id}", 404),
    ("delete", "/admin/sessions/{id}", Access::Admin, "/admin/sessions/{id}", 404),
    ("get", "/admin/rooms", Access::Admin, "/admin/rooms", 200),
    ("get", "/admin/rooms/{id}", Access::Admin, "/admin/rooms/{id}", 404),
    ("get", "/admin/actors", Access::Admin, "/admin/actors", 200),
    ("get", "/admin/presence", Access::Admin, "/admin/presence", 200),
    ("get", "/admin/announcements", Access::Admin, "/admin/announcements", 200),
    ("post", "/admin/announcements", Access::Admin, "/admin/announcements", 400),
    ("delete", "/admin/announcements", Access::Admin, "/admin/announcements", 204),
    ("get", "/admin/events", Access::Admin, "/admin/events?for=0", 200),
    ("get", "/admin/log", Access::Admin, "/admin/log", 200),
    ("put", "/admin/log", Access::Admin, "/admin/log", 400),
    ("post", "/admin/users/{id}/revoke", Access::Admin, "/admin/users/{id}/revoke", 200),
    ("get", "/admin", Access::Anybody, "/admin", 200),
    ("get", "/admin/", Access::Anybody, "/admin/", 200),
    ("get", "/admin/app.js", Access::Anybody, "/admin/app.js", 200),
    ("get", "/admin/icon.svg", Access::Anybody, "/admin/icon.svg", 200),
    ("get", "/admin/style.css", Access::Anybody, "/admin/style.css", 200),
    ("get", "/metrics", Access::AdminOrLocal, "/metrics", 200),
    ("get", "/healthz", Access::Anybody, "/healthz", 200),
    ("get", "/livez", Access::Anybody, "/livez", 200),
    ("get", "/readyz", Access::Anybody, "/readyz", 200),
    ("head", "/healthz", Access::Anybody, "/healthz", 200),
    ("head", "/livez", Access::Anybody, "/livez", 200),
    ("head", "/readyz", Access::Anybody, "/readyz", 200),
];

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

#[test]
fn every_route_has_its_row() {
    let routes: Vec<_> = ROUTES.iter().map(|route| (route.method, route.path, route.access)).collect();
    let expected: Vec<_> = EXPECTED.iter().map(|(method, path, access, ..)| (*method, *path, *access)).collect();
    assert_eq!(routes, expected, "a route is new: say here who may ask");
}

#[actix_web::test]
async fn each_route_is_open_to_whom_it_should_be() {
    let daemon = Started::new().await;
    let (user, admin) = (daemon.token("ana", Some("user admins administrator")), daemon.admin_token());
    let foreign = tenfour::auth::mint(
        &tenfour::config::AuthSettings::with_secret("another secret, which is long enough"),
        "host",
        "Host",
        Some("admin"),
        std::time::Duration::from_mins(1),
    )
    .unwrap();
    for (method, _, access, path, status) in EXPECTED {
        let method = method.to_uppercase();
        let url = daemon.admin_url(&path.replace("{id}", &Uuid::now_v7().to_string()));
        let elsewhere = ("x-forwarded-for", "203.0.113.9".to_owned());
        // What everybody has before they have the scope.
        let refused = [
            (vec![], 401, "unauthorized"),
            (vec![bearer("x")], 401, "unauthorized"),
            (vec![bearer(&foreign)], 401, "unauthorized"),
            (vec![bearer(&user)], 403, "forbidden"),
        ];
        for (mut headers, status, code) in refused {
            let open = match access {
                Access::Admin => false,
                Access::Anybody => true,
                Access::AdminOrLocal => {
                    assert_eq!(daemon.ask(&method, &url, &headers).await.status, 200, "{path} from loopback");
                    headers.push(elsewhere.clone());
                    false
                }
            };
            let answer = daemon.ask(&method, &url, &headers).await;
            if open {
                assert_eq!(answer.status, 200, "{path}");
            } else {
                answer.refuses(status, code);
                let no_store = answer.headers.get("cache-control").is_some_and(|value| value == "no-store");
                assert_eq!(no_store, *access == Access::Admin, "{path}");
            }
        }
        let answer = daemon.ask(&method, &url, &[bearer(&admin), elsewhere]).await;
        assert_eq!(answer.status, *status, "{method} {path}: {}", answer.text);
        // A URL ends in logs and histories: its token counts for sockets only.
        if *access == Access::Admin {
            daemon.ask(&method, &format!("{url}?token={admin}"), &[]).await.refuses(401, "unauthorized");
        }
    }
    daemon.stop().await;
}

#[actix_web::test]
async fn metrics_are_closed_to_whom_a_proxy_of_this_machine_speaks_for() {
    let daemon = Started::new().await;
    let url = daemon.admin_url("/metrics");
    for header in [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "")] {
        let headers = [(header.0, header.1.to_owned())];
        daemon.ask("GET", &url, &headers).await.refuses(401, "unauthorized");
    }
    daemon.stop().await;
}

#[actix_web::test]
async fn metrics_are_closed_to_a_page_whose_name_leads_to_this_machine() {
    let daemon = Started::new().await;
    let url = daemon.admin_url("/metrics");
    let own = url.trim_end_matches("/metrics").to_owned();
    for host in ["127.0.0.1", "localhost:9", "LocalHost", "[::1]:8081"] {
        assert_eq!(daemon.ask("GET", &url, &[("host", host.to_owned())]).await.status, 200, "{host}");
    }
    assert_eq!(daemon.ask("GET", &url, &[("origin", own)]).await.status, 200);
    for (name, value) in [
        ("host", "evil.example"),
        ("host", "127.0.0.1.evil.example"),
        ("host", "localhost.evil.example:8081"),
        ("host", "127.0.0.1@evil.example"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        daemon.ask("GET", &url, &[(name, value.to_owned())]).await.refuses(401, "unauthorized");
        let headers = [(name, value.to_owned()), bearer(&daemon.admin_token())];
        assert_eq!(daemon.ask("GET", &url, &headers).await.status, 200, "{value}");
    }
    daemon.stop().await;
}

#[actix_web::test]
async fn the_public_address_has_none_of_it_but_health() {
    let daemon = Started::new().await;
    let admin = daemon.admin_token();
    for (method, _, access, path, _) in EXPECTED {
        let url = daemon.public_url(&path.replace("{id}", &Uuid::now_v7().to_string()));
        let answer = daemon.ask(&method.to_uppercase(), &url, &[bearer(&admin)]).await;
        if *access == Access::Anybody && !path.starts_with("/admin") {
            assert_eq!(answer.status, 200, "{path}");
        } else {
            answer.refuses(404, "not_found");
        }
    }
    daemon.stop().await;
}

#[actix_web::test]
async fn an_unknown_address_is_a_problem_that_names_the_known_ones() {
    let daemon = Started::new().await;
    daemon.ask("GET", &daemon.admin_url("/admin/nothing"), &[]).await.refuses(401, "unauthorized");
    let unknown = [
        ("GET", "/"),
        ("GET", "/admin/nothing"),
        ("GET", "/admin/rooms/"),
        ("POST", "/admin/sessions"),
        ("DELETE", "/admin/sessions"),
        ("POST", "/metrics"),
        ("GET", "/ws"),
        ("GET", "/api/v1/channels"),
    ];
    for (method, path) in unknown {
        let answer = daemon.admin(method, path).await;
        answer.refuses(404, "not_found");
        assert!(answer.text.contains("DELETE /admin/sessions/{id}"), "{path}: {}", answer.text);
    }
    daemon.stop().await;
}

#[actix_web::test]
async fn a_bad_parameter_is_named_with_its_limit() {
    let daemon = Started::new().await;
    for (path, detail) in [
        ("/admin/sessions?limit=0", "limit must be a whole number from 1 to 1000"),
        ("/admin/rooms?limit=1001", "limit must be a whole number from 1 to 1000"),
        ("/admin/presence?limit=x", "limit must be a whole number from 1 to 1000"),
        ("/admin/sessions?after=x", "after must be a UUID"),
        ("/admin/rooms?after=x", "after must be a UUID"),
        ("/admin/presence?after=x", "after must be a UUID"),
        ("/admin/sessions?channelId=x", "channelId must be a UUID"),
        ("/admin/sessions/x", "the session's id must be a UUID"),
        ("/admin/rooms/x", "the channel's id must be a UUID"),
    ] {
        let answer = daemon.admin("GET", path).await;
        answer.refuses(422, "invalid_frame");
        assert!(answer.json()["detail"].as_str().unwrap().starts_with(detail), "{path}: {}", answer.text);
    }
    daemon.admin("DELETE", "/admin/sessions/x").await.refuses(422, "invalid_frame");
    daemon.stop().await;
}

#[actix_web::test]
async fn no_token_and_no_secret_is_in_any_answer() {
    let daemon = Started::new().await;
    let channel = daemon.group(&["ana", "ben"]).await;
    let token = daemon.token("ben", None);
    let (_ana, session) = daemon.connect("ana").await;
    // The token in the URL is the one that slips into things.
    let by_url = format!("{}?token={token}", daemon.ws_url());
    let request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(by_url).unwrap();
    let _ben = tenfour::client::raw::Socket::connect_with(request).await.unwrap();
    daemon.shown_where("/admin/presence", "both", |shown| shown["total"] == 2).await;
    // The files of the console are the same for everybody.
    let answers = EXPECTED.iter().filter(|(method, path, access, ..)| {
        *method != "post" && *method != "put" && (*access != Access::Anybody || !path.starts_with("/admin"))
    });
    let paths = answers.map(|(_, _, _, path, _)| match *path {
        "/admin/rooms/{id}" => format!("/admin/rooms/{channel}"),
        path => path.replace("{id}", &session),
    });
    for path in paths {
        let answer = daemon.admin("GET", &path).await;
        assert_eq!(answer.status, 200, "{path}");
        let signature = token.rsplit('.').next().unwrap();
        for secret in [signature, "eyJ", SECRET] {
            assert!(!answer.text.contains(secret), "{path} shows a secret");
        }
        let no_store = answer.headers.get("cache-control").is_some_and(|value| value == "no-store");
        assert_eq!(no_store, path.starts_with("/admin/"), "{path}");
    }
    daemon.stop().await;
}
