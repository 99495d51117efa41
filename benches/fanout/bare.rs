//! The floor: a program that does nothing but read triggers and write frames.

use std::io::{ErrorKind, Read, Write};

use mio::{Events, Interest, Poll, Token};

use crate::support::process::ready;
use crate::{CONTENT_BYTES, MEMBERS, ROOMS};

/// Serves `ROOMS` × `MEMBERS` sockets that are written to, in the order of their coming, then one socket a room on which
/// each byte is a publish.
pub(crate) fn serve(frame_bytes: usize) {
    let listen = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (listener, triggers) = (listen(), listen());
    ready(&[&listener, &triggers].map(|listener| listener.local_addr().unwrap().to_string()));
    let accept = |listener: &std::net::TcpListener| {
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        mio::net::TcpStream::from_std(stream)
    };
    let mut members: Vec<Vec<_>> = (0..ROOMS).map(|_| (0..MEMBERS).map(|_| accept(&listener)).collect()).collect();
    let mut triggers: Vec<_> = (0..ROOMS).map(|_| accept(&triggers)).collect();

    let mut poll = Poll::new().unwrap();
    for (room, trigger) in triggers.iter_mut().enumerate() {
        poll.registry().register(trigger, Token(room), Interest::READABLE).unwrap();
    }
    let frame = frame(frame_bytes);
    let mut events = Events::with_capacity(ROOMS);
    let (mut asked, mut frames) = ([0; 256], Vec::new());
    loop {
        poll.poll(&mut events, None).unwrap();
        for event in &events {
            let room = event.token().0;
            let count = match triggers[room].read(&mut asked) {
                Ok(0) => return,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => panic!("{error}"),
            };
            // What is ready together goes out together.
            frames.clear();
            (0..count).for_each(|_| frames.extend_from_slice(&frame));
            for member in &mut members[room] {
                let written = member.write(&frames).unwrap();
                assert_eq!(written, frames.len(), "a socket's buffer is full");
            }
        }
    }
}

/// A text frame of so many bytes in all.
fn frame(bytes: usize) -> Vec<u8> {
    assert!(bytes > CONTENT_BYTES && bytes < usize::from(u16::MAX));
    let payload = bytes - 4;
    let mut frame = vec![0x81, 126];
    frame.extend_from_slice(&u16::try_from(payload).unwrap().to_be_bytes());
    frame.extend_from_slice(br#"{"type":"message","#);
    frame.resize(bytes, b'x');
    frame
}
