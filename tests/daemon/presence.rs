//! Who can be reached.

use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{Setup, id_of};

const SOON: Duration = Duration::from_millis(200);

fn is(frame: &Value, sub: &str, status: &str) {
    assert_eq!((&frame["userId"], &frame["status"]), (&json!(id_of(sub)), &json!(status)), "{frame}");
    assert_eq!(frame["lastSeenAt"].is_string(), status == "offline", "{frame}");
}

#[tokio::test]
async fn the_first_device_is_news_and_the_last_one_and_none_between() {
    let daemon = Setup::in_memory().start().await;
    daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let phone = daemon.connect("bo").await;
    is(&ana.expect("presence").await, "bo", "online");
    let desk = daemon.connect("bo").await;
    ana.expect_silence("presence", SOON).await;
    phone.close().await;
    ana.expect_silence("presence", SOON).await;
    assert_eq!(daemon.connect("ana").await.hello["channels"][0]["online"].as_array().unwrap().len(), 2);
    desk.close().await;
    is(&ana.expect("presence").await, "bo", "offline");
    assert_eq!(daemon.connect("ana").await.hello["channels"][0]["online"], json!([id_of("ana")]));
}

#[tokio::test]
async fn a_line_that_is_cut_is_as_good_as_a_goodbye() {
    let daemon = Setup::in_memory().start().await;
    daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let bo = daemon.connect("bo").await;
    is(&ana.expect("presence").await, "bo", "online");
    drop(bo);
    is(&ana.expect("presence").await, "bo", "offline");
}

#[tokio::test]
async fn it_is_told_in_each_common_channel_and_to_nobody_else() {
    let daemon = Setup::in_memory().start().await;
    let channels = [daemon.direct("ana", "bo").await, daemon.group(&["ana", "bo", "cy"]).await];
    daemon.group(&["ana", "eve"]).await;
    let (mut ana, mut cy, mut eve) =
        (daemon.connect("ana").await, daemon.connect("cy").await, daemon.connect("eve").await);
    let bo = daemon.connect("bo").await;
    let mut told = Vec::new();
    while told.len() < 2 {
        let frame = ana.expect_where("bo's presence", |it| it["userId"] == json!(id_of("bo"))).await;
        told.push(frame["channelId"].as_str().unwrap().to_owned());
    }
    told.sort_unstable();
    let mut both = channels.map(|channel| channel.to_string());
    both.sort_unstable();
    assert_eq!(told, both);
    assert_eq!(
        cy.expect_where("bo's presence", |it| it["userId"] == json!(id_of("bo"))).await["channelId"],
        json!(channels[1])
    );
    bo.close().await;
    cy.expect("presence").await;
    let frames = eve.collect(SOON).await;
    assert!(frames.iter().all(|frame| frame["userId"] != json!(id_of("bo"))), "{frames:?}");
}

#[tokio::test]
async fn who_comes_into_a_channel_is_told_there_from_then_on() {
    let daemon = Setup::in_memory().start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut bo = daemon.connect("bo").await;
    let cy = daemon.connect("cy").await;
    daemon.add(channel, "ana", "cy").await.unwrap();
    let members = bo.expect("members").await;
    assert_eq!(members["online"].as_array().unwrap().len(), 2, "{members}");
    cy.close().await;
    is(&bo.expect("presence").await, "cy", "offline");
    let mut cy = daemon.connect("cy").await;
    is(&bo.expect("presence").await, "cy", "online");
    daemon.remove(channel, "ana", "cy").await.unwrap();
    cy.expect("channel_removed").await;
    cy.close().await;
    bo.expect_silence("presence", SOON).await;
}

#[tokio::test]
async fn whoever_answers_pings_stays_however_long_they_say_nothing() {
    let beat = Duration::from_millis(300);
    let setup = Setup::in_memory().with(|config| {
        config.timing.heartbeat_interval = beat;
        config.timing.heartbeat_timeout = 3 * beat;
    });
    let daemon = setup.start().await;
    daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.expect("presence").await;
    // Both are read, so that both answer.
    let (ana, bo) = tokio::join!(ana.collect(6 * beat), bo.collect(6 * beat));
    assert!(ana.is_empty() && bo.is_empty(), "{ana:?} {bo:?}");
}
