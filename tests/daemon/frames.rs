//! Every frame that is refused: which code, which field, and that the connection stays.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::daemon::Setup;

#[tokio::test]
async fn each_refused_frame_names_its_fault_and_the_connection_stays() {
    let daemon = Setup::in_memory().start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let id = Uuid::new_v4().to_string();
    let long = "x".repeat(16_385);
    let send = |change: Value| {
        let mut frame = json!({"type": "message", "clientId": Uuid::new_v4(), "channelId": channel, "content": "x"});
        for (name, value) in change.as_object().unwrap() {
            frame[name] = value.clone();
        }
        frame.to_string()
    };
    let deep = format!(r#"{{"type":"ping","x":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    let cases: Vec<(String, &str, &str)> = vec![
        (String::new(), "invalid_json", "JSON"),
        ("hello".to_owned(), "invalid_json", "JSON"),
        ("{".to_owned(), "invalid_json", "JSON"),
        ("{}{}".to_owned(), "invalid_json", "JSON"),
        ("[]".to_owned(), "invalid_json", "object"),
        ("null".to_owned(), "invalid_json", "object"),
        (r#"{"type":"ping","x":"\ud800"}"#.to_owned(), "invalid_json", "JSON"),
        (r#"{"type":"ping","x":1e999}"#.to_owned(), "invalid_json", "JSON"),
        (deep, "invalid_json", ""),
        ("{}".to_owned(), "invalid_frame", "type"),
        (r#"{"type":1}"#.to_owned(), "invalid_frame", "type"),
        (r#"{"type":"shout"}"#.to_owned(), "unknown_type", "type"),
        (r#"{"type":"hello"}"#.to_owned(), "unknown_type", "type"),
        (json!({"type": "ping", "ref": {}}).to_string(), "invalid_frame", "ref"),
        (json!({"type": "ping", "ref": "x".repeat(257)}).to_string(), "invalid_frame", "ref"),
        (send(json!({"clientId": null})), "invalid_frame", "clientId"),
        (send(json!({"clientId": "42"})), "invalid_frame", "clientId"),
        (send(json!({"channelId": "42"})), "invalid_frame", "channelId"),
        (send(json!({"channelId": Uuid::nil()})), "not_found", "channel"),
        (send(json!({"content": null})), "invalid_frame", "content"),
        (send(json!({"content": ""})), "invalid_frame", "content"),
        (send(json!({"content": 7})), "invalid_frame", "content"),
        (send(json!({"content": "a\u{0}"})), "invalid_frame", "content"),
        (send(json!({"content": long})), "too_large", "16384"),
        (send(json!({"contentType": ""})), "invalid_frame", "contentType"),
        (send(json!({"contentType": "x".repeat(65)})), "invalid_frame", "contentType"),
        (send(json!({"replyToId": "x"})), "invalid_frame", "replyToId"),
        (send(json!({"replyToId": id})), "invalid_frame", "replyToId"),
        (send(json!({"attachmentIds": "x"})), "invalid_frame", "attachmentIds"),
        (send(json!({"attachmentIds": [id]})), "invalid_frame", "attachmentIds"),
        (json!({"type": "edit", "messageId": id}).to_string(), "invalid_frame", "content"),
        (json!({"type": "edit", "content": "x"}).to_string(), "invalid_frame", "messageId"),
        (json!({"type": "edit", "messageId": id, "content": long}).to_string(), "too_large", "16384"),
        (json!({"type": "delete"}).to_string(), "invalid_frame", "messageId"),
        (json!({"type": "typing"}).to_string(), "invalid_frame", "channelId"),
        (json!({"type": "read", "channelId": channel}).to_string(), "invalid_frame", "seq"),
        (json!({"type": "read", "channelId": channel, "seq": -1}).to_string(), "invalid_frame", "seq"),
        (json!({"type": "read", "channelId": channel, "seq": 0.5}).to_string(), "invalid_frame", "seq"),
        (json!({"type": "sync"}).to_string(), "invalid_frame", "channels"),
        (json!({"type": "sync", "channels": []}).to_string(), "invalid_frame", "channels"),
        (json!({"type": "sync", "channels": {"x": 0}}).to_string(), "invalid_frame", "channels"),
        (json!({"type": "sync", "channels": {id.clone(): -1}}).to_string(), "invalid_frame", "channels"),
        (json!({"type": "sync", "channels": {id.clone(): "1"}}).to_string(), "invalid_frame", "channels"),
        (json!({"type": "sync", "channels": {}, "epoch": 1}).to_string(), "invalid_frame", "epoch"),
        (json!({"type": "sync", "lastMessageId": "x"}).to_string(), "invalid_frame", "lastMessageId"),
        (json!({"type": "auth"}).to_string(), "invalid_frame", "token"),
        (json!({"type": "auth", "token": "x"}).to_string(), "unauthorized", "token"),
    ];
    for (text, code, word) in cases {
        ana.send_text(&text).await;
        let refused = ana.expect("error").await;
        let shown: String = text.chars().take(200).collect();
        assert_eq!(refused["code"], code, "{shown}: {refused}");
        assert!(refused["message"].as_str().unwrap().contains(word), "{shown}: {refused}");
        assert_eq!(refused["retryable"], false, "{shown}: {refused}");
    }
    ana.send_raw(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(ana.expect("error").await["code"], "invalid_frame");
    ana.send_message(channel, "after all that").await;
    ana.expect_none_before_pong(&["error", "message"]).await;
}

#[tokio::test]
async fn a_ref_comes_back_as_it_was_also_with_an_error() {
    let daemon = Setup::in_memory().start().await;
    let mut ana = daemon.connect("ana").await;
    for reference in [json!(7), json!(-1.5), json!("a \"ref\"\n"), json!(""), json!(u64::MAX)] {
        ana.send(&json!({"type": "ping", "ref": reference})).await;
        let pong = ana.expect("pong").await;
        assert_eq!(pong["ref"], reference);
        assert!(pong["serverTime"].as_str().is_some_and(|time| time.ends_with('Z')), "{pong}");
        ana.send(&json!({"type": "read", "ref": reference})).await;
        assert_eq!(ana.expect("error").await["ref"], reference);
    }
    ana.send(&json!({"type": "ping"})).await;
    assert_eq!(ana.expect("pong").await.get("ref"), None);
}
