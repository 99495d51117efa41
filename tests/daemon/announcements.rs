//! What an admin has to say reaches everybody who is connected, and until it expires who connects later.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::daemon::{PATIENCE, Setup, TestDaemon};

on_each_database!(who_is_there_is_told_and_until_it_expires_who_comes_later);

async fn ask(daemon: &TestDaemon, method: Method, body: &Value) -> (StatusCode, Value) {
    let admin = daemon.token_with("operator", "Operator", Some("admin"), PATIENCE);
    let url = format!("http://{}/admin/announcements", daemon.admin_addr());
    let answer = Client::new().request(method, url).bearer_auth(admin).body(body.to_string()).send().await.unwrap();
    (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

async fn announce(daemon: &TestDaemon, body: Value) -> Value {
    let (status, made) = ask(daemon, Method::POST, &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made
}

fn soon(seconds: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::seconds(seconds)).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// The frame, as the answer to who made it.
fn without_type(mut frame: Value) -> Value {
    assert_eq!(frame.as_object_mut().unwrap().remove("type"), Some(json!("announcement")));
    frame
}

async fn who_is_there_is_told_and_until_it_expires_who_comes_later(setup: Setup) {
    let mut daemon = setup.lasting().start().await;
    daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let now = announce(&daemon, json!({"text": "We are back at noon.", "level": "warning"})).await;
    assert_eq!(
        (&now["text"], &now["level"], &now["expiresAt"]),
        (&json!("We are back at noon."), &json!("warning"), &Value::Null)
    );
    for socket in [&mut ana, &mut bo] {
        assert_eq!(without_type(socket.expect("announcement").await), now);
    }
    daemon.connect("ana").await.expect_none_before_pong(&["announcement"]).await;
    assert_eq!(ask(&daemon, Method::GET, &json!({})).await.1, json!({"announcement": null}));

    let expires_at = soon(3600);
    let lasting = announce(&daemon, json!({"text": "No uploads today.", "expiresAt": expires_at})).await;
    assert_eq!((&lasting["level"], &lasting["expiresAt"]), (&json!("info"), &json!(expires_at)));
    assert_eq!(without_type(ana.expect("announcement").await), lasting);
    // One that does not last leaves it alone.
    announce(&daemon, json!({"text": "And hello."})).await;
    for restarted in [false, true] {
        if restarted {
            daemon.restart().await;
        }
        // `hello` comes first: that is what connecting waits for.
        let mut later = daemon.connect("ana").await;
        assert_eq!(without_type(later.expect("announcement").await), lasting);
        assert_eq!(ask(&daemon, Method::GET, &json!({})).await.1, json!({"announcement": lasting}));
    }
    let brief = announce(&daemon, json!({"text": "In a moment.", "expiresAt": soon(1)})).await;
    assert_ne!(brief["id"], lasting["id"]);
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    daemon.connect("ana").await.expect_none_before_pong(&["announcement"]).await;

    announce(&daemon, json!({"text": "No uploads today.", "expiresAt": soon(3600)})).await;
    assert_eq!(ask(&daemon, Method::DELETE, &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(&daemon, Method::GET, &json!({})).await.1, json!({"announcement": null}));
    daemon.connect("ana").await.expect_none_before_pong(&["announcement"]).await;
    let (status, problem) = ask(&daemon, Method::POST, &json!({"text": ""})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid_frame")));
}
