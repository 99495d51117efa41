//! Who is there, on whatever node.

use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{eventually, id_of};
use crate::nodes::{Nodes, quick};

const SOON: Duration = Duration::from_millis(400);

fn is(frame: &Value, sub: &str, status: &str) {
    assert_eq!((&frame["userId"], &frame["status"]), (&json!(id_of(sub)), &json!(status)), "{frame}");
    assert_eq!(frame["lastSeenAt"].is_string(), status == "offline", "{frame}");
}

fn online(channel: &Value) -> Vec<String> {
    let mut online: Vec<String> =
        channel["online"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    online.sort_unstable();
    online
}

fn ids(subs: &[&str]) -> Vec<String> {
    let mut ids: Vec<String> = subs.iter().map(|sub| id_of(sub).to_string()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn of_two_devices_on_two_nodes_the_first_and_the_last_are_news() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).direct("ana", "bo").await;
    let mut ana = nodes.node(0).connect("ana").await;
    let phone = nodes.node(0).connect("bo").await;
    is(&ana.expect("presence").await, "bo", "online");
    let desk = nodes.node(1).connect("bo").await;
    assert_eq!(online(desk.channel(channel)), ids(&["ana", "bo"]), "the other node knows of Ana");
    phone.close().await;
    ana.expect_silence("presence", SOON).await;
    assert_eq!(online(nodes.node(0).connect("ana").await.channel(channel)), ids(&["ana", "bo"]));
    desk.close().await;
    is(&ana.expect("presence").await, "bo", "offline");
    let members = format!("online:{channel}");
    let alone = format!("*1\r\n$36\r\n{}\r\n", id_of("ana"));
    // Written beside what is told.
    eventually("nobody else is in the set", async || nodes.redis.command(&["SMEMBERS", &members]).unwrap() == alone)
        .await;
}

#[tokio::test]
async fn the_keys_that_others_read_are_kept_true() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo", "cy"]).await;
    let (ana, bo) = (nodes.node(0).connect("ana").await, nodes.node(1).connect("bo").await);
    let has = |sub: &str| {
        let answer = nodes.redis.command(&["SISMEMBER", &format!("online:{channel}"), &id_of(sub).to_string()]);
        answer.unwrap() == ":1\r\n"
    };
    let lives = |sub: &str| {
        let answer = nodes.redis.command(&["PTTL", &format!("user:{}:alive", id_of(sub))]).unwrap();
        answer.trim_start_matches(':').trim_end().parse::<i64>().unwrap()
    };
    eventually("both are in the set", async || has("ana") && has("bo")).await;
    assert!(!has("cy"));
    assert!((80_000..=90_000).contains(&lives("ana")), "{}", lives("ana"));
    nodes.node(1).remove(channel, "ana", "bo").await.unwrap();
    eventually("who was removed is out of the set", async || !has("bo")).await;
    assert!(lives("bo") > 0, "and still there");
    nodes.node(0).add(channel, "ana", "bo").await.unwrap();
    eventually("who was added is in the set", async || has("bo")).await;
    ana.close().await;
    eventually("who left is out of the set", async || !has("ana")).await;
    eventually("and not alive", async || lives("ana") == -2).await;
    drop(bo);
}

