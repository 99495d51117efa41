//! What a peer may do to us: bounded, answered, and without harm to anybody else.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use serde_json::json;
use tenfour::metrics::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::daemon::{Setup, eventually, id_of};
use crate::process::{ProcessDaemon, token};
use crate::socket::{TestSocket, message};
use crate::wire::{self, frame, header, read_close, upgrade_head, upgraded};

const TEXT: u8 = 0x81;

#[tokio::test]
async fn a_giant_frame_is_refused_at_its_header_and_costs_no_memory() {
    let process = ProcessDaemon::start("sqlite::memory:", &[]);
    let mut steady = process.connect("bo").await;
    let mut hostile = Vec::new();
    for _ in 0..20 {
        hostile.push(upgraded(process.addr, &token("ana")).await);
    }
    steady.ask(json!({"type": "ping"})).await;
    let before = process.memory();
    for stream in &mut hostile {
        stream.write_all(&header(TEXT, 1 << 30)).await.unwrap();
    }
    let (mut refused, mut pushed) = (0, 0);
    for stream in &mut hostile {
        assert_eq!(read_close(stream).await, 1009);
        refused += 1;
        // Whatever else is pushed in is not kept.
        let piece = vec![b'a'; 1 << 20];
        for _ in 0..8 {
            let wrote = tokio::time::timeout(Duration::from_millis(200), stream.write_all(&piece)).await;
            pushed += usize::from(matches!(wrote, Ok(Ok(()))));
        }
    }
    steady.ask(json!({"type": "ping"})).await;
    let grown = process.memory().saturating_sub(before);
    assert!(grown < refused << 21, "{grown} bytes for {refused} sockets that pushed {pushed} MiB");
}

#[tokio::test]
async fn a_message_may_come_in_pieces_and_all_of_them_count() {
    let daemon = Setup::in_memory().start().await;
    let token = daemon.user("ana").await;
    let mut stream = upgraded(daemon.addr(), &token).await;
    let text = br#"{"type":"ping","ref":"in pieces"}"#;
    stream.write_all(&frame(0x01, &text[..7])).await.unwrap();
    stream.write_all(&frame(0x89, b"between")).await.unwrap();
    for byte in frame(0x00, &text[7..20]) {
        stream.write_all(&[byte]).await.unwrap();
    }
    stream.write_all(&frame(0x80, &text[20..])).await.unwrap();
    assert_eq!(wire::read_frame(&mut stream).await, (0x0A, b"between".to_vec()));
    let (_, pong) = wire::read_frame(&mut stream).await;
    assert!(String::from_utf8(pong).unwrap().contains("in pieces"));
    // Forty kilobytes twice are more than the 64 that a message may have.
    stream.write_all(&frame(0x01, &vec![b' '; 40_000])).await.unwrap();
    stream.write_all(&header(0x80, 40_000)).await.unwrap();
    assert_eq!(read_close(&mut stream).await, 1009);
}

#[tokio::test]
async fn whoever_breaks_the_websocket_protocol_is_told_how() {
    let daemon = Setup::in_memory().start().await;
    let token = daemon.user("ana").await;
    for (what, bytes, code) in [
        ("reserved bits", frame(0xC1, b"{}"), 1002),
        ("an unknown opcode", frame(0x83, b"{}"), 1002),
        ("no mask", vec![TEXT, 2, b'{', b'}'], 1002),
        ("a ping in pieces", frame(0x09, b""), 1002),
        ("a ping that is too long", header(0x89, 126), 1002),
        ("a continuation of nothing", frame(0x80, b"{}"), 1002),
        ("no UTF-8", frame(TEXT, b"\xFF\xFE"), 1007),
    ] {
        let mut stream = upgraded(daemon.addr(), &token).await;
        stream.write_all(&bytes).await.unwrap();
        assert_eq!(read_close(&mut stream).await, code, "{what}");
    }
    let mut stream = upgraded(daemon.addr(), &token).await;
    stream.write_all(&frame(0x88, &1000_u16.to_be_bytes())).await.unwrap();
    assert_eq!(read_close(&mut stream).await, 1000);
    assert!(wire::ends_within(&mut stream, Duration::from_secs(3)).await);
}

