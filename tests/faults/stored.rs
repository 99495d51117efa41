//! Bugs in what is stored and when: each shows at the promise that it is named after.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenfour::fault::Sabotage;
use uuid::Uuid;

use crate::daemon::PATIENCE;
use crate::faulty::{Faulty, Ground, in_time};
use crate::place::{Kind, Place};
use crate::postgres::{Database, Server};
use crate::proxy::{Cut, Direction, Proxy};
use crate::socket::{message, number};

/// How often what depends on a moment is tried.
const TRIES: usize = 20;
/// With the end of its message, or it would be found in READ COMMITTED.
const COMMIT: &[u8] = b"COMMIT\0";
const BOTH: [Kind; 2] = [Kind::File, Kind::Postgres];

fn texts(log: &[Value]) -> Vec<&str> {
    log.iter().map(|it| it["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_is_acknowledged_before_its_commit_is_lost_with_the_process() {
    for kind in BOTH {
        let (ground, channel, mut daemon) = Ground::sabotaged(kind, Sabotage::AckBeforeCommit, &[]).await;
        let mut lost = false;
        for round in 0..TRIES {
            let text = format!("acknowledged {round}");
            daemon.connect("ana").await.send_message(channel, &text).await;
            daemon.kill();
            daemon = ground.launch().await;
            daemon.plant(Sabotage::AckBeforeCommit);
            lost = !texts(&daemon.connect("bo").await.catch_up(channel, 0).await).contains(&text.as_str());
            if lost {
                break;
            }
        }
        assert!(lost, "{kind:?}: every one of {TRIES} was stored");
    }
}

#[tokio::test]
async fn what_is_published_before_its_commit_is_told_and_never_was() {
    let (ground, channel, mut daemon) = Ground::sabotaged(Kind::File, Sabotage::PublishBeforeCommit, &[]).await;
    for round in 0..TRIES {
        let text = format!("published {round}");
        let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
        ana.send(&message(channel, &text, Uuid::new_v4())).await;
        bo.expect_text(&text).await;
        daemon.kill();
        daemon = ground.launch().await;
        daemon.plant(Sabotage::PublishBeforeCommit);
        if !texts(&daemon.connect("bo").await.catch_up(channel, 0).await).contains(&text.as_str()) {
            return;
        }
    }
    panic!("every one of {TRIES} was stored");
}

#[tokio::test]
async fn what_was_acknowledged_goes_with_the_session_that_sent_it() {
    for kind in BOTH {
        let (_ground, channel, daemon) = Ground::sabotaged(kind, Sabotage::TxDroppedOnDisconnect, &[]).await;
        let mut lost = false;
        for round in 0..TRIES {
            let text = format!("acknowledged {round}");
            let mut ana = daemon.connect("ana").await;
            ana.send_message(channel, &text).await;
            drop(ana);
            // What a later send of somebody else follows is stored or never will be.
            let mut bo = daemon.connect("bo").await;
            bo.send_message(channel, "what is next").await;
            lost = !texts(&bo.catch_up(channel, 0).await).contains(&text.as_str());
            if lost {
                break;
            }
        }
        assert!(lost, "{kind:?}: every one of {TRIES} was stored");
    }
}

#[tokio::test]
async fn numbers_that_were_taken_for_nothing_are_missing() {
    for kind in BOTH {
        let (_ground, channel, daemon) = Ground::sabotaged(kind, Sabotage::SequenceInsteadOfLock, &[]).await;
        let (mut ana, client_id) = (daemon.connect("ana").await, Uuid::new_v4());
        for _ in 0..2 {
            assert_eq!(number(&ana.send_as(channel, "one", client_id).await["seq"]), 1);
        }
        ana.send_message(channel, "two").await;
        let log = ana.catch_up(channel, 0).await;
        let numbers: Vec<_> = log.iter().map(|it| (number(&it["seq"]), number(&it["version"]))).collect();
        assert_eq!(numbers, [(1, 1), (3, 3)], "{kind:?}");
        ana.send_message(channel, "three").await;
        assert_eq!(number(&ana.catch_up(channel, 3).await[0]["seq"]), 4, "{kind:?}: and it goes on");
    }
}

#[tokio::test]
async fn what_another_process_has_stored_is_stored_once_more() {
    for kind in BOTH {
        let (ground, channel, mut daemon) = Ground::sabotaged(kind, Sabotage::DedupeInMemoryOnly, &[]).await;
        let client_id = Uuid::new_v4();
        let mut ana = daemon.connect("ana").await;
        for duplicate in [false, true] {
            assert_eq!(ana.send_as(channel, "once", client_id).await["duplicate"], duplicate);
        }
        daemon.kill();
        let mut daemon = ground.launch().await;
        daemon.plant(Sabotage::DedupeInMemoryOnly);
        let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
        let again = ana.send_as(channel, "once", client_id).await;
        assert_eq!((&again["duplicate"], number(&again["seq"])), (&json!(false), 2), "{kind:?}");
        assert_eq!(bo.expect_text("once").await["clientId"], client_id.to_string());
        assert_eq!(texts(&bo.catch_up(channel, 0).await), ["once", "once"], "{kind:?}");
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_told_as_failed_for_good() {
    let ground = Ground::new(Kind::Postgres).await;
    let channel = ground.group(&["ana", "bo"]).await;
    let (url, proxy): (String, Proxy) = crate::nodes::through_proxy(&ground.database.url());
    let mut daemon = Faulty::launch(&url, None, &[]).await;
    let mut ana = daemon.connect("ana").await;
    daemon.plant(Sabotage::FailAfterUnknownCommit);
    proxy.cut_when(Direction::Up, COMMIT, Cut::After);
    let client_id = Uuid::new_v4();
    ana.send(&message(channel, "stored", client_id)).await;
    let own = client_id.to_string();
    let answer = ana.expect_where("the answer", |it| it["clientId"] == own).await;
    assert_eq!((&answer["type"], &answer["retryable"]), (&json!("error"), &json!(false)), "{answer}");
    // The server may be a moment later than the loss of its answer.
    let deadline = Instant::now() + PATIENCE;
    while texts(&ana.catch_up(channel, 0).await) != ["stored"] {
        assert!(Instant::now() < deadline, "it was not stored");
    }
}

#[tokio::test]
async fn an_edit_without_a_version_is_news_to_nobody() {
    let (_ground, channel, daemon) = Ground::sabotaged(Kind::File, Sabotage::EditWithoutVersion, &[]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let id = ana.send_message(channel, "as it was").await["serverId"].clone();
    bo.expect_text("as it was").await;
    ana.ask_ok(json!({"type": "edit", "messageId": id, "content": "as it is"})).await;
    bo.expect_none_before_pong(&["message_updated"]).await;
    assert!(bo.catch_up(channel, 1).await.is_empty());
    assert_eq!(texts(&bo.catch_up(channel, 0).await), ["as it is"]);
}

#[tokio::test]
async fn postgresql_that_does_not_wait_for_the_disk_loses_what_it_has_committed() {
    let mut server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let database = Database::create_on(&server.url()).await;
    let ground = Ground { database: Place::Elsewhere(database.url.clone()), redis: None };
    let channel = ground.group(&["ana", "bo"]).await;
    let daemon = ground.launch_with(&[("TENFOUR_SABOTAGE", "pg_async_commit")]).await;
    let mut ana = daemon.connect("ana").await;
    for round in 0..TRIES {
        let text = format!("committed {round}");
        let client_id = Uuid::new_v4();
        in_time("a send that is stored", async {
            while ana.ask(message(channel, &text, client_id)).await["type"] == "error" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        server = tokio::task::spawn_blocking(move || {
            server.order("stop");
            server.order("start");
            server
        })
        .await
        .unwrap();
        drop(ana);
        // With a daemon of its own, whose connections are fresh.
        let reader = ground.launch().await;
        ana = reader.connect("ana").await;
        let lost = !texts(&ana.catch_up(channel, 0).await).contains(&text.as_str());
        if lost {
            return;
        }
        ana = in_time("a connection", async {
            let token = crate::process::token("ana");
            loop {
                match crate::socket::TestSocket::try_connect("ana", &daemon.url(), &token).await {
                    Ok(socket) => break socket,
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        })
        .await;
    }
    panic!("every one of {TRIES} was stored");
}
