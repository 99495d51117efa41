//! Sending, reading, editing and deleting messages, and how far one has read.

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value, json};
use tenfour::client::raw::Socket;

use crate::server::{Server, id, message, name, some_id};

pub(crate) const SOON: Duration = Duration::from_secs(5);

fn seqs(page: &Value) -> Vec<i64> {
    page["messages"].as_array().unwrap().iter().map(|message| message["seq"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_stored_once_whatever_is_tried_again() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    let path = format!("/channels/{}/messages", ann.group(&[]).await);
    let body = message("hello");
    let stored = ann.post(&path, body.clone()).await.is(201);
    assert_eq!(
        stored,
        json!({
            "id": stored["id"], "clientId": body["clientId"], "channelId": stored["channelId"],
            "senderId": id("ann"), "senderName": name("ann"), "seq": 1, "version": 1, "content": "hello",
            "contentType": "text", "replyToId": null, "attachments": [], "createdAt": stored["createdAt"],
            "updatedAt": null, "deletedAt": null
        })
    );
    assert_eq!(ann.post(&path, body.clone()).await.is(200), stored);
    let mut other = body.clone();
    other["content"] = json!("another");
    ann.post(&path, other).await.refuses(409, "conflict");
    let elsewhere = format!("/channels/{}/messages", ann.group(&[]).await);
    ann.post(&elsewhere, body.clone()).await.refuses(409, "conflict");

    let one = format!("/messages/{}", stored["id"].as_str().unwrap());
    let edited = ann.patch(&one, json!({ "content": "hello!" })).await.is(200);
    assert_eq!(ann.post(&path, body.clone()).await.is(200), edited);
    ann.delete(&one).await.is(200);
    let deleted = ann.post(&path, body).await.is(200);
    assert_eq!((&deleted["content"], &deleted["seq"]), (&json!(""), &json!(1)));
    assert_eq!(seqs(&ann.get(&path).await.is(200)), [1]);
}

#[tokio::test]
async fn a_retry_is_answered_even_where_a_new_send_would_be_refused() {
    let server = Server::with(|config| config.limits.rate_limit = NonZeroU32::new(1));
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let channel = ann.group(&["bob"]).await;
    let path = format!("/channels/{channel}/messages");
    let body = message("hello");
    let stored = bob.post(&path, body.clone()).await.is(201);
    // What has become unreadable since, by a field that is no part of what is compared.
    let mut unreadable = body.clone();
    unreadable["attachmentIds"] = json!(["gone"]);
    assert_eq!(bob.post(&path, unreadable.clone()).await.is(200), stored);
    unreadable["clientId"] = json!(some_id());
    bob.post(&path, unreadable).await.refuses(422, "invalid_frame");

    let mut refused = bob.post(&path, message("more")).await;
    while refused.status == 201 {
        refused = bob.post(&path, message("more")).await;
    }
    refused.refuses(429, "rate_limited");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(refused.is(429)["retryAfterMs"].as_u64().unwrap() >= 1);
    assert_eq!(bob.post(&path, body.clone()).await.is(200), stored);

    ann.delete(&format!("/channels/{channel}/members/bob")).await.is(204);
    assert_eq!(bob.post(&path, body).await.is(200), stored);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    bob.post(&path, message("new")).await.refuses(404, "not_found");
}

#[tokio::test]
async fn a_send_names_what_is_wrong_with_it() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    let path = format!("/channels/{}/messages", ann.group(&[]).await);
    let with = |field: &str, value: Value| {
        let mut body = message("hello");
        body[field] = value;
        body
    };
    for (body, status, code, word) in [
        (json!({ "content": "x" }), 422, "invalid_frame", "clientId"),
        (with("clientId", json!("x")), 422, "invalid_frame", "clientId"),
        (with("content", json!("")), 422, "invalid_frame", "content"),
        (with("content", json!(7)), 422, "invalid_frame", "content"),
        (with("content", json!("a\0b")), 422, "invalid_frame", "U+0000"),
        (with("content", json!("x".repeat(16_385))), 413, "too_large", "16384"),
        (with("contentType", json!("x".repeat(65))), 422, "invalid_frame", "contentType"),
        (with("replyToId", json!(some_id())), 422, "invalid_frame", "replyToId"),
        (with("attachmentIds", json!([some_id()])), 422, "invalid_frame", "attachmentIds"),
    ] {
        let why = ann.post(&path, body).await.refuses(status, code);
        assert!(why.contains(word), "{why}");
    }
    let first = ann.post(&path, message("first")).await.is(201);
    let reply = ann.post(&path, with("replyToId", first["id"].clone())).await.is(201);
    assert_eq!((&reply["replyToId"], &reply["seq"]), (&first["id"], &json!(2)));
}

#[tokio::test]
async fn the_host_says_nothing_itself_and_anything_as_a_user() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    let host = server.host();
    let channel = ann.group(&[]).await;
    let path = format!("/channels/{channel}/messages");
    let why = host.post(&path, message("hi")).await.refuses(403, "forbidden");
    assert!(why.contains("Tenfour-User"), "{why}");
    let read = format!("/channels/{channel}/read");
    host.post(&read, json!({ "seq": 1 })).await.refuses(403, "forbidden");

    let said = host.acting_as(&id("ann")).post(&path, message("hi")).await.is(201);
    assert_eq!((&said["senderId"], &said["senderName"]), (&json!(id("ann")), &json!(name("ann"))));
    host.acting_as("ann").post(&read, json!({ "seq": 1 })).await.is(200);
    let one = format!("/messages/{}", said["id"].as_str().unwrap());
    host.patch(&one, json!({ "content": "words" })).await.refuses(403, "forbidden");
    host.acting_as("ann").patch(&one, json!({ "content": "own words" })).await.is(200);
    assert_eq!(host.delete(&one).await.is(200)["content"], "");
    assert_eq!(seqs(&host.get(&path).await.is(200)), [1]);
    host.get(&format!("/channels/{}/messages", some_id())).await.refuses(404, "not_found");
    host.acting_as("host").get(&path).await.refuses(422, "unknown_user");
}