#[tokio::test]
async fn a_reader_that_stalls_is_closed_and_nobody_else_waits_for_it() {
    let setup = Setup::in_memory().with(|config| config.limits.outbox_bytes = 256 * 1024);
    let daemon = setup.start().await;
    let channel = daemon.group(&["ana", "bo", "cy"]).await;
    let (mut ana, mut cy) = (daemon.connect("ana").await, daemon.connect("cy").await);
    let mut stalled = upgraded(daemon.addr(), &daemon.user("bo").await).await;
    let text = "x".repeat(16_000);
    // What the machine's own buffers take comes first.
    for count in 0.. {
        assert!(count < 2000, "never closed");
        let start = Instant::now();
        ana.send_message(channel, &text).await;
        cy.expect_text(&text).await;
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        let open = daemon.parts().metrics.connections.get();
        if open < 3 {
            break;
        }
    }
    eventually("bo is gone", async || !daemon.parts().online.has(id_of("bo"))).await;
    let slow = Reason { reason: "4413".to_owned() };
    assert_eq!(daemon.parts().metrics.connections_closed.get_or_create(&slow).get(), 1);
    assert!(wire::ends_within(&mut stalled, Duration::from_secs(3)).await);
    // Coming back, all of it is there.
    let mut bo = daemon.connect("bo").await;
    let held = bo.catch_up(channel, 0).await;
    assert_eq!(json!(held.len()), bo.channel(channel)["lastSeq"]);
}

#[tokio::test]
async fn a_peer_that_reads_nothing_loses_its_heartbeat() {
    let beat = Duration::from_millis(200);
    let setup = Setup::in_memory().with(|config| {
        config.timing.heartbeat_interval = beat;
        config.timing.heartbeat_timeout = 3 * beat;
    });
    let daemon = setup.start().await;
    daemon.direct("ana", "bo").await;
    let start = Instant::now();
    let mut deaf = upgraded(daemon.addr(), &daemon.user("ana").await).await;
    // It sends, and still answers no ping.
    while start.elapsed() < 3 * beat {
        stream_ping(&mut deaf).await;
        tokio::time::sleep(beat / 2).await;
    }
    assert_eq!(read_close(&mut deaf).await, 4408);
    assert!(start.elapsed() < 10 * beat, "{:?}", start.elapsed());
}

