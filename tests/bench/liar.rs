//! Stands between a client and a daemon and, once, does with a message what no daemon may do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    Double,
    Drop,
    /// With the next message on the same socket.
    Swap,
}

/// The lie is told at this message, counted over all sockets: when all is under way.
const AT: usize = 20;

pub(crate) struct Liar {
    pub(crate) addr: SocketAddr,
}

impl Liar {
    pub(crate) fn before(target: SocketAddr, lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(AtomicUsize::new(0));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(target).unwrap());
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(from, to));
                let seen = Arc::clone(&seen);
                thread::spawn(move || distort(server, client, lie, &seen));
            }
        });
        Self { addr }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    // Either end may go at any time.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

fn distort(mut from: TcpStream, mut to: TcpStream, lie: Lie, seen: &AtomicUsize) {
    let (mut bytes, mut chunk, mut held) = (Vec::new(), [0; 4096], None);
    let mut is_open = false;
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..count]);
        let mut out = Vec::new();
        if !is_open {
            // The answer to the request for a socket, or to a call.
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            if bytes.starts_with(b"HTTP/1.1 101") {
                is_open = true;
                out.extend(bytes.drain(..end + 4));
            } else {
                out.append(&mut bytes);
            }
        }
        while let Some(len) = is_open.then(|| frame(&bytes)).flatten() {
            let frame: Vec<u8> = bytes.drain(..len).collect();
            let is_message = frame.windows(17).take(12).any(|part| part == br#"{"type":"message""#);
            if let Some(held) = held.take_if(|_| is_message) {
                out.extend([frame, held].concat());
                continue;
            }
            match (is_message && seen.fetch_add(1, Ordering::Relaxed) == AT, lie) {
                (false, _) => out.extend(frame),
                (true, Lie::Double) => out.extend([&frame[..], &frame].concat()),
                (true, Lie::Drop) => {}
                (true, Lie::Swap) => held = Some(frame),
            }
        }
        if to.write_all(&out).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// The length of the first frame, if it is whole.
fn frame(bytes: &[u8]) -> Option<usize> {
    let len = match *bytes.get(1)? {
        126 => 4 + usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())),
        127 => 10 + usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap())).unwrap(),
        short => 2 + usize::from(short),
    };
    (bytes.len() >= len).then_some(len)
}
