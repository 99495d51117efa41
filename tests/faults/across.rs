//! Bugs in what nodes learn of each other: each shows at the promise that it is named after.

use std::time::Duration;

use tenfour::domain::ids::ChannelId;
use tenfour::fault::Sabotage;

use crate::daemon::{eventually, id_of};
use crate::faulty::{Faulty, Ground};
use crate::nodes::{FOUND, is_live, publish_to, topic_of};
use crate::proxy::{Cut, Direction, Proxy};

/// In which every node notices that Redis has lost its data, and writes its leases anew.
const NOTICED: Duration = Duration::from_secs(3);

/// Two nodes, each on a line of its own to Redis.
async fn start(ground: &Ground) -> (ChannelId, [Faulty; 2], [Proxy; 2]) {
    let channel = ground.group(&["ana", "bo"]).await;
    let redis = ground.redis.as_ref().unwrap();
    let lines = [Proxy::start(redis.addr), Proxy::start(redis.addr)];
    let mut nodes = Vec::new();
    for line in &lines {
        nodes.push(Faulty::launch(&ground.database.url(), Some(&format!("redis://{}/", line.addr)), &[]).await);
    }
    let Ok(nodes) = <[Faulty; 2]>::try_from(nodes) else { panic!("two nodes") };
    (channel, nodes, lines)
}

fn topic(ground: &Ground, channel: ChannelId) -> String {
    ground.redis.as_ref().and_then(|redis| topic_of(redis, channel)).expect("a topic")
}

#[tokio::test]
async fn the_last_message_stays_lost_where_heads_are_not_compared() {
    let ground = Ground::shared().await;
    let (channel, [one, mut other], lines) = start(&ground).await;
    let (mut ana, mut bo) = (one.connect("ana").await, other.connect("bo").await);
    is_live(channel, &mut ana, &mut bo).await;
    other.plant(Sabotage::NoHeadPoll);
    lines[0].cut_when(Direction::Up, &publish_to(&topic(&ground, channel)), Cut::Before);
    ana.send_message(channel, "the last one").await;
    bo.expect_silence("message", FOUND).await;
    assert!(!lines[0].armed(), "that was the way it would have gone");
    other.heal(Sabotage::NoHeadPoll);
    bo.expect_text("the last one").await;
}

#[tokio::test]
async fn what_was_said_while_redis_was_away_stays_lost_where_nothing_is_compared_after_it() {
    let ground = Ground::shared().await;
    let (channel, [one, mut other], lines) = start(&ground).await;
    let (mut ana, mut bo) = (one.connect("ana").await, other.connect("bo").await);
    is_live(channel, &mut ana, &mut bo).await;
    other.plant(Sabotage::NoResubscribeCheck);
    lines[1].refuse();
    lines[1].cut();
    ana.send_message(channel, "the last one").await;
    lines[1].accept();
    bo.expect_silence("message", FOUND).await;
    other.heal(Sabotage::NoResubscribeCheck);
    bo.expect_text("the last one").await;
}

#[tokio::test]
async fn leases_that_redis_has_lost_are_not_written_anew() {
    let mut ground = Ground::shared().await;
    let (_, [mut one, other], _lines) = start(&ground).await;
    let (_ana, _bo) = (one.connect("ana").await, other.connect("bo").await);
    let has_lease = |ground: &Ground, sub: &str| {
        let keys = ground.redis.as_ref().unwrap().command(&["KEYS", "*:leases:*"]).unwrap();
        keys.contains(&id_of(sub).to_string())
    };
    eventually("both have a lease", async || has_lease(&ground, "ana") && has_lease(&ground, "bo")).await;
    one.plant(Sabotage::LeaseNotReasserted);
    let mut redis = ground.redis.take().unwrap();
    ground.redis = Some(
        tokio::task::spawn_blocking(move || {
            redis.restart_empty();
            redis
        })
        .await
        .unwrap(),
    );
    eventually("the other node has written its lease anew", async || has_lease(&ground, "bo")).await;
    tokio::time::sleep(NOTICED).await;
    assert!(!has_lease(&ground, "ana"));
}
