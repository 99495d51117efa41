//! Several nodes share the work.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use serde_json::json;

use crate::crash::assert_told;
use crate::daemon::{PATIENCE, id_of};
use crate::host::{Host, quick};
use crate::nodes::Nodes;
use crate::postgres::connect;
use crate::receiver::{Got, Receiver, Reply};

#[tokio::test]
async fn of_two_nodes_one_tells_each_event_whoever_stored_it() {
    let nodes = Nodes::start_with(2, quick).await;
    let (one, other) = (nodes.node(0), nodes.node(1));
    let mut channels = Vec::new();
    for _ in 0..4 {
        channels.push(one.group(&["ana", "bo"]).await);
    }
    let receiver = Receiver::start().await;
    Host::at(one.addr()).webhook_of(&receiver.url(), json!(["message.sent"])).await;
    // The other node hears of it within some seconds.
    receiver.answer(|_| Reply::Status(200));
    let (mut ana, mut bo) = (one.connect("ana").await, other.connect("bo").await);
    for round in 0..40 {
        for channel in &channels {
            ana.send_message(*channel, &format!("ana {round}")).await;
            bo.send_message(*channel, &format!("bo {round}")).await;
        }
    }
    receiver.wait_for("all of it", PATIENCE * 3, |all| all.len() == 320).await;
    for channel in channels {
        assert_told(&receiver, channel, 1, 80);
    }
    assert_eq!(receiver.all().len(), 320, "each once");
}

#[tokio::test]
async fn what_a_node_has_left_undone_another_one_does() {
    let mut nodes = Nodes::start_with(2, quick).await;
    let channel = nodes.node(0).group(&["ana"]).await;
    let receiver = Receiver::start().await;
    receiver.answer(|_| Reply::Status(500));
    let host = Host::at(nodes.node(1).addr());
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let mut ana = nodes.node(0).connect("ana").await;
    for round in 0..5 {
        ana.send_message(channel, &format!("ana {round}")).await;
    }
    host.fails(&webhook, "it fails", |shown| shown["failing"][0]["attempts"].as_u64() > Some(2)).await;
    let gone = nodes.daemons.remove(0);
    drop(gone);
    receiver.answer(|_| Reply::Status(200));
    receiver.wait_for("all of it", PATIENCE * 2, |all| all.len() == 5).await;
    assert_told(&receiver, channel, 1, 5);
}

#[tokio::test]
async fn a_webhook_that_is_changed_on_one_node_is_changed_on_the_other() {
    let nodes = Nodes::start_with(2, quick).await;
    let channel = nodes.node(0).group(&["ana"]).await;
    let receiver = Receiver::start().await;
    let host = Host::at(nodes.node(0).addr());
    let webhook = host.webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let mut ana = nodes.node(1).connect("ana").await;
    ana.send_message(channel, "one").await;
    receiver.expect("message.sent").await;
    host.must("PATCH", &format!("/webhooks/{}", webhook.id), json!({"state": "disabled"})).await;
    let deadline = std::time::Instant::now() + Duration::from_secs(15);
    let disabled = || nodes.node(1).parts().metrics.webhooks.disabled.get() == 1;
    while !disabled() {
        assert!(std::time::Instant::now() < deadline, "the other node does not know");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ana.send_message(channel, "two").await;
    host.must("PATCH", &format!("/webhooks/{}", webhook.id), json!({"state": "active"})).await;
    receiver.wait("the second", |all| all.len() == 2).await;
}

#[tokio::test]
async fn what_the_application_posts_by_sql_is_told_once_whichever_node_hears_of_it() {
    let nodes = Nodes::start_with(2, quick).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let receiver = Receiver::start().await;
    Host::at(nodes.node(0).addr()).webhook_of(&receiver.url(), json!(["message.sent"])).await;
    let mut app = connect(&nodes.database()).await;
    let mut ana = nodes.node(1).connect("ana").await;
    for round in 0..10 {
        let sql = format!("SELECT tenfour.post_message('{channel}', '{}', 'posted {round}')", id_of("bo"));
        app.batch_execute(&sql).await.unwrap();
        ana.send_message(channel, &format!("sent {round}")).await;
    }
    receiver.wait("all of it", |all| all.len() == 20).await;
    assert_told(&receiver, channel, 1, 20);
    let texts: Vec<_> = receiver.all().iter().map(|got| got.text().to_owned()).take(2).collect();
    assert_eq!(texts, ["posted 0", "sent 0"]);
}

#[tokio::test]
async fn a_webhook_that_is_removed_on_one_node_has_nothing_told_anew_by_the_other() {
    let nodes = Nodes::start_with(2, quick).await;
    let channel = nodes.node(1).group(&["ana"]).await;
    let mut ana = nodes.node(1).connect("ana").await;
    for round in 0..20 {
        ana.send_message(channel, &format!("of before {round}")).await;
    }
    let receiver = Receiver::start().await;
    let host = Host::at(nodes.node(0).addr());
    let webhook = host.webhook_of(&receiver.url(), json!(["*"])).await;
    let other = &nodes.node(1).parts().metrics.webhooks;
    let deadline = std::time::Instant::now() + PATIENCE;
    while other.depth.get() == 0 {
        assert!(std::time::Instant::now() < deadline, "the other node tells nothing");
        ana.send_message(channel, "after").await;
    }
    host.must("DELETE", &format!("/webhooks/{}", webhook.id), serde_json::Value::Null).await;
    for round in 0..50 {
        ana.send_message(channel, &format!("gone {round}")).await;
    }
    crate::host::settled(nodes.node(1)).await;
    let told: Vec<i64> = receiver.all().iter().filter(|got| got.is_of(channel)).map(Got::version).collect();
    assert!(told.iter().all(|version| *version > 20 || *version == -1), "{told:?}");
}
