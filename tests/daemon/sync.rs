//! Catching up: pages, cursors, and what a cursor of another history gets.

use serde_json::{Value, json};
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use crate::daemon::{Setup, TestDaemon, id_of};
use crate::socket::{TestSocket, message, number};

on_each_database!(
    a_long_absence_is_caught_up_in_pages,
    a_page_is_bounded_in_bytes_too,
    edits_and_deletions_are_caught_up_with_their_latest_state,
    a_cursor_of_another_epoch_or_ahead_of_the_channel_is_reset,
    a_channel_that_one_is_not_in_is_told_removed_and_the_rest_go_on,
    a_page_names_the_members_as_of_its_version,
    an_unknown_last_message_resets_every_channel,
    syncs_are_answered_one_at_a_time_and_in_order,
);

async fn fill(daemon: &TestDaemon, channel: ChannelId, count: i64, text: &str) -> TestSocket {
    let mut ana = daemon.connect("ana").await;
    let mut left = count;
    while left > 0 {
        // No more at a time than a room takes.
        let some = left.min(500);
        for _ in 0..some {
            ana.send(&message(channel, text, Uuid::new_v4())).await;
        }
        for _ in 0..some {
            ana.expect("ack").await;
        }
        left -= some;
    }
    ana
}

async fn page(socket: &mut TestSocket, request: Value) -> Value {
    let mut pages = socket.sync(request).await;
    assert_eq!(pages.len(), 1, "one frame a channel");
    pages.remove(0)
}

fn numbers(page: &Value, field: &str) -> Vec<i64> {
    page["messages"].as_array().unwrap().iter().map(|it| number(&it[field])).collect()
}

async fn a_long_absence_is_caught_up_in_pages(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    fill(&daemon, channel, 1203, "x").await;
    let mut bo = daemon.connect("bo").await;
    let mut from = 3;
    for (count, has_more) in [(500, true), (500, true), (200, false)] {
        let page = page(&mut bo, json!({"channels": {channel.to_string(): from}})).await;
        assert!(numbers(&page, "version").into_iter().eq(from + 1..=from + count));
        assert_eq!((&page["hasMore"], &page["reset"]), (&json!(has_more), &Value::Null));
        from = number(&page["version"]);
    }
    let page = page(&mut bo, json!({"channels": {channel.to_string(): from}})).await;
    assert_eq!((&page["messages"], &page["version"], &page["hasMore"]), (&json!([]), &json!(1203), &json!(false)));
    assert!(bo.sync(json!({"channels": {}})).await.is_empty());
}

async fn a_page_is_bounded_in_bytes_too(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    fill(&daemon, channel, 40, &"x".repeat(16_000)).await;
    let mut bo = daemon.connect("bo").await;
    let page = page(&mut bo, json!({"channels": {channel.to_string(): 0}})).await;
    let count = page["messages"].as_array().unwrap().len();
    assert!((16..=18).contains(&count), "{count} messages of 16 kB");
    assert_eq!(page["hasMore"], true);
    assert_eq!(bo.catch_up(channel, 0).await.len(), 40);
}

async fn edits_and_deletions_are_caught_up_with_their_latest_state(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        ids.push(ana.send_message(channel, text).await["serverId"].clone());
    }
    ana.ask_ok(json!({"type": "edit", "messageId": ids[0], "content": "one, edited"})).await;
    ana.ask_ok(json!({"type": "delete", "messageId": ids[1]})).await;
    let mut bo = daemon.connect("bo").await;
    let all = page(&mut bo, json!({"channels": {channel.to_string(): 0}})).await;
    assert_eq!((numbers(&all, "seq"), numbers(&all, "version")), (vec![3, 1, 2], vec![3, 4, 5]));
    let texts: Vec<_> = all["messages"].as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap()).collect();
    assert_eq!(texts, ["three", "one, edited", ""], "nothing is left of what was deleted");
    assert!(all["messages"][1]["updatedAt"].is_string() && all["messages"][2]["deletedAt"].is_string());
    let request = json!({"channels": {channel.to_string(): 3}, "epoch": bo.epoch()});
    let since = page(&mut bo, request).await;
    assert_eq!(numbers(&since, "version"), [4, 5]);
}

