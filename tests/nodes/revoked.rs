//! Tokens that are revoked on one node are taken by none, whatever becomes of Redis.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::daemon::{TestDaemon, eventually};
use crate::nodes::{FOUND, LIVE, Nodes};
use crate::socket::TestSocket;

const HOUR: Duration = Duration::from_hours(1);

async fn revoke(node: &TestDaemon, user: &str) {
    let admin = node.token_with("operator", "Operator", Some("admin"), HOUR);
    let url = format!("http://{}/admin/users/{user}/revoke", node.admin_addr());
    let answer = Client::new().post(url).bearer_auth(admin).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

async fn takes(node: &TestDaemon, token: &str) -> bool {
    let url = format!("http://{}/api/v1/channels", node.addr());
    let status = Client::new().get(url).bearer_auth(token).send().await.unwrap().status();
    assert!([StatusCode::OK, StatusCode::UNAUTHORIZED].contains(&status), "{status}");
    status == StatusCode::OK
}

/// Two nodes, each with sessions of the one who is locked out on the first of them; `within` that time on the second.
async fn is_out_on_both(nodes: &Nodes, within: Duration) {
    let (here, there) = (nodes.node(0), nodes.node(1));
    let old = here.user("ana").await;
    let mut near = TestSocket::connect("ana", &here.url(), &old).await;
    let mut far = TestSocket::connect("ana", &there.url(), &old).await;
    let mut bo = there.connect("bo").await;
    assert!(takes(there, &old).await);
    // The call itself answers when its second is over.
    let start = Instant::now();
    let (waited, ()) = tokio::join!(
        async {
            assert_eq!(far.expect_close().await, (Some(4401), "token revoked".to_owned()));
            start.elapsed()
        },
        revoke(here, "ana")
    );
    assert!(waited < within, "{waited:?}");
    assert_eq!(near.expect_close().await.0, Some(4401));
    assert!(!takes(here, &old).await && !takes(there, &old).await);
    let new = here.user("ana").await;
    let mut renewed = TestSocket::connect("ana", &there.url(), &new).await;
    renewed.ask_refused(json!({"type": "auth", "token": old}), "unauthorized").await;
    // Longer than it takes until the node looks again.
    bo.expect_silence("goaway", Duration::from_millis(2500)).await;
    renewed.expect_none_before_pong(&[]).await;
    bo.expect_none_before_pong(&[]).await;
}

#[tokio::test]
async fn the_other_node_is_told_at_once() {
    let nodes = Nodes::start(2).await;
    eventually("the nodes know each other", async || nodes.node(0).bus().others().len() == 1).await;
    is_out_on_both(&nodes, LIVE).await;
}

#[tokio::test]
async fn without_redis_the_other_node_finds_it_within_five_seconds() {
    let mut nodes = Nodes::start(2).await;
    nodes.redis.kill();
    is_out_on_both(&nodes, FOUND).await;
}

#[tokio::test]
async fn a_node_that_starts_later_knows_it_before_it_lets_anybody_in() {
    let mut nodes = Nodes::start(1).await;
    let old = nodes.node(0).user("ana").await;
    revoke(nodes.node(0), "ana").await;
    nodes.add(|_| {}).await;
    assert!(!takes(nodes.node(1), &old).await);
}
