//! A part panics: what that costs, and whom.

use serde_json::json;
use tenfour::domain::ids::ChannelId;
use tenfour::fault::Part;
use uuid::Uuid;

use crate::daemon::PATIENCE;
use crate::faulty::{Faulty, Ground, in_time};
use crate::nodes::is_live;
use crate::place::Kind;
use crate::socket::{TestSocket, message, number};

async fn start(members: &[&str]) -> (Ground, ChannelId, Faulty) {
    let ground = Ground::new(Kind::File).await;
    let channel = ground.group(members).await;
    let daemon = ground.launch().await;
    (ground, channel, daemon)
}

/// Sends it until it is answered by its ack, or by the message itself.
async fn send_until_stored(socket: &mut TestSocket, channel: ChannelId, text: &str, client_id: Uuid) {
    let own = client_id.to_string();
    in_time("a send that is stored", async {
        loop {
            socket.send(&message(channel, text, client_id)).await;
            let is_own = |it: &serde_json::Value| it["clientId"] == own || it["data"]["clientId"] == own;
            let answer = socket.expect_where("an answer", is_own).await;
            if answer["type"] != "error" {
                return;
            }
            assert_eq!((&answer["code"], &answer["retryable"]), (&json!("unavailable"), &json!(true)), "{answer}");
        }
    })
    .await;
}

/// It ends with 1, and says who died; what was acknowledged is there afterwards, and what was not is stored once.
async fn ends_and_comes_back(ground: &Ground, mut daemon: Faulty, who: &str, channel: ChannelId, unsure: Option<Uuid>) {
    let status = daemon.wait(PATIENCE).await;
    assert_eq!(status.code(), Some(1), "{}", daemon.log());
    assert!(daemon.log().contains(&format!("{who} died")), "{}", daemon.log());
    let daemon = ground.launch().await;
    let mut ana = daemon.connect("ana").await;
    if let Some(client_id) = unsure {
        send_until_stored(&mut ana, channel, "after", client_id).await;
    }
    let texts: Vec<_> = ana.catch_up(channel, 0).await.iter().map(|it| it["content"].clone()).collect();
    assert_eq!(texts, if unsure.is_some() { vec!["before", "after"] } else { vec!["before"] });
}

#[tokio::test]
async fn a_room_starts_anew_and_its_sessions_stay() {
    let (_ground, channel, mut daemon) = start(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for round in 1..=5 {
        let (text, client_id) = (format!("in spite of it {round}"), Uuid::new_v4());
        daemon.panic(Part::Room);
        send_until_stored(&mut ana, channel, &text, client_id).await;
        let heard = bo.expect_text(&text).await;
        assert_eq!((&heard["clientId"], number(&heard["seq"])), (&json!(client_id), round));
    }
    bo.expect_none_before_pong(&["message"]).await;
    let deaths = daemon.log().matches("died; starting it anew").count();
    assert_eq!(deaths, 5, "{}", daemon.log());
    // Once more within the minute, and they have to come back.
    daemon.panic(Part::Room);
    ana.send(&message(channel, "once more", Uuid::new_v4())).await;
    for socket in [&mut ana, &mut bo] {
        assert_eq!(socket.expect_close().await.0, Some(1001));
    }
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send_message(channel, "back").await;
    bo.expect_text("back").await;
}

#[tokio::test]
async fn whoever_sends_over_rest_while_a_room_dies_is_not_told_that_there_is_none() {
    const AT_ONCE: usize = 16;
    let (_ground, channel, mut daemon) = start(&["ana", "bo"]).await;
    let url = format!("http://{}/api/v1/channels/{channel}/messages", daemon.addr);
    let (client, token) = (reqwest::Client::new(), crate::process::token("ana"));
    // From the sixth death on within a minute a room is there only when somebody opens it: each round finds none, all open
    // it, and the first to get there has it die under the others.
    for round in 0..40 {
        daemon.panic(Part::Room);
        let send = |_| {
            let body = json!({"clientId": Uuid::new_v4(), "content": "here"});
            let json = client.post(&url).bearer_auth(&token).header("content-type", "application/json");
            json.body(body.to_string()).send()
        };
        for answer in futures_util::future::join_all((0..AT_ONCE).map(send)).await {
            let status = answer.unwrap().status().as_u16();
            assert!([200, 201, 503].contains(&status), "{status} in round {round}");
        }
    }
}

#[tokio::test]
async fn a_session_ends_alone() {
    let (_ground, channel, mut daemon) = start(&["ana", "bo"]).await;
    let (mut one, mut other) = (daemon.connect("ana").await, daemon.connect("ana").await);
    let mut bo = daemon.connect("bo").await;
    daemon.panic(Part::Session);
    one.send(&message(channel, "not heard", Uuid::new_v4())).await;
    assert_eq!(one.expect_close().await.0, Some(1001));
    other.send_message(channel, "heard").await;
    assert_eq!(number(&bo.expect("message").await["data"]["seq"]), 1);
    // It was one of two: nobody saw her go, and her place is free again.
    bo.expect_none_before_pong(&["presence"]).await;
    let mut again = daemon.connect("ana").await;
    assert_eq!(again.catch_up(channel, 0).await.len(), 1);
    bo.send_message(channel, "to both").await;
    again.expect_text("to both").await;
    other.expect_text("to both").await;
    other.close().await;
    again.close().await;
    assert_eq!(bo.expect("presence").await["status"], "offline");
}

#[tokio::test]
async fn without_its_registry_the_daemon_ends() {
    let (ground, channel, mut daemon) = start(&["ana", "bo"]).await;
    daemon.connect("ana").await.send_message(channel, "before").await;
    daemon.panic(Part::Registry);
    let refused = TestSocket::try_connect("bo", &daemon.url(), &crate::process::token("bo")).await;
    assert!(refused.is_err());
    ends_and_comes_back(&ground, daemon, "the registry", channel, None).await;
}

#[tokio::test]
async fn without_its_db_actor_the_daemon_ends() {
    let (ground, channel, mut daemon) = start(&["ana", "bo"]).await;
    let (mut ana, client_id) = (daemon.connect("ana").await, Uuid::new_v4());
    ana.send_message(channel, "before").await;
    daemon.panic(Part::Db);
    ana.send(&message(channel, "after", client_id)).await;
    ends_and_comes_back(&ground, daemon, "the database actor", channel, Some(client_id)).await;
}

#[tokio::test]
async fn without_its_presence_actor_the_daemon_ends() {
    let (ground, channel, mut daemon) = start(&["ana", "bo"]).await;
    daemon.connect("ana").await.send_message(channel, "before").await;
    daemon.panic(Part::Presence);
    ends_and_comes_back(&ground, daemon, "the presence actor", channel, None).await;
}

#[tokio::test]
async fn a_node_whose_relay_panics_listens_anew_and_misses_nothing() {
    let ground = Ground::shared().await;
    let channel = ground.group(&["ana", "bo"]).await;
    let (one, mut other) = (ground.launch().await, ground.launch().await);
    let (mut ana, mut bo) = (one.connect("ana").await, other.connect("bo").await);
    is_live(channel, &mut ana, &mut bo).await;
    for round in 0..3 {
        other.panic(Part::Relay);
        let text = format!("in spite of it {round}");
        ana.send_message(channel, &text).await;
        bo.expect_text(&text).await;
        is_live(channel, &mut ana, &mut bo).await;
        is_live(channel, &mut bo, &mut ana).await;
    }
    assert_eq!(other.log().matches("a fault was asked for: relay").count(), 3, "{}", other.log());
}
