//! What is told, in which order, and what is not.

use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{Setup, eventually, id_of};
use crate::host::Host;
use crate::receiver::{Got, Receiver, Reply};
use crate::story;

on_each_database!(
    all_that_happens_is_told_once_in_order_and_signed,
    a_webhook_is_told_from_its_making_on_and_a_channel_from_its_own,
    what_was_deleted_before_it_was_told_says_nothing,
    what_is_deleted_while_the_one_before_it_is_told_says_nothing,
    only_what_is_wanted_is_told,
    what_is_wanted_later_begins_later,
    a_long_message_is_told_by_its_head,
);

/// Kinds and versions of what came of a channel.
fn came(all: &[Got], channel: &str) -> Vec<(String, i64)> {
    let own = all.iter().filter(|got| got.is_of(channel) && got.kind() != "channel.read");
    own.map(|got| (got.kind().to_owned(), got.version())).collect()
}

async fn all_that_happens_is_told_once_in_order_and_signed(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook(&receiver).await;
    let channel = story::act(&host, &receiver).await;
    let all = receiver.taken();
    let expected = [
        "channel.created",
        "message.sent",
        "message.edited",
        "reaction.added",
        "reaction.removed",
        "message.sent",
        "instruction.overdue",
        "instruction.answered",
        "member.added",
        "member.role_changed",
        "channel.renamed",
        "channel.settings_changed",
        "channel.settings_changed",
        "member.removed",
        "message.deleted",
    ];
    let expected: Vec<(String, i64)> = expected.iter().map(|kind| (*kind).to_owned()).zip(0..).collect();
    assert_eq!(came(&all, &channel), expected);
    let read = receiver.expect("channel.read").await;
    assert_eq!((&read.body["data"]["seq"], &read.body["data"]["userId"]), (&json!(1), &json!(id_of("bo"))));
    let place = |got: &Got| all.iter().position(|it| it.id() == got.id()).unwrap();
    let sent = all.iter().find(|got| got.kind() == "message.sent").unwrap();
    assert!(place(&read) > place(sent), "a mark comes behind the message that it goes up to");
    assert_eq!(receiver.all().len(), all.len(), "each came once");
    for got in &all {
        assert!(got.is_signed_by(&webhook.secret), "{got:?}");
        assert!(!got.is_signed_by("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "{got:?}");
        assert_eq!((got.path.as_str(), got.header("content-type")), ("/hook", "application/json"));
        let timestamp: i64 = got.header("webhook-timestamp").parse().unwrap();
        assert!((chrono::Utc::now().timestamp() - timestamp).abs() < 60, "{got:?}");
    }
    // The application knows its users by ids of its own.
    let users = sent.body["data"]["users"].as_array().unwrap();
    let named: Vec<&str> = users.iter().filter_map(|user| user["externalId"].as_str()).collect();
    assert_eq!(named, ["ana", "bo"], "who sent it, and whom it names");
    let by = |kind: &str| all.iter().find(|got| got.kind() == kind).unwrap().body["data"]["by"].clone();
    assert_eq!(by("message.sent"), json!(id_of("ana")));
    assert_eq!(by("reaction.added"), json!(id_of("bo")));
    let reaction = |kind: &str| all.iter().find(|got| got.kind() == kind).unwrap().body["data"]["reaction"].clone();
    assert_eq!((reaction("reaction.added"), reaction("reaction.removed")), (json!("ok"), Value::Null));
    assert_eq!((by("channel.renamed"), by("instruction.overdue")), (Value::Null, Value::Null));
}

async fn a_webhook_is_told_from_its_making_on_and_a_channel_from_its_own(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let old = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    for round in 0..20 {
        ana.send_message(old, &format!("before {round}")).await;
    }
    ana.ask_ok(json!({"type": "read", "channelId": old, "seq": 20})).await;
    host.webhook(&receiver).await;
    ana.send_message(old, "after").await;
    let new = daemon.group(&["ana", "bo"]).await;
    receiver
        .wait("both channels", |all| all.iter().any(|got| got.is_of(new)) && all.iter().any(|got| got.is_of(old)))
        .await;
    ana.send_message(old, "the end").await;
    let all = receiver.wait("the end", |all| all.iter().any(|got| got.text() == "the end")).await;
    let told: Vec<&str> = all.iter().filter(|got| got.is_of(old)).map(Got::text).collect();
    assert_eq!(told, ["after", "the end"]);
    assert_eq!(came(&all, &new.to_string()), [("channel.created".to_owned(), 0)]);
    assert!(all.iter().all(|got| got.kind() != "user.online"), "who was there already did not come");
}

async fn what_was_deleted_before_it_was_told_says_nothing(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook(&receiver).await;
    receiver.answer(|_| Reply::Status(500));
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    let kept = ana.send_message(channel, "kept").await["serverId"].clone();
    let gone = ana.send_message(channel, "a secret").await["serverId"].clone();
    ana.ask_ok(json!({"type": "delete", "messageId": gone})).await;
    // And one of which nothing is left at all.
    let mut bo = daemon.connect("bo").await;
    bo.send_message(channel, "another secret").await;
    host.must("DELETE", "/users/bo", Value::Null).await;
    host.fails(&webhook, "the first event fails", |shown| shown["failing"][0]["attempts"].as_u64() > Some(1)).await;
    receiver.answer(|_| Reply::Status(204));
    let all =
        receiver.wait("both deletions", |all| all.iter().filter(|got| got.kind() == "message.deleted").count() == 2);
    let all = all.await;
    let sent: Vec<&Got> = all.iter().filter(|got| got.kind() == "message.sent").collect();
    assert_eq!(sent.iter().map(|got| got.text()).collect::<Vec<_>>(), ["kept", "", ""]);
    assert_eq!(sent[0].body["data"]["message"]["id"], kept);
    assert!(sent[1..].iter().all(|got| got.body["data"]["message"]["deletedAt"].is_string()));
    for got in receiver.all() {
        assert!(!String::from_utf8_lossy(&got.raw).contains("secret"), "{}", got.body);
    }
}

async fn only_what_is_wanted_is_told(setup: Setup) {
    let daemon = setup.start().await;
    let (host, reads, edits) = (Host::at(daemon.addr()), Receiver::start().await, Receiver::start().await);
    host.webhook_of(&reads.url(), json!(["channel.read", "user.offline"])).await;
    host.webhook_of(&edits.url(), json!(["message.edited"])).await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for round in 0..5 {
        let id = ana.send_message(channel, "hello").await["serverId"].clone();
        ana.ask_ok(json!({"type": "edit", "messageId": id, "content": format!("edited {round}")})).await;
    }
    bo.ask_ok(json!({"type": "read", "channelId": channel, "seq": 5})).await;
    bo.close().await;
    let told = edits.wait("five edits", |all| all.len() == 5).await;
    let texts: Vec<&str> = told.iter().map(Got::text).collect();
    assert_eq!(texts, ["edited 0", "edited 1", "edited 2", "edited 3", "edited 4"]);
    let told = reads.wait("a mark and a going", |all| all.len() == 2).await;
    let mut kinds: Vec<&str> = told.iter().map(Got::kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["channel.read", "user.offline"]);
    // Both know the same event by the same name.
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    host.webhook(&one).await;
    host.webhook(&other).await;
    ana.send_message(channel, "to both").await;
    let (first, second) = (one.expect("message.sent").await, other.expect("message.sent").await);
    assert_eq!(first.id(), second.id());
}

async fn what_is_wanted_later_begins_later(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["user.offline"])).await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    ana.send_message(channel, "too early").await;
    ana.ask_ok(json!({"type": "read", "channelId": channel, "seq": 1})).await;
    let path = format!("/webhooks/{}", webhook.id);
    host.must("PATCH", &path, json!({"events": ["message.sent", "channel.read"]})).await;
    ana.send_message(channel, "in time").await;
    let mut bo = daemon.connect("bo").await;
    bo.ask_ok(json!({"type": "read", "channelId": channel, "seq": 2})).await;
    let all = receiver.wait("a message and a mark", |all| all.len() == 2).await;
    assert_eq!(all[0].text(), "in time");
    assert_eq!(all[1].body["data"]["userId"], json!(id_of("bo")));
}

