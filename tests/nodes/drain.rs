//! Nodes that are stopped in good order.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::daemon::{PATIENCE, id_of};
use crate::fleet::{Fleet, Settings};
use crate::process::token;
use crate::proxy::Proxy;
use crate::talkers::{Talker, assert_heard, assert_log, count_of};

/// Leases that outlast the time for which the users of a node that stops go on being shown, and are written often.
const SETTINGS: Settings = &[("TENFOUR_HEARTBEAT_INTERVAL_MS", "1000"), ("TENFOUR_HEARTBEAT_TIMEOUT_MS", "30000")];
/// How long that is.
const LINGER: Duration = Duration::from_secs(15);
/// A few looks at whose leases have ended.
const LOOKS: Duration = Duration::from_millis(3500);
const USERS: [&str; 6] = ["ana", "bo", "cy", "dee", "eli", "fay"];
const PAUSE: Duration = Duration::from_millis(60);

#[tokio::test]
async fn nodes_restarted_one_after_the_other_are_not_noticed() {
    let fleet = Fleet::new(SETTINGS).await;
    let channel = fleet.group(&USERS).await;
    let mut nodes = [fleet.launch().await, fleet.launch().await, fleet.launch().await];
    let (mut places, mut lines, mut talkers) = (Vec::new(), Vec::new(), Vec::new());
    for (number, user) in USERS.iter().enumerate() {
        let line = Proxy::start(nodes[number % 3].addr);
        talkers.push(Talker::start(user, &format!("ws://{}/ws", line.addr), token(user)).await);
        places.push(number % 3);
        lines.push(line);
    }
    let (stop, stopped) = watch::channel(false);
    let talking: Vec<_> = talkers.iter().map(|talker| talker.talk_until(channel, PAUSE, &stopped)).collect();
    for node in 0..3 {
        for talker in &mut talkers {
            talker.said(5).await;
        }
        nodes[node].terminate();
        // As a balancer does: whoever comes is sent to a node that takes them.
        let next = (node + 1) % 3;
        for (place, line) in places.iter_mut().zip(&lines).filter(|(place, _)| **place == node) {
            line.retarget(nodes[next].addr);
            *place = next;
        }
        let status = nodes[node].wait(PATIENCE).await;
        assert!(status.success(), "{status}: {}", nodes[node].log());
        nodes[node] = fleet.launch().await;
    }
    for talker in &mut talkers {
        talker.said(5).await;
    }
    stop.send(true).unwrap();
    let mut counts = Vec::new();
    for (talk, user) in talking.into_iter().zip(USERS) {
        counts.push((user, talk.await.unwrap()));
    }
    for talker in &mut talkers {
        let name = talker.name.clone();
        for (other, count) in counts.iter().filter(|(other, _)| *other != name) {
            let heard = talker.heard("everything", |heard| count_of(heard, other) >= *count).await;
            assert_heard(&heard, other, *count);
        }
        let heard = talker.now();
        assert!(heard.longest_away < PATIENCE, "{name} was away for {:?}", heard.longest_away);
        assert!(heard.connections >= 2, "{name}: {}", heard.connections);
    }
    // By now everybody is elsewhere; what the stopped nodes left behind ends, and is not news.
    let deadline = Instant::now() + LINGER + LOOKS;
    while fleet.leases() > USERS.len() {
        assert!(Instant::now() < deadline, "{} leases are left", fleet.leases());
        tokio::time::sleep(PAUSE).await;
    }
    for talker in &talkers {
        let heard = talker.now();
        assert!(heard.gone().is_empty(), "{}: {:?}", talker.name, heard.presence);
    }
    let log = nodes[0].connect("ana").await.catch_up(channel, 0).await;
    assert_log(&log, &counts);
    assert_eq!(log.len(), counts.iter().map(|(_, count)| count).sum::<usize>());
}

#[tokio::test]
async fn who_does_not_come_back_from_a_stopped_node_is_gone_once_and_not_before_their_time() {
    let fleet = Fleet::new(SETTINGS).await;
    fleet.group(&["ana", "bo"]).await;
    let (mut stops, stays) = (fleet.launch().await, fleet.launch().await);
    let line = Proxy::start(stops.addr);
    let mut bo = Talker::start("bo", &stays.url(), token("bo")).await;
    let _ana = Talker::start("ana", &format!("ws://{}/ws", line.addr), token("ana")).await;
    bo.heard("that Ana is there", |heard| heard.presence == [(id_of("ana"), true)]).await;
    line.refuse();
    let start = Instant::now();
    stops.terminate();
    assert!(stops.wait(PATIENCE).await.success());
    bo.heard("that Ana is gone", |heard| !heard.gone().is_empty()).await;
    let after = start.elapsed();
    assert!(after + Duration::from_secs(1) > LINGER && after < LINGER + LOOKS, "{after:?}");
    tokio::time::sleep(LOOKS).await;
    assert_eq!(bo.now().presence, [(id_of("ana"), true), (id_of("ana"), false)]);
    assert_eq!(fleet.leases(), 1);
}
