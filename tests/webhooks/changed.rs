//! A webhook that is mended by a call goes on at once, and nothing that it is not told any more counts as failing.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use serde_json::json;

use crate::daemon::{Setup, eventually};
use crate::host::Host;
use crate::postgres::connect;
use crate::receiver::{Receiver, Reply};

on_each_database!(
    what_is_not_told_any_more_does_not_fail,
    what_is_wanted_no_more_in_any_channel_does_not_fail,
    another_address_is_tried_at_once,
    what_is_active_again_is_tried_at_once,
);

/// Without being asked for, the next try would be in an hour.
fn hourly(setup: Setup) -> Setup {
    setup.with(|config| config.webhooks.retries = vec![Duration::from_secs(3600); 3])
}

async fn what_is_not_told_any_more_does_not_fail(setup: Setup) {
    fails_no_more_with(setup, &["message.sent"]).await;
}

async fn what_is_wanted_no_more_in_any_channel_does_not_fail(setup: Setup) {
    fails_no_more_with(setup, &["user.online"]).await;
}

async fn fails_no_more_with(setup: Setup, wanted: &[&str]) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent", "channel.read"])).await;
    let channel = daemon.group(&["ana", "bo"]).await;
    receiver.answer(|got| Reply::Status(if got.kind() == "channel.read" { 400 } else { 200 }));
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send_message(channel, "hello").await;
    bo.send(&json!({"type": "read", "channelId": channel, "seq": 1})).await;
    host.fails(&webhook, "the mark fails", |shown| shown["failing"][0]["type"] == "channel.read").await;
    eventually("that is counted", async || daemon.parts().metrics.webhooks.failing.get() == 1).await;
    host.must("PATCH", &format!("/webhooks/{}", webhook.id), json!({"events": wanted})).await;
    host.fails(&webhook, "nothing fails any more", |shown| shown["failing"] == json!([])).await;
    eventually("nor is counted", async || daemon.parts().metrics.webhooks.failing.get() == 0).await;
}

async fn another_address_is_tried_at_once(setup: Setup) {
    let daemon = hourly(setup).start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let (broken, away) = (daemon.group(&["ana"]).await, daemon.group(&["ana"]).await);
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    receiver.answer(|got| match got.text() {
        "broken" => Reply::Status(404),
        _ => Reply::With(503, "retry-after", "3600".to_owned()),
    });
    let mut ana = daemon.connect("ana").await;
    ana.send_message(broken, "broken").await;
    host.fails(&webhook, "one fails", |shown| shown["failing"][0]["attempts"] == 1).await;
    ana.send_message(away, "away").await;
    host.fails(&webhook, "both fail", |shown| shown["failing"][1]["attempts"] == 1).await;
    let good = Receiver::start().await;
    host.must("PATCH", &format!("/webhooks/{}", webhook.id), json!({"url": good.url()})).await;
    good.wait("both", |all| all.len() == 2).await;
    assert_eq!(receiver.all().len(), 2);
    host.fails(&webhook, "nothing fails any more", |shown| shown["failing"] == json!([])).await;
}

async fn what_is_active_again_is_tried_at_once(setup: Setup) {
    let daemon = hourly(setup).start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let channel = daemon.group(&["ana"]).await;
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    receiver.answer(|_| Reply::With(503, "retry-after", "3600".to_owned()));
    daemon.connect("ana").await.send_message(channel, "hello").await;
    host.fails(&webhook, "it fails", |shown| shown["failing"][0]["attempts"] == 1).await;
    receiver.answer(|_| Reply::Status(200));
    // It was active all the time, as far as anybody has said.
    host.must("PATCH", &format!("/webhooks/{}", webhook.id), json!({"state": "active"})).await;
    receiver.expect("message.sent").await;
    host.shows(&webhook, "it answers", |shown| shown["failingSince"].is_null()).await;
}

#[tokio::test]
async fn what_cannot_be_read_counts_as_failing_and_is_told_once_it_can() {
    let daemon = Setup::on_postgres().with(crate::host::quick).start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(["channel.renamed"])).await;
    let path = format!("/webhooks/{}", webhook.id);
    let channel = daemon.group(&["ana"]).await;
    host.must("PATCH", &path, json!({"state": "disabled"})).await;
    daemon.rename(channel, "ana", "Yard").await.unwrap();
    let mut raw = connect(&daemon.database()).await;
    raw.batch_execute("ALTER TABLE tenfour.channel_changes RENAME TO elsewhere").await.unwrap();
    host.must("PATCH", &path, json!({"state": "active"})).await;
    host.fails(&webhook, "it fails", |shown| shown["failing"][0]["type"] == "unreadable").await;
    assert_eq!(host.deliveries(&webhook).await["failing"][0]["channelId"], json!(channel));
    raw.batch_execute("ALTER TABLE tenfour.elsewhere RENAME TO channel_changes").await.unwrap();
    host.must("PATCH", &path, json!({"state": "active"})).await;
    receiver.expect("channel.renamed").await;
    host.fails(&webhook, "nothing fails any more", |shown| shown["failing"] == json!([])).await;
}
