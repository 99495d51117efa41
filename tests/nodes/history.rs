//! The database becomes another one under several nodes.

use diesel_async::SimpleAsyncConnection;
use serde_json::json;

use crate::daemon::eventually;
use crate::nodes::Nodes;
use crate::socket::number;

#[tokio::test]
async fn another_history_closes_the_sessions_of_every_node() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).direct("ana", "bo").await;
    let mut ana = nodes.node(0).connect("ana").await;
    let mut bo = nodes.node(1).connect("bo").await;
    let old = ana.epoch().to_owned();
    assert_eq!(bo.epoch(), old);
    ana.send_message(channel, "before").await;
    bo.expect_text("before").await;
    let mut database = crate::postgres::connect(&nodes.database()).await;
    database.batch_execute("UPDATE tenfour.meta SET value = 'another' WHERE key = 'epoch'").await.unwrap();
    for socket in [&mut ana, &mut bo] {
        socket.expect("goaway").await;
        assert_eq!(socket.expect_close().await.0, Some(1001));
    }
    for index in 0..2 {
        eventually("the old rooms are gone", async || nodes.node(index).parts().directory.is_empty()).await;
    }
    let mut ana = nodes.node(0).connect("ana").await;
    let mut bo = nodes.node(1).connect("bo").await;
    assert!(ana.epoch().starts_with("another-"), "{}", ana.epoch());
    assert_eq!(ana.epoch(), bo.epoch());
    for socket in [&mut ana, &mut bo] {
        let pages = socket.sync(json!({"epoch": old, "channels": {channel.to_string(): 1}})).await;
        assert_eq!((&pages[0]["reset"], &pages[0]["version"]), (&json!(true), &json!(1)));
    }
    // The nodes understand each other by the new one.
    for round in 0..5 {
        assert_eq!(number(&ana.send_message(channel, &format!("ana {round}")).await["version"]), 2 * round + 2);
        bo.expect_text(&format!("ana {round}")).await;
        bo.send_message(channel, &format!("bo {round}")).await;
        ana.expect_text(&format!("bo {round}")).await;
    }
}