#[tokio::test]
async fn the_sender_edits_and_those_above_delete() {
    let server = Server::start();
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let channel = ann.group(&["bob"]).await;
    let theirs = format!("/messages/{}", bob.say(&channel, "by bob").await["id"].as_str().unwrap());
    let ours = format!("/messages/{}", ann.say(&channel, "by ann").await["id"].as_str().unwrap());
    ann.patch(&theirs, json!({ "content": "x" })).await.refuses(403, "forbidden");
    bob.patch(&ours, json!({ "content": "x" })).await.refuses(403, "forbidden");
    bob.delete(&ours).await.refuses(403, "forbidden");
    let edited = bob.patch(&theirs, json!({ "content": "by Bob" })).await.is(200);
    assert_eq!((&edited["content"], &edited["seq"], &edited["version"]), (&json!("by Bob"), &json!(1), &json!(3)));
    assert!(edited["updatedAt"].is_string());
    bob.patch(&theirs, json!({ "content": "x".repeat(16_385) })).await.refuses(413, "too_large");
    bob.patch(&theirs, json!({})).await.refuses(422, "invalid_frame");
    let deleted = ann.delete(&theirs).await.is(200);
    assert_eq!(deleted["content"], "");
    assert!(deleted["deletedAt"].is_string());
    bob.patch(&theirs, json!({ "content": "x" })).await.refuses(409, "conflict");
}

#[tokio::test]
async fn history_is_paged_in_both_directions() {
    let server = Server::start();
    let ann = server.user("ann").known().await;
    let channel = ann.group(&[]).await;
    for number in 1..=7 {
        ann.say(&channel, &format!("{number}")).await;
    }
    let path = format!("/channels/{channel}/messages");
    for (query, expected, more) in [
        ("", &[7, 6, 5, 4, 3, 2, 1][..], false),
        ("?limit=3", &[7, 6, 5], true),
        ("?limit=3&before=5", &[4, 3, 2], true),
        ("?limit=3&before=2", &[1], false),
        ("?before=4&limit=3", &[3, 2, 1], false),
        ("?before=1", &[], false),
        ("?limit=3&after=0", &[1, 2, 3], true),
        ("?limit=3&after=3", &[4, 5, 6], true),
        ("?limit=3&after=4", &[5, 6, 7], false),
        ("?after=7&limit=200", &[], false),
    ] {
        let page = ann.get(&format!("{path}{query}")).await.is(200);
        assert_eq!((seqs(&page).as_slice(), &page["hasMore"]), (expected, &json!(more)), "{query}");
    }
    for (query, word) in [
        ("?before=1&after=1", "before and after"),
        ("?limit=0", "1 to 200"),
        ("?limit=201", "1 to 200"),
        ("?limit=x", "limit"),
        ("?before=-1", "before"),
        ("?after=x", "after"),
        ("?after=1&after=2", "after"),
    ] {
        let why = ann.get(&format!("{path}{query}")).await.refuses(422, "invalid_frame");
        assert!(why.contains(word), "{query}: {why}");
    }
}

