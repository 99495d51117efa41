//! Redis is away, slow or out of reach of one node: no message is lost, doubled or late for who is on the same node.

use std::time::{Duration, Instant};

use tenfour::domain::ids::ChannelId;

use crate::nodes::{FOUND, LIVE, Nodes, is_live};
use crate::socket::{TestSocket, assert_continues};
use crate::talkers::{Talker, assert_heard, assert_log, count_of};

/// What is said without Redis: those on the same node hear it at once, those on another one soon.
async fn say(
    channel: ChannelId,
    text: &str,
    from: &mut TestSocket,
    near: &mut TestSocket,
    far: &mut [&mut TestSocket],
) {
    let start = Instant::now();
    from.send_message(channel, text).await;
    near.expect_text(text).await;
    assert!(start.elapsed() < LIVE, "{:?}", start.elapsed());
    for socket in far {
        socket.expect_text(text).await;
        assert!(start.elapsed() < FOUND, "{:?}", start.elapsed());
    }
}

/// Talkers, the first on the first node and so on, around again.
struct Talk {
    channel: ChannelId,
    talkers: Vec<Talker>,
    talking: Vec<tokio::task::JoinHandle<()>>,
    count: usize,
}

impl Talk {
    async fn start(nodes: &Nodes, names: &[&str], count: usize) -> Self {
        let channel = nodes.node(0).group(names).await;
        let mut talkers = Vec::new();
        for (name, daemon) in names.iter().zip(nodes.daemons.iter().cycle()) {
            talkers.push(Talker::start(name, &daemon.url(), daemon.user(name).await).await);
        }
        let pause = Duration::from_millis(40);
        let talking = talkers.iter().map(|talker| talker.talk(channel, count, pause)).collect();
        Self { channel, talkers, talking, count }
    }

    /// Until somebody has heard so much of the first one.
    async fn under_way(&mut self) {
        let name = self.talkers[0].name.clone();
        self.talkers[1].heard("the first one", |heard| count_of(heard, &name) > 5).await;
    }

    /// Whether somebody still talks, so that what happened has happened to them.
    fn goes_on(&self) -> bool {
        self.talking.iter().any(|talking| !talking.is_finished())
    }

    /// Everybody has heard everything of everybody else, once, in order and without having been cut off.
    async fn ends_well(mut self, nodes: &Nodes) {
        for talking in self.talking {
            talking.await.unwrap();
        }
        let names: Vec<String> = self.talkers.iter().map(|talker| talker.name.clone()).collect();
        for talker in &mut self.talkers {
            let others: Vec<&String> = names.iter().filter(|name| **name != talker.name).collect();
            let total = others.len() * self.count;
            let heard = talker.heard("all of the others", |heard| heard.messages.len() >= total).await;
            for name in others {
                assert_heard(&heard, name, self.count);
            }
            assert_eq!((heard.messages.len(), heard.connections), (total, 1), "{}", talker.name);
        }
        let log = nodes.node(0).connect(&names[0]).await.catch_up(self.channel, 0).await;
        let senders: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), self.count)).collect();
        assert_log(&log, &senders);
    }
}

#[tokio::test]
async fn a_redis_that_is_killed_under_load_and_comes_back_empty_costs_nothing_but_time() {
    let mut nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["eve", "fay", "gus"]).await;
    let mut eve = nodes.node(0).connect("eve").await;
    let mut fay = nodes.node(0).connect("fay").await;
    let mut gus = nodes.node(1).connect("gus").await;
    let mut talk = Talk::start(&nodes, &["ana", "bo", "cy", "di"], 250).await;
    talk.under_way().await;
    nodes.redis.kill();
    say(channel, "from Eve", &mut eve, &mut fay, &mut [&mut gus]).await;
    let start = Instant::now();
    gus.send_message(channel, "from Gus").await;
    assert!(start.elapsed() < LIVE, "{:?}", start.elapsed());
    for socket in [&mut eve, &mut fay] {
        socket.expect_text("from Gus").await;
        assert!(start.elapsed() < FOUND, "{:?}", start.elapsed());
    }
    nodes.redis.restart_empty();
    assert!(talk.goes_on());
    is_live(channel, &mut eve, &mut gus).await;
    is_live(channel, &mut gus, &mut eve).await;
    talk.ends_well(&nodes).await;
}

#[tokio::test]
async fn a_redis_that_takes_nothing_in_or_is_slow_holds_nobody_up() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo", "cy"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let mut bo = nodes.node(0).connect("bo").await;
    let mut cy = nodes.node(1).connect("cy").await;
    is_live(channel, &mut ana, &mut cy).await;
    for slow in [true, false] {
        for proxy in &nodes.to_redis {
            if slow { proxy.delay(Duration::from_secs(2)) } else { proxy.stall() }
        }
        for number in 0..5 {
            let start = Instant::now();
            ana.send_message(channel, &format!("{slow} {number}")).await;
            assert!(start.elapsed() < LIVE, "{:?}", start.elapsed());
        }
        say(channel, &format!("{slow}"), &mut ana, &mut bo, &mut [&mut cy]).await;
        // Whoever comes now is let in, knows of everything and takes part.
        for daemon in &nodes.daemons {
            let start = Instant::now();
            let mut late = daemon.connect("cy").await;
            assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
            let version = late.channel(channel)["version"].as_i64().unwrap();
            say(channel, "welcome", &mut ana, &mut bo, &mut [&mut cy]).await;
            assert_continues(version, &[late.expect("message").await], channel);
        }
        for proxy in &nodes.to_redis {
            proxy.delay(Duration::ZERO);
            proxy.resume();
        }
        is_live(channel, &mut ana, &mut cy).await;
        is_live(channel, &mut cy, &mut bo).await;
    }
}

#[tokio::test]
async fn a_node_that_cannot_reach_redis_is_part_of_the_chat_though_it_is_slow() {
    let nodes = Nodes::start(3).await;
    let channel = nodes.node(0).group(&["eve", "fay", "gus", "hal"]).await;
    let mut eve = nodes.node(0).connect("eve").await;
    let mut fay = nodes.node(1).connect("fay").await;
    let mut gus = nodes.node(2).connect("gus").await;
    let mut hal = nodes.node(2).connect("hal").await;
    let mut talk = Talk::start(&nodes, &["ana", "bo", "cy"], 250).await;
    talk.under_way().await;
    nodes.to_redis[2].refuse();
    nodes.to_redis[2].cut();
    say(channel, "to all", &mut eve, &mut fay, &mut [&mut gus, &mut hal]).await;
    say(channel, "from one cut off", &mut gus, &mut hal, &mut [&mut eve, &mut fay]).await;
    nodes.to_redis[2].accept();
    assert!(talk.goes_on());
    is_live(channel, &mut eve, &mut gus).await;
    is_live(channel, &mut gus, &mut fay).await;
    talk.ends_well(&nodes).await;
}
