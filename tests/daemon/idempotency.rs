//! A send counts once, however often it is said, and its retry is never refused.

use std::num::NonZeroU32;

use serde_json::json;
use uuid::Uuid;

use crate::daemon::Setup;
use crate::socket::message;

on_each_database!(
    a_burst_of_one_client_id_from_two_devices_is_stored_once,
    another_content_or_channel_under_the_same_client_id_is_a_conflict,
    a_retry_gets_the_first_ack_after_edits_and_deletion,
    a_retry_gets_the_first_ack_after_the_sender_was_removed,
    a_retry_gets_the_first_ack_over_the_rate_limit,
    a_retry_gets_the_first_ack_from_a_daemon_that_was_started_anew,
    somebody_elses_client_id_is_never_looked_at,
    a_bad_text_fails_nobody_elses_send,
);

async fn a_burst_of_one_client_id_from_two_devices_is_stored_once(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut bo = daemon.connect("bo").await;
    for round in 0..5 {
        let client_id = Uuid::new_v4();
        let mut devices = [daemon.connect("ana").await, daemon.connect("ana").await];
        for _ in 0..20 {
            for device in &mut devices {
                device.send(&message(channel, &format!("round {round}"), client_id)).await;
            }
        }
        let mut answers = Vec::new();
        for device in &mut devices {
            let mut own = 0;
            while own < 20 {
                let frame = device.next().await;
                match frame["type"].as_str() {
                    Some("ack") => {
                        own += 1;
                        answers.push(frame);
                    }
                    Some("error") => panic!("{frame}"),
                    _ => {}
                }
            }
        }
        assert_eq!(answers.iter().filter(|ack| ack["duplicate"] == false).count(), 1, "{answers:#?}");
        for field in ["serverId", "seq", "version", "createdAt"] {
            assert!(answers.iter().all(|ack| ack[field] == answers[0][field]), "{field}");
        }
        let message = bo.expect("message").await;
        assert_eq!(message["data"]["id"], answers[0]["serverId"]);
    }
    bo.expect_none_before_pong(&["message"]).await;
    assert_eq!(bo.catch_up(channel, 0).await.len(), 5);
}

async fn another_content_or_channel_under_the_same_client_id_is_a_conflict(setup: Setup) {
    let daemon = setup.start().await;
    let (channel, other) = (daemon.direct("ana", "bo").await, daemon.group(&["ana", "bo"]).await);
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let client_id = Uuid::new_v4();
    ana.send_as(channel, "first", client_id).await;
    let refused = ana.ask_refused(message(channel, "another", client_id), "conflict").await;
    assert_eq!((&refused["clientId"], &refused["retryable"]), (&json!(client_id), &json!(false)));
    ana.ask_refused(message(other, "first", client_id), "conflict").await;
    let mut kind = message(channel, "first", client_id);
    kind["contentType"] = json!("location");
    ana.ask_refused(kind, "conflict").await;
    assert_eq!(ana.send_as(channel, "first", client_id).await["duplicate"], true);
    bo.expect_text("first").await;
    bo.expect_none_before_pong(&["message"]).await;
}

async fn a_retry_gets_the_first_ack_after_edits_and_deletion(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let client_id = Uuid::new_v4();
    let first = ana.send_as(channel, "first", client_id).await;
    let id = &first["serverId"];
    ana.ask_ok(json!({"type": "edit", "messageId": id, "content": "second"})).await;
    ana.ask_refused(message(channel, "second", client_id), "conflict").await;
    ana.ask_ok(json!({"type": "delete", "messageId": id})).await;
    let again = ana.send_as(channel, "first", client_id).await;
    for field in ["serverId", "seq", "version", "createdAt"] {
        assert_eq!(again[field], first[field], "{field}");
    }
}

async fn a_retry_gets_the_first_ack_after_the_sender_was_removed(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut bo = daemon.connect("bo").await;
    let client_id = Uuid::new_v4();
    let first = bo.send_as(channel, "just before", client_id).await;
    daemon.remove(channel, "ana", "bo").await.unwrap();
    bo.expect("channel_removed").await;
    let again = bo.send_as(channel, "just before", client_id).await;
    assert_eq!((&again["serverId"], &again["duplicate"]), (&first["serverId"], &json!(true)));
    bo.ask_refused(message(channel, "after", Uuid::new_v4()), "not_found").await;
    bo.ask_refused(message(channel, "another text", client_id), "conflict").await;
}

async fn a_retry_gets_the_first_ack_over_the_rate_limit(setup: Setup) {
    let setup = setup.with(|config| config.limits.rate_limit = NonZeroU32::new(1));
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let client_id = Uuid::new_v4();
    let first = ana.send_as(channel, "first", client_id).await;
    let mut refused = 0;
    while refused < 3 {
        let answer = ana.ask(message(channel, "more", Uuid::new_v4())).await;
        if answer["type"] == "error" {
            assert_eq!((&answer["code"], &answer["retryable"]), (&json!("rate_limited"), &json!(true)));
            assert!(answer["retryAfterMs"].as_u64().is_some_and(|wait| (1..=1000).contains(&wait)), "{answer}");
            refused += 1;
        }
        let again = ana.send_as(channel, "first", client_id).await;
        assert_eq!((&again["serverId"], &again["duplicate"]), (&first["serverId"], &json!(true)));
    }
}

async fn a_retry_gets_the_first_ack_from_a_daemon_that_was_started_anew(setup: Setup) {
    let mut daemon = setup.lasting().start().await;
    let channel = daemon.direct("ana", "bo").await;
    let client_id = Uuid::new_v4();
    let first = daemon.connect("ana").await.send_as(channel, "first", client_id).await;
    daemon.restart().await;
    let mut ana = daemon.connect("ana").await;
    let again = ana.send_as(channel, "first", client_id).await;
    assert_eq!((&again["serverId"], &again["duplicate"]), (&first["serverId"], &json!(true)));
    assert_eq!(ana.send_message(channel, "second").await["seq"], 2);
}

async fn somebody_elses_client_id_is_never_looked_at(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let client_id = Uuid::new_v4();
    let hers = ana.send_as(channel, "the same words", client_id).await;
    let his = bo.send_as(channel, "the same words", client_id).await;
    assert_ne!(hers["serverId"], his["serverId"]);
    assert_eq!((&his["seq"], &his["duplicate"]), (&json!(2), &json!(false)));
}

async fn a_bad_text_fails_nobody_elses_send(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for _ in 0..30 {
        ana.send(&message(channel, "a\u{0}b", Uuid::new_v4())).await;
        bo.send(&message(channel, "fine", Uuid::new_v4())).await;
    }
    for _ in 0..30 {
        let refused = ana.expect("error").await;
        assert_eq!(refused["code"], "invalid_frame");
        assert!(refused["message"].as_str().unwrap().contains("content"), "{refused}");
        bo.expect("ack").await;
    }
    // Whatever else is no text of its own (a surrogate, the last code point) is kept as it came.
    for text in ["\u{10FFFF}\u{FFFE}\u{1F469}\u{200D}\u{1F680}", "'; DROP TABLE messages; --", "%_\\\"\r\n\t\u{1b}[31m"]
    {
        ana.send_message(channel, text).await;
        bo.expect_text(text).await;
    }
}
