//! Somebody can write to Redis who is no node of the cluster: nothing of that is believed.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use crate::daemon::{TestDaemon, eventually, id_of};
use crate::nodes::Nodes;
use crate::redis::{Redis, Tap};
use crate::socket::TestSocket;

/// What nobody may see because of a forgery.
const BELIEVED: [&str; 11] = [
    "message",
    "message_updated",
    "message_deleted",
    "channel",
    "channel_removed",
    "members",
    "presence",
    "read",
    "typing",
    "typing_stopped",
    "error",
];

fn refused(daemon: &TestDaemon) -> u64 {
    daemon.bus().counts().unwrap().refused.load(Ordering::Relaxed)
}

/// Publishes each of these, and waits until the node has refused every one.
async fn put_in_vain(redis: &Redis, daemon: &TestDaemon, topic: &str, payloads: &[Vec<u8>]) {
    let before = refused(daemon);
    for payload in payloads {
        let listening = redis.command(&[b"PUBLISH", topic.as_bytes(), payload]).unwrap();
        assert_eq!(listening, ":2\r\n", "both nodes hear it");
    }
    eventually("all of it was refused", async || refused(daemon) == before + payloads.len() as u64).await;
}

/// What the nodes say until something with these words.
fn hear_until(tap: &mut Tap, words: &str) -> Vec<Vec<u8>> {
    let mut heard = Vec::new();
    loop {
        heard.push(tap.hear());
        if String::from_utf8_lossy(&heard[heard.len() - 1]).contains(words) {
            return heard;
        }
    }
}

/// The channel goes on, and nothing else has come before that.
async fn goes_on(channel: ChannelId, from: &mut TestSocket, to: &mut TestSocket) {
    to.expect_none_before_pong(&BELIEVED).await;
    let text = Uuid::new_v4().to_string();
    let ack = from.send_message(channel, &text).await;
    let next = to.expect_where("anything of the channel", |it| BELIEVED.iter().any(|kind| it["type"] == *kind)).await;
    assert_eq!((&next["data"]["content"], &next["data"]["version"]), (&json!(text), &ack["version"]), "{next}");
    from.expect_none_before_pong(&BELIEVED).await;
}

/// Well-formed in every way but for the tag, which is missing, empty, of the wrong length or of nobody.
fn forgeries(real: &[u8], channel: ChannelId) -> Vec<Vec<u8>> {
    let text = real[32..].to_vec();
    let typed = json!({"kind": "typed", "userId": id_of("ana"), "name": "Mallory"}).to_string().into_bytes();
    let header: Vec<u8> = text.split(|byte| *byte == b'\n').next().unwrap().to_vec();
    let made_up = [header, typed.clone()].join(&b'\n');
    let mut flipped = real.to_vec();
    let last = flipped.len() - 20;
    flipped[last] ^= 1;
    vec![
        Vec::new(),
        b"garbage".to_vec(),
        vec![0xFF; 40],
        b"\n".repeat(100),
        vec![b'x'; 1 << 20],
        typed,
        json!({"kind": "added", "channelId": channel}).to_string().into_bytes(),
        text.clone(),
        [vec![0; 32], text].concat(),
        [real[..32].to_vec(), made_up.clone()].concat(),
        [vec![0; 32], made_up].concat(),
        flipped,
        real[..real.len() - 1].to_vec(),
        [real.to_vec(), b" ".to_vec()].concat(),
    ]
}

#[tokio::test]
async fn what_no_node_has_sealed_is_refused() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (nodes.node(0).connect("ana").await, nodes.node(1).connect("bo").await);
    ana.expect("presence").await;
    let topic = nodes.topic(channel, 2).await;
    let mut tap = nodes.redis.tap(&topic);
    ana.send_message(channel, "real").await;
    let real = hear_until(&mut tap, "real").pop().unwrap();
    drop(tap);
    bo.expect_text("real").await;
    let forgeries = forgeries(&real, channel);
    eventually("nobody else listens any more", async || {
        nodes.redis.command(&["PUBSUB", "NUMSUB", &topic]).unwrap().ends_with(":2\r\n")
    })
    .await;
    put_in_vain(&nodes.redis, nodes.node(1), &topic, &forgeries).await;
    goes_on(channel, &mut ana, &mut bo).await;
    goes_on(channel, &mut bo, &mut ana).await;
}

