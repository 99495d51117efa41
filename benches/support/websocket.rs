//! The client's end of a WebSocket, as cheap as can be: it must not cost more than the server that is measured.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Opens a socket and reads the first frame, which is `hello`. Also what came after it.
pub(crate) fn open(addr: SocketAddr, token: &str) -> (TcpStream, Vec<u8>, Vec<u8>) {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request(addr, token).as_bytes()).unwrap();
    let (mut read, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            assert!(read.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&read));
            if let Some(frame) = Frame::first(&read[end + 4..]) {
                let hello = frame.payload.to_vec();
                let rest = read[end + 4 + frame.len..].to_vec();
                return (stream, hello, rest);
            }
        }
        let count = stream.read(&mut chunk).unwrap();
        assert!(count > 0, "closed instead of hello: {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&chunk[..count]);
    }
}

/// What asks for a socket.
pub(crate) fn request(addr: SocketAddr, token: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
}

/// A text message of a client.
pub(crate) fn client_text(payload: &[u8]) -> Vec<u8> {
    client_frame(TEXT, payload)
}

/// The answer to a ping.
pub(crate) fn client_pong(payload: &[u8]) -> Vec<u8> {
    client_frame(PONG, payload)
}

/// Masked with zeros.
fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match u16::try_from(payload.len()).unwrap() {
        short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        len => {
            frame.push(0xFE);
            frame.extend_from_slice(&len.to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// A server's frame.
pub(crate) struct Frame<'a> {
    pub(crate) payload: &'a [u8],
    pub(crate) is_text: bool,
    pub(crate) is_ping: bool,
    pub(crate) is_close: bool,
    /// Header included.
    pub(crate) len: usize,
}

impl<'a> Frame<'a> {
    /// The first frame, if it is whole.
    pub(crate) fn first(bytes: &'a [u8]) -> Option<Self> {
        let (head, len) = match *bytes.get(1)? {
            126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
            short => (2, usize::from(short)),
        };
        let payload = bytes.get(head..head + len)?;
        let opcode = bytes[0] & 0x0F;
        Some(Self {
            payload,
            is_text: opcode == TEXT,
            is_ping: opcode == PING,
            is_close: opcode == CLOSE,
            len: head + len,
        })
    }
}

/// Cuts what is read into frames.
#[derive(Default)]
pub(crate) struct Cutter {
    /// The beginning of a frame whose end has not come.
    begun: Vec<u8>,
}

impl Cutter {
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&Frame<'_>)) {
        if self.begun.is_empty() {
            let used = cut(bytes, &mut each);
            self.begun.extend_from_slice(&bytes[used..]);
        } else {
            self.begun.extend_from_slice(bytes);
            let used = cut(&self.begun, &mut each);
            self.begun.drain(..used);
        }
    }
}

fn cut(bytes: &[u8], each: &mut impl FnMut(&Frame<'_>)) -> usize {
    let mut used = 0;
    while let Some(frame) = Frame::first(&bytes[used..]) {
        each(&frame);
        used += frame.len;
    }
    used
}
