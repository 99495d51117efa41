//! One socket on its way from a connection to a session, and what still has to be written to it.

use std::io::{self, ErrorKind, Write};

use super::super::frames::Cutter;
use super::super::stream::{Dialer, Stream};
use super::Fault;

/// More than so much does not wait to be written: the daemon does not read.
const MAX_WAITING: usize = 64 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Ended,
    Connecting,
    /// The request is written, or on its way.
    Upgrading,
    /// `hello` has not come.
    Greeting,
    Live,
}

pub(super) struct Socket {
    token: String,
    stream: Option<Stream>,
    pub(super) stage: Stage,
    /// The answer to the request, until it is whole.
    pub(super) head: Vec<u8>,
    pub(super) cutter: Cutter,
    waiting: Vec<u8>,
    /// Up to here it holds what there was before this connection, and asks for the rest.
    pub(super) cursor: Option<i64>,
    /// The last page said that there is more after this version.
    pub(super) more_after: Option<i64>,
}

impl Socket {
    pub(super) fn new(token: String) -> Self {
        Self {
            token,
            stream: None,
            stage: Stage::Ended,
            head: Vec::new(),
            cutter: Cutter::default(),
            waiting: Vec::new(),
            cursor: None,
            more_after: None,
        }
    }

    pub(super) fn stream(&mut self) -> Option<&mut Stream> {
        self.stream.as_mut()
    }

    pub(super) fn is_open(&self) -> bool {
        self.stage != Stage::Ended
    }

    pub(super) fn begin(&mut self, stream: Stream) {
        self.stream = Some(stream);
        self.stage = Stage::Connecting;
        self.head.clear();
        self.more_after = None;
        self.cutter.clear();
        self.waiting.clear();
    }

    /// Lets the connection go, without a goodbye.
    pub(super) fn end(&mut self) {
        self.stream = None;
        self.stage = Stage::Ended;
    }

    /// Something happened: asks for the upgrade once there is a connection, and writes what waits.
    pub(super) fn go_on(&mut self, dialer: &Dialer) -> Result<(), String> {
        if self.stage == Stage::Connecting {
            let Some(stream) = &mut self.stream else { return Ok(()) };
            if let Ok(Some(error)) | Err(error) = stream.tcp().take_error() {
                return Err(format!("cannot connect: {error}"));
            }
            match stream.tcp().peer_addr() {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(format!("cannot connect: {error}")),
            }
            // A delayed segment would count as the daemon's.
            let _ = stream.tcp().set_nodelay(true);
            self.stage = Stage::Upgrading;
            let request = dialer.address.upgrade(&self.token);
            self.write(&request).map_err(|error| format!("cannot ask for a socket: {error}"))?;
        }
        self.flush().map_err(|error| format!("cannot write: {error}"))
    }

    /// Writes now what can be written, and the rest when the socket takes it.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut left = bytes;
        if self.waiting.is_empty() {
            left = &bytes[self.write_some(bytes)?..];
        }
        if self.waiting.len() + left.len() > MAX_WAITING {
            return Err(io::Error::new(ErrorKind::OutOfMemory, "the daemon does not read what is sent"));
        }
        self.waiting.extend_from_slice(left);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting);
            let written = self.write_some(&waiting)?;
            self.waiting = waiting;
            self.waiting.drain(..written);
        }
        match self.stream.as_mut().map(Write::flush) {
            Some(Err(error)) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Err(ErrorKind::NotConnected.into()) };
        let mut written = 0;
        while written < bytes.len() {
            match stream.write(&bytes[written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// What its end means here.
    pub(super) fn fault(&self, reason: &str) -> Fault {
        match self.stage {
            Stage::Greeting | Stage::Live => Fault::Closed(reason.to_owned()),
            Stage::Ended | Stage::Connecting | Stage::Upgrading => Fault::Refused(reason.to_owned()),
        }
    }
}
