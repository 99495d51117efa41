//! How a connection becomes a socket: nothing that came with the request is lost, and nothing is kept of it.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::daemon::{Setup, eventually};
use crate::process::ProcessDaemon;
use crate::wire::{self, frame, read_answer, read_frame, upgrade_head};

#[tokio::test]
async fn what_comes_in_one_piece_with_the_request_is_answered_in_its_turn() {
    let daemon = Setup::in_memory().start().await;
    let bearer = format!("Bearer {}", daemon.user("ana").await);
    let early = [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        upgrade_head("/ws", &[("Authorization", &bearer)]).into_bytes(),
        frame(0x81, br#"{"type":"ping","ref":"early"}"#),
        frame(0x89, b"and a half")[..5].to_vec(),
    ]
    .concat();
    let mut stream = TcpStream::connect(daemon.addr()).await.unwrap();
    stream.write_all(&early).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.status, 200);
    assert_eq!(read_answer(&mut stream).await.status, 101);
    let (_, hello) = read_frame(&mut stream).await;
    assert!(hello.starts_with(b"{\"type\":\"hello\""), "{}", String::from_utf8_lossy(&hello));
    let (_, pong) = read_frame(&mut stream).await;
    assert!(String::from_utf8_lossy(&pong).contains("early"), "{}", String::from_utf8_lossy(&pong));
    stream.write_all(&frame(0x89, b"and a half")[5..]).await.unwrap();
    assert_eq!(read_frame(&mut stream).await, (0x0A, b"and a half".to_vec()));
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_answered_in_full_and_ends_the_connection() {
    let daemon = Setup::in_memory().start().await;
    let bearer = format!("Bearer {}", daemon.user("ana").await);
    for (target, bearer, status) in [("/ws", "Bearer none", 401), ("/nowhere", &bearer, 404)] {
        let head = upgrade_head(target, &[("Authorization", bearer), ("X-Request-Id", "mine")]);
        let mut stream = TcpStream::connect(daemon.addr()).await.unwrap();
        // What the peer says at once, sure of its case, must not cost it the answer.
        let early = [head.into_bytes(), frame(0x81, &vec![b' '; 40_000])].concat();
        stream.write_all(&early).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{answer:?}");
        assert_eq!(answer.header("x-request-id"), Some("mine"), "{answer:?}");
        assert_eq!(answer.json()["status"], status, "{answer:?}");
        assert!(wire::ends_within(&mut stream, Duration::from_secs(3)).await, "{answer:?}");
    }
}

#[tokio::test]
async fn an_open_socket_holds_one_descriptor_and_gives_it_back() {
    let process = ProcessDaemon::start("sqlite::memory:", &[]);
    let _first = process.connect("ana").await;
    let before = process.open_files();
    let mut open = Vec::new();
    for member in 0..40 {
        open.push(process.connect(&format!("member-{member}")).await);
    }
    // The store may have opened a connection more.
    eventually("one each", async || process.open_files() <= before + 45).await;
    drop(open);
    eventually("none is left", async || process.open_files() <= before + 5).await;
}
