//! The edges of the network: connections, heads and bodies of whom nobody knows yet.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::daemon::Setup;
use crate::process::ProcessDaemon;
use crate::wire::{self, upgrade_head};

#[tokio::test]
async fn connections_that_say_nothing_leave_descriptors_for_the_rest() {
    let settings = [("TENFOUR_HEAD_TIMEOUT_MS", "60000")];
    let process = ProcessDaemon::start_with_few_files("sqlite::memory:", &settings, 200);
    assert!(process.log().contains("the limit of 200 open files"), "{:?}", process.log());
    let mut ana = process.connect("ana").await;
    let mut silent = Vec::new();
    let mut ended = 0;
    for _ in 0..250 {
        silent.push(TcpStream::connect(process.addr).await.unwrap());
    }
    for stream in silent.iter_mut().rev().take(100) {
        ended += usize::from(wire::ends_within(stream, Duration::from_secs(5)).await);
    }
    assert_eq!(ended, 100, "those over the limit are ended at once");
    assert!(process.open_files() < 180, "{} files", process.open_files());
    ana.ask(json!({"type": "ping"})).await;
    drop(silent);
    let answered = async || {
        let Ok(mut stream) = TcpStream::connect(process.addr).await else { return false };
        wire::answers(&mut stream, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await
    };
    crate::daemon::eventually("there is room again", answered).await;
}

#[tokio::test]
async fn a_later_head_has_its_time_as_the_first_one_has() {
    let setup = Setup::in_memory().with(|config| {
        config.timing.head_timeout = Duration::from_millis(400);
        config.timing.keep_alive = Duration::from_millis(600);
    });
    let daemon = setup.start().await;
    let token = daemon.user("ana").await;
    let (mut ana, start) = (daemon.connect("ana").await, Instant::now());
    // What is being answered is left alone, however long that takes: a body that comes slowly, a socket that is silent.
    let body = r#"{"type":"group","name":"Ops"}"#;
    let head = format!(
        "POST /api/v1/channels HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut slow = TcpStream::connect(daemon.addr()).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    let healthz = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let (mut dripping, answer) = wire::request(daemon.addr(), healthz).await;
    assert_eq!(answer.status, 200);
    // A quick one on the same connection is as good as the first.
    assert!(wire::answers(&mut dripping, healthz).await);
    let mut byte = [0; 1];
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    for byte in b"GET /healthz HTTP/1.1\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'x')) {
        assert!(start.elapsed() < Duration::from_secs(6), "a head may drip for ever");
        pace.tick().await;
        if dripping.write_all(&[*byte]).await.is_err() {
            break;
        }
    }
    while start.elapsed() < Duration::from_secs(3) {
        pace.tick().await;
    }
    slow.write_all(body.as_bytes()).await.unwrap();
    slow.read_exact(&mut byte).await.unwrap();
    ana.ask(json!({"type": "ping"})).await;
    drop(dripping);
}

#[tokio::test]
async fn bodies_on_their_way_are_counted_before_they_are_read() {
    let daemon = Setup::in_memory().start().await;
    let channel = daemon.direct("ana", "bo").await;
    let head = |token: &str, length: usize| {
        format!(
            "POST /api/v1/channels/{channel}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    let (ana, bo) = (daemon.user("ana").await, daemon.user("bo").await);
    let mut pending = Vec::new();
    // More than fit, since nobody knows which are looked at first.
    for _ in 0..70 {
        let mut stream = TcpStream::connect(daemon.addr()).await.unwrap();
        stream.write_all(head(&ana, 256 * 1024).as_bytes()).await.unwrap();
        pending.push(stream);
    }
    // One more is refused with nothing read, once those before it have been looked at. One that comes before them takes
    // a place and keeps it.
    loop {
        let mut stream = TcpStream::connect(daemon.addr()).await.unwrap();
        stream.write_all(head(&ana, 256 * 1024).as_bytes()).await.unwrap();
        let mut start = [0; 12];
        let read = tokio::time::timeout(Duration::from_millis(500), stream.read_exact(&mut start)).await;
        if matches!(read, Ok(Ok(_))) {
            assert_eq!(String::from_utf8_lossy(&start), "HTTP/1.1 503");
            break;
        }
        pending.push(stream);
        assert!(pending.len() < 80, "more bodies are taken than there is room for");
    }
    let body = r#"{"clientId":"6b1c5f0e-0000-4000-8000-000000000001","content":"of another user"}"#;
    let (_, answer) = wire::request(daemon.addr(), &(head(&bo, body.len()) + body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    drop(pending);
    let body = r#"{"clientId":"6b1c5f0e-0000-4000-8000-000000000002","content":"there is room again"}"#;
    let stored = async || wire::request(daemon.addr(), &(head(&ana, body.len()) + body)).await.1.status < 202;
    crate::daemon::eventually("there is room again", stored).await;
}

#[tokio::test]
async fn a_body_may_be_as_large_as_a_frame() {
    let setup = Setup::in_memory().with(|config| {
        config.limits.max_frame_bytes = 1 << 20;
        config.limits.max_content_bytes = 600_000;
    });
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let token = daemon.user("ana").await;
    let body = json!({"clientId": "6b1c5f0e-0000-4000-8000-000000000003", "content": "x".repeat(600_000)}).to_string();
    let head = format!(
        "POST /api/v1/channels/{channel}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (_, answer) = wire::request(daemon.addr(), &head).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test]
async fn a_token_that_is_pasted_as_an_address_is_in_no_log() {
    let process = ProcessDaemon::start("sqlite::memory:", &[("TENFOUR_LOG", "debug")]);
    let token = crate::process::token("ana");
    for path in ["", "/api/v1", "/api/v1/channels", "/ws"] {
        let id = format!("X-Request-Id: of{}", path.replace('/', "."));
        let head = format!("GET {path}/{token} HTTP/1.1\r\nHost: x\r\n{id}\r\n\r\n");
        let (_, answer) = wire::request(process.addr, &head).await;
        assert!([401, 404].contains(&answer.status), "{answer:?}");
        crate::daemon::eventually("its line", async || process.log().contains(&id[14..])).await;
    }
    let log = process.log();
    let claims = token.split('.').nth(1).unwrap();
    assert!(!log.contains(&token) && !log.contains(claims), "{log}");
}

#[tokio::test]
async fn of_two_authorizations_none_counts_and_sub_protocols_may_be_spread_over_lines() {
    let daemon = Setup::in_memory().start().await;
    let token = daemon.user("ana").await;
    let good = format!("Bearer {token}");
    for second in [good.as_str(), "Bearer x"] {
        let two = [("Authorization", good.as_str()), ("Authorization", second)];
        let (_, answer) = wire::request(daemon.addr(), &upgrade_head("/ws", &two)).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert!(answer.body.contains("two `Authorization` headers"), "{answer:?}");
    }
    let head =
        format!("GET /api/v1/channels HTTP/1.1\r\nHost: x\r\nAuthorization: {good}\r\nAuthorization: {good}\r\n\r\n");
    assert_eq!(wire::request(daemon.addr(), &head).await.1.status, 401);
    let bearer = format!("bearer.{token}");
    for lines in [["tenfour.v1", bearer.as_str()], [bearer.as_str(), "other, tenfour.v1"]] {
        let head = upgrade_head("/ws", &lines.map(|line| ("Sec-WebSocket-Protocol", line)));
        let (_, answer) = wire::request(daemon.addr(), &head).await;
        let chosen = answer.header("sec-websocket-protocol");
        assert_eq!((answer.status, chosen), (101, Some("tenfour.v1")), "{lines:?}: {answer:?}");
    }
}

#[tokio::test]
async fn pings_are_under_the_rate_like_other_frames() {
    let setup = Setup::in_memory().with(|config| config.limits.rate_limit = std::num::NonZeroU32::new(1));
    let daemon = setup.start().await;
    let mut stream = wire::upgraded(daemon.addr(), &daemon.user("ana").await).await;
    let pings: Vec<u8> = (0..200).flat_map(|_| wire::frame(0x89, b"x")).collect();
    stream.write_all(&pings).await.unwrap();
    let mut pongs = 0;
    let code = loop {
        match wire::read_frame(&mut stream).await {
            (0x0A, _) => pongs += 1,
            (0x08, payload) => break u16::from_be_bytes([payload[0], payload[1]]),
            _ => {}
        }
    };
    assert_eq!(code, 4429);
    assert!((1..50).contains(&pongs), "{pongs} pongs");
}
