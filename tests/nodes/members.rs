//! Coming into a channel and leaving it on one node, while connected to another.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use crate::daemon::id_of;
use crate::nodes::{FOUND, LIVE, Nodes, is_live};
use crate::socket::{TestSocket, assert_continues, message, number};

/// When Redis is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    Never,
    BeforeIt,
    AfterIt,
}

async fn removed_elsewhere(killed: Killed) {
    let mut nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo", "cy"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let (mut bo, mut cy) = (nodes.node(1).connect("bo").await, nodes.node(1).connect("cy").await);
    let own = cy.send_message(channel, "mine").await;
    ana.expect_text("mine").await;
    for _ in 0..50 {
        ana.send(&message(channel, "busy", Uuid::new_v4())).await;
    }
    if killed == Killed::BeforeIt {
        nodes.redis.kill();
    }
    nodes.node(0).remove(channel, "ana", "cy").await.unwrap();
    let start = Instant::now();
    if killed == Killed::AfterIt {
        nodes.redis.kill();
    }
    // From the commit on they are no member, whether their node has heard of it or not.
    cy.send(&message(channel, "still here?", Uuid::from_u128(7))).await;
    for _ in 0..50 {
        ana.send(&message(channel, "busy", Uuid::new_v4())).await;
    }
    let cut = number(&ana.expect("members").await["version"]);
    let (mut last, mut refused, mut removed) = (number(&own["version"]), false, false);
    while !(refused && removed) {
        let frame = cy.next().await;
        match frame["type"].as_str() {
            Some("channel_removed") => {
                let within = if killed == Killed::Never { LIVE } else { FOUND };
                assert!(start.elapsed() < within, "{:?}", start.elapsed());
                removed = true;
            }
            Some("error") => {
                assert_eq!((&frame["clientId"], &frame["code"]), (&json!(Uuid::from_u128(7)), &json!("not_found")));
                assert!(start.elapsed() < LIVE, "{:?}", start.elapsed());
                refused = true;
            }
            Some("members") => panic!("who was removed is not told so by {frame}"),
            _ => last = assert_continues(last, &[frame], channel),
        }
    }
    assert_eq!(last, cut - 1, "everything before the removal, and nothing after it");
    for frame in [
        message(channel, "still here?", Uuid::new_v4()),
        json!({"type": "typing", "channelId": channel}),
        json!({"type": "read", "channelId": channel, "seq": 1}),
        json!({"type": "edit", "messageId": own["serverId"], "content": "changed"}),
    ] {
        cy.ask_refused(frame, "not_found").await;
    }
    // The others go on, from where they were to the very last.
    let mut last = 0;
    ana.send_message(channel, "after all").await;
    loop {
        let frame = bo.next().await;
        last = assert_continues(last, std::slice::from_ref(&frame), channel);
        if frame["data"]["content"] == "after all" {
            break;
        }
    }
    assert_eq!(last, 103);
    cy.expect_none_before_pong(&["message", "members", "typing", "read"]).await;
}

#[tokio::test]
async fn who_is_removed_on_another_node_gets_nothing_more_from_that_version_on() {
    removed_elsewhere(Killed::Never).await;
}

#[tokio::test]
async fn the_same_where_nobody_could_be_told() {
    removed_elsewhere(Killed::BeforeIt).await;
}

#[tokio::test]
async fn the_same_where_redis_dies_just_after_it() {
    removed_elsewhere(Killed::AfterIt).await;
}

/// The `channel` frame, and then a message, without a gap.
async fn takes_part(channel: ChannelId, ana: &mut TestSocket, socket: &mut TestSocket, within: Duration) {
    let start = Instant::now();
    let told = socket.expect_where("the channel", |it| it["type"] == "channel" && it["data"]["id"] == json!(channel));
    let version = number(&told.await["data"]["version"]);
    assert!(start.elapsed() < within, "{:?}", start.elapsed());
    ana.send_message(channel, "welcome").await;
    assert_continues(version, &[socket.expect("message").await], channel);
    let ack = socket.send_message(channel, "thanks").await;
    assert_eq!(number(&ack["version"]), version + 2);
}

