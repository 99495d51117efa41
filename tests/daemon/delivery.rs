//! Who gets what, in an order without a gap.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::daemon::{Setup, id_of};
use crate::socket::{assert_continues, message, number};

on_each_database!(
    the_sending_device_gets_the_ack_and_the_others_the_message,
    every_session_sees_each_version_once_and_in_order,
    whoever_connects_while_others_send_misses_nothing_after_hello,
    a_send_into_a_channel_that_was_just_made_is_acknowledged,
    a_user_of_many_channels_gets_all_of_them,
    a_reply_names_a_message_of_the_same_channel,
);

async fn the_sending_device_gets_the_ack_and_the_others_the_message(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut phone, mut desk) = (daemon.connect("ana").await, daemon.connect("ana").await);
    let mut bo = daemon.connect("bo").await;
    let ack = phone.send_message(channel, "from the phone").await;
    assert!(ack["ref"].is_string());
    for other in [&mut desk, &mut bo] {
        let message = other.expect_text("from the phone").await;
        assert_eq!(message["id"], ack["serverId"]);
        assert_eq!(message["clientId"], ack["clientId"]);
    }
    phone.expect_none_before_pong(&["message"]).await;
    desk.expect_none_before_pong(&["ack", "message"]).await;
}

async fn every_session_sees_each_version_once_and_in_order(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let mut other = daemon.connect("ana").await;
    let start = number(&ana.channel(channel)["version"]);
    for round in 0..5 {
        let text = format!("round {round}");
        ana.send(&message(channel, &text, Uuid::new_v4())).await;
        let id = bo.expect_text(&text).await["id"].clone();
        bo.send(&message(channel, "and mine", Uuid::new_v4())).await;
        ana.send(&json!({"type": "edit", "messageId": id, "content": "edited"})).await;
        daemon.add(channel, "ana", "cy").await.unwrap();
        daemon.remove(channel, "ana", "cy").await.unwrap();
        daemon.rename(channel, "ana", &text).await.unwrap();
        ana.send(&json!({"type": "delete", "messageId": id})).await;
    }
    // Seven changes a round.
    let end = start + 35;
    for socket in [&mut ana, &mut other] {
        let mut last = start;
        while last < end {
            let frame = socket.next().await;
            last = assert_continues(last, &[frame], channel);
        }
    }
    assert_eq!(number(&daemon.connect("bo").await.channel(channel)["version"]), end);
}

async fn whoever_connects_while_others_send_misses_nothing_after_hello(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut senders = Vec::new();
    for name in ["ana", "cy"] {
        let (mut socket, done) = (daemon.connect(name).await, Arc::clone(&done));
        senders.push(tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                socket.send_message(channel, "again").await;
            }
        }));
    }
    for _ in 0..25 {
        let mut bo = daemon.connect("bo").await;
        let told = bo.channel(channel);
        let (start, unread, last_seq) = (number(&told["version"]), number(&told["unread"]), number(&told["lastSeq"]));
        assert_eq!((unread, start), (last_seq, last_seq), "one moment for all of the snapshot");
        let frames = bo.collect(Duration::from_millis(40)).await;
        let last = assert_continues(start, &frames, channel);
        assert!(last > start || frames.is_empty(), "{last}");
        drop(bo);
    }
    done.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
}

async fn a_send_into_a_channel_that_was_just_made_is_acknowledged(setup: Setup) {
    let daemon = setup.start().await;
    daemon.user("ana").await;
    let mut bo = daemon.connect("bo").await;
    for _ in 0..20 {
        // Bo knows the id from elsewhere, and does not wait for the `channel` frame.
        let channel = daemon.group(&["ana", "bo"]).await;
        let ack = bo.send_message(channel, "first!").await;
        assert_eq!(ack["seq"], 1);
    }
}

async fn a_user_of_many_channels_gets_all_of_them(setup: Setup) {
    let daemon = setup.start().await;
    let mut channels = Vec::new();
    for _ in 0..60 {
        channels.push(daemon.group(&["ana", "bo"]).await);
    }
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    assert_eq!(bo.hello["channels"].as_array().unwrap().len(), 60);
    for channel in &channels {
        assert_eq!(bo.channel(*channel)["memberIds"].as_array().unwrap().len(), 2);
        ana.send(&message(*channel, &channel.to_string(), Uuid::new_v4())).await;
    }
    let mut left: HashSet<String> = channels.iter().map(ToString::to_string).collect();
    while !left.is_empty() {
        let data = bo.expect("message").await["data"].clone();
        assert_eq!(data["channelId"], data["content"]);
        assert!(left.remove(data["content"].as_str().unwrap()));
    }
    assert_eq!(bo.hello["user"], json!({"id": id_of("bo"), "externalId": "bo", "name": "Bo"}));
}

async fn a_reply_names_a_message_of_the_same_channel(setup: Setup) {
    let daemon = setup.start().await;
    let (channel, other) = (daemon.direct("ana", "bo").await, daemon.group(&["ana", "bo"]).await);
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let first = ana.send_message(channel, "a question").await["serverId"].clone();
    let mut reply = message(channel, "an answer", Uuid::new_v4());
    reply["replyToId"] = first.clone();
    assert_eq!(bo.ask(reply.clone()).await["type"], "ack");
    assert_eq!(ana.expect_text("an answer").await["replyToId"], first);
    reply["channelId"] = json!(other);
    reply["clientId"] = json!(Uuid::new_v4());
    bo.ask_refused(reply, "invalid_frame").await;
}
