//! What is announced on one node is told on all: at once over Redis, and what lasts also without.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::daemon::{TestDaemon, eventually};
use crate::nodes::{FOUND, LIVE, Nodes};

async fn announce(node: &TestDaemon, text: &str) {
    let admin = node.token_with("operator", "Operator", Some("admin"), Duration::from_secs(600));
    let expires_at = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    let body = json!({"text": text, "expiresAt": expires_at}).to_string();
    let url = format!("http://{}/admin/announcements", node.admin_addr());
    let answer = Client::new().post(url).bearer_auth(admin).body(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
}

/// Told on the other node, once, within this time; and to who comes there later.
async fn is_told_on_the_other(nodes: &Nodes, text: &str, within: Duration) {
    let mut far = nodes.node(1).connect("ana").await;
    let start = Instant::now();
    announce(nodes.node(0), text).await;
    far.expect_where(text, |frame| frame["text"] == text).await;
    assert!(start.elapsed() < within, "{:?}", start.elapsed());
    // It is looked for once more, and found to be known.
    far.expect_silence("announcement", Duration::from_millis(2_500)).await;
    let mut later = nodes.node(1).connect("bo").await;
    later.expect_where(text, |frame| frame["text"] == text).await;
}

#[tokio::test]
async fn with_redis_it_is_told_at_once_and_once() {
    let nodes = Nodes::start(2).await;
    eventually("the nodes know each other", async || nodes.node(0).bus().others().len() == 1).await;
    is_told_on_the_other(&nodes, "back at noon", LIVE).await;
}

#[tokio::test]
async fn without_redis_it_is_found() {
    let mut nodes = Nodes::start(2).await;
    nodes.redis.kill();
    is_told_on_the_other(&nodes, "back at one", FOUND).await;
}
