//! A message of which nobody was told, with nothing after it that would show that it is missing.

use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection;
use serde_json::json;
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use crate::daemon::eventually;
use crate::nodes::{FOUND, LIVE, Nodes, is_live, publish_to};
use crate::proxy::{Cut, Direction};
use crate::socket::{TestSocket, message, number};

/// A send, whatever is away; with a second for the way.
const ANSWERED: Duration = Duration::from_secs(6);

async fn start() -> (Nodes, ChannelId, TestSocket, TestSocket) {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (nodes.node(0).connect("ana").await, nodes.node(1).connect("bo").await);
    ana.expect("presence").await;
    is_live(channel, &mut ana, &mut bo).await;
    (nodes, channel, ana, bo)
}

#[tokio::test]
async fn the_very_last_message_whose_publish_is_lost_is_found_in_the_database() {
    let (nodes, channel, mut ana, mut bo) = start().await;
    let topic = nodes.topic(channel, 2).await;
    for round in 0..3 {
        let text = format!("the last one {round}");
        nodes.to_redis[0].cut_when(Direction::Up, &publish_to(&topic), Cut::Before);
        let start = Instant::now();
        let ack = ana.send_message(channel, &text).await;
        assert!(start.elapsed() < LIVE, "{:?}", start.elapsed());
        let message = bo.expect_text(&text).await;
        assert!(start.elapsed() < FOUND, "{:?}", start.elapsed());
        assert_eq!(message["version"], ack["version"]);
        assert!(!nodes.to_redis[0].armed(), "that was the way it would have gone");
        bo.expect_none_before_pong(&["message"]).await;
        is_live(channel, &mut ana, &mut bo).await;
    }
}

#[tokio::test]
async fn a_message_that_was_published_comes_at_once_and_once_though_redis_seemed_to_fail() {
    let (nodes, channel, mut ana, mut bo) = start().await;
    let topic = nodes.topic(channel, 2).await;
    nodes.to_redis[0].cut_when(Direction::Up, &publish_to(&topic), Cut::After);
    let start = Instant::now();
    let ack = ana.send_message(channel, "the last one").await;
    let message = bo.expect_text("the last one").await;
    assert!(start.elapsed() < LIVE, "{:?}", start.elapsed());
    assert_eq!(message["version"], ack["version"]);
    eventually("the answer is lost", async || !nodes.to_redis[0].armed()).await;
    bo.expect_silence("message", FOUND).await;
    let log = bo.catch_up(channel, 0).await;
    assert_eq!(number(&log[log.len() - 1]["version"]), number(&ack["version"]));
    is_live(channel, &mut ana, &mut bo).await;
}

#[tokio::test]
async fn of_several_lost_messages_each_comes_once_and_in_order() {
    let (nodes, channel, mut ana, mut bo) = start().await;
    nodes.to_redis[0].refuse();
    nodes.to_redis[0].cut();
    let start = Instant::now();
    let mut expected = Vec::new();
    for round in 0..40 {
        let ack = ana.send_message(channel, &format!("lost {round}")).await;
        expected.push((number(&ack["version"]), format!("lost {round}")));
    }
    let mut heard = Vec::new();
    while heard.len() < expected.len() {
        let data = bo.expect("message").await["data"].clone();
        heard.push((number(&data["version"]), data["content"].as_str().unwrap().to_owned()));
    }
    assert!(start.elapsed() < FOUND, "{:?}", start.elapsed());
    assert_eq!(heard, expected);
    // Nor does that node hear anything.
    let start = Instant::now();
    bo.send_message(channel, "heard").await;
    ana.expect_text("heard").await;
    assert!(start.elapsed() < FOUND, "{:?}", start.elapsed());
    nodes.to_redis[0].accept();
    is_live(channel, &mut ana, &mut bo).await;
    is_live(channel, &mut bo, &mut ana).await;
}

#[tokio::test]
async fn what_is_stored_and_waits_for_what_cannot_be_read_is_answered_in_time() {
    let (nodes, channel, mut ana, mut bo) = start().await;
    let topic = nodes.topic(channel, 2).await;
    // Messages are stored as ever; what a node has missed it cannot read.
    let mut other = crate::postgres::connect(&nodes.database()).await;
    other.batch_execute("BEGIN; LOCK TABLE tenfour.channel_changes IN ACCESS EXCLUSIVE MODE").await.unwrap();
    nodes.to_redis[0].cut_when(Direction::Up, &publish_to(&topic), Cut::Before);
    ana.send_message(channel, "missed").await;
    let client_id = Uuid::new_v4();
    let start = Instant::now();
    bo.send(&message(channel, "waits", client_id)).await;
    let own = client_id.to_string();
    let answer = bo.expect_where("an answer", |it| it["clientId"] == own).await;
    assert!(start.elapsed() < ANSWERED, "{:?}", start.elapsed());
    assert_eq!((&answer["code"], &answer["retryable"]), (&json!("unavailable"), &json!(true)), "{answer}");
    other.batch_execute("ROLLBACK").await.unwrap();
    // It was stored all the same: everybody gets it in its place, and so does its sender.
    bo.expect_text("missed").await;
    let message = bo.expect_text("waits").await;
    assert_eq!(message["clientId"], own);
    assert_eq!(ana.expect_text("waits").await["version"], message["version"]);
    is_live(channel, &mut ana, &mut bo).await;
}
