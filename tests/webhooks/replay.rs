//! Being told again.

use std::time::Duration;

use serde_json::json;

use crate::daemon::Setup;
use crate::host::{Host, settled};
use crate::receiver::{Got, Receiver, Reply};

on_each_database!(
    a_channel_is_told_again_from_a_version_on,
    everything_is_told_again_since_a_time,
    being_told_again_while_it_is_told_loses_nothing,
    what_was_set_aside_waits_where_the_receiver_asks_for_time,
);

/// All that came, also what came before.
fn texts(all: &[Got]) -> Vec<String> {
    all.iter().filter(|got| got.kind() == "message.sent").map(|got| got.text().to_owned()).collect()
}

async fn a_channel_is_told_again_from_a_version_on(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    ana.send_message(channel, "of before").await;
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent", "channel.renamed"])).await;
    ana.send_message(channel, "two").await;
    daemon.rename(channel, "ana", "Yard").await.unwrap();
    ana.send_message(channel, "four").await;
    let first = receiver.wait("three", |all| all.len() == 3).await;
    settled(&daemon).await;
    assert_eq!(host.replay(&webhook, json!({"channelId": channel, "fromVersion": 3})).await, 1);
    let ids: Vec<String> = first.iter().map(|got| got.id().to_owned()).collect();
    let twice = |receiver: &Receiver| receiver.tries().iter().filter(|(_, count)| *count == 2).count();
    crate::daemon::eventually("two came again", async || twice(&receiver) == 2).await;
    settled(&daemon).await;
    let again: Vec<String> = receiver.all()[3..].iter().map(|got| got.id().to_owned()).collect();
    assert_eq!(again, ids[1..], "the same names, in the same order");
    // Also what was before the webhook was there.
    host.replay(&webhook, json!({"channelId": channel, "fromVersion": 0})).await;
    crate::daemon::eventually("everything", async || receiver.all().len() == 9).await;
    assert_eq!(texts(&receiver.all()[5..]), ["of before", "two", "four"]);
    // And goes on from there.
    ana.send_message(channel, "five").await;
    receiver.wait("what is new", |all| all.iter().any(|got| got.text() == "five")).await;
    assert_eq!(receiver.all().len(), 10);
    let (status, _) = host
        .call(
            "POST",
            &format!("/webhooks/{}/replay", webhook.id),
            json!({"channelId": uuid::Uuid::now_v7(), "fromVersion": 0}),
        )
        .await;
    assert_eq!(status, 404);
}

async fn everything_is_told_again_since_a_time(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let (one, other, quiet) =
        (daemon.group(&["ana", "bo"]).await, daemon.group(&["ana", "bo"]).await, daemon.group(&["ana"]).await);
    let mut ana = daemon.connect("ana").await;
    let webhook = host.webhook(&receiver).await;
    ana.send_message(one, "early").await;
    ana.send_message(quiet, "early too").await;
    receiver.wait("both", |all| all.len() == 2).await;
    // Times are kept to the microsecond, and compared to the millisecond.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let since = chrono::Utc::now().to_rfc3339();
    ana.send_message(one, "late").await;
    ana.send_message(other, "late too").await;
    daemon.rename(other, "ana", "Yard").await.unwrap();
    let mut bo = daemon.connect("bo").await;
    bo.ask_ok(json!({"type": "read", "channelId": one, "seq": 2})).await;
    let first = receiver.wait("all", |all| all.len() == 7).await;
    settled(&daemon).await;
    let count = host.replay(&webhook, json!({"since": since})).await;
    assert_eq!(count, 3, "two channels and a user");
    crate::daemon::eventually("all of it again", async || receiver.all().len() == 12).await;
    let mut again: Vec<String> = receiver.all()[7..].iter().map(|got| got.id().to_owned()).collect();
    let mut late: Vec<String> = first[2..].iter().map(|got| got.id().to_owned()).collect();
    again.sort();
    late.sort();
    assert_eq!(again, late);
    ana.send_message(quiet, "the end").await;
    receiver.wait("the end", |all| all.iter().any(|got| got.text() == "the end")).await;
    assert_eq!(receiver.all().len(), 13, "and nothing else");
}

async fn being_told_again_while_it_is_told_loses_nothing(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let channel = daemon.group(&["ana"]).await;
    let mut ana = daemon.connect("ana").await;
    let mut count = 0;
    receiver.answer(move |_| {
        count += 1;
        Reply::Status(if count % 7 == 0 { 500 } else { 200 })
    });
    for round in 0..60 {
        ana.send_message(channel, &format!("{round}")).await;
        if round % 15 == 7 {
            host.replay(&webhook, json!({"channelId": channel, "fromVersion": 1})).await;
        }
    }
    receiver.wait("all of it", |all| all.len() == 60).await;
    // Whatever comes again, it comes in order: no event before one that it follows was taken.
    let mut highest = 0;
    for got in receiver.all().iter().filter(|got| got.status == Some(200)) {
        assert!(got.version() <= highest + 1, "{} after {highest}", got.version());
        highest = highest.max(got.version());
    }
}

async fn what_was_set_aside_waits_where_the_receiver_asks_for_time(setup: Setup) {
    let setup = setup.with(|config| config.webhooks.retries = vec![Duration::from_millis(50)]);
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let channel = daemon.group(&["ana"]).await;
    receiver.answer(|_| Reply::Status(500));
    let mut ana = daemon.connect("ana").await;
    for text in ["one", "two"] {
        ana.send_message(channel, text).await;
    }
    host.fails(&webhook, "both are set aside", |shown| shown["failed"].as_array().unwrap().len() == 2).await;
    settled(&daemon).await;
    let before = receiver.all().len();
    receiver.answer(|_| Reply::With(429, "retry-after", "2".to_owned()));
    host.replay(&webhook, json!({"failed": true})).await;
    crate::daemon::eventually("one is tried", async || receiver.all().len() > before).await;
    let asked = receiver.all()[before].at;
    host.shows(&webhook, "it does not answer", |shown| shown["failingSince"].is_string()).await;
    let shown = host.deliveries(&webhook).await;
    assert!(shown["failed"].as_array().unwrap().iter().all(|it| it["replaying"] == true), "{shown}");
    receiver.answer(|_| Reply::Status(200));
    let all = receiver.wait("both", |all| all.len() == 2).await;
    assert_eq!(all.iter().map(Got::text).collect::<Vec<_>>(), ["one", "two"]);
    assert!(all[0].at - asked >= Duration::from_millis(1900), "{:?}", all[0].at - asked);
    assert_eq!(receiver.all().len(), before + 3, "one try, and one more each");
    host.fails(&webhook, "nothing is set aside", |shown| shown["failed"] == json!([])).await;
}
