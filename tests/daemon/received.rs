//! What is known to have arrived: by the answers of connections, and by the cursors with which clients come back.

use std::time::{Duration, Instant};

use serde_json::json;
use tenfour::domain::ids::{ChannelId, JournalId};
use tokio_tungstenite::tungstenite::Message;

use crate::audit::records;
use crate::daemon::{PATIENCE, Setup, TestDaemon, id_of};
use crate::socket::TestSocket;

on_each_database!(
    what_a_connection_answers_for_was_received,
    a_page_was_received_when_the_connection_answers_after_it,
    a_client_that_comes_back_has_received_what_its_cursor_says,
    who_does_not_answer_has_received_nothing,
    who_came_later_has_received_what_came_since,
    it_is_known_soon_and_long_before_a_heartbeat,
    what_comes_all_the_time_is_written_down_once_a_heartbeat,
    what_was_answered_for_is_written_down_when_the_connection_ends,
);

fn soon(setup: Setup) -> Setup {
    setup.with(|config| config.timing.heartbeat_interval = Duration::from_millis(200))
}

/// The steps of one member, by the channel's journal: of which kind, after which version, up to which.
async fn steps(daemon: &TestDaemon, channel: ChannelId, name: &str) -> Vec<(String, i64, i64)> {
    let told = records(&daemon.parts().reader, JournalId::of(channel)).await;
    let of = told
        .into_iter()
        .filter(|(kind, by, _)| *by == Some(id_of(name)) && ["received", "holds"].contains(&kind.as_str()));
    of.map(|(kind, _, detail)| (kind, detail["after"].as_i64().unwrap(), detail["version"].as_i64().unwrap())).collect()
}

/// Listens until the last step of a member is this one: a socket that nobody listens to answers no ping.
async fn listen_until(
    daemon: &TestDaemon,
    channel: ChannelId,
    socket: &mut TestSocket,
    name: &str,
    last: (&str, i64, i64),
) {
    let until = Instant::now() + PATIENCE;
    loop {
        let steps = steps(daemon, channel, name).await;
        if steps.last().is_some_and(|(kind, after, version)| (kind.as_str(), *after, *version) == last) {
            return;
        }
        assert!(Instant::now() < until, "{name} is at {steps:?}, not at {last:?}");
        socket.collect(Duration::from_millis(50)).await;
    }
}

async fn received(daemon: &TestDaemon, channel: ChannelId, name: &str) -> Option<i64> {
    let received = daemon.parts().reader.received(channel).await.unwrap();
    received.get(&id_of(name)).map(|(version, _)| *version)
}

async fn what_a_connection_answers_for_was_received(setup: Setup) {
    let daemon = soon(setup).start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for text in ["1", "2", "3"] {
        ana.send_message(channel, text).await;
    }
    listen_until(&daemon, channel, &mut bo, "bo", ("received", 0, 3)).await;
    let steps_then = steps(&daemon, channel, "bo").await;
    // Nothing new is nothing to write down, however often it is answered.
    bo.collect(Duration::from_millis(700)).await;
    assert_eq!(steps(&daemon, channel, "bo").await, steps_then);
    assert_eq!(received(&daemon, channel, "bo").await, Some(3));
    // What was said while they were away they have not received by coming.
    bo.close().await;
    ana.send_message(channel, "4").await;
    let mut bo = daemon.connect("bo").await;
    ana.send_message(channel, "5").await;
    listen_until(&daemon, channel, &mut bo, "bo", ("received", 4, 5)).await;
    assert!(steps(&daemon, channel, "bo").await.iter().all(|(kind, ..)| kind == "received"));
}

async fn a_page_was_received_when_the_connection_answers_after_it(setup: Setup) {
    let daemon = soon(setup).start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    for text in ["1", "2", "3"] {
        ana.send_message(channel, text).await;
    }
    let mut bo = daemon.connect("bo").await;
    assert_eq!(bo.sync(json!({"channels": {channel.to_string(): 1}})).await.len(), 1);
    // The cursor says that the first one is there, the answer that the others are.
    listen_until(&daemon, channel, &mut bo, "bo", ("received", 0, 3)).await;
    assert_eq!(steps(&daemon, channel, "bo").await, [("holds".to_owned(), 0, 1), ("received".to_owned(), 0, 3)]);
}

