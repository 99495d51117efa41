//! The load: all sockets of all rooms on one thread, and publishes that follow one another.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::support::daemon::token;
use crate::support::process::Server;
use crate::support::websocket::{self, Cutter};
use crate::{CONTENT_BYTES, MEMBERS, ROOMS};

/// Nothing came for so long: what was under way has arrived.
const QUIET: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(5);
/// What everybody gets of a publish, and what its sender gets.
const DELIVERIES: [&[u8]; 2] = [br#"{"type":"message""#, br#"{"type":"ack""#];
const ERROR: &[u8] = br#"{"type":"error""#;

/// How a publish is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By a byte on the room's own connection; the sockets speak no WebSocket.
    Bare,
    /// By a byte on the room's own connection.
    Rooms,
    /// By a `message` frame of a member, each member in turn.
    Daemon,
}

/// What one measurement counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    deliveries: u32,
    bytes: u64,
    reads: u32,
    time: Duration,
    cpu: Duration,
}

impl Sample {
    pub(crate) fn per_cpu_second(&self) -> f64 {
        f64::from(self.deliveries) / self.cpu.as_secs_f64()
    }

    pub(crate) fn per_second(&self) -> f64 {
        f64::from(self.deliveries) / self.time.as_secs_f64()
    }

    /// How many frames shared a write, as seen from here.
    pub(crate) fn frames_a_read(&self) -> f64 {
        f64::from(self.deliveries) / f64::from(self.reads)
    }

    pub(crate) fn cpus(&self) -> f64 {
        self.cpu.as_secs_f64() / self.time.as_secs_f64()
    }

    /// Rounded: the numbers in them have no fixed width.
    pub(crate) fn frame_bytes(&self) -> u64 {
        (self.bytes + u64::from(self.deliveries) / 2) / u64::from(self.deliveries)
    }
}

pub(crate) struct Crowd {
    kind: Kind,
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    rooms: Vec<Room>,
    counted: Sample,
    chunk: Vec<u8>,
}

struct Member {
    stream: mio::net::TcpStream,
    cutter: Cutter,
    /// Publishes of the room that have come here.
    got: usize,
}

struct Room {
    /// The room's own connection, where it has one.
    trigger: Option<TcpStream>,
    channel_id: String,
    begun: usize,
    /// Publishes that all have.
    done: usize,
    /// How many have each of the next ones.
    under_way: VecDeque<usize>,
}

impl Crowd {
    pub(crate) fn connect(kind: Kind, addr: SocketAddr, triggers: Option<SocketAddr>) -> Self {
        let poll = Poll::new().unwrap();
        let (mut members, mut rooms) = (Vec::new(), Vec::new());
        for room in 0..ROOMS {
            let mut channel_id = String::new();
            for member in 0..MEMBERS {
                let (stream, cutter) = if kind == Kind::Bare {
                    (TcpStream::connect(addr).unwrap(), Cutter::default())
                } else {
                    let (stream, hello, rest) = websocket::open(addr, &token(room, member));
                    let hello: serde_json::Value = serde_json::from_slice(&hello).unwrap();
                    hello["channels"][0]["id"].as_str().unwrap().clone_into(&mut channel_id);
                    let mut cutter = Cutter::default();
                    cutter.feed(&rest, |_| {});
                    (stream, cutter)
                };
                stream.set_nonblocking(true).unwrap();
                let mut stream = mio::net::TcpStream::from_std(stream);
                poll.registry().register(&mut stream, Token(members.len()), Interest::READABLE).unwrap();
                members.push(Member { stream, cutter, got: 0 });
            }
            rooms.push(Room { trigger: None, channel_id, begun: 0, done: 0, under_way: VecDeque::new() });
        }
        if let Some(addr) = triggers {
            for room in &mut rooms {
                let stream = TcpStream::connect(addr).unwrap();
                stream.set_nodelay(true).unwrap();
                room.trigger = Some(stream);
            }
        }
        let events = Events::with_capacity(members.len());
        let mut crowd =
            Self { kind, poll, events, members, rooms, counted: Sample::default(), chunk: vec![0; 64 * 1024] };
        crowd.until_quiet();
        crowd
    }

