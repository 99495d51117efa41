//! Who is typing: passed on sparingly, ended surely, stored nowhere.

use std::time::{Duration, Instant};

use serde_json::json;
use tenfour::domain::ids::ChannelId;

use crate::daemon::{Setup, TestDaemon};
use crate::socket::TestSocket;

const DEBOUNCE: Duration = Duration::from_millis(400);
const EXPIRY: Duration = Duration::from_millis(600);

async fn start() -> (TestDaemon, ChannelId, TestSocket, TestSocket) {
    let setup = Setup::in_memory().with(|config| {
        config.timing.typing_debounce = DEBOUNCE;
        config.timing.typing_expiry = EXPIRY;
    });
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (ana, bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    (daemon, channel, ana, bo)
}

#[tokio::test]
async fn a_burst_is_passed_on_once_within_the_debounce() {
    let (_daemon, channel, mut ana, mut bo) = start().await;
    for _ in 0..10 {
        ana.send(&json!({"type": "typing", "channelId": channel})).await;
    }
    let frames = bo.collect(DEBOUNCE / 2).await;
    assert_eq!(frames.iter().filter(|frame| frame["type"] == "typing").count(), 1, "{frames:?}");
}

#[tokio::test]
async fn typing_on_and_on_never_ends_and_is_shown_again_each_time_it_may() {
    let (_daemon, channel, mut ana, mut bo) = start().await;
    let until = Instant::now() + 3 * EXPIRY;
    while Instant::now() < until {
        ana.send(&json!({"type": "typing", "channelId": channel})).await;
        tokio::time::sleep(EXPIRY / 6).await;
    }
    ana.expect_none_before_pong(&["typing", "typing_stopped", "error"]).await;
    let mut shown = 0;
    loop {
        match bo.next().await["type"].as_str() {
            Some("typing") => shown += 1,
            Some("typing_stopped") => break,
            _ => {}
        }
    }
    assert!((3..=5).contains(&shown), "{shown} in {:?}", 3 * EXPIRY);
    assert!(Instant::now() > until, "not before the last one");
    bo.expect_none_before_pong(&["typing", "typing_stopped"]).await;
}

#[tokio::test]
async fn a_message_ends_it_at_once() {
    let (_daemon, channel, mut ana, mut bo) = start().await;
    ana.send(&json!({"type": "typing", "channelId": channel})).await;
    bo.expect("typing").await;
    let start = Instant::now();
    ana.send_message(channel, "there").await;
    bo.expect("typing_stopped").await;
    assert!(start.elapsed() < EXPIRY / 2, "{:?}", start.elapsed());
    bo.expect_silence("typing_stopped", EXPIRY).await;
}

#[tokio::test]
async fn whoever_goes_offline_types_no_more() {
    let (_daemon, channel, mut ana, mut bo) = start().await;
    ana.send(&json!({"type": "typing", "channelId": channel})).await;
    bo.expect("typing").await;
    let start = Instant::now();
    drop(ana);
    bo.expect("typing_stopped").await;
    assert!(start.elapsed() < EXPIRY / 2, "{:?}", start.elapsed());
}

#[tokio::test]
async fn it_is_neither_stored_nor_echoed_nor_shown_to_outsiders() {
    let (daemon, channel, mut ana, mut bo) = start().await;
    let (mut other, mut eve) = (daemon.connect("ana").await, daemon.connect("eve").await);
    ana.send(&json!({"type": "typing", "channelId": channel})).await;
    bo.expect("typing").await;
    bo.expect("typing_stopped").await;
    for socket in [&mut ana, &mut other, &mut eve] {
        socket.expect_none_before_pong(&["typing", "typing_stopped"]).await;
    }
    assert_eq!(daemon.connect("bo").await.channel(channel)["version"], 0);
}
