//! A daemon that is killed while it tells.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tenfour::domain::ids::ChannelId;

use crate::daemon::Setup;
use crate::host::{Host, QUICK};
use crate::process::{ProcessDaemon, token};
use crate::proxy::Proxy;
use crate::receiver::{Got, Receiver, Reply};
use crate::talkers::Talker;

on_each_database!(whatever_was_stored_is_told_in_order_though_the_daemon_is_killed_again_and_again);

/// That each version of the channel was taken, none before the one that it follows.
pub fn assert_told(receiver: &Receiver, channel: ChannelId, from: i64, to: i64) {
    let mut highest = from - 1;
    let all = receiver.all();
    let taken = all.iter().filter(|got| got.status.is_some_and(|status| status < 300) && got.is_of(channel));
    for got in taken {
        let order =
            || all.iter().map(|got| format!("{:?}:{:?}", got.version(), got.status)).collect::<Vec<_>>().join(" ");
        assert!(got.version() <= highest + 1, "{} after {highest} in {}", got.version(), order());
        highest = highest.max(got.version());
    }
    assert_eq!(highest, to);
    // What comes again comes under the name that it had.
    let of = |version: i64| all.iter().filter(move |got| got.is_of(channel) && got.version() == version).map(Got::id);
    for version in from..=to {
        assert_eq!(of(version).collect::<HashSet<_>>().len(), 1, "{version}");
    }
}

async fn whatever_was_stored_is_told_in_order_though_the_daemon_is_killed_again_and_again(setup: Setup) {
    const COUNT: usize = 120;
    // A node that died holds its channels for as long as three answers may take.
    let settings: Vec<_> = QUICK.into_iter().chain([("TENFOUR_WEBHOOK_TIMEOUT_MS", "200")]).collect();
    let mut daemon = setup.lasting().start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let receiver = Receiver::start().await;
    let webhook = Host::at(daemon.addr()).webhook_of(&receiver.url(), json!(["message.sent"])).await;
    daemon.stop().await;
    let mut number = 0;
    receiver.answer(move |_| {
        number += 1;
        match number % 11 {
            0 => Reply::Status(500),
            5 => Reply::Silence,
            _ => Reply::Status(200),
        }
    });
    let database = daemon.database();
    let (mut process, mut log) = (ProcessDaemon::start(&database, &settings), String::new());
    let proxy = Proxy::start(process.addr);
    let url = format!("ws://{}/ws", proxy.addr);
    let ana = Talker::start("ana", &url, token("ana")).await;
    let talk = ana.talk(channel, COUNT, Duration::from_millis(40));
    for round in 0..4 {
        tokio::time::sleep(Duration::from_millis(1100 + 61 * round)).await;
        process.kill();
        log += &process.log();
        process = ProcessDaemon::start(&database, &settings);
        proxy.retarget(process.addr);
    }
    let talked = tokio::time::timeout(Duration::from_secs(60), talk).await;
    talked.unwrap_or_else(|_| panic!("{:?}\n{}", ana.now(), process.log())).unwrap();
    receiver.answer(|_| Reply::Status(200));
    let last = i64::try_from(COUNT).unwrap();
    let patience = Duration::from_secs(30);
    receiver.wait_for("the last one", patience, |all| all.iter().any(|got| got.version() == last)).await;
    assert_told(&receiver, channel, 1, last);
    assert!(receiver.all().iter().all(|got| got.is_signed_by(&webhook.secret)));
    log += &process.log();
    assert!(log.contains(&webhook.id) && log.contains(&channel.to_string()), "{log}");
    assert!(!log.contains("ana 1") && !log.contains(&webhook.secret), "{log}");
}
