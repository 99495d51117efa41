//! How far everybody has read.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenfour::domain::ids::ChannelId;

use crate::daemon::{Setup, id_of};
use crate::socket::{TestSocket, number};

on_each_database!(
    a_mark_never_goes_back_and_never_beyond_the_newest_message,
    a_mark_is_told_to_the_others_and_the_readers_other_devices,
    a_peers_mark_is_there_after_a_reload,
    the_marks_of_fifty_readers_are_told_together,
);

fn read(channel: ChannelId, seq: i64) -> Value {
    json!({"type": "read", "channelId": channel, "seq": seq})
}

async fn a_mark_never_goes_back_and_never_beyond_the_newest_message(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for text in ["1", "2", "3", "4"] {
        ana.send_message(channel, text).await;
    }
    for (seq, stands, unread) in [(2, 2, 2), (1, 2, 2), (0, 2, 2), (3, 3, 1), (99, 4, 0), (i64::MAX, 4, 0), (1, 4, 0)] {
        bo.ask_ok(read(channel, seq)).await;
        let told = daemon.connect("bo").await;
        let told = told.channel(channel);
        assert_eq!((number(&told["lastReadSeq"]), number(&told["unread"])), (stands, unread), "after {seq}");
    }
    ana.send_message(channel, "5").await;
    assert_eq!(daemon.connect("bo").await.channel(channel)["unread"], 1);
    // Sending is not reading.
    bo.send_message(channel, "6").await;
    let told = daemon.connect("bo").await;
    let told = told.channel(channel);
    assert_eq!((&told["lastReadSeq"], &told["unread"]), (&json!(4), &json!(1)));
    for bad in [json!(-1), json!(1.5), json!("1"), Value::Null] {
        bo.ask_refused(json!({"type": "read", "channelId": channel, "seq": bad}), "invalid_frame").await;
    }
}

async fn a_mark_is_told_to_the_others_and_the_readers_other_devices(setup: Setup) {
    let daemon = setup.with(|config| config.timing.read_merge = Duration::from_millis(50)).start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut phone, mut desk) =
        (daemon.connect("ana").await, daemon.connect("bo").await, daemon.connect("bo").await);
    ana.send_message(channel, "1").await;
    phone.ask_ok(read(channel, 1)).await;
    for socket in [&mut ana, &mut desk] {
        let told = socket.expect("read").await;
        assert_eq!(
            (&told["channelId"], &told["userId"], &told["seq"]),
            (&json!(channel), &json!(id_of("bo")), &json!(1))
        );
        assert!(told["at"].is_string());
    }
    // The same mark again moved nothing.
    phone.ask_ok(read(channel, 1)).await;
    ana.expect_silence("read", Duration::from_millis(200)).await;
    phone.expect_none_before_pong(&["read"]).await;
}

async fn a_peers_mark_is_there_after_a_reload(setup: Setup) {
    let mut daemon = setup.lasting().start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for text in ["1", "2"] {
        ana.send_message(channel, text).await;
    }
    bo.ask_ok(read(channel, 2)).await;
    assert_eq!(daemon.connect("ana").await.channel(channel)["peer"]["lastReadSeq"], 2);
    daemon.restart().await;
    let ana = daemon.connect("ana").await;
    assert_eq!(ana.channel(channel)["peer"], json!({"id": id_of("bo"), "name": "Bo", "lastReadSeq": 2}));
}

async fn the_marks_of_fifty_readers_are_told_together(setup: Setup) {
    const READERS: usize = 49;
    let daemon = setup.start().await;
    let names: Vec<String> = (0..READERS).map(|number| format!("reader {number}")).collect();
    let members: Vec<&str> = std::iter::once("ana").chain(names.iter().map(String::as_str)).collect();
    let channel = daemon.group(&members).await;
    let mut ana = daemon.connect("ana").await;
    let mut readers: Vec<TestSocket> = Vec::new();
    for name in &names {
        readers.push(daemon.connect(name).await);
    }
    ana.send_message(channel, "read me").await;
    let start = Instant::now();
    let mark = read(channel, 1);
    futures_util::future::join_all(readers.iter_mut().map(|reader| reader.send(&mark))).await;
    // The first one at once, the rest a second later; 2,401 frames would be all of them each by itself.
    let early = ana.collect(Duration::from_millis(300)).await;
    let early = early.iter().filter(|frame| frame["type"] == "read").count();
    assert!(early <= 10, "{early} of {READERS} within {:?}", start.elapsed());
    let mut told = early;
    while told < READERS {
        ana.expect("read").await;
        told += 1;
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