async fn stream_ping(stream: &mut TcpStream) {
    // Once it is closed there is nobody to write to.
    drop(stream.write_all(&frame(TEXT, br#"{"type":"ping"}"#)).await);
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let setup = Setup::in_memory().with(|config| config.timing.head_timeout = Duration::from_millis(300));
    let daemon = setup.start().await;
    for bytes in ["", "G", "GET /ws HTTP/1.1\r\nHost: x\r\n", "GET /ws HTTP/1.1\r\nAuthorization: Bearer "] {
        let mut stream = TcpStream::connect(daemon.addr()).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        assert!(wire::ends_within(&mut stream, Duration::from_secs(3)).await, "{bytes:?}");
    }
    // Drop by drop is no faster.
    let mut stream = TcpStream::connect(daemon.addr()).await.unwrap();
    let start = Instant::now();
    while stream.write_all(b"G").await.is_ok() && start.elapsed() < Duration::from_secs(3) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(start.elapsed() < Duration::from_secs(3));
    let mut ana = daemon.connect("ana").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    ana.ask(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn a_user_opens_as_many_sockets_as_they_may_and_one_more_when_one_closes() {
    let daemon = Setup::in_memory().with(|config| config.limits.max_sessions_per_user = 3).start().await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(daemon.connect("ana").await);
    }
    let bearer = format!("Bearer {}", daemon.user("ana").await);
    let head = upgrade_head("/ws", &[("Authorization", &bearer)]);
    let (_, answer) = wire::request(daemon.addr(), &head).await;
    assert_eq!((answer.status, &answer.json()["code"]), (429, &json!("rate_limited")), "{answer:?}");
    assert!(answer.header("retry-after").is_some() && answer.body.contains('3'), "{answer:?}");
    drop(daemon.connect("bo").await);
    drop(open.pop());
    eventually("a place is free", async || wire::request(daemon.addr(), &head).await.1.status == 101).await;
}

#[tokio::test]
async fn an_address_that_is_forwarded_for_opens_as_many_sockets_as_it_may() {
    let daemon = Setup::in_memory().with(|config| config.limits.max_sessions_per_address = 2).start().await;
    let bearer = format!("Bearer {}", daemon.user("ana").await);
    let mut open = Vec::new();
    for (address, status) in [("192.0.2.1", 101), ("192.0.2.1", 101), ("192.0.2.1", 429), ("192.0.2.2", 101)] {
        let head = upgrade_head("/ws", &[("Authorization", &bearer), ("X-Forwarded-For", address)]);
        let (stream, answer) = wire::request(daemon.addr(), &head).await;
        assert_eq!(answer.status, status, "{address}: {answer:?}");
        open.push(stream);
    }
}

#[tokio::test]
async fn whoever_is_too_fast_is_told_when_to_go_on_and_closed_when_they_do_not_listen() {
    let daemon = Setup::in_memory().with(|config| config.limits.rate_limit = NonZeroU32::new(5)).start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let (mut stored, mut wait) = (0, 0);
    while wait == 0 {
        let answer = ana.ask(message(channel, "quick", Uuid::new_v4())).await;
        if answer["type"] == "ack" {
            stored += 1;
        } else {
            assert_eq!((&answer["code"], &answer["retryable"]), (&json!("rate_limited"), &json!(true)));
            wait = answer["retryAfterMs"].as_u64().unwrap();
        }
    }
    assert!((15..=20).contains(&stored), "a burst of three seconds: {stored}");
    tokio::time::sleep(Duration::from_millis(wait)).await;
    ana.send_message(channel, "as told").await;
    // The other devices of the user share the rate, other users do not.
    bo.send_message(channel, "my own rate").await;
    for _ in 0..140 {
        ana.send(&message(channel, "flood", Uuid::new_v4())).await;
    }
    assert_eq!(ana.expect_close().await, (Some(4429), "kept breaking the rate limit".to_owned()));
    bo.send_message(channel, "still here").await;
}

#[tokio::test]
async fn pongs_that_nobody_asked_for_and_binary_frames_count_like_any_frame() {
    let daemon = Setup::in_memory().with(|config| config.limits.rate_limit = NonZeroU32::new(5)).start().await;
    for (sub, first) in [("ana", 0x8A), ("cy", 0x82)] {
        let token = daemon.user(sub).await;
        let mut stream = upgraded(daemon.addr(), &token).await;
        // A burst of 75, then one hundred refusals.
        for _ in 0..200 {
            if stream.write_all(&frame(first, b"unasked")).await.is_err() {
                break;
            }
        }
        assert_eq!(read_close(&mut stream).await, 4429, "{sub}");
    }
    // Whoever answers pings, and no more than these, is no case of that.
    let bo = daemon.user("bo").await;
    let mut stream = upgraded(daemon.addr(), &bo).await;
    for _ in 0..20 {
        stream.write_all(&frame(0x8A, b"now and then")).await.unwrap();
    }
    stream_ping(&mut stream).await;
    assert_eq!(wire::read_frame(&mut stream).await.0, 1);
}

#[tokio::test]
async fn a_storm_of_requests_is_answered_or_refused_but_never_kept() {
    let daemon = Setup::in_memory().start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let id = ana.send_message(channel, "edit me").await["serverId"].clone();
    for number in 0..500 {
        ana.send(&json!({"type": "edit", "messageId": id, "content": number.to_string(), "ref": number})).await;
    }
    let (mut ok, mut refused) = (0, 0);
    while ok + refused < 500 {
        let frame = ana.next().await;
        match frame["type"].as_str() {
            Some("ok") => ok += 1,
            Some("error") => {
                assert_eq!(frame["code"], "unavailable", "{frame}");
                refused += 1;
            }
            _ => {}
        }
    }
    assert!(ok >= 64, "{ok} done, {refused} refused");
    let mut bo: TestSocket = daemon.connect("bo").await;
    assert_eq!(bo.catch_up(channel, 0).await.len(), 1);
}

#[tokio::test]
async fn a_stranger_without_an_upgrade_gets_an_ordinary_answer() {
    let daemon = Setup::in_memory().start().await;
    let bearer = format!("Bearer {}", daemon.user("ana").await);
    let head = format!("GET /ws HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n\r\n");
    let (mut stream, answer) = wire::request(daemon.addr(), &head).await;
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    assert!((400..500).contains(&answer.status), "{answer:?}");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut again = vec![0; 15];
    stream.read_exact(&mut again).await.unwrap();
    assert_eq!(again, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn an_upgrade_to_several_protocols_gets_an_ordinary_answer() {
    let daemon = Setup::in_memory().start().await;
    let bearer = format!("Bearer {}", daemon.user("ana").await);
    for protocols in ["websocket, x", "x, websocket", "websocket/13"] {
        let head = upgrade_head("/ws", &[("Authorization", &bearer)]);
        let head = head.replace("Upgrade: websocket", &format!("Upgrade: {protocols}"));
        let (mut stream, answer) = wire::request(daemon.addr(), &head).await;
        assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("invalid_frame")), "{protocols}: {answer:?}");
        // The web server keeps no connection whose client had another protocol in mind.
        assert!(wire::ends_within(&mut stream, Duration::from_secs(3)).await, "{protocols}: {answer:?}");
    }
}