#[tokio::test]
async fn the_users_of_a_dead_node_are_gone_by_expiry_and_that_is_told_once() {
    let nodes = Nodes::start_with(3, quick).await;
    let channel = nodes.node(0).group(&["ana", "bo", "cy"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let mut cy = nodes.node(1).connect("cy").await;
    let mut bo = nodes.node(2).connect("bo").await;
    let answering_pings = tokio::spawn(async move { bo.expect_close().await });
    for socket in [&mut ana, &mut cy] {
        socket.expect_where("Bo's coming", |it| it["type"] == "presence" && it["userId"] == json!(id_of("bo"))).await;
    }
    // A node that cannot reach Redis any more is as good as dead to the others.
    nodes.to_redis[2].refuse();
    nodes.to_redis[2].cut();
    let gone = |it: &Value| it["type"] == "presence" && it["userId"] == json!(id_of("bo"));
    let (to_ana, to_cy) = tokio::join!(ana.expect_where("Bo's going", gone), cy.expect_where("Bo's going", gone));
    is(&to_ana, "bo", "offline");
    is(&to_cy, "bo", "offline");
    tokio::join!(ana.expect_silence("presence", SOON), cy.expect_silence("presence", SOON));
    let set = nodes.redis.command(&["SISMEMBER", &format!("online:{channel}"), &id_of("bo").to_string()]).unwrap();
    assert_eq!(set, ":0\r\n");
    // It comes back, and so do they.
    nodes.to_redis[2].accept();
    let (to_ana, to_cy) = tokio::join!(ana.expect_where("Bo's return", gone), cy.expect_where("Bo's return", gone));
    is(&to_ana, "bo", "online");
    is(&to_cy, "bo", "online");
    answering_pings.abort();
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_is_filled_and_nobody_is_shown_offline() {
    let mut nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let mut bo = nodes.node(1).connect("bo").await;
    is(&ana.expect("presence").await, "bo", "online");
    nodes.redis.restart_empty();
    let members = format!("online:{channel}");
    eventually("the set is filled", async || {
        nodes.redis.command(&["SCARD", &members]).is_ok_and(|answer| answer == ":2\r\n")
    })
    .await;
    let time = Duration::from_secs(8);
    tokio::join!(ana.expect_silence("presence", time), bo.expect_silence("presence", time));
    assert_eq!(online(nodes.node(0).connect("ana").await.channel(channel)), ids(&["ana", "bo"]));
}

fn in_set(nodes: &Nodes, channel: tenfour::domain::ids::ChannelId, sub: &str) -> bool {
    let set = format!("online:{channel}");
    nodes.redis.command(&["SISMEMBER", &set, &id_of(sub).to_string()]).is_ok_and(|answer| answer == ":1\r\n")
}

#[tokio::test]
async fn a_visit_that_is_shorter_than_the_way_to_redis_leaves_no_ghost() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let ana = nodes.node(0).connect("ana").await;
    eventually("it is settled", async || in_set(&nodes, channel, "ana")).await;
    nodes.to_redis[1].delay(Duration::from_millis(60));
    for _ in 0..5 {
        let visit = nodes.node(1).connect("bo").await;
        visit.close().await;
        let online = || nodes.node(1).parts().online.has(id_of("bo"));
        eventually("Bo is gone on the own node", async || !online()).await;
    }
    eventually("Bo is gone from the set", async || !in_set(&nodes, channel, "bo")).await;
    assert!(!nodes.node(0).parts().online.has(id_of("bo")), "and elsewhere");
    drop(ana);
}

#[tokio::test]
async fn who_leaves_while_redis_cannot_be_reached_is_gone_when_it_can() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let bo = nodes.node(1).connect("bo").await;
    is(&ana.expect("presence").await, "bo", "online");
    eventually("Bo is in the set", async || in_set(&nodes, channel, "bo")).await;
    nodes.to_redis[1].refuse();
    nodes.to_redis[1].cut();
    bo.close().await;
    eventually("Bo is gone on the own node", async || !nodes.node(1).parts().online.has(id_of("bo"))).await;
    ana.expect_silence("presence", SOON).await;
    nodes.to_redis[1].accept();
    is(&ana.expect("presence").await, "bo", "offline");
    eventually("Bo is gone from the set", async || !in_set(&nodes, channel, "bo")).await;
}

#[tokio::test]
async fn keys_that_somebody_spoiled_harm_nobody_else() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo", "cy"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    eventually("it is settled", async || in_set(&nodes, channel, "ana")).await;
    let keys = nodes.redis.command(&["KEYS", "*:leases:*"]).unwrap();
    let cluster = keys.trim_end().rsplit(':').next().unwrap().to_owned();
    let leases = |sub: &str| format!("{{user:{}:alive}}:leases:{cluster}", id_of(sub));
    nodes.redis.command(&["SET", &leases("bo"), "no hash"]).unwrap();
    nodes.redis.command(&["HSET", &leases("ana"), "x", "99999999999999999999:aa", "y", "no lease"]).unwrap();
    nodes.redis.command(&["SET", &leases("cy"), "no hash"]).unwrap();
    // Who writes their leases mends them; of who does not nobody learns, which harms nobody.
    let mut bo = nodes.node(1).connect("bo").await;
    is(&ana.expect("presence").await, "bo", "online");
    eventually("Bo is in the set", async || in_set(&nodes, channel, "bo")).await;
    let desk = nodes.node(1).connect("ana").await;
    eventually("Ana's leases are mended", async || {
        nodes.redis.command(&["HEXISTS", &leases("ana"), "x"]).is_ok_and(|answer| answer == ":0\r\n")
    })
    .await;
    for number in 0..20 {
        let text = format!("{number}");
        ana.send_message(channel, &text).await;
        bo.expect_text(&text).await;
        assert!((0..2).all(|node| nodes.node(node).parts().bus.is_up()), "Redis is there");
    }
    drop(desk);
}
