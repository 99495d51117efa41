//! What is too old is erased without anybody asking, and clients see it go.

use serde_json::json;
use tenfour::actors::db::Order;
use tenfour::domain::change::By;
use tenfour::domain::retention::Retention;

use crate::audit::by_hand;
use crate::daemon::{Setup, eventually};
use crate::socket::message;

on_each_database!(what_is_older_than_the_setting_is_erased_at_the_next_round);

async fn what_is_older_than_the_setting_is_erased_at_the_next_round(setup: Setup) {
    let mut daemon = setup.lasting().with(|config| config.limits.retention_days = Some(30)).start().await;
    let (channel, longer, held) =
        (daemon.group(&["ana", "bo"]).await, daemon.group(&["ana", "bo"]).await, daemon.group(&["ana", "bo"]).await);
    for (channel_id, days, legal_hold) in [(longer, Some(90), false), (held, None, true)] {
        let to = Retention { days, legal_hold };
        daemon.order(Order::SetRetention { by: By::Host, channel_id, to }).await.unwrap();
    }
    let mut ana = daemon.connect("ana").await;
    for channel in [channel, longer, held] {
        for text in ["old", "older", "new"] {
            ana.send(&message(channel, text, uuid::Uuid::new_v4())).await;
            ana.expect("ack").await;
        }
    }
    drop(ana);
    let days = |n: i64| chrono::Utc::now() - chrono::TimeDelta::days(n);
    for (text, age) in [("old", 40), ("older", 50)] {
        let at = days(age);
        let moment = if daemon.database().starts_with("sqlite") {
            at.timestamp_micros().to_string()
        } else {
            format!("'{}'", at.to_rfc3339())
        };
        by_hand(&daemon.database(), &format!("UPDATE messages SET created_at = {moment} WHERE content = '{text}'"))
            .await;
    }
    daemon.restart().await;
    let mut bo = daemon.connect("bo").await;
    let reader = daemon.parts().reader.clone();
    eventually("both are erased", async || reader.heads(vec![channel]).await.unwrap()[0].1 == 5).await;
    let told = bo.ask(json!({ "type": "sync", "channels": { channel.to_string(): 0, longer.to_string(): 0, held.to_string(): 0 } })).await;
    let mut contents = std::collections::BTreeMap::new();
    let mut frame = told;
    while frame["type"] != "sync_complete" {
        for message in frame["messages"].as_array().into_iter().flatten() {
            let list: &mut Vec<String> = contents.entry(frame["channelId"].as_str().unwrap().to_owned()).or_default();
            list.push(message["content"].as_str().unwrap().to_owned());
        }
        frame = bo.next().await;
    }
    assert_eq!(contents[&channel.to_string()], ["new", "", ""], "by version");
    assert_eq!(contents[&longer.to_string()], ["old", "older", "new"]);
    assert_eq!(contents[&held.to_string()], ["old", "older", "new"]);
    daemon.stop().await;
}
