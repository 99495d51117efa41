//! The daemon or a part of it dies while people talk.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::daemon::Setup;
use crate::process::{ProcessDaemon, token};
use crate::proxy::Proxy;
use crate::socket::{assert_continues, message, number, versions};
use crate::talkers::{Talker, assert_heard, assert_log, count_of};

on_each_database!(
    whatever_was_acknowledged_survives_kill_nine_exactly_once,
    a_room_that_panics_takes_no_session_and_no_message_along,
    a_send_right_after_a_panic_reaches_everybody_once,
    a_room_that_panics_too_often_closes_its_sessions_and_comes_back,
    a_room_that_nobody_uses_is_let_go_and_comes_back,
);

async fn whatever_was_acknowledged_survives_kill_nine_exactly_once(setup: Setup) {
    const COUNT: usize = 150;
    let mut daemon = setup.lasting().start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    daemon.stop().await;
    let database = daemon.database();
    let mut process = ProcessDaemon::start(&database, &[]);
    let proxy = Proxy::start(process.addr);
    let url = format!("ws://{}/ws", proxy.addr);
    let mut ana = Talker::start("ana", &url, token("ana")).await;
    let mut bo = Talker::start("bo", &url, token("bo")).await;
    let talking = [&ana, &bo].map(|talker| talker.talk(channel, COUNT, Duration::from_millis(5)));
    for round in 0..6 {
        tokio::time::sleep(Duration::from_millis(150 + 37 * round)).await;
        process.kill();
        process = ProcessDaemon::start(&database, &[]);
        proxy.retarget(process.addr);
    }
    for talk in talking {
        talk.await.unwrap();
    }
    for (talker, other) in [(&mut ana, "bo"), (&mut bo, "ana")] {
        let heard = talker.heard("everything", |heard| count_of(heard, other) >= COUNT).await;
        assert_heard(&heard, other, COUNT);
        assert!(heard.connections > 3, "{}", heard.connections);
    }
    let log = process.connect("ana").await.catch_up(channel, 0).await;
    assert_log(&log, &[("ana", COUNT), ("bo", COUNT)]);
    assert_eq!(log.len(), 2 * COUNT);
}

async fn a_room_that_panics_takes_no_session_and_no_message_along(setup: Setup) {
    const COUNT: usize = 60;
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    let mut ana = Talker::start("ana", &daemon.url(), daemon.user("ana").await).await;
    let mut bo = Talker::start("bo", &daemon.url(), daemon.user("bo").await).await;
    let mut cy = daemon.connect("cy").await;
    let talking = [&ana, &bo].map(|talker| talker.talk(channel, COUNT, Duration::from_millis(5)));
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(80)).await;
        daemon.panic_room(channel).await;
    }
    for talk in talking {
        talk.await.unwrap();
    }
    for (talker, other) in [(&mut ana, "bo"), (&mut bo, "ana")] {
        let heard = talker.heard("everything", |heard| count_of(heard, other) >= COUNT).await;
        assert_heard(&heard, other, COUNT);
        assert_eq!(heard.connections, 1, "the socket stayed");
    }
    let mut last = 0;
    while last < i64::try_from(2 * COUNT).unwrap() {
        let frame = cy.next().await;
        last = assert_continues(last, &[frame], channel);
    }
    assert_log(&cy.catch_up(channel, 0).await, &[("ana", COUNT), ("bo", COUNT)]);
    assert_eq!(daemon.parts().metrics.room_restarts.get(), 4);
}

async fn a_send_right_after_a_panic_reaches_everybody_once(setup: Setup) {
    let daemon = setup.start().await;
    let mut channels = Vec::new();
    for _ in 0..12 {
        channels.push(daemon.group(&["ana", "bo"]).await);
    }
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for round in 1..=4 {
        for channel in &channels {
            daemon.panic_room_unnoticed(*channel).await;
            let client_id = Uuid::new_v4();
            ana.send(&message(*channel, "still here?", client_id)).await;
            // It is answered: with the ack, with the message itself, or with a wish to hear it again.
            let own = client_id.to_string();
            let is_own = |it: &Value| it["clientId"] == own || it["data"]["clientId"] == own;
            loop {
                let answer = ana.expect_where("an answer", is_own).await;
                if answer["type"] != "error" {
                    break;
                }
                assert_eq!((&answer["code"], &answer["retryable"]), (&"unavailable".into(), &true.into()), "{answer}");
                ana.send(&message(*channel, "still here?", client_id)).await;
            }
            let heard = bo.expect_where("the message", is_own).await;
            assert_eq!(versions(&heard, *channel), Some((round, round)), "{heard}");
        }
    }
    bo.expect_none_before_pong(&["message"]).await;
}

async fn a_room_that_panics_too_often_closes_its_sessions_and_comes_back(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    for _ in 0..6 {
        daemon.panic_room(channel).await;
    }
    assert_eq!(ana.expect_close().await.0, Some(1001));
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send_message(channel, "back").await;
    bo.expect_text("back").await;
}

async fn a_room_that_nobody_uses_is_let_go_and_comes_back(setup: Setup) {
    let daemon = setup.with(|config| config.timing.room_idle = Duration::from_millis(100)).start().await;
    let channel = daemon.direct("ana", "bo").await;
    for round in 1..=3 {
        let mut ana = daemon.connect("ana").await;
        assert_eq!(number(&ana.send_message(channel, "here").await["seq"]), round);
        ana.close().await;
        // Without a session nothing has to be told; what is sent over the wire finds the room or starts it.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send_message(channel, "here").await;
    bo.expect_text("here").await;
}
