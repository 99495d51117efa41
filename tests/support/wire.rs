//! Bytes on a TCP connection, for what no well-behaved client would send.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::daemon::PATIENCE;

/// A whole HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The head of an upgrade, with headers of one's own.
pub fn upgrade_head(target: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!(
        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("a text takes more");
    }
    head + "\r\n"
}

/// Sends a request and reads its answer; of a 101 only the head.
pub async fn request(addr: SocketAddr, head: &str) -> (TcpStream, Answer) {
    let mut stream = TcpStream::connect(addr).await.expect("a connection");
    stream.write_all(head.as_bytes()).await.expect("the request");
    let answer = timeout(PATIENCE, read_answer(&mut stream)).await.expect("an answer in time");
    (stream, answer)
}

pub async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut read = Vec::new();
    // Byte by byte, since what follows a 101 is not ours.
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.expect("a whole head"));
    }
    let head = String::from_utf8(read).expect("a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.expect("a whole body");
    Answer { status: status.expect("a status"), headers, body: String::from_utf8(body).expect("text") }
}

/// An upgraded connection, past its `hello`, to write any bytes on.
pub async fn upgraded(addr: SocketAddr, token: &str) -> TcpStream {
    let head = upgrade_head("/ws", &[("Authorization", &format!("Bearer {token}"))]);
    let (mut stream, answer) = request(addr, &head).await;
    assert_eq!(answer.status, 101, "{answer:?}");
    let (opcode, hello) = read_frame(&mut stream).await;
    assert!(opcode == 1 && hello.starts_with(b"{\"type\":\"hello\""), "{}", String::from_utf8_lossy(&hello));
    stream
}

/// The next frame that the server sends: its opcode and its payload.
pub async fn read_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let read = async {
        let first = stream.read_u8().await?;
        let length = match stream.read_u8().await? {
            126 => u64::from(stream.read_u16().await?),
            127 => stream.read_u64().await?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).expect("a length")];
        stream.read_exact(&mut payload).await?;
        std::io::Result::Ok((first & 0x0F, payload))
    };
    timeout(PATIENCE, read).await.expect("a frame in time").expect("a frame")
}

/// The code of the close frame, past everything before it.
pub async fn read_close(stream: &mut TcpStream) -> u16 {
    loop {
        let (opcode, payload) = read_frame(stream).await;
        if opcode == 8 {
            return u16::from_be_bytes([payload[0], payload[1]]);
        }
    }
}

/// A client's frame, masked with zeros.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// The header alone.
pub fn header(first: u8, length: u64) -> Vec<u8> {
    let mut header = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => header.push(0x80 | short),
        (_, Ok(medium)) => {
            header.push(0x80 | 0x7E);
            header.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            header.push(0x80 | 0x7F);
            header.extend_from_slice(&length.to_be_bytes());
        }
    }
    header.extend_from_slice(&[0; 4]);
    header
}

/// Whether the server ends the connection within the time, whatever it says before.
pub async fn ends_within(stream: &mut TcpStream, time: Duration) -> bool {
    let mut piece = vec![0; 64 * 1024];
    timeout(time, async { while let Ok(1..) = stream.read(&mut piece).await {} }).await.is_ok()
}

/// Whether a request is answered with 200, on a connection that may be ended at any time.
pub async fn answers(stream: &mut TcpStream, head: &str) -> bool {
    let mut start = [0; 12];
    let asked = async {
        stream.write_all(head.as_bytes()).await?;
        stream.read_exact(&mut start).await
    };
    matches!(timeout(PATIENCE, asked).await, Ok(Ok(_))) && start == *b"HTTP/1.1 200"
}
