//! Nodes that end without a word, while everybody talks.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::daemon::{eventually, id_of};
use crate::fleet::{Fleet, Settings};
use crate::process::token;
use crate::proxy::Proxy;
use crate::talkers::{Talker, assert_heard, assert_log, count_of};

/// Users of a dead node are gone between four and seven seconds after it.
const SETTINGS: Settings = &[
    ("TENFOUR_HEARTBEAT_INTERVAL_MS", "500"),
    ("TENFOUR_HEARTBEAT_TIMEOUT_MS", "6000"),
    ("TENFOUR_LOG", "warn,tenfour=info"),
];
const PAUSE: Duration = Duration::from_millis(10);
/// How long a lease lasts by these.
const LEASE: Duration = Duration::from_secs(6);
/// Two looks at whose leases have ended.
const TWO_LOOKS: Duration = Duration::from_millis(2500);

fn through(proxy: &Proxy) -> String {
    format!("ws://{}/ws", proxy.addr)
}

#[tokio::test]
async fn nodes_that_are_killed_in_turn_lose_and_double_nothing() {
    let fleet = Fleet::new(SETTINGS).await;
    let channel = fleet.group(&["ana", "bo", "cy"]).await;
    let mut nodes = [fleet.launch().await, fleet.launch().await];
    let lines = [Proxy::start(nodes[0].addr), Proxy::start(nodes[1].addr)];
    let mut ana = Talker::start("ana", &through(&lines[0]), token("ana")).await;
    let mut bo = Talker::start("bo", &through(&lines[1]), token("bo")).await;
    let (stop, stopped) = watch::channel(false);
    let talking = [&ana, &bo].map(|talker| talker.talk_until(channel, PAUSE, &stopped));
    for round in 0..4 {
        let (dies, stays) = (round % 2, 1 - round % 2);
        tokio::join!(ana.said(20), bo.said(20));
        nodes[dies].kill();
        lines[dies].retarget(nodes[stays].addr);
        tokio::join!(ana.said(20), bo.said(20));
        nodes[dies] = fleet.launch().await;
        // Who was there comes back to it.
        lines[dies].retarget(nodes[dies].addr);
        lines[dies].cut();
    }
    tokio::join!(ana.said(20), bo.said(20));
    stop.send(true).unwrap();
    let mut counts = Vec::new();
    for talk in talking {
        counts.push(talk.await.unwrap());
    }
    for (talker, other, count) in [(&mut ana, "bo", counts[1]), (&mut bo, "ana", counts[0])] {
        let heard = talker.heard("everything", |heard| count_of(heard, other) >= count).await;
        assert_heard(&heard, other, count);
        assert_eq!(heard.messages.len(), count);
        assert!(heard.connections >= 5, "{}", heard.connections);
    }
    let log = nodes[0].connect("cy").await.catch_up(channel, 0).await;
    assert_log(&log, &[("ana", counts[0]), ("bo", counts[1])]);
    assert_eq!(log.len(), counts[0] + counts[1]);
}

#[tokio::test]
async fn who_comes_back_from_a_killed_node_never_went_and_who_does_not_is_gone_once() {
    let fleet = Fleet::new(SETTINGS).await;
    let channel = fleet.group(&["ana", "bo", "cy", "dee"]).await;
    // Two are left, either of which may find that a lease has ended.
    let (mut dies, stays, other) = (fleet.launch().await, fleet.launch().await, fleet.launch().await);
    let lines = [Proxy::start(dies.addr), Proxy::start(dies.addr)];
    let mut bo = Talker::start("bo", &stays.url(), token("bo")).await;
    let mut dee = Talker::start("dee", &other.url(), token("dee")).await;
    let mut ana = Talker::start("ana", &through(&lines[0]), token("ana")).await;
    let mut cy = Talker::start("cy", &through(&lines[1]), token("cy")).await;
    bo.heard("that all are there", |heard| heard.presence.len() == 3).await;
    dee.heard("that both are there", |heard| heard.presence.len() == 2).await;
    let (stop, stopped) = watch::channel(false);
    let talking = [&ana, &bo, &cy, &dee].map(|talker| talker.talk_until(channel, PAUSE, &stopped));
    tokio::join!(ana.said(20), bo.said(20), cy.said(20), dee.said(20));
    assert!(bo.now().gone().is_empty() && dee.now().gone().is_empty());
    lines[1].refuse();
    dies.kill();
    let killed = Instant::now();
    lines[0].retarget(stays.addr);
    ana.said(20).await;
    for talker in [&mut ana, &mut bo, &mut dee] {
        talker.heard("that Cy is gone", |heard| !heard.gone().is_empty()).await;
    }
    assert!(killed.elapsed() < LEASE + TWO_LOOKS, "{:?}", killed.elapsed());
    tokio::time::sleep(TWO_LOOKS).await;
    assert_eq!(bo.now().presence[3..], [(id_of("cy"), false)], "and that only");
    assert_eq!(dee.now().presence[2..], [(id_of("cy"), false)], "and that only");
    assert_eq!(ana.now().gone(), [id_of("cy")]);
    eventually("one lease each of those who are there", async || fleet.leases() == 3).await;
    // Late, but with all that was said in the meantime, and all that was not acknowledged.
    lines[1].retarget(stays.addr);
    lines[1].accept();
    for talker in [&mut bo, &mut dee] {
        talker.heard("Cy's return", |heard| heard.presence.last() == Some(&(id_of("cy"), true))).await;
    }
    cy.said(20).await;
    stop.send(true).unwrap();
    let mut counts = Vec::new();
    for (talk, name) in talking.into_iter().zip(["ana", "bo", "cy", "dee"]) {
        counts.push((name, talk.await.unwrap()));
    }
    for talker in [&mut ana, &mut bo, &mut cy, &mut dee] {
        let name = talker.name.clone();
        for (other, count) in counts.iter().filter(|(other, _)| *other != name) {
            let heard = talker.heard("everything", |heard| count_of(heard, other) >= *count).await;
            assert_heard(&heard, other, *count);
        }
    }
    assert_log(&stays.connect("bo").await.catch_up(channel, 0).await, &counts);
}
