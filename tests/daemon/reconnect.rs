//! The real client, on a line that does what lines do.

use std::time::Duration;

use crate::daemon::Setup;
use crate::proxy::{Cut, Direction, Proxy};
use crate::talkers::{Talker, assert_heard, assert_log, count_of};

on_each_database!(
    a_line_that_is_cut_again_and_again_loses_and_doubles_nothing,
    an_ack_that_is_lost_with_the_line_is_asked_for_again,
    a_line_that_was_dead_for_a_while_is_caught_up,
);

const COUNT: usize = 120;
const PAUSE: Duration = Duration::from_millis(10);

async fn a_line_that_is_cut_again_and_again_loses_and_doubles_nothing(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    let proxy = Proxy::start(daemon.addr());
    let through = format!("ws://{}/ws", proxy.addr);
    let mut ana = Talker::start("ana", &through, daemon.user("ana").await).await;
    let mut bo = Talker::start("bo", &through, daemon.user("bo").await).await;
    let steady = Talker::start("cy", &daemon.url(), daemon.user("cy").await).await;
    let talking = [&ana, &bo, &steady].map(|talker| talker.talk(channel, COUNT, PAUSE));
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(120)).await;
        proxy.cut();
    }
    for talk in talking {
        talk.await.unwrap();
    }
    let others = [("ana", COUNT), ("bo", COUNT), ("cy", COUNT)];
    for (talker, own) in [(&mut ana, "ana"), (&mut bo, "bo")] {
        let heard = talker.heard("everything", |heard| heard.messages.len() >= 2 * COUNT).await;
        for (name, count) in others.iter().filter(|(name, _)| *name != own) {
            assert_heard(&heard, name, *count);
        }
        assert_eq!(heard.messages.len(), 2 * COUNT);
        assert!(heard.connections > 5, "{}", heard.connections);
    }
    assert_log(&daemon.connect("cy").await.catch_up(channel, 0).await, &others);
}

async fn an_ack_that_is_lost_with_the_line_is_asked_for_again(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let proxy = Proxy::start(daemon.addr());
    let ana = Talker::start("ana", &format!("ws://{}/ws", proxy.addr), daemon.user("ana").await).await;
    let mut bo = daemon.connect("bo").await;
    for round in 0..10 {
        let cut = if round % 2 == 0 { Cut::Before } else { Cut::After };
        proxy.cut_when(Direction::Down, br#""type":"ack""#, cut);
        let ack = ana.client.send_and_wait(channel, format!("ana {round}")).await.unwrap();
        assert_eq!(ack.seq, round + 1);
        bo.expect_text(&format!("ana {round}")).await;
    }
    bo.expect_none_before_pong(&["message"]).await;
    assert_log(&bo.catch_up(channel, 0).await, &[("ana", 10)]);
}

async fn a_line_that_was_dead_for_a_while_is_caught_up(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let proxy = Proxy::start(daemon.addr());
    let mut bo = Talker::start("bo", &format!("ws://{}/ws", proxy.addr), daemon.user("bo").await).await;
    let mut ana = daemon.connect("ana").await;
    let first = ana.send_message(channel, "ana 0").await;
    bo.heard("the first", |heard| count_of(heard, "ana") == 1).await;
    proxy.stall();
    for number in 1..700 {
        ana.send_message(channel, &format!("ana {number}")).await;
    }
    // Not a goodbye, but a machine that came back.
    proxy.cut();
    proxy.resume();
    let heard = bo.heard("all that was missed", |heard| count_of(heard, "ana") >= 700).await;
    assert_heard(&heard, "ana", 700);
    let id = &first["serverId"];
    ana.ask_ok(serde_json::json!({"type": "delete", "messageId": id})).await;
}
