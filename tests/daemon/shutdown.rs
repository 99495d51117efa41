//! A good end, and a start that is none.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::daemon::{PATIENCE, Setup};
use crate::process::{ProcessDaemon, command, token};
use crate::socket::{message, number};
use crate::wire;

on_each_database!(sigterm_says_goodbye_stores_what_was_accepted_and_exits_with_success,);

async fn sigterm_says_goodbye_stores_what_was_accepted_and_exits_with_success(setup: Setup) {
    let mut daemon = setup.lasting().start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    daemon.stop().await;
    let database = daemon.database();
    let mut process = ProcessDaemon::start(&database, &[]);
    let mut ana = process.connect("ana").await;
    let mut bo = process.connect("bo").await;
    // Two that will not help: one that reads nothing, and one that has sent half of a head.
    let _deaf = wire::upgraded(process.addr, &token("bo")).await;
    let mut half = tokio::net::TcpStream::connect(process.addr).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut half, b"GET /ws HTTP/1.1\r\n").await.unwrap();
    for number in 0..200 {
        ana.send(&message(channel, &format!("ana {number}"), Uuid::new_v4())).await;
    }
    ana.expect("ack").await;
    let start = Instant::now();
    process.terminate();
    let goodbye = bo.expect("goaway").await;
    assert!(goodbye["reconnectInMs"].as_u64().is_some() && goodbye["reason"].is_string(), "{goodbye}");
    let mut acked = HashSet::from([1]);
    let closed = loop {
        let frame = ana.expect_where("acks and the end", |it| it["type"] == "ack" || it["type"] == "goaway").await;
        if frame["type"] == "goaway" {
            break ana.expect_close().await;
        }
        acked.insert(number(&frame["seq"]));
    };
    assert_eq!(closed.0, Some(1001), "{closed:?}");
    assert_eq!(bo.expect_close().await.0, Some(1001));
    let status = process.wait(Duration::from_secs(10)).await;
    assert!(status.success(), "{status}: {}", process.log());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(tokio::net::TcpStream::connect(process.addr).await.is_err());
    let process = ProcessDaemon::start(&database, &[]);
    let log = process.connect("ana").await.catch_up(channel, 0).await;
    let stored: HashSet<i64> = log.iter().map(|it| number(&it["seq"])).collect();
    assert!(acked.is_subset(&stored), "{} acknowledged, {} stored", acked.len(), stored.len());
    assert_eq!(stored.len(), log.len());
}

type Settings<'a> = &'a [(&'a str, &'a str)];

/// The exit code, and what is said about it. One that starts after all is ended.
fn end(database: &str, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut child = command(database, settings).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(child.kill());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn what_cannot_be_started_says_why_in_one_line() {
    let daemon = Setup::in_memory().start().await;
    let taken = daemon.addr().to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no database");
    std::fs::write(&file, "this is a text of more than sixteen bytes, and no database at all\n".repeat(100)).unwrap();
    let no_database = format!("sqlite:{}", file.display());
    let cases: [(&str, Settings<'_>, i32, &str); 7] = [
        ("mysql://localhost/chat", &[], 78, "postgres://"),
        (&no_database, &[], 78, "no SQLite database"),
        ("sqlite:/no/such/folder/tenfour.db", &[], 78, "/no/such/folder"),
        ("postgres://nobody@127.0.0.1:1/none", &[], 1, "127.0.0.1:1"),
        ("sqlite::memory:", &[("TENFOUR_LISTEN", &taken)], 78, "TENFOUR_LISTEN"),
        ("sqlite::memory:", &[("TENFOUR_RATE_LIMIT", "fast")], 78, "TENFOUR_RATE_LIMIT"),
        ("sqlite::memory:", &[("TENFOUR_CONFIG", "/no/such/file.toml")], 78, "/no/such/file.toml"),
    ];
    for (database, settings, code, word) in cases {
        let (status, said) = end(database, settings);
        assert_eq!(status, Some(code), "{database} {settings:?}: {said}");
        let lines: Vec<_> = said.lines().filter(|line| line.starts_with("tenfour: ")).collect();
        assert!(lines.len() == 1 && lines[0].contains(word), "{database} {settings:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[tokio::test]
async fn a_daemon_that_stops_takes_no_more_sockets() {
    let mut daemon = Setup::in_memory().start().await;
    daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let (url, token) = (daemon.url(), daemon.user("bo").await);
    daemon.stop().await;
    assert_eq!(ana.expect_close().await.0, Some(1001));
    assert!(crate::socket::TestSocket::try_connect("bo", &url, &token).await.is_err());
}
