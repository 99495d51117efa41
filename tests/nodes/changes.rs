//! What happens in a channel looks the same from every node.

use std::time::Instant;

use serde_json::{Value, json};
use tenfour::domain::channel::Role;
use tenfour::domain::ids::ChannelId;

use crate::daemon::id_of;
use crate::nodes::{LIVE, Nodes};
use crate::socket::{TestSocket, assert_continues, number};

/// Ana on the first node, and a device of hers and of Bo's on each.
struct Two {
    nodes: Nodes,
    channel: ChannelId,
    ana: [TestSocket; 2],
    bo: [TestSocket; 2],
}

impl Two {
    async fn start() -> Self {
        let nodes = Nodes::start(2).await;
        let channel = nodes.node(0).group(&["ana", "bo"]).await;
        let ana = [nodes.node(0).connect("ana").await, nodes.node(1).connect("ana").await];
        let bo = [nodes.node(0).connect("bo").await, nodes.node(1).connect("bo").await];
        nodes.topic(channel, 2).await;
        Self { nodes, channel, ana, bo }
    }

    /// The next frame of the kind, which is the same for Bo on both nodes, and on the other one soon.
    async fn bo_is_told(&mut self, kind: &str) -> Value {
        let near = self.bo[0].expect(kind).await;
        let start = Instant::now();
        let far = self.bo[1].expect(kind).await;
        assert!(start.elapsed() < LIVE, "{:?}", start.elapsed());
        assert_eq!(near, far);
        near
    }
}

#[tokio::test]
async fn a_message_reaches_the_senders_other_device_on_another_node() {
    let mut two = Two::start().await;
    for round in 0..10 {
        let (here, there) = (round % 2, 1 - round % 2);
        let text = format!("round {round}");
        let ack = two.ana[here].send_message(two.channel, &text).await;
        let own = two.ana[there].expect_text(&text).await;
        assert_eq!((&own["id"], &own["version"]), (&ack["serverId"], &ack["version"]));
        assert_eq!((&own["clientId"], &own["createdAt"]), (&ack["clientId"], &ack["createdAt"]));
        assert_eq!(two.bo_is_told("message").await["data"], own);
        two.ana[here].expect_none_before_pong(&["message"]).await;
    }
}

#[tokio::test]
async fn edits_and_deletions_are_the_same_on_every_node() {
    let mut two = Two::start().await;
    let sent = two.ana[0].send_message(two.channel, "gate 4").await;
    assert_eq!(two.bo_is_told("message").await["data"]["content"], "gate 4");
    two.ana[1].ask_ok(json!({"type": "edit", "messageId": sent["serverId"], "content": "gate 5"})).await;
    let edited = two.bo_is_told("message_updated").await;
    assert_eq!(
        (&edited["data"]["content"], &edited["data"]["version"], &edited["data"]["id"]),
        (&json!("gate 5"), &json!(2), &sent["serverId"])
    );
    assert_eq!(two.ana[0].expect("message_updated").await, edited);
    two.ana[0].ask_ok(json!({"type": "delete", "messageId": sent["serverId"]})).await;
    let deleted = two.bo_is_told("message_deleted").await;
    assert_eq!((&deleted["data"]["content"], &deleted["data"]["version"]), (&json!(""), &json!(3)));
    assert_eq!(two.ana[1].expect("message_deleted").await, deleted);
}

