//! What the log says of those who are not let in.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::daemon::{PATIENCE, Setup};
use crate::process::{ProcessDaemon, token};

const REQUESTS: usize = 40;
const REQUEST: &[u8] =
    b"GET /api/v1/channels HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\nConnection: close\r\n\r\n";

#[test]
fn refused_tokens_are_logged_with_their_address_a_few_a_second_and_then_their_number() {
    let process = ProcessDaemon::start("sqlite::memory:", &[]);
    for _ in 0..REQUESTS {
        let mut stream = TcpStream::connect(process.addr).unwrap();
        stream.write_all(REQUEST).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    let told = || {
        let log = process.log();
        let said = log.matches("a token from 127.0.0.1 was refused: ").count();
        let more = log.lines().filter_map(|line| line.split_once("… and ")?.1.split(' ').next()?.parse::<usize>().ok());
        (said, more.sum::<usize>())
    };
    let deadline = Instant::now() + PATIENCE;
    while told().0 + told().1 < REQUESTS {
        assert!(Instant::now() < deadline, "{:?}:\n{}", told(), process.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let (said, more) = told();
    assert!(said >= 5 && more > 0 && said + more == REQUESTS, "{said} said, {more} more");
}

on_each_database!(what_is_said_is_in_no_log_however_much_is_logged);

async fn what_is_said_is_in_no_log_however_much_is_logged(setup: Setup) {
    const SAID: &str = "canary, 4711";
    let mut daemon = setup.lasting().start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    daemon.stop().await;
    for filter in ["trace", "info,tokio_postgres=trace"] {
        let process = ProcessDaemon::start(&daemon.database(), &[("TENFOUR_LOG", filter)]);
        let (mut ana, mut bo) = (process.connect("ana").await, process.connect("bo").await);
        ana.send_message(channel, SAID).await;
        bo.expect_text(SAID).await;
        let log = process.log();
        // As text, and as a driver prints bytes.
        let bytes = format!("{:?}", SAID.as_bytes());
        for canary in [SAID, bytes.trim_matches(['[', ']']), &token("ana")] {
            assert!(!log.contains(canary), "{canary:?} is in the log at {filter}");
        }
    }
}
