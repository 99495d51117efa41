//! Sessions that are lost without a word, while their user is there on another node.

use std::time::Duration;

use crate::daemon::{eventually, id_of};
use crate::nodes::{Nodes, quick};
use crate::talkers::Talker;

/// Longer than a heartbeat may be missing, than a lease lasts, and than two looks at whose leases have ended.
const ALL_OVER: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_device_that_is_lost_is_no_news_while_another_one_lives_on_another_node() {
    let nodes = Nodes::start_with(2, quick).await;
    let channel = nodes.node(0).direct("ana", "bo").await;
    let sessions = |index: usize| nodes.node(index).parts().metrics.connections.get();
    let ana = [0, 1].map(|index| (index, nodes.node(index)));
    let mut watchers = Vec::new();
    for (_, node) in ana {
        watchers.push(Talker::start("ana", &node.url(), node.user("ana").await).await);
    }
    let desk = Talker::start("bo", &nodes.node(1).url(), nodes.node(1).user("bo").await).await;
    for watcher in &mut watchers {
        watcher.heard("Bo's coming", |heard| heard.presence == [(id_of("bo"), true)]).await;
    }
    let before = sessions(0);
    // A phone in a tunnel: it answers nothing any more.
    let phone = nodes.node(0).connect("bo").await;
    eventually("its session", async || sessions(0) == before + 1).await;
    eventually("its end", async || sessions(0) == before).await;
    tokio::time::sleep(ALL_OVER).await;
    for watcher in &watchers {
        assert_eq!(watcher.now().presence, [(id_of("bo"), true)]);
    }
    let online = format!("online:{channel}");
    let is_member = nodes.redis.command(&["SISMEMBER", &online, &id_of("bo").to_string()]);
    assert_eq!(is_member.unwrap(), ":1\r\n");
    // The last one is news, to both nodes.
    desk.client.clone().close().await;
    for watcher in &mut watchers {
        watcher.heard("Bo's going", |heard| heard.gone() == [id_of("bo")]).await;
    }
    drop(phone);
}
