//! The TLS of one socket, between its bytes and its connection: shared by what reads and what writes.
//!
//! Never waits, and writes to the connection only what it takes at once.

use std::io::{self, ErrorKind, Read, Write};

use bytes::Bytes;
use parking_lot::Mutex;
use rustls::ServerConnection;
use tokio::net::TcpStream;

/// The most of a text that becomes one record.
const RECORD: usize = 16 * 1024;

pub(super) struct Secure(Mutex<Session>);

struct Session {
    tls: ServerConnection,
    /// So many bytes that were given are encrypted and not all out: they count as written when they are.
    taken: usize,
}

/// What a piece of what came was made of.
pub(super) enum Came {
    Text(Bytes),
    /// Nothing yet that could be read.
    Nothing,
    /// The peer says no more.
    End,
}

/// A connection, for what was encrypted: takes what it can.
struct Wire<'a>(&'a TcpStream);

impl Write for Wire<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.try_write(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Secure {
    pub(super) fn new(tls: ServerConnection) -> Self {
        Self(Mutex::new(Session { tls, taken: 0 }))
    }

    /// As a connection's own: so many bytes are out, or it takes no more now. Whoever was told that gives the same bytes again.
    pub(super) fn try_write(&self, tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        let mut session = self.0.lock();
        session.flush(tcp)?;
        if session.taken == 0 {
            session.taken = session.tls.writer().write(&bytes[..bytes.len().min(RECORD)])?;
            session.flush(tcp)?;
        }
        Ok(std::mem::take(&mut session.taken))
    }

    /// What was in it before anybody read from the connection.
    pub(super) fn kept(&self) -> io::Result<Came> {
        let mut session = self.0.lock();
        let state = session.tls.process_new_packets().map_err(broken)?;
        let mut text = Vec::new();
        session.read(state.plaintext_bytes_to_read(), &mut text)?;
        Ok(came(text, state.peer_has_closed()))
    }

    /// Takes what was read from the connection. What TLS itself has to answer is written, as far as it goes.
    pub(super) fn take(&self, tcp: &TcpStream, mut read: &[u8]) -> io::Result<Came> {
        let mut session = self.0.lock();
        let (mut text, mut ended) = (Vec::new(), false);
        while !read.is_empty() && !ended {
            session.tls.read_tls(&mut read)?;
            match session.tls.process_new_packets() {
                Ok(state) => {
                    session.read(state.plaintext_bytes_to_read(), &mut text)?;
                    ended = state.peer_has_closed();
                }
                Err(error) => {
                    // Says why, if it can be said.
                    drop(session.flush(tcp));
                    return Err(broken(error));
                }
            }
        }
        match session.flush(tcp) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(came(text, ended)),
        }
    }

    /// Says that no more comes.
    pub(super) fn close(&self, tcp: &TcpStream) {
        let mut session = self.0.lock();
        session.tls.send_close_notify();
        // A peer that takes no more will see the connection end.
        drop(session.flush(tcp));
    }
}

impl Session {
    fn flush(&mut self, tcp: &TcpStream) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Wire(tcp)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, count: usize, text: &mut Vec<u8>) -> io::Result<()> {
        let before = text.len();
        text.resize(before + count, 0);
        self.tls.reader().read_exact(&mut text[before..])
    }
}

fn came(text: Vec<u8>, ended: bool) -> Came {
    match (text.is_empty(), ended) {
        (false, _) => Came::Text(text.into()),
        (true, false) => Came::Nothing,
        (true, true) => Came::End,
    }
}

fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

#[cfg(test)]
#[path = "secure_tests.rs"]
mod tests;
