//! All sockets of some rooms on one thread: opens them, reads what comes, sends what a load asks for.
//!
//! Used by the scenarios, one crowd a thread, through the fleet. What comes is entered in the ledger at once; what a
//! scenario has to act upon is news. A socket that ends without being told to is a fault, which ends the run.

pub(crate) mod back;
mod inbox;
mod opening;
mod run;
mod socket;
mod template;

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

use super::BenchError;
use super::fleet::Shared;
use super::ledger::Ledger;
use super::stream::Dialer;
use inbox::Inbox;
pub(crate) use run::{Load, Spec};
use socket::Socket;
use template::Template;

const CHUNK: usize = 64 * 1024;
const WAKER: Token = Token(usize::MAX);

/// Something that a scenario waits for. A seat is a place in the crowd's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// The seat's socket is open.
    Live(usize),
    /// One more message of the room has come everywhere.
    Done(usize),
    /// The seat has all that it missed.
    Synced(usize),
}

/// Why a run cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A socket was not let in.
    Refused(String),
    Closed(String),
    RateLimited,
}

/// One room: its channel and its members' tokens.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    pub(crate) channel_id: String,
    pub(crate) tokens: Vec<String>,
}

pub(crate) struct Crowd {
    dialer: Dialer,
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    sockets: Vec<Socket>,
    pub(crate) ledger: Ledger,
    templates: Vec<Template>,
    next_sender: Vec<usize>,
    chunk: Vec<u8>,
    pub(crate) news: Vec<(News, Instant)>,
    pub(crate) fault: Option<Fault>,
    pub(crate) shared: Arc<Shared>,
}

impl Crowd {
    pub(crate) fn new(
        dialer: Dialer,
        rooms: Vec<Seats>,
        content_bytes: usize,
        shared: Arc<Shared>,
    ) -> Result<Self, BenchError> {
        let failed = |error: std::io::Error| BenchError::Failed(format!("cannot wait for sockets: {error}"));
        let poll = Poll::new().map_err(failed)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(failed)?);
        Ok(Self {
            dialer,
            poll,
            events: Events::with_capacity(1024),
            waker,
            ledger: Ledger::new(rooms.iter().map(|room| (room.channel_id.clone(), room.tokens.len()))),
            templates: rooms.iter().map(|room| Template::new(&room.channel_id, content_bytes)).collect(),
            next_sender: vec![0; rooms.len()],
            sockets: rooms.into_iter().flat_map(|room| room.tokens).map(Socket::new).collect(),
            chunk: vec![0; CHUNK],
            news: Vec::new(),
            fault: None,
            shared,
        })
    }

    pub(crate) fn seats(&self) -> usize {
        self.sockets.len()
    }

    pub(crate) fn rooms(&self) -> usize {
        self.ledger.rooms.len()
    }

    /// Sends a message in a room that was meant to be sent at `at`. Its members take turns.
    pub(crate) fn send(&mut self, room: usize, at: Instant) {
        let seats = &self.ledger.rooms[room].seats;
        let sender = seats.start + self.next_sender[room];
        self.next_sender[room] = (self.next_sender[room] + 1) % seats.len();
        let id = self.ledger.begin(room, sender, at, at.elapsed());
        let frame = self.templates[room].with(id);
        if let Err(error) = self.sockets[sender].write(frame) {
            self.fault.get_or_insert_with(|| Fault::Closed(error.to_string()));
        }
    }

    /// Waits for at most `timeout` and takes what comes. Whether anything came.
    pub(crate) fn turn(&mut self, timeout: Duration) -> Result<bool, BenchError> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(false),
            other => other.map_err(|error| BenchError::Failed(format!("cannot wait for sockets: {error}")))?,
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let mut has_come = false;
        for event in &events {
            if event.token() == WAKER {
                continue;
            }
            has_come = true;
            self.serve(event.token().0);
        }
        self.events = events;
        Ok(has_come)
    }

    fn serve(&mut self, seat: usize) {
        if let Err(reason) = self.attend(seat) {
            self.sockets[seat].end();
            self.fault.get_or_insert(reason);
        }
    }

    /// Writes what waits and reads what is there. An error is the end of the socket.
    fn attend(&mut self, seat: usize) -> Result<(), Fault> {
        let Self { dialer, sockets, ledger, chunk, news, .. } = self;
        let socket = &mut sockets[seat];
        if !socket.is_open() {
            // An event of a connection that was ended meanwhile.
            return Ok(());
        }
        socket.go_on(dialer).map_err(Fault::Refused)?;
        loop {
            let (count, is_all) =
                match socket.stream().map(|stream| (stream.read(chunk), stream.ends_with_a_short_read())) {
                    Some((Ok(0), _)) => return Err(socket.fault("the connection ended")),
                    Some((Ok(count), ends)) => (count, ends && count < chunk.len()),
                    Some((Err(error), _)) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Some((Err(error), _)) if error.kind() == ErrorKind::Interrupted => continue,
                    Some((Err(error), _)) => return Err(socket.fault(&error.to_string())),
                    None => return Ok(()),
                };
            let now = Instant::now();
            ledger.tally.bytes += count as u64;
            Inbox { seat, ledger, news, now }.take(socket, &chunk[..count])?;
            if is_all {
                return Ok(());
            }
        }
    }
}
