//! What happens on one node reaches the others.

use serde_json::json;

use crate::daemon::id_of;
use crate::nodes::Nodes;

#[tokio::test]
async fn a_message_reaches_the_members_on_another_node() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let mut bo = nodes.node(1).connect("bo").await;
    assert_eq!(ana.expect("presence").await["userId"], json!(id_of("bo")));
    for number in 0..20 {
        let (text, reply) = (format!("from Ana {number}"), format!("from Bo {number}"));
        ana.send_message(channel, &text).await;
        let message = bo.expect_text(&text).await;
        assert_eq!(message["version"], json!(2 * number + 1));
        bo.send_message(channel, &reply).await;
        ana.expect_text(&reply).await;
    }
    let counts = |index: usize| {
        let parts = nodes.node(index).parts();
        (parts.metrics.messages_stored.get(), parts.metrics.deliveries.get())
    };
    assert_eq!((counts(0).0, counts(1).0), (20, 20));
}

#[tokio::test]
async fn both_nodes_may_make_the_same_direct_channel_at_once() {
    let nodes = Nodes::start(2).await;
    for pair in 0..50 {
        let (one, other) = (format!("one-{pair}"), format!("other-{pair}"));
        let (here, there) = tokio::join!(nodes.node(0).direct(&one, &other), nodes.node(1).direct(&other, &one));
        assert_eq!(here, there);
    }
}