    /// Keeps `window` publishes under way in each room, and measures what that costs the server after the warm-up.
    pub(crate) fn run(&mut self, server: &Server, window: usize, warm_up: Duration, time: Duration) -> Sample {
        (0..ROOMS).for_each(|room| self.begin(room, window));
        self.drive(Instant::now() + warm_up);
        let (cpu, started) = (server.cpu(), Instant::now());
        self.counted = Sample::default();
        self.drive(started + time);
        let sample = Sample { time: started.elapsed(), cpu: server.cpu().saturating_sub(cpu), ..self.counted };
        self.until_quiet();
        for room in &self.rooms {
            assert_eq!(room.done, room.begun, "what was published has come everywhere");
        }
        sample
    }

    fn drive(&mut self, until: Instant) {
        let mut last = Instant::now();
        while Instant::now() < until {
            // Without sleeping: else a server pays for waking us up with each write, the more the faster it is.
            if self.turn(Duration::ZERO) {
                last = Instant::now();
            }
            assert!(last.elapsed() < PATIENCE, "nothing came for {PATIENCE:?}");
            for room in 0..ROOMS {
                let done = self.rooms[room].take_done();
                if done > 0 {
                    self.begin(room, done);
                }
            }
        }
    }

    fn until_quiet(&mut self) {
        while self.turn(QUIET) {}
        for room in &mut self.rooms {
            room.take_done();
        }
    }

    fn begin(&mut self, room: usize, count: usize) {
        let Room { trigger, channel_id, begun, .. } = &mut self.rooms[room];
        if let Some(trigger) = trigger {
            trigger.write_all(&[1; 64][..count]).unwrap();
        } else {
            for number in *begun..*begun + count {
                let text = format!(
                    r#"{{"type":"message","clientId":"{}","channelId":"{channel_id}","content":"{}"}}"#,
                    uuid::Uuid::new_v4(),
                    "x".repeat(CONTENT_BYTES)
                );
                let stream = &mut self.members[room * MEMBERS + number % MEMBERS].stream;
                stream.write_all(&websocket::client_text(text.as_bytes())).unwrap();
            }
        }
        *begun += count;
    }

    /// Reads what has come. False if nothing did.
    fn turn(&mut self, wait: Duration) -> bool {
        self.poll.poll(&mut self.events, Some(wait)).unwrap();
        for event in &self.events {
            let at = event.token().0;
            let Member { stream, cutter, got } = &mut self.members[at];
            let room = &mut self.rooms[at / MEMBERS];
            loop {
                let count = match stream.read(&mut self.chunk) {
                    Ok(count) => count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                };
                assert!(count > 0, "the {:?} server closed a socket", self.kind);
                self.counted.reads += 1;
                cutter.feed(&self.chunk[..count], |frame| {
                    assert!(!frame.payload.starts_with(ERROR), "{}", String::from_utf8_lossy(frame.payload));
                    // The rest tells who came, while the others were connecting.
                    if DELIVERIES.iter().any(|kind| frame.payload.starts_with(kind)) {
                        self.counted.deliveries += 1;
                        self.counted.bytes += frame.len as u64;
                        room.arrived(*got);
                        *got += 1;
                    }
                });
                if count < self.chunk.len() {
                    break;
                }
            }
        }
        !self.events.is_empty()
    }
}

impl Room {
    fn arrived(&mut self, publish: usize) {
        let at = publish - self.done;
        if at == self.under_way.len() {
            self.under_way.push_back(0);
        }
        self.under_way[at] += 1;
    }

    /// Publishes that all have by now.
    fn take_done(&mut self) -> usize {
        let mut done = 0;
        while self.under_way.pop_front_if(|count| *count == MEMBERS).is_some() {
            done += 1;
        }
        self.done += done;
        done
    }
}
