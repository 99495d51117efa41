//! The answer to a COMMIT gets lost on the way to one of several nodes.

use serde_json::Value;
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use crate::nodes::Nodes;
use crate::proxy::{Cut, Direction};
use crate::socket::{TestSocket, assert_continues, message};

/// With the end of its message, or it would be found in READ COMMITTED.
const COMMIT: &[u8] = b"COMMIT\0";
const ROUNDS: usize = 12;

/// A socket, and all that came over it.
struct Listener {
    socket: TestSocket,
    frames: Vec<Value>,
}

impl Listener {
    async fn connect(nodes: &Nodes, index: usize, name: &str) -> Self {
        Self { socket: nodes.node(index).connect(name).await, frames: Vec::new() }
    }

    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) {
        loop {
            self.frames.push(self.socket.next().await);
            if self.frames.last().is_some_and(&wanted) {
                return;
            }
        }
    }

    async fn says(&mut self, channel: ChannelId, text: &str) {
        let client_id = Uuid::new_v4();
        self.socket.send(&message(channel, text, client_id)).await;
        self.until(|it| it["type"] == "ack" && it["clientId"] == client_id.to_string()).await;
    }

    async fn hears(&mut self, text: &str) {
        self.until(|it| it["data"]["content"] == text).await;
    }

    /// Each version once and in order, each own message acknowledged once, nothing refused.
    async fn assert_heard(mut self, channel: ChannelId, own: usize) {
        self.socket.expect_none_before_pong(&["message", "ack", "error"]).await;
        let last = assert_continues(0, &self.frames, channel);
        assert_eq!(usize::try_from(last).unwrap(), 2 * ROUNDS);
        let count = |kind: &str| self.frames.iter().filter(|it| it["type"] == kind).count();
        assert_eq!((count("ack"), count("error")), (own, 0), "{}", self.socket.transcript());
    }
}

#[tokio::test]
async fn a_message_whose_commit_was_not_answered_is_acknowledged_and_told_once_on_every_node() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo", "cy", "dee"]).await;
    let mut ana = Listener::connect(&nodes, 0, "ana").await;
    let mut bo = Listener::connect(&nodes, 1, "bo").await;
    let mut cy = Listener::connect(&nodes, 0, "cy").await;
    let mut dee = Listener::connect(&nodes, 1, "dee").await;
    for round in 0..ROUNDS {
        // Done, or never heard of: the node has to find out which.
        let cut = if round % 2 == 0 { Cut::After } else { Cut::Before };
        nodes.to_postgres[0].cut_when(Direction::Up, COMMIT, cut);
        let (text, reply) = (format!("from Ana {round}"), format!("from Bo {round}"));
        ana.says(channel, &text).await;
        assert!(!nodes.to_postgres[0].armed(), "round {round}");
        bo.hears(&text).await;
        // The other node writes on.
        bo.says(channel, &reply).await;
        for listener in [&mut ana, &mut cy, &mut dee] {
            listener.hears(&reply).await;
        }
    }
    let log = dee.socket.catch_up(channel, 0).await;
    assert_eq!(log.len(), 2 * ROUNDS);
    ana.assert_heard(channel, ROUNDS).await;
    bo.assert_heard(channel, ROUNDS).await;
    cy.assert_heard(channel, 0).await;
    dee.assert_heard(channel, 0).await;
}