#[tokio::test]
async fn a_mark_reaches_the_others_and_the_readers_other_device_on_another_node() {
    let mut two = Two::start().await;
    for text in ["1", "2", "3"] {
        two.ana[0].send_message(two.channel, text).await;
        two.bo_is_told("message").await;
    }
    let start = Instant::now();
    two.bo[0].ask_ok(json!({"type": "read", "channelId": two.channel, "seq": 2})).await;
    let told = two.bo[1].expect("read").await;
    assert_eq!((&told["userId"], &told["seq"]), (&json!(id_of("bo")), &json!(2)));
    for socket in &mut two.ana {
        assert_eq!(socket.expect("read").await, told);
    }
    assert!(start.elapsed() < LIVE, "{:?}", start.elapsed());
    // The other way around, and a mark never goes back.
    two.bo[1].ask_ok(json!({"type": "read", "channelId": two.channel, "seq": 3})).await;
    two.bo[0].ask_ok(json!({"type": "read", "channelId": two.channel, "seq": 1})).await;
    let told = two.bo[0].expect("read").await;
    assert_eq!((&told["userId"], &told["seq"]), (&json!(id_of("bo")), &json!(3)));
    for socket in &mut two.ana {
        assert_eq!(socket.expect("read").await, told);
        socket.expect_none_before_pong(&["read"]).await;
    }
    for device in &mut two.bo {
        device.expect_none_before_pong(&["read"]).await;
    }
}

#[tokio::test]
async fn names_roles_and_members_are_the_same_on_every_node() {
    let mut two = Two::start().await;
    let channel = two.channel;
    two.nodes.node(0).rename(channel, "ana", "Dock 5").await.unwrap();
    let renamed = two.bo_is_told("channel").await;
    assert_eq!((&renamed["data"]["name"], &renamed["data"]["version"]), (&json!("Dock 5"), &json!(1)));
    two.nodes.node(1).set_role(channel, "ana", "bo", Role::Admin).await.unwrap();
    let promoted = two.bo_is_told("channel").await;
    assert_eq!((&promoted["data"]["role"], &promoted["data"]["version"]), (&json!("admin"), &json!(2)));
    two.nodes.node(1).add(channel, "bo", "cy").await.unwrap();
    assert_eq!(two.bo_is_told("members").await["added"], json!([id_of("cy")]));
    two.nodes.node(0).remove(channel, "bo", "cy").await.unwrap();
    assert_eq!(two.bo_is_told("members").await["removed"], json!([id_of("cy")]));
    // The last owner leaves: the heir learns of the new role on both nodes.
    two.nodes.node(1).remove(channel, "ana", "ana").await.unwrap();
    let heir = two.bo_is_told("channel").await;
    assert_eq!((&heir["data"]["role"], &heir["data"]["version"]), (&json!("owner"), &json!(5)));
    for device in &mut two.ana {
        device.expect("channel_removed").await;
    }
}

#[tokio::test]
async fn changes_of_all_kinds_from_both_nodes_at_once_make_one_order() {
    const ROUNDS: usize = 30;
    let mut two = Two::start().await;
    let channel = two.channel;
    let work = async |index: usize| {
        let daemon = two.nodes.node(index);
        let mut eve = daemon.connect("eve").await;
        for round in 0..ROUNDS {
            let sent = eve.send_message(channel, &format!("{index} {round}")).await;
            eve.ask_ok(json!({"type": "edit", "messageId": sent["serverId"], "content": "changed"})).await;
            daemon.rename(channel, "ana", &format!("Dock {index} {round}")).await.unwrap();
            let guest = format!("guest {index}");
            daemon.add(channel, "ana", &guest).await.unwrap();
            daemon.remove(channel, "ana", &guest).await.unwrap();
        }
    };
    two.nodes.node(0).add(channel, "ana", "eve").await.unwrap();
    tokio::join!(work(0), work(1));
    let head = i64::try_from(2 * 5 * ROUNDS + 1).unwrap();
    for socket in two.ana.iter_mut().chain(&mut two.bo) {
        let mut last = 0;
        while last < head {
            last = assert_continues(last, &[socket.next().await], channel);
        }
        assert_eq!(last, head);
    }
    let (one, other) = (two.bo[0].catch_up(channel, 0).await, two.bo[1].catch_up(channel, 0).await);
    assert_eq!(one, other);
    assert_eq!(one.iter().filter(|it| number(&it["seq"]) > 0 && it["content"] == "changed").count(), 2 * ROUNDS);
}
