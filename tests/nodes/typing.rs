//! Who types on another node: shown at once, ended surely.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenfour::domain::ids::ChannelId;

use crate::daemon::id_of;
use crate::nodes::{LIVE, Nodes};
use crate::socket::TestSocket;

/// Longer than [`LIVE`]: a node that was not told of an end sees to it by itself so much later.
const DEBOUNCE: Duration = Duration::from_millis(1500);
const EXPIRY: Duration = Duration::from_secs(3);

/// Ana on the first node; Bo on both.
async fn start() -> (Nodes, ChannelId, TestSocket, [TestSocket; 2]) {
    let nodes = Nodes::start_with(2, |config| {
        config.timing.typing_debounce = DEBOUNCE;
        config.timing.typing_expiry = EXPIRY;
    })
    .await;
    let channel = nodes.node(0).direct("ana", "bo").await;
    let ana = nodes.node(0).connect("ana").await;
    let bo = [nodes.node(0).connect("bo").await, nodes.node(1).connect("bo").await];
    nodes.topic(channel, 2).await;
    (nodes, channel, ana, bo)
}

async fn type_in(channel: ChannelId, ana: &mut TestSocket, bo: &mut [TestSocket; 2]) {
    let start = Instant::now();
    ana.send(&json!({"type": "typing", "channelId": channel})).await;
    for device in bo {
        let typing = device.expect("typing").await;
        assert_eq!((&typing["channelId"], &typing["userId"]), (&json!(channel), &json!(id_of("ana"))));
        assert_eq!(typing["name"], "Ana");
        assert!(start.elapsed() < LIVE, "{:?}", start.elapsed());
    }
}

fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame["type"].as_str()).filter(|kind| kind.starts_with("typing")).collect()
}

#[tokio::test]
async fn a_notice_ends_on_every_node_when_its_time_is_up() {
    let (_nodes, channel, mut ana, mut bo) = start().await;
    let start = Instant::now();
    type_in(channel, &mut ana, &mut bo).await;
    for device in &mut bo {
        let stopped = device.expect("typing_stopped").await;
        assert_eq!((&stopped["channelId"], &stopped["userId"]), (&json!(channel), &json!(id_of("ana"))));
        assert!((EXPIRY..EXPIRY + LIVE).contains(&start.elapsed()), "{:?}", start.elapsed());
        device.expect_none_before_pong(&["typing", "typing_stopped"]).await;
    }
    ana.expect_none_before_pong(&["typing", "typing_stopped"]).await;
}

#[tokio::test]
async fn a_message_ends_a_notice_at_once_on_every_node() {
    let (nodes, channel, mut ana, mut bo) = start().await;
    let mut other = nodes.node(1).connect("ana").await;
    for _ in 0..2 {
        let start = Instant::now();
        type_in(channel, &mut ana, &mut bo).await;
        // From the other device: it is the user who no longer types.
        other.send_message(channel, "there").await;
        for device in &mut bo {
            device.expect("typing_stopped").await;
            assert!(start.elapsed() < 2 * LIVE, "{:?}", start.elapsed());
        }
        let frames = bo[1].collect(DEBOUNCE).await;
        assert!(kinds(&frames).is_empty(), "{frames:?}");
    }
    other.expect_none_before_pong(&["typing", "typing_stopped"]).await;
}

#[tokio::test]
async fn who_goes_types_no_more_on_any_node() {
    let (_nodes, channel, mut ana, mut bo) = start().await;
    let start = Instant::now();
    type_in(channel, &mut ana, &mut bo).await;
    drop(ana);
    for device in &mut bo {
        device.expect("typing_stopped").await;
        assert!(start.elapsed() < 2 * LIVE, "{:?}", start.elapsed());
    }
    let frames = bo[1].collect(EXPIRY).await;
    assert!(kinds(&frames).is_empty(), "{frames:?}");
}

#[tokio::test]
async fn a_notice_ends_though_its_node_is_not_heard_of_any_more() {
    let (nodes, channel, mut ana, mut bo) = start().await;
    let start = Instant::now();
    type_in(channel, &mut ana, &mut bo).await;
    nodes.to_redis[0].refuse();
    nodes.to_redis[0].cut();
    bo[1].expect("typing_stopped").await;
    assert!((EXPIRY..EXPIRY + DEBOUNCE + LIVE).contains(&start.elapsed()), "{:?}", start.elapsed());
    bo[1].expect_none_before_pong(&["typing", "typing_stopped"]).await;
}

#[tokio::test]
async fn typing_on_and_on_is_shown_on_every_node_as_seldom_as_on_one() {
    let (_nodes, channel, mut ana, mut bo) = start().await;
    let until = Instant::now() + 5 * DEBOUNCE;
    while Instant::now() < until {
        ana.send(&json!({"type": "typing", "channelId": channel})).await;
        tokio::time::sleep(DEBOUNCE / 8).await;
    }
    ana.expect_none_before_pong(&["error"]).await;
    for device in &mut bo {
        let mut shown = 0;
        while device.expect_where("typing", |it| kinds(std::slice::from_ref(it)).len() == 1).await["type"] == "typing" {
            shown += 1;
        }
        assert!((4..=6).contains(&shown), "{shown}");
    }
}
