//! The same send through two nodes at the same moment counts once.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use crate::daemon::TestDaemon;
use crate::nodes::Nodes;
use crate::socket::{TestSocket, assert_continues, message, number, versions};

const BATCHES: usize = 40;
const AT_ONCE: usize = 50;

/// A device of the sender, and what it was told of each send.
struct Device {
    socket: TestSocket,
    channel: ChannelId,
    version: i64,
    told: HashMap<String, Vec<Value>>,
}

impl Device {
    async fn connect(daemon: &TestDaemon, channel: ChannelId) -> Self {
        Self { socket: daemon.connect("ana").await, channel, version: 0, told: HashMap::new() }
    }

    /// Sends all of them at once, and reads until each is answered and the channel has come as far as they take it.
    async fn send_all(&mut self, sends: &[Uuid]) {
        for client_id in sends {
            self.socket.send(&message(self.channel, &client_id.to_string(), *client_id)).await;
        }
        let head = self.version + i64::try_from(sends.len()).unwrap();
        while self.version < head || sends.iter().any(|client_id| !self.told.contains_key(&client_id.to_string())) {
            let frame = self.socket.next().await;
            self.version = assert_continues(self.version, std::slice::from_ref(&frame), self.channel);
            let client_id = match frame["type"].as_str() {
                // Also that of an earlier one, which came as a message before.
                Some("ack") => &frame["clientId"],
                Some("message") => &frame["data"]["clientId"],
                Some("error") => panic!("{frame}"),
                _ => continue,
            };
            self.told.entry(client_id.as_str().unwrap().to_owned()).or_default().push(frame);
        }
        assert_eq!(self.version, head);
    }
}

/// Sends everything through both nodes; `second` says in which order through the second one.
async fn twice(second: impl Fn(&mut [Uuid])) {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).direct("ana", "bo").await;
    let mut here = Device::connect(nodes.node(0), channel).await;
    let mut there = Device::connect(nodes.node(1), channel).await;
    let mut bo = [nodes.node(0).connect("bo").await, nodes.node(1).connect("bo").await];
    let mut sent = HashSet::new();
    for batch in 0..BATCHES {
        let sends: Vec<Uuid> = (0..AT_ONCE).map(|_| Uuid::new_v4()).collect();
        let mut again = sends.clone();
        second(&mut again);
        // Whoever is polled first sends first, and on a busy machine that decides it: each has its turn.
        if batch % 2 == 0 {
            tokio::join!(here.send_all(&sends), there.send_all(&again));
        } else {
            tokio::join!(there.send_all(&again), here.send_all(&sends));
        }
        sent.extend(sends.iter().map(Uuid::to_string));
    }
    let mut firsts = [0, 0];
    for client_id in &sent {
        let told = [&here, &there].map(|device| &device.told[client_id]);
        let first = told.map(|told| told.iter().filter(|frame| frame["duplicate"] == false).count());
        for (all, first) in firsts.iter_mut().zip(first) {
            *all += first;
        }
        let all: Vec<&Value> = told.into_iter().flatten().collect();
        assert!(first[0] + first[1] <= 1, "only one of them was the first: {all:#?}");
        let id = |frame: &Value| frame.get("serverId").unwrap_or(&frame["data"]["id"]).clone();
        assert!(all.iter().all(|frame| id(frame) == id(all[0])), "one message: {all:#?}");
        for told in told {
            let live = told.iter().filter(|frame| versions(frame, channel).is_some()).count();
            assert_eq!(live, 1, "each device has it once: {all:#?}");
            assert!(told.iter().filter(|frame| frame["type"] == "ack").count() <= 1, "{all:#?}");
        }
    }
    assert!(firsts.iter().all(|first| *first > BATCHES), "each node was the first often enough: {firsts:?}");
    for Device { mut socket, .. } in [here, there] {
        // Late answers to what is known already may come yet; nothing new does.
        socket.expect_none_before_pong(&["message", "error"]).await;
    }
    let version = i64::try_from(BATCHES * AT_ONCE).unwrap();
    for device in &mut bo {
        let (mut last, mut heard) = (0, HashSet::new());
        while last < version {
            let frame = device.next().await;
            last = assert_continues(last, std::slice::from_ref(&frame), channel);
            if frame["type"] == "message" {
                assert!(heard.insert(frame["data"]["content"].as_str().unwrap().to_owned()), "{frame}");
            }
        }
        assert_eq!(heard, sent);
        device.expect_none_before_pong(&["message"]).await;
        let log = device.catch_up(channel, 0).await;
        assert!(log.iter().map(|it| number(&it["seq"])).eq(1..=version), "each is stored once");
    }
}

#[tokio::test]
async fn one_client_id_on_two_nodes_at_the_same_moment_is_one_message() {
    twice(|_| {}).await;
}

#[tokio::test]
async fn in_the_opposite_order_as_well() {
    twice(<[Uuid]>::reverse).await;
}

#[tokio::test]
async fn one_client_id_for_two_channels_on_two_nodes_is_stored_in_one_of_them() {
    let nodes = Nodes::start(2).await;
    let channels = [nodes.node(0).direct("ana", "bo").await, nodes.node(0).group(&["ana", "bo"]).await];
    let mut ana = [nodes.node(0).connect("ana").await, nodes.node(1).connect("ana").await];
    let mut sent = Vec::new();
    for _ in 0..BATCHES {
        let sends: Vec<Uuid> = (0..AT_ONCE).map(|_| Uuid::new_v4()).collect();
        // Where one node takes it into the first channel the other one takes it into the second, in the opposite order.
        let send = async |socket: &mut TestSocket, node: usize| {
            let order: Vec<usize> = if node == 0 { (0..AT_ONCE).collect() } else { (0..AT_ONCE).rev().collect() };
            for index in order {
                socket.send(&message(channels[(index + node) % 2], "once", sends[index])).await;
            }
            let (mut answered, mut refused) = (HashSet::new(), HashSet::new());
            while answered.len() < AT_ONCE {
                let frame = socket.next().await;
                let client_id = frame["clientId"].as_str().unwrap_or_default().to_owned();
                match frame["type"].as_str() {
                    Some("ack") => assert_eq!(frame["duplicate"], false, "{frame}"),
                    Some("error") => {
                        assert_eq!(frame["code"], "conflict", "{frame}");
                        refused.insert(client_id.clone());
                    }
                    _ => continue,
                }
                assert!(answered.insert(client_id), "{frame}");
            }
            refused
        };
        let [here, there] = &mut ana;
        let (here, there) = tokio::join!(send(here, 0), send(there, 1));
        assert!(here.is_disjoint(&there) && here.len() + there.len() == AT_ONCE, "each was refused once");
        sent.extend(sends);
    }
    let mut log = Vec::new();
    for channel in channels {
        log.extend(ana[0].catch_up(channel, 0).await);
    }
    let stored: HashSet<&str> = log.iter().map(|it| it["clientId"].as_str().unwrap()).collect();
    assert_eq!((log.len(), stored.len()), (sent.len(), sent.len()));
}