#[tokio::test]
async fn a_mark_never_goes_back_nor_beyond_the_newest_message() {
    let server = Server::start();
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let channel = ann.group(&["bob"]).await;
    for _ in 0..3 {
        ann.say(&channel, "hello").await;
    }
    let path = format!("/channels/{channel}/read");
    for (seq, stands) in [(2, 2), (1, 2), (99, 3), (0, 3)] {
        assert_eq!(bob.post(&path, json!({ "seq": seq })).await.is(200), json!({ "seq": stands }));
    }
    assert_eq!(bob.get(&format!("/channels/{channel}")).await.is(200)["unread"], 0);
    for bad in [json!({}), json!({ "seq": -1 }), json!({ "seq": "1" }), json!({ "seq": 1.5 })] {
        assert!(bob.post(&path, bad).await.refuses(422, "invalid_frame").contains("seq"));
    }
}

#[tokio::test]
async fn sockets_hear_what_is_done_over_rest() {
    let server = Server::start();
    let (ann, bob) = (server.user("ann").known().await, server.user("bob").known().await);
    let channel = ann.group(&[]).await;
    let mut socket = Socket::connect(&server.ws(), &bob.token).await.unwrap();
    socket.recv_type("hello", SOON).await.unwrap();
    ann.post(&format!("/channels/{channel}/members"), json!({ "userIds": ["bob"] })).await.is(200);
    assert_eq!(socket.recv_type("channel", SOON).await.unwrap()["data"]["id"], *channel);
    let said = ann.say(&channel, "hello").await;
    assert_eq!(socket.recv_type("message", SOON).await.unwrap()["data"], said);
    let one = format!("/messages/{}", said["id"].as_str().unwrap());
    let edited = ann.patch(&one, json!({ "content": "hello!" })).await.is(200);
    assert_eq!(socket.recv_type("message_updated", SOON).await.unwrap()["data"], edited);
    ann.post(&format!("/channels/{channel}/read"), json!({ "seq": 1 })).await.is(200);
    assert_eq!(socket.recv_type("read", SOON).await.unwrap()["userId"], id("ann"));
    let deleted = ann.delete(&one).await.is(200);
    assert_eq!(socket.recv_type("message_deleted", SOON).await.unwrap()["data"], deleted);
    // A sender's own sockets get it as a message, which counts as its ack.
    let said = bob.say(&channel, "over REST").await;
    assert_eq!(socket.recv_type("message", SOON).await.unwrap()["data"]["clientId"], said["clientId"]);
    ann.delete(&format!("/channels/{channel}/members/bob")).await.is(204);
    assert_eq!(socket.recv_type("channel_removed", SOON).await.unwrap()["channelId"], *channel);
}

#[tokio::test]
async fn a_page_of_long_messages_ends_early_and_says_that_there_is_more() {
    let server = Server::with(|config| config.limits.rate_limit = None);
    let ann = server.user("ann").known().await;
    let path = format!("/channels/{}/messages", ann.group(&[]).await);
    // Each byte of it takes six in JSON.
    let long = "\u{1}".repeat(16 * 1024);
    for _ in 0..40 {
        ann.post(&path, message(&long)).await.is(201);
    }
    for (query, first, last) in [("limit=200", 40, 24), ("limit=200&after=0", 1, 17)] {
        let answer = ann.get(&format!("{path}?{query}")).await;
        let page = answer.is(200);
        let seqs = seqs(&page);
        assert_eq!((seqs.first(), seqs.last(), &page["hasMore"]), (Some(&first), Some(&last), &json!(true)), "{query}");
        assert!(answer.text.len() < 2 << 20, "{query}: {} bytes", answer.text.len());
    }
    let rest = ann.get(&format!("{path}?limit=200&before=16")).await.is(200);
    assert_eq!((seqs(&rest), &rest["hasMore"]), ((1..=15).rev().collect(), &json!(false)));
}
