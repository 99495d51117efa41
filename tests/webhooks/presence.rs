//! Who comes and who goes, also where a node died.

use serde_json::json;
use tenfour::config::Config;

use crate::daemon::{Setup, id_of};
use crate::host::{Host, QUICK};
use crate::nodes::{Nodes, quick as quick_beats};
use crate::place::{Kind, Place};
use crate::process::{ProcessDaemon, token};
use crate::receiver::{Got, Receiver, Reply};
use crate::redis::Redis;
use crate::talkers::Talker;

on_each_database!(
    coming_and_going_alternate_whatever_devices_do,
    coming_and_going_are_told_though_the_receiver_was_away,
    users_of_a_daemon_that_was_killed_are_gone_unless_they_come_back,
    a_restart_makes_nobody_go,
    who_is_there_when_a_webhook_takes_the_place_of_another_is_told_as_going,
);

const BOTH: [&str; 2] = ["user.online", "user.offline"];

/// What was told of a user, in the order in which it came.
fn of(all: &[Got], user: &str) -> Vec<bool> {
    let own = all.iter().filter(|got| BOTH.contains(&got.kind()) && got.body["data"]["userId"] == json!(id_of(user)));
    own.map(|got| got.kind() == "user.online").collect()
}

async fn coming_and_going_alternate_whatever_devices_do(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    host.webhook_of(&receiver.url(), json!(BOTH)).await;
    for _ in 0..3 {
        let (one, other) = (daemon.connect("ana").await, daemon.connect("ana").await);
        one.close().await;
        let third = daemon.connect("ana").await;
        other.close().await;
        third.close().await;
        // The daemon has noticed.
        crate::daemon::eventually("she is gone", async || !daemon.parts().online.has(id_of("ana"))).await;
    }
    let all = receiver.wait("six", |all| all.len() == 6).await;
    assert_eq!(of(&all, "ana"), [true, false, true, false, true, false]);
    let changes: Vec<i64> = all.iter().map(|got| got.body["data"]["change"].as_i64().unwrap()).collect();
    assert_eq!(changes, [1, 2, 3, 4, 5, 6]);
    assert_eq!(all[0].body["data"]["users"][0]["externalId"], "ana");
}

async fn coming_and_going_are_told_though_the_receiver_was_away(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let webhook = host.webhook_of(&receiver.url(), json!(BOTH)).await;
    receiver.answer(|_| Reply::Status(500));
    for _ in 0..2 {
        daemon.connect("ana").await.close().await;
        crate::daemon::eventually("she is gone", async || !daemon.parts().online.has(id_of("ana"))).await;
    }
    host.fails(&webhook, "it fails", |shown| shown["failing"][0]["userId"] == json!(id_of("ana"))).await;
    receiver.answer(|_| Reply::Status(200));
    let all = receiver.wait("four", |all| all.len() == 4).await;
    assert_eq!(of(&all, "ana"), [true, false, true, false]);
}

/// Heartbeats that a test can wait for.
const BEATS: [(&str, &str); 2] = [("TENFOUR_HEARTBEAT_INTERVAL_MS", "500"), ("TENFOUR_HEARTBEAT_TIMEOUT_MS", "2500")];