async fn a_cursor_of_another_epoch_or_ahead_of_the_channel_is_reset(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    fill(&daemon, channel, 510, "x").await;
    let mut bo = daemon.connect("bo").await;
    for request in [
        json!({"channels": {channel.to_string(): 7}, "epoch": "another"}),
        json!({"channels": {channel.to_string(): 511}}),
        json!({"channels": {channel.to_string(): i64::MAX}, "epoch": bo.epoch()}),
    ] {
        let page = page(&mut bo, request.clone()).await;
        assert_eq!((&page["reset"], &page["hasMore"], &page["version"]), (&json!(true), &json!(false), &json!(510)));
        assert!(numbers(&page, "seq").into_iter().eq(11..=510), "the newest page: {request}");
    }
    let request = json!({"channels": {channel.to_string(): 510}, "epoch": bo.epoch()});
    let current = page(&mut bo, request).await;
    assert_eq!(current["reset"], Value::Null);
}

async fn a_channel_that_one_is_not_in_is_told_removed_and_the_rest_go_on(setup: Setup) {
    let daemon = setup.start().await;
    let (hers, channel) = (daemon.direct("ana", "cy").await, daemon.direct("ana", "bo").await);
    fill(&daemon, hers, 1, "not for bo").await;
    fill(&daemon, channel, 1, "for bo").await;
    let nowhere = ChannelId(Uuid::from_u128(7));
    let mut bo = daemon.connect("bo").await;
    let channels = json!({hers.to_string(): 0, channel.to_string(): 0, nowhere.to_string(): 0});
    let pages = bo.sync(json!({"channels": channels})).await;
    assert_eq!(pages.len(), 3);
    for page in pages {
        match page["type"].as_str() {
            Some("channel_removed") => assert_ne!(page["channelId"], channel.to_string()),
            _ => assert_eq!((&page["channelId"], page["messages"].as_array().unwrap().len()), (&json!(channel), 1)),
        }
    }
}

async fn a_page_names_the_members_as_of_its_version(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    fill(&daemon, channel, 500, "x").await;
    daemon.add(channel, "ana", "cy").await.unwrap();
    fill(&daemon, channel, 1, "after").await;
    let mut bo = daemon.connect("bo").await;
    let first = page(&mut bo, json!({"channels": {channel.to_string(): 0}})).await;
    let mut pair = [id_of("ana").to_string(), id_of("bo").to_string()];
    pair.sort_unstable();
    assert_eq!((&first["version"], &first["memberIds"]), (&json!(500), &json!(pair)));
    let second = page(&mut bo, json!({"channels": {channel.to_string(): 500}})).await;
    assert_eq!(second["memberIds"].as_array().unwrap().len(), 3);
    assert_eq!((numbers(&second, "version"), &second["version"]), (vec![502], &json!(502)));
}

async fn an_unknown_last_message_resets_every_channel(setup: Setup) {
    let daemon = setup.start().await;
    let (hers, channel) = (daemon.direct("ana", "cy").await, daemon.direct("ana", "bo").await);
    let mut ana = fill(&daemon, channel, 2, "x").await;
    let foreign = ana.send_message(hers, "not for bo").await["serverId"].clone();
    let mut bo = daemon.connect("bo").await;
    for last in [json!(Uuid::new_v4()), foreign] {
        let page = page(&mut bo, json!({"lastMessageId": last})).await;
        assert_eq!((&page["reset"], numbers(&page, "seq")), (&json!(true), vec![1, 2]));
    }
}

async fn syncs_are_answered_one_at_a_time_and_in_order(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    fill(&daemon, channel, 20, &"x".repeat(1000)).await;
    let mut bo = daemon.connect("bo").await;
    for number in 0..40 {
        bo.send(&json!({"type": "sync", "channels": {channel.to_string(): 0}, "ref": number})).await;
    }
    let (mut answered, mut refused, mut open) = (Vec::new(), 0, None);
    while answered.len() + refused < 40 {
        let frame = bo.next().await;
        match frame["type"].as_str() {
            Some("sync") => assert!(open.replace(frame["ref"].clone()).is_none(), "two at a time"),
            Some("sync_complete") => {
                assert_eq!(open.take(), Some(frame["ref"].clone()));
                answered.push(number(&frame["ref"]));
            }
            Some("error") => {
                assert_eq!((&frame["code"], &frame["retryable"]), (&json!("unavailable"), &json!(true)));
                refused += 1;
            }
            _ => {}
        }
    }
    assert!(answered.is_sorted() && answered.len() >= 8, "{answered:?}");
}