#[tokio::test]
async fn what_a_node_has_said_cannot_be_said_again_here_or_elsewhere() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo", "cy", "di"]).await;
    let other = nodes.node(0).group(&["ana", "bo", "cy"]).await;
    let (mut ana, mut bo) = (nodes.node(0).connect("ana").await, nodes.node(1).connect("bo").await);
    let topic = nodes.topic(channel, 2).await;
    let elsewhere = nodes.topic(other, 2).await;
    let mut tap = nodes.redis.tap(&topic);
    // One of each kind: who comes and goes, types, writes, edits, reads, is removed.
    let cy = nodes.node(0).connect("cy").await;
    bo.expect_where("Cy's coming", |it| it["userId"] == json!(id_of("cy")) && it["status"] == "online").await;
    cy.close().await;
    bo.expect_where("Cy's going", |it| it["userId"] == json!(id_of("cy")) && it["status"] == "offline").await;
    ana.send(&json!({"type": "typing", "channelId": channel})).await;
    bo.expect("typing").await;
    let sent = ana.send_message(channel, "once").await;
    bo.expect("typing_stopped").await;
    ana.ask_ok(json!({"type": "edit", "messageId": sent["serverId"], "content": "changed"})).await;
    ana.ask_ok(json!({"type": "read", "channelId": channel, "seq": 1})).await;
    bo.expect("read").await;
    nodes.node(0).remove(channel, "ana", "di").await.unwrap();
    nodes.node(0).add(channel, "ana", "di").await.unwrap();
    ana.send_message(channel, "the end of it").await;
    bo.expect_text("the end of it").await;
    // Past everything that Ana was told herself.
    ana.ask(json!({"type": "ping"})).await;
    let said = hear_until(&mut tap, "the end of it");
    drop(tap);
    for kind in ["presence_changed", "typed", "committed", "mark_moved", "member_removed", "members_added"] {
        let heard = said.iter().any(|payload| String::from_utf8_lossy(payload).contains(kind));
        assert!(heard, "{kind} is not among what was said");
    }
    eventually("nobody else listens any more", async || {
        nodes.redis.command(&["PUBSUB", "NUMSUB", &topic]).unwrap().ends_with(":2\r\n")
    })
    .await;
    put_in_vain(&nodes.redis, nodes.node(1), &topic, &said).await;
    put_in_vain(&nodes.redis, nodes.node(1), &elsewhere, &said).await;
    for channel in [channel, other] {
        goes_on(channel, &mut ana, &mut bo).await;
        goes_on(channel, &mut bo, &mut ana).await;
    }
}

/// The fields and values of a hash.
fn hash(redis: &Redis, key: &str) -> Vec<(String, String)> {
    let answer = redis.command(&["HGETALL", key]).unwrap();
    let words: Vec<&str> = answer.lines().skip(2).step_by(2).collect();
    let (pairs, _) = words.as_chunks::<2>();
    pairs.iter().map(|[field, value]| ((*field).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_lease_that_no_node_wrote_shows_nobody() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo", "cy"]).await;
    let (mut ana, bo) = (nodes.node(0).connect("ana").await, nodes.node(1).connect("bo").await);
    ana.expect("presence").await;
    let topic = nodes.topic(channel, 2).await;
    let cluster = topic.split(':').nth(1).unwrap();
    let leases = |sub: &str| format!("{{user:{}:alive}}:leases:{cluster}", id_of(sub));
    let real = hash(&nodes.redis, &leases("bo"));
    let (field, value) = real.iter().find(|(field, _)| field != "number").expect("Bo's lease");
    // Bo's own lease under another name, and one that is made up.
    let ends = u64::MAX / 4000;
    let made_up = (format!("{}/{}", Uuid::new_v4().as_simple(), Uuid::new_v4().as_simple()), format!("{ends}:{value}"));
    for (field, value) in [(field, value), (&made_up.0, &made_up.1), (field, &format!("{ends}"))] {
        nodes.redis.command(&["HSET", &leases("cy"), field, value]).unwrap();
        nodes.redis.command(&["SET", &format!("user:{}:alive", id_of("cy")), "1"]).unwrap();
        nodes.redis.command(&["SADD", &format!("online:{channel}"), &id_of("cy").to_string()]).unwrap();
        // Nobody has served this channel yet: who is there is asked of Redis.
        let fresh = nodes.node(0).group(&["ana", "bo", "cy"]).await;
        let told = ana.expect_where("the new channel", |it| it["data"]["id"] == json!(fresh)).await;
        let mut both = vec![json!(id_of("ana")), json!(id_of("bo"))];
        both.sort_by_key(Value::to_string);
        assert_eq!(told["data"]["online"], json!(both));
        let hello = nodes.node(0).connect("ana").await;
        assert_eq!(hello.channel(channel)["online"], json!(both));
    }
    // Nor is anybody gone, because their lease is said to have ended or their number to be a high one.
    let ends = format!("{{tenfour:{cluster}}}:ends");
    nodes.redis.command(&["ZADD", &ends, "0", &id_of("bo").to_string()]).unwrap();
    nodes.redis.command(&["HSET", &leases("bo"), "number", "9000000000000000"]).unwrap();
    eventually("it was looked at and put right", async || {
        nodes.redis.command(&["ZSCORE", &ends, &id_of("bo").to_string()]).unwrap() != "$1\r\n0\r\n"
    })
    .await;
    ana.expect_none_before_pong(&["presence"]).await;
    // When Bo really goes it is seen, and when Cy really comes.
    bo.close().await;
    let gone = ana.expect("presence").await;
    assert_eq!((&gone["userId"], &gone["status"]), (&json!(id_of("bo")), &json!("offline")));
    let cy = nodes.node(1).connect("cy").await;
    let came = ana.expect_where("Cy", |it| it["type"] == "presence" && it["userId"] == json!(id_of("cy"))).await;
    assert_eq!(came["status"], "online");
    drop(cy);
}