async fn a_long_message_is_told_by_its_head(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    ana.send_message(channel, &"\u{1}".repeat(5000)).await;
    ana.send_message(channel, "short").await;
    let all = receiver.wait("both", |all| all.len() == 2).await;
    assert_eq!((&all[0].body["data"]["truncated"], all[0].text()), (&json!(true), ""));
    assert_eq!(all[0].body["data"]["message"]["seq"], 1);
    assert!(all[0].raw.len() < 20_000 && all[1].text() == "short");
    eventually("nothing is left to be told", async || daemon.parts().metrics.webhooks.depth.get() == 0).await;
}

async fn what_is_deleted_while_the_one_before_it_is_told_says_nothing(setup: Setup) {
    let daemon = setup.with(|config| config.webhooks.timeout = Duration::from_secs(20)).start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let channel = daemon.group(&["ana"]).await;
    let mut ana = daemon.connect("ana").await;
    let path = format!("/webhooks/{}", webhook.id);
    // Both are read at once.
    host.must("PATCH", &path, json!({"state": "disabled"})).await;
    ana.send_message(channel, "first").await;
    let secret = ana.send_message(channel, "secret").await;
    receiver.answer(|got| match got.text() {
        "first" => Reply::Late(200, Duration::from_secs(3)),
        _ => Reply::Status(200),
    });
    host.must("PATCH", &path, json!({"state": "active"})).await;
    eventually("the first is under way", async || receiver.all().len() == 1).await;
    ana.ask_ok(json!({"type": "delete", "messageId": secret["serverId"]})).await;
    let all = receiver.wait("both", |all| all.len() == 2).await;
    assert_eq!((all[1].version(), all[1].text()), (2, ""));
}
