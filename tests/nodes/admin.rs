//! Whoever looks after the nodes asks any of them.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::daemon::{TestDaemon, eventually};
use crate::nodes::Nodes;

async fn ask(node: &TestDaemon, method: Method, path: &str) -> (StatusCode, Value) {
    let token = node.token_with("operator", "Operator", Some("admin"), Duration::from_secs(600));
    let url = format!("http://{}/admin{path}", node.admin_addr());
    let answer = reqwest::Client::new().request(method, url).bearer_auth(token).send().await.unwrap();
    let status = answer.status();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

async fn get(node: &TestDaemon, path: &str) -> Value {
    let (status, shown) = ask(node, Method::GET, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {shown}");
    shown
}

fn sorted(list: &Value, key: &str) -> Vec<String> {
    let mut texts: Vec<String> =
        list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect();
    texts.sort_unstable();
    texts
}

async fn know_each_other(nodes: &Nodes) {
    let known = |index: usize| nodes.node(index).parts().bus.others().len();
    eventually("the nodes know each other", async || {
        (0..nodes.daemons.len()).all(|index| known(index) == nodes.daemons.len() - 1)
    })
    .await;
}

#[tokio::test]
async fn sessions_and_rooms_of_all_nodes_are_listed_by_any() {
    let nodes = Nodes::start(3).await;
    let channel = nodes.node(0).group(&["ana", "bo", "cy"]).await;
    let ana = nodes.node(0).connect("ana").await;
    let bo = nodes.node(1).connect("bo").await;
    let cy = nodes.node(2).connect("cy").await;
    know_each_other(&nodes).await;
    let mut sessions: Vec<String> =
        [&ana, &bo, &cy].iter().map(|socket| socket.hello["sessionId"].as_str().unwrap().to_owned()).collect();
    sessions.sort_unstable();
    for asked in 0..3 {
        let node = nodes.node(asked);
        let shown = get(node, "/sessions").await;
        assert_eq!(sorted(&shown["sessions"], "id"), sessions);
        assert_eq!((&shown["total"], &shown["unanswered"]), (&json!(3), &json!([])));
        assert_eq!(sorted(&shown["sessions"], "node").windows(2).filter(|two| two[0] == two[1]).count(), 0);
        let mut pages = Vec::new();
        let mut after = String::new();
        loop {
            let page = get(node, &format!("/sessions?limit=1{after}")).await;
            pages.extend(sorted(&page["sessions"], "id"));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(pages, sessions);
        let rooms = get(node, "/rooms").await;
        assert_eq!(sorted(&rooms["rooms"], "id"), vec![channel.to_string(); 3]);
        let room = get(node, &format!("/rooms/{channel}")).await;
        assert_eq!(room["elsewhere"].as_array().unwrap().len(), 2, "{room}");
        assert_eq!(get(node, "/presence").await["total"], json!(3));
        assert_eq!(get(node, "/actors").await["cluster"]["others"].as_array().unwrap().len(), 2);
        for session in &sessions {
            assert_eq!(get(node, &format!("/sessions/{session}")).await["id"], json!(session));
        }
    }
}

#[tokio::test]
async fn a_session_is_ended_from_any_node() {
    let nodes = Nodes::start(2).await;
    let mut bo = nodes.node(1).connect("bo").await;
    know_each_other(&nodes).await;
    let path = format!("/sessions/{}", bo.hello["sessionId"].as_str().unwrap());
    assert_eq!(ask(nodes.node(0), Method::DELETE, &path).await.0, StatusCode::NO_CONTENT);
    assert_eq!(bo.expect_close().await.0, Some(4403));
    eventually("it is nowhere", async || ask(nodes.node(0), Method::DELETE, &path).await.0 == StatusCode::NOT_FOUND)
        .await;
}

#[tokio::test]
async fn without_redis_a_node_says_whom_it_cannot_ask() {
    let mut nodes = Nodes::start(2).await;
    let bo = nodes.node(1).connect("bo").await;
    know_each_other(&nodes).await;
    let others: Vec<String> = nodes.node(0).parts().bus.others().iter().map(ToString::to_string).collect();
    nodes.redis.kill();
    let path = format!("/sessions/{}", bo.hello["sessionId"].as_str().unwrap());
    let (status, answer) = ask(nodes.node(0), Method::DELETE, &path).await;
    assert_eq!((status, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")), "{answer}");
    assert_eq!(get(nodes.node(0), "/sessions").await["unanswered"], json!(others));
    assert_eq!(ask(nodes.node(1), Method::DELETE, &path).await.0, StatusCode::NO_CONTENT);
}