fn settings<'a>(more: &'a [(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    QUICK.iter().chain(&BEATS).chain(more).copied().collect()
}

async fn users_of_a_daemon_that_was_killed_are_gone_unless_they_come_back(setup: Setup) {
    let mut daemon = setup.lasting().start().await;
    let receiver = Receiver::start().await;
    Host::at(daemon.addr()).webhook_of(&receiver.url(), json!(BOTH)).await;
    daemon.stop().await;
    let database = daemon.database();
    let mut process = ProcessDaemon::start(&database, &settings(&[]));
    let lines = (Talker::start("ana", &process.url(), token("ana")).await, process.connect("bo").await);
    receiver.wait("both came", |all| all.len() == 2).await;
    process.kill();
    drop(lines);
    process = ProcessDaemon::start(&database, &settings(&[]));
    let ana = Talker::start("ana", &process.url(), token("ana")).await;
    let all = receiver.wait("who did not come back is gone", |all| all.len() == 3).await;
    assert_eq!((of(&all, "ana"), of(&all, "bo")), (vec![true], vec![true, false]));
    ana.client.clone().close().await;
    let all = receiver.wait("who went later", |all| all.len() == 4).await;
    assert_eq!((of(&all, "ana"), of(&all, "bo")), (vec![true, false], vec![true, false]));
    drop(process);
}

async fn a_restart_makes_nobody_go(setup: Setup) {
    let mut daemon = setup.lasting().start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    host.webhook_of(&receiver.url(), json!(BOTH)).await;
    let ana = daemon.connect("ana").await;
    receiver.wait("she came", |all| all.len() == 1).await;
    daemon.restart().await;
    drop(ana);
    let ana = daemon.connect("ana").await;
    let bo = daemon.connect("bo").await;
    receiver.wait("another came", |all| all.len() == 2).await;
    ana.close().await;
    bo.close().await;
    let all = receiver.wait("both went", |all| all.len() == 4).await;
    assert_eq!((of(&all, "ana"), of(&all, "bo")), (vec![true, false], vec![true, false]));
}

#[tokio::test]
async fn devices_on_two_nodes_are_one_user() {
    let settings = |config: &mut Config| {
        crate::host::quick(config);
        quick_beats(config);
    };
    let mut nodes = Nodes::start_with(1, settings).await;
    let receiver = Receiver::start().await;
    Host::at(nodes.node(0).addr()).webhook_of(&receiver.url(), json!(BOTH)).await;
    // It knows of the webhook from its start on.
    nodes.add(settings).await;
    let one = nodes.node(0).connect("ana").await;
    receiver.wait("she came", |all| all.len() == 1).await;
    let other = nodes.node(1).connect("ana").await;
    one.close().await;
    let third = nodes.node(0).connect("ana").await;
    other.close().await;
    third.close().await;
    receiver.wait("she went", |all| all.len() == 2).await;
    let bo = nodes.node(1).connect("bo").await;
    bo.close().await;
    let all = receiver.wait("another came and went", |all| all.len() == 4).await;
    assert_eq!((of(&all, "ana"), of(&all, "bo")), (vec![true, false], vec![true, false]));
}

#[tokio::test]
async fn users_of_a_node_that_was_killed_are_gone_once_and_those_who_came_back_are_not() {
    let database = Place::make(Kind::Postgres).await;
    let redis = tokio::task::spawn_blocking(Redis::start).await.unwrap();
    let url = redis.url();
    let more = [("REDIS_URL", url.as_str())];
    let settings = settings(&more);
    let stays = ProcessDaemon::start(&database.url(), &settings);
    let receiver = Receiver::start().await;
    Host::at(stays.addr).webhook_of(&receiver.url(), json!(BOTH)).await;
    let mut dies = ProcessDaemon::start(&database.url(), &settings);
    let lines = (Talker::start("ana", &dies.url(), token("ana")).await, dies.connect("bo").await);
    receiver.wait("both came", |all| of(all, "ana") == [true] && of(all, "bo") == [true]).await;
    dies.kill();
    drop(lines);
    let ana = Talker::start("ana", &stays.url(), token("ana")).await;
    receiver.wait("who did not come back is gone", |all| of(all, "bo") == [true, false]).await;
    ana.client.clone().close().await;
    let all = receiver.wait("who went later", |all| of(all, "ana").len() > 1).await;
    assert_eq!((of(&all, "ana"), of(&all, "bo")), (vec![true, false], vec![true, false]));
}

async fn who_is_there_when_a_webhook_takes_the_place_of_another_is_told_as_going(setup: Setup) {
    let daemon = setup.start().await;
    let (host, receiver) = (Host::at(daemon.addr()), Receiver::start().await);
    let first = host.webhook_of(&receiver.url(), json!(BOTH)).await;
    let ana = daemon.connect("ana").await;
    receiver.expect("user.online").await;
    host.must("DELETE", &format!("/webhooks/{}", first.id), serde_json::Value::Null).await;
    host.webhook_of(&receiver.url(), json!(BOTH)).await;
    ana.close().await;
    receiver.expect("user.offline").await;
    assert_eq!(of(&receiver.taken(), "ana"), [true, false]);
}

#[tokio::test]
async fn who_is_there_on_another_node_when_a_webhook_takes_the_place_of_another_is_told_as_going() {
    let mut nodes = Nodes::start_with(1, crate::host::quick).await;
    let receiver = Receiver::start().await;
    let host = Host::at(nodes.node(0).addr());
    let first = host.webhook_of(&receiver.url(), json!(BOTH)).await;
    // It knows of the webhook from its start on.
    nodes.add(crate::host::quick).await;
    let bo = nodes.node(0).connect("bo").await;
    receiver.wait("one came", |all| of(all, "bo") == [true]).await;
    let ana = nodes.node(1).connect("ana").await;
    receiver.wait("the other came", |all| of(all, "ana") == [true]).await;
    host.must("DELETE", &format!("/webhooks/{}", first.id), serde_json::Value::Null).await;
    host.webhook_of(&receiver.url(), json!(BOTH)).await;
    ana.close().await;
    receiver.wait("the other went", |all| of(all, "ana") == [true, false]).await;
    bo.close().await;
    receiver.wait("one went", |all| of(all, "bo") == [true, false]).await;
}
