//! Searching, as a client does it: what was just said, what is shown of it, and what is refused.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Caller, Server, id};

/// By when a message is found, and some more for a machine that is busy.
const SOON: Duration = Duration::from_secs(20);

async fn until(caller: &Caller, path: &str, number: usize) -> Value {
    let deadline = Instant::now() + SOON;
    loop {
        let page = caller.get(path).await.is(200);
        if page["hits"].as_array().unwrap().len() == number {
            return page;
        }
        assert!(Instant::now() < deadline, "{path}: {page}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn texts(page: &Value) -> Vec<&str> {
    page["hits"].as_array().unwrap().iter().map(|hit| hit["message"]["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_found_soon_and_one_that_is_gone_at_once_not() {
    let server = Server::start();
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let channel = ann.group(&["bob"]).await;
    let said = ann.say(&channel, "Ladung <b>Zürich</b>,\nTor 4").await;
    let other = bob.say(&channel, "Tor 5 nach Zürich").await;
    let page = until(&bob, "/search?q=zurich+tor", 2).await;
    assert_eq!(texts(&page), ["Tor 5 nach Zürich", "Ladung <b>Zürich</b>,\nTor 4"]);
    assert_eq!((&page["hasMore"], &page["cursor"]), (&json!(false), &Value::Null));
    assert_eq!(
        page["hits"][1],
        json!({ "message": said, "snippet": [
            { "text": "Ladung <b>", "match": false },
            { "text": "Zürich", "match": true },
            { "text": "</b>, ", "match": false },
            { "text": "Tor", "match": true },
            { "text": " 4", "match": false },
        ] })
    );
    let first = bob.get("/search?q=zurich&limit=1").await.is(200);
    assert_eq!((texts(&first), &first["hasMore"]), (vec!["Tor 5 nach Zürich"], &json!(true)));
    let cursor = first["cursor"].as_str().unwrap();
    let second = bob.get(&format!("/search?q=zurich&limit=1&cursor={cursor}")).await.is(200);
    assert_eq!((texts(&second), &second["hasMore"]), (vec!["Ladung <b>Zürich</b>,\nTor 4"], &json!(false)));
    for sender in ["bob".to_owned(), id("bob")] {
        assert_eq!(texts(&bob.get(&format!("/search?q=tor&senderId={sender}")).await.is(200)), ["Tor 5 nach Zürich"]);
    }
    let since = other["createdAt"].as_str().unwrap();
    assert_eq!(texts(&bob.get(&format!("/search?q=tor&from={since}")).await.is(200)), ["Tor 5 nach Zürich"]);
    assert_eq!(texts(&bob.get(&format!("/search?q=tor&to={since}")).await.is(200)).len(), 1);

    assert_eq!(texts(&bob.get("/search?q=zurich&hasAttachment=true").await.is(200)), [""; 0]);
    for both in ["", "&hasAttachment=false"] {
        assert_eq!(texts(&bob.get(&format!("/search?q=zurich{both}")).await.is(200)).len(), 2);
    }

    ann.delete(&format!("/messages/{}", said["id"].as_str().unwrap())).await.is(200);
    assert_eq!(texts(&bob.get("/search?q=tor").await.is(200)), ["Tor 5 nach Zürich"]);
    bob.patch(&format!("/messages/{}", other["id"].as_str().unwrap()), json!({ "content": "Rampe" })).await.is(200);
    assert_eq!(texts(&bob.get("/search?q=tor").await.is(200)), [""; 0]);
    until(&bob, "/search?q=rampe", 1).await;
    assert_eq!(texts(&server.host().get("/search?q=rampe").await.is(200)), ["Rampe"]);
    assert_eq!(texts(&server.host().acting_as("bob").get("/search?q=rampe").await.is(200)), ["Rampe"]);

    ann.delete(&format!("/channels/{channel}/members/bob")).await.is(204);
    assert_eq!(texts(&bob.get("/search?q=rampe").await.is(200)), [""; 0]);
    bob.get(&format!("/search?q=rampe&channelId={channel}")).await.refuses(404, "not_found");
}

#[tokio::test]
async fn a_search_that_cannot_be_says_what_is_wrong() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    let long = "x".repeat(256);
    let many = "x+".repeat(17);
    for (query, words) in [
        ("", &["q", "missing"][..]),
        ("q=", &["q", "word"]),
        ("q=-tor", &["q", "word"]),
        ("q=%22%22*", &["q", "word"]),
        ("q=a%00b", &["q", "U+0000"]),
        (&format!("q={long}"), &["q", "256", "255"]),
        (&format!("q={many}"), &["q", "17", "16"]),
        ("q=a&q=b", &["q", "twice"]),
        ("q=a&channelId=1", &["channelId", "UUID"]),
        ("q=a&senderId=", &["senderId", "255"]),
        ("q=a&from=yesterday", &["from", "RFC 3339"]),
        ("q=a&to=2026-01-01", &["to", "RFC 3339"]),
        ("q=a&hasAttachment=1", &["hasAttachment", "true or false"]),
        ("q=a&hasAttachment=", &["hasAttachment", "true or false"]),
        ("q=a&hasAttachment=true&hasAttachment=true", &["hasAttachment", "twice"]),
        ("hasAttachment=true", &["q", "missing"]),
        ("q=a&limit=0", &["limit", "1 to 100"]),
        ("q=a&limit=101", &["limit", "1 to 100"]),
        ("q=a&cursor=1", &["cursor", "page"]),
    ] {
        let message = ann.get(&format!("/search?{query}")).await.refuses(422, "invalid_frame");
        assert!(words.iter().all(|word| message.contains(word)), "{query}: {message}");
    }
    for query in ["q='%20OR%201=1--", "q=NEAR(a+b)", "q=a:*+%26+!b", "q=%F0%9F%9A%9A+a", "q=%5C'a"] {
        assert_eq!(texts(&ann.get(&format!("/search?{query}")).await.is(200)), [""; 0], "{query}");
    }
    server.nobody().get("/search?q=a").await.refuses(401, "unauthorized");
}
