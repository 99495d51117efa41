//! What tenfour promises in one word each, case by case: delivery, order, idempotency, catching up, typing, presence,
//! unread counts.

use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use crate::daemon::{Setup, id_of};
use crate::socket::number;

on_each_database!(
    message_sent_by_a_appears_in_bs_stream,
    messages_arrive_in_server_assigned_order_regardless_of_send_timing,
    duplicate_client_uuid_is_rejected_original_message_returned,
    reconnecting_client_receives_missed_messages_since_last_message_id,
    typing_indicator_expires_after_three_seconds_of_no_resend,
    user_marked_offline_after_missing_three_heartbeats,
    offline_user_gets_accurate_unread_count_on_reconnect,
);

async fn message_sent_by_a_appears_in_bs_stream(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let client_id = Uuid::new_v4();
    let ack = ana.send_as(channel, "Gate 4 is free", client_id).await;
    assert_eq!((&ack["seq"], &ack["version"], &ack["duplicate"]), (&json!(1), &json!(1), &json!(false)));
    let message = bo.expect("message").await["data"].clone();
    assert_eq!(
        message,
        json!({
            "id": ack["serverId"], "clientId": client_id, "channelId": channel, "senderId": id_of("ana"),
            "senderName": "Ana", "seq": 1, "version": 1, "content": "Gate 4 is free", "contentType": "text",
            "replyToId": null, "attachments": [], "createdAt": ack["createdAt"], "updatedAt": null, "deletedAt": null,
        })
    );
    ana.expect_none_before_pong(&["message"]).await;
}

async fn messages_arrive_in_server_assigned_order_regardless_of_send_timing(setup: Setup) {
    const EACH: usize = 40;
    let daemon = setup.start().await;
    let channel = daemon.group(&["reader", "ana", "bo", "cy"]).await;
    let mut reader = daemon.connect("reader").await;
    let mut senders = Vec::new();
    for (name, pause) in [("ana", 0), ("bo", 1), ("cy", 3)] {
        let mut socket = daemon.connect(name).await;
        senders.push(tokio::spawn(async move {
            let mut acks = Vec::new();
            for number in 0..EACH {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                acks.push(socket.send_message(channel, &format!("{name} {number}")).await);
            }
            acks
        }));
    }
    let mut acked = Vec::new();
    for sender in senders {
        acked.extend(sender.await.unwrap().iter().map(|ack| (number(&ack["seq"]), ack["serverId"].clone())));
    }
    acked.sort_by_key(|(seq, _)| *seq);
    let mut seen = Vec::new();
    while seen.len() < acked.len() {
        let message = reader.expect("message").await["data"].clone();
        seen.push((number(&message["seq"]), message["id"].clone()));
    }
    assert_eq!(seen, acked, "what a reader sees is in the order of the acks' numbers");
    assert!(seen.iter().map(|(seq, _)| *seq).eq(1..=3 * i64::try_from(EACH).unwrap()));
}

async fn duplicate_client_uuid_is_rejected_original_message_returned(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let client_id = Uuid::new_v4();
    let first = ana.send_as(channel, "once", client_id).await;
    let second = ana.send_as(channel, "once", client_id).await;
    for field in ["serverId", "channelId", "seq", "version", "createdAt"] {
        assert_eq!(first[field], second[field], "{field}");
    }
    assert_eq!((&first["duplicate"], &second["duplicate"]), (&json!(false), &json!(true)));
    bo.expect_text("once").await;
    bo.expect_none_before_pong(&["message"]).await;
    assert_eq!(bo.catch_up(channel, 0).await.len(), 1);
}

async fn reconnecting_client_receives_missed_messages_since_last_message_id(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let other = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send_message(channel, "seen").await;
    let last = bo.expect_text("seen").await["id"].clone();
    bo.close().await;
    for text in ["missed 1", "missed 2"] {
        ana.send_message(channel, text).await;
    }
    ana.send_message(other, "missed elsewhere").await;
    let mut bo = daemon.connect("bo").await;
    let pages = bo.sync(json!({"lastMessageId": last})).await;
    let page = |id: tenfour::domain::ids::ChannelId| {
        let page = pages.iter().find(|page| page["channelId"] == id.to_string()).expect("a page of each channel");
        let texts: Vec<_> = page["messages"].as_array().unwrap().iter().map(|it| it["content"].clone()).collect();
        (texts, page["hasMore"].clone(), page["reset"].clone())
    };
    assert_eq!(page(channel), (vec![json!("missed 1"), json!("missed 2")], json!(false), json!(null)));
    assert_eq!(page(other), (vec![json!("missed elsewhere")], json!(false), json!(null)));
}

async fn typing_indicator_expires_after_three_seconds_of_no_resend(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send(&json!({"type": "typing", "channelId": channel})).await;
    let typing = bo.expect("typing").await;
    let shown = Instant::now();
    assert_eq!(
        typing,
        json!({"type": "typing", "channelId": channel, "userId": id_of("ana"), "name": "Ana", "expiresInMs": 3000})
    );
    let stopped = bo.expect("typing_stopped").await;
    assert_eq!(stopped, json!({"type": "typing_stopped", "channelId": channel, "userId": id_of("ana")}));
    let after = shown.elapsed();
    assert!((2900..4500).contains(&after.as_millis()), "after {after:?}");
    ana.expect_none_before_pong(&["typing", "typing_stopped"]).await;
}

async fn user_marked_offline_after_missing_three_heartbeats(setup: Setup) {
    let beat = Duration::from_millis(400);
    let setup = setup.with(|config| {
        config.timing.heartbeat_interval = beat;
        config.timing.heartbeat_timeout = 3 * beat;
    });
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let mut bo = daemon.connect("bo").await;
    assert_eq!(bo.hello["heartbeatMs"], 400);
    let online = ana.expect("presence").await;
    assert_eq!((&online["userId"], &online["status"]), (&json!(id_of("bo")), &json!("online")));
    // Nobody reads bo's socket from here on, so that its pings stay unanswered; ana's are answered while she waits.
    let silent = Instant::now();
    let offline = ana.expect("presence").await;
    let after = silent.elapsed();
    assert_eq!(
        (&offline["userId"], &offline["status"], &offline["channelId"]),
        (&json!(id_of("bo")), &json!("offline"), &json!(channel))
    );
    assert!(offline["lastSeenAt"].is_string(), "{offline}");
    assert!(after >= 2 * beat, "only after three heartbeats: {after:?}");
    assert_eq!(bo.expect_close().await.0, Some(4408));
    ana.expect_none_before_pong(&["presence"]).await;
}

async fn offline_user_gets_accurate_unread_count_on_reconnect(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    let (mut ana, mut bo, mut cy) =
        (daemon.connect("ana").await, daemon.connect("bo").await, daemon.connect("cy").await);
    ana.send_message(channel, "1: read").await;
    bo.send_message(channel, "2: bo's own").await;
    bo.ask_ok(json!({"type": "read", "channelId": channel, "seq": 1})).await;
    bo.close().await;
    ana.send_message(channel, "3").await;
    let gone = ana.send_message(channel, "4: deleted").await;
    cy.send_message(channel, "5").await;
    ana.ask_ok(json!({"type": "delete", "messageId": gone["serverId"]})).await;
    let bo = daemon.connect("bo").await;
    let told = bo.channel(channel);
    assert_eq!((&told["unread"], &told["lastReadSeq"], &told["lastSeq"]), (&json!(2), &json!(1), &json!(5)));
    let ana = daemon.connect("ana").await;
    // Ana has read nothing: two are bo's and cy's, her own three do not count.
    assert_eq!(ana.channel(channel)["unread"], 2);
}
