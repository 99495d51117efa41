//! Attachments in messages: what is told of them and to whom, once each, and repeats.

use serde_json::{Value, json};
use tenfour::domain::ids::new_v7;

use crate::daemon::PATIENCE;
use crate::yard::{Yard, message, text};

on_each_database!(
    a_message_shows_them_wherever_it_is_shown,
    a_repeat_is_a_repeat_and_other_ids_are_a_conflict,
    one_is_in_one_message_only,
    only_ones_own_and_whole_ones_can_be_named,
);

async fn a_message_shows_them_wherever_it_is_shown(yard: Yard) {
    let (mut ann, mut ben) = (yard.daemon.connect("ann").await, yard.daemon.connect("ben").await);
    let files = [yard.file("ben", "b", b"two").await, yard.file("ben", "a", b"one").await];
    let ids: Vec<String> = files.iter().map(|file| text(&file["id"])).collect();
    let shown = json!(files);
    let frame = json!({
        "type": "message", "clientId": new_v7().to_string(), "channelId": yard.channel.to_string(), "content": "",
        "attachmentIds": ids
    });
    let ack = ben.ask(frame).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let message = ann.expect("message").await;
    assert_eq!((&message["data"]["attachments"], &message["data"]["content"]), (&shown, &json!("")));
    let path = format!("/messages/{}", text(&ack["serverId"]));
    let edited =
        yard.call("ben", "PATCH", &path, &[], json!({"content": "now"}).to_string().into_bytes()).await.is(200);
    assert_eq!(edited["attachments"], shown);
    assert_eq!(ann.expect("message_updated").await["data"]["attachments"], shown);
    // Some without, which have none, around it.
    yard.hang("ben", &[]).await;
    let history = yard.history("cem").await;
    assert_eq!((&history[0]["attachments"], &history[1]["attachments"]), (&json!([]), &shown));
    let mut cem = yard.daemon.connect("cem").await;
    let pages = cem.sync(json!({"channels": {yard.channel.to_string(): 0}})).await;
    let synced: Vec<&Value> = pages.iter().filter_map(|page| page["messages"].as_array()).flatten().collect();
    assert!(synced.iter().any(|message| message["attachments"] == shown), "{pages:?}");

    yard.call("ann", "DELETE", &path, &[], Vec::new()).await.is(200);
    assert_eq!(ann.expect("message_deleted").await["data"]["attachments"], json!([]));
    assert_eq!(yard.history("cem").await[1]["attachments"], json!([]));
    drop(tokio::time::timeout(PATIENCE, ben.close()).await);
}

async fn a_repeat_is_a_repeat_and_other_ids_are_a_conflict(yard: Yard) {
    let (one, other) = (yard.id("ben").await, yard.id("ben").await);
    let body = message(&[&one, &other]);
    let stored = yard.send("ben", &body).await.is(201);
    assert_eq!(yard.send("ben", &body).await.is(200), stored);
    let with = |ids: &[&str]| {
        let mut body = body.clone();
        body["attachmentIds"] = json!(ids);
        body
    };
    let third = yard.id("ben").await;
    for ids in [&[other.as_str(), &one][..], &[&one], &[], &[&third], &[&one, &other, &third]] {
        yard.send("ben", &with(ids)).await.refuses(409, "conflict", &[]);
    }
    // All at once, over both ways: one is stored.
    let body = message(&[&third]);
    let answers = futures_util::future::join_all((0..8).map(|_| yard.send("ben", &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| [200, 201].contains(&answer.status)), "{answers:?}");
    // After its deletion as well.
    let path = format!("/messages/{}", text(&stored["id"]));
    yard.call("ben", "DELETE", &path, &[], Vec::new()).await.is(200);
    assert_eq!(yard.send("ben", &with(&[&one, &other])).await.is(200)["attachments"], json!([]));
}

async fn one_is_in_one_message_only(yard: Yard) {
    let used = yard.id("ben").await;
    yard.hang("ben", &[&used]).await;
    yard.send("ben", &message(&[&used])).await.refuses(
        422,
        "invalid_frame",
        &["attachmentIds", &used, "another message"],
    );
    // Two channels, many messages, one file: it is in one of them.
    let second = yard.daemon.group(&["ben", "stan"]).await;
    for _ in 0..10 {
        let wanted = yard.id("ben").await;
        let path = |channel| format!("/channels/{channel}/messages");
        let sends = (0..8).map(|number| {
            let path = path(if number % 2 == 0 { yard.channel } else { second });
            let (yard, body) = (&yard, message(&[&wanted]).to_string().into_bytes());
            async move { yard.call("ben", "POST", &path, &[], body).await.status }
        });
        let mut statuses = futures_util::future::join_all(sends).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422, 422, 422, 422, 422, 422, 422]);
    }
}

async fn only_ones_own_and_whole_ones_can_be_named(yard: Yard) {
    let (theirs, mine, gone) = (yard.id("cem").await, yard.id("ben").await, yard.id("ben").await);
    yard.call("ben", "DELETE", &format!("/attachments/{gone}"), &[], Vec::new()).await.is(204);
    let nothing = new_v7().to_string();
    for wrong in [&theirs, &gone, &nothing] {
        yard.send("ben", &message(&[&mine, wrong])).await.refuses(422, "invalid_frame", &["attachmentIds", wrong]);
    }
    yard.send("ben", &message(&[&mine, &mine])).await.refuses(422, "invalid_frame", &["twice"]);
    let many: Vec<String> = (0..11).map(|_| new_v7().to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    yard.send("ben", &message(&many)).await.refuses(422, "invalid_frame", &["11", "10"]);
    yard.send("ben", &json!({"clientId": new_v7().to_string(), "content": "", "attachmentIds": []})).await.refuses(
        422,
        "invalid_frame",
        &["content"],
    );
    // What was refused took nothing.
    let sent = yard.hang("ben", &[&mine]).await;
    assert_eq!(sent["attachments"][0]["id"], json!(mine));
    assert_eq!(yard.get("cem", &theirs).await.status, 200);
}