async fn a_client_that_comes_back_has_received_what_its_cursor_says(setup: Setup) {
    // So short that no ping was answered.
    let mut daemon = setup.lasting().start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    for text in ["1", "2", "3"] {
        ana.send_message(channel, text).await;
    }
    let mut bo = daemon.connect("bo").await;
    for cursor in [2, 2, 1, 99] {
        bo.sync(json!({"channels": {channel.to_string(): cursor}})).await;
    }
    // A cursor of another history says nothing of this one.
    bo.sync(json!({"channels": {channel.to_string(): 3}, "epoch": "another"})).await;
    assert_eq!(received(&daemon, channel, "ana").await, None);
    // What waits is written before the daemon ends.
    daemon.restart().await;
    assert_eq!(steps(&daemon, channel, "bo").await, [("holds".to_owned(), 0, 2)]);
    assert_eq!(received(&daemon, channel, "bo").await, Some(2));
    daemon.stop().await;
}

async fn who_does_not_answer_has_received_nothing(setup: Setup) {
    let daemon = soon(setup).start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    // Says that it lives, and does not listen.
    let mut cy = daemon.connect("cy").await;
    ana.send_message(channel, "1").await;
    for _ in 0..5 {
        cy.send_raw(Message::Pong(Vec::new().into())).await;
        bo.collect(Duration::from_millis(100)).await;
    }
    listen_until(&daemon, channel, &mut bo, "bo", ("received", 0, 1)).await;
    assert_eq!(received(&daemon, channel, "cy").await, None);
    listen_until(&daemon, channel, &mut cy, "cy", ("received", 0, 1)).await;
}

async fn who_came_later_has_received_what_came_since(setup: Setup) {
    let daemon = soon(setup).start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut dee) = (daemon.connect("ana").await, daemon.connect("dee").await);
    ana.send_message(channel, "1").await;
    daemon.add(channel, "ana", "dee").await.unwrap();
    dee.expect("channel").await;
    ana.send_message(channel, "2").await;
    listen_until(&daemon, channel, &mut dee, "dee", ("received", 2, 3)).await;
    daemon.remove(channel, "ana", "dee").await.unwrap();
    dee.expect("channel_removed").await;
    daemon.add(channel, "ana", "dee").await.unwrap();
    dee.expect("channel").await;
    assert_eq!(received(&daemon, channel, "dee").await, None, "nothing since they came again");
}

async fn it_is_known_soon_and_long_before_a_heartbeat(setup: Setup) {
    let daemon = setup.with(|config| config.timing.heartbeat_interval = Duration::from_secs(18)).start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send_message(channel, "1").await;
    listen_until(&daemon, channel, &mut bo, "bo", ("received", 0, 1)).await;
}

async fn what_comes_all_the_time_is_written_down_once_a_heartbeat(setup: Setup) {
    // Looked at each quarter of a second.
    let interval = Duration::from_millis(1500);
    let daemon = setup.with(|config| config.timing.heartbeat_interval = interval).start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let began = Instant::now();
    while began.elapsed() < 2 * interval {
        ana.send_message(channel, "again").await;
        bo.collect(Duration::from_millis(40)).await;
    }
    let steps_then = steps(&daemon, channel, "bo").await;
    let most = began.elapsed().as_millis() / interval.as_millis() + 1;
    assert!((1..=most).contains(&(steps_then.len() as u128)), "{steps_then:?}");
}

async fn what_was_answered_for_is_written_down_when_the_connection_ends(setup: Setup) {
    let interval = Duration::from_millis(1500);
    let daemon = setup.with(|config| config.timing.heartbeat_interval = interval).start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    let mut version = 0;
    // Again where the machine was too busy for an answer in that time.
    for _ in 0..9 {
        let mut bo = daemon.connect("bo").await;
        bo.catch_up(channel, version).await;
        version = ana.send_message(channel, "first").await["version"].as_i64().unwrap();
        listen_until(&daemon, channel, &mut bo, "bo", ("received", 0, version)).await;
        version = ana.send_message(channel, "second").await["version"].as_i64().unwrap();
        // Long enough for an answer, too short for the turn at which it would be written down.
        bo.collect(interval / 3).await;
        bo.close().await;
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            if received(&daemon, channel, "bo").await == Some(version) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    panic!("it never was");
}