#[tokio::test]
async fn who_is_added_to_what_their_node_does_not_serve_takes_part_at_once_or_soon() {
    let mut nodes = Nodes::start(2).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let mut cy = nodes.node(1).connect("cy").await;
    let lively = nodes.node(0).direct("ana", "cy").await;
    takes_part(lively, &mut ana, &mut cy, LIVE).await;
    is_live(lively, &mut ana, &mut cy).await;
    let group = nodes.node(0).group(&["ana"]).await;
    nodes.node(0).add(group, "ana", "cy").await.unwrap();
    takes_part(group, &mut ana, &mut cy, LIVE).await;
    nodes.redis.kill();
    for _ in 0..2 {
        let group = nodes.node(0).group(&["ana"]).await;
        nodes.node(0).add(group, "ana", "cy").await.unwrap();
        takes_part(group, &mut ana, &mut cy, FOUND).await;
    }
}

async fn coming_and_going(rounds: usize, killed: Killed) {
    let mut nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (nodes.node(0).connect("ana").await, nodes.node(1).connect("bo").await);
    if killed != Killed::Never {
        nodes.redis.kill();
    }
    for round in 0..rounds {
        for turn in 0..=round % 3 {
            nodes.node(turn % 2).remove(channel, "ana", "bo").await.unwrap();
            nodes.node(1 - turn % 2).add(channel, "ana", "bo").await.unwrap();
        }
        let text = format!("round {round}");
        ana.send_message(channel, &text).await;
        let heard = |it: &Value| {
            let data = &it["data"];
            (it["type"] == "message" && data["content"] == text)
                || (it["type"] == "channel" && data["lastSeq"] == json!(round + 1))
        };
        bo.expect_where(&text, heard).await;
    }
    nodes.node(1).remove(channel, "ana", "bo").await.unwrap();
    ana.send_message(channel, "after all").await;
    bo.expect("channel_removed").await;
    bo.expect_silence("message", LIVE).await;
}

#[tokio::test]
async fn coming_and_going_on_both_nodes_ends_where_it_ends() {
    coming_and_going(40, Killed::Never).await;
}

#[tokio::test]
async fn coming_and_going_that_nobody_is_told_of_ends_where_it_ends() {
    coming_and_going(6, Killed::BeforeIt).await;
}

/// A user who is added on the first node in the middle of connecting to the second one.
async fn added_while_connecting(nodes: &Nodes, name: String, after: Duration) -> (ChannelId, TestSocket, i64) {
    let channel = nodes.node(0).group(&["ana"]).await;
    let token = nodes.node(0).user(&name).await;
    let url = nodes.node(1).url();
    let add = async {
        tokio::time::sleep(after).await;
        nodes.node(0).add(channel, "ana", &name).await.unwrap();
    };
    let (mut socket, ()) = tokio::join!(TestSocket::connect(&name, &url, &token), add);
    let start = Instant::now();
    let known = socket.hello["channels"].as_array().unwrap().iter().find(|it| it["id"] == json!(channel)).cloned();
    let told = match known {
        Some(told) => told,
        None => socket.expect("channel").await["data"].clone(),
    };
    assert!(start.elapsed() < FOUND, "{name}: {:?}", start.elapsed());
    assert_eq!(told["id"], json!(channel));
    assert!(told["memberIds"].as_array().unwrap().contains(&json!(id_of(&name))), "{told}");
    (channel, socket, number(&told["version"]))
}

#[tokio::test]
async fn who_is_added_between_listing_and_attaching_misses_nothing() {
    const USERS: u32 = 60;
    const AT_ONCE: u32 = 6;
    let mut nodes = Nodes::start(2).await;
    let mut ana = nodes.node(0).connect("ana").await;
    nodes.redis.kill();
    // Each step of a session that opens takes long, so that an addition falls between any two of them.
    nodes.to_postgres[1].delay(Duration::from_millis(20));
    let mut connected = Vec::new();
    for round in 0..USERS / AT_ONCE {
        let some = (0..AT_ONCE).map(|number| {
            let after = Duration::from_millis((number * (USERS / AT_ONCE) + round).into()) * 4;
            added_while_connecting(&nodes, format!("user {round} {number}"), after)
        });
        connected.extend(futures_util::future::join_all(some).await);
    }
    nodes.to_postgres[1].delay(Duration::ZERO);
    let told = connected.iter().filter(|(channel, socket, _)| !socket.hello.to_string().contains(&channel.to_string()));
    let told = told.count();
    assert!((1..USERS as usize).contains(&told), "{told} of {USERS} were told after their hello");
    let start = Instant::now();
    for text in ["one", "two"] {
        for (channel, ..) in &connected {
            ana.send_message(*channel, text).await;
        }
    }
    for (channel, mut socket, version) in connected {
        let mut last = version;
        while last < version + 2 {
            last = assert_continues(last, &[socket.next().await], channel);
        }
    }
    assert!(start.elapsed() < FOUND + LIVE, "{:?}", start.elapsed());
}
