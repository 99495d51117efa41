//! The clients' sockets, all on this thread: they connect without waiting for each other, and answer pings.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::Value;

use crate::support::websocket::{self, Cutter};

/// Sockets that are opened together where it need not be a storm.
const AT_ONCE: usize = 50;
const PATIENCE: Duration = Duration::from_secs(30);
const EVENTS: usize = 1024;

/// What came to one of the sockets.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) line: usize,
    pub(crate) at: Instant,
    pub(crate) news: News,
}

#[derive(Debug)]
pub(crate) enum News {
    /// A frame's text.
    Frame(Vec<u8>),
    /// Refused, closed or cut, and by which words. Said once.
    Ended(String),
}

pub(crate) struct Lines {
    poll: Poll,
    events: Events,
    all: Vec<Line>,
    /// Came while something else was waited for.
    kept: VecDeque<Arrival>,
    chunk: Vec<u8>,
}

struct Line {
    /// None when it has ended.
    stream: Option<TcpStream>,
    /// Until it is connected.
    request: Option<String>,
    /// The head of the answer, until it is whole.
    head: Option<Vec<u8>>,
    cutter: Cutter,
}

impl Lines {
    pub(crate) fn new() -> Self {
        let (poll, events) = (Poll::new().unwrap(), Events::with_capacity(EVENTS));
        Self { poll, events, all: Vec::new(), kept: VecDeque::new(), chunk: vec![0; 64 * 1024] }
    }

    /// Begins to open a socket. Its first frame is `hello`.
    pub(crate) fn open(&mut self, addr: SocketAddr, token: &str) -> usize {
        let line = self.all.len();
        let mut stream = TcpStream::connect(addr).unwrap();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(line), interest).unwrap();
        self.all.push(Line {
            stream: Some(stream),
            request: Some(websocket::request(addr, token)),
            head: Some(Vec::new()),
            cutter: Cutter::default(),
        });
        line
    }

    /// Opens sockets one after the other, in small groups, and gives their numbers with what `hello` said.
    pub(crate) fn join(&mut self, addr: SocketAddr, tokens: &[String]) -> Vec<(usize, Value)> {
        let mut joined = Vec::with_capacity(tokens.len());
        for some in tokens.chunks(AT_ONCE) {
            let opened: Vec<usize> = some.iter().map(|token| self.open(addr, token)).collect();
            let mut hellos: Vec<Option<Value>> = vec![None; opened.len()];
            let (mut missing, deadline) = (opened.len(), Instant::now() + PATIENCE);
            while missing > 0 {
                assert!(Instant::now() < deadline, "{missing} sockets got no hello within {PATIENCE:?}");
                for arrival in self.read(Duration::from_millis(100)) {
                    let place = opened.iter().position(|line| *line == arrival.line);
                    match (place.map(|place| &mut hellos[place]), &arrival.news) {
                        (Some(hello @ None), News::Frame(frame)) => {
                            *hello = Some(serde_json::from_slice(frame).unwrap());
                            missing -= 1;
                        }
                        (Some(None), News::Ended(why)) => panic!("a socket was not opened: {why}"),
                        _ => self.kept.push_back(arrival),
                    }
                }
            }
            joined.extend(opened.into_iter().zip(hellos.into_iter().map(Option::unwrap)));
        }
        joined
    }

    /// Sends a frame. Small enough that it fits into what the kernel takes.
    pub(crate) fn send(&mut self, line: usize, frame: &str) {
        let stream = self.all[line].stream.as_mut().expect("an open socket");
        stream.write_all(&websocket::client_text(frame.as_bytes())).unwrap();
    }

    /// What has come, after waiting for it at most this long.
    pub(crate) fn turn(&mut self, wait: Duration) -> Vec<Arrival> {
        let mut arrivals: Vec<Arrival> = self.kept.drain(..).collect();
        let wait = if arrivals.is_empty() { wait } else { Duration::ZERO };
        arrivals.extend(self.read(wait));
        arrivals
    }

    /// Lets time go by, as clients do that nothing of interest comes to; pings are answered.
    pub(crate) fn rest(&mut self, time: Duration) -> Vec<Arrival> {
        let until = Instant::now() + time;
        let mut arrivals = Vec::new();
        while Instant::now() < until {
            arrivals.extend(self.turn(until.saturating_duration_since(Instant::now())));
        }
        arrivals
    }

    fn read(&mut self, wait: Duration) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        self.poll.poll(&mut self.events, Some(wait)).unwrap();
        for event in &self.events {
            let number = event.token().0;
            let line = &mut self.all[number];
            let ended = line.advance(&mut self.chunk, |at, frame| {
                arrivals.push(Arrival { line: number, at, news: News::Frame(frame.to_vec()) });
            });
            if let Err(why) = ended {
                // Dropped here, it is closed.
                line.stream = None;
                arrivals.push(Arrival { line: number, at: Instant::now(), news: News::Ended(why) });
            }
        }
        arrivals
    }
}

impl Line {
    /// Does what can be done now: asks for the socket, reads, answers pings. The error says why it has ended.
    fn advance(&mut self, chunk: &mut [u8], mut each: impl FnMut(Instant, &[u8])) -> Result<(), String> {
        let Self { stream, request, head, cutter } = self;
        let Some(stream) = stream else { return Ok(()) };
        if let Some(text) = request {
            match stream.peer_addr() {
                Ok(_) => stream.set_nodelay(true).and_then(|()| stream.write_all(text.as_bytes())),
                Err(error) if error.kind() == ErrorKind::NotConnected => {
                    return stream.take_error().unwrap().map_or(Ok(()), |error| Err(error.to_string()));
                }
                Err(error) => Err(error),
            }
            .map_err(|error| error.to_string())?;
            *request = None;
        }
        let (mut pongs, mut closed) = (Vec::new(), None);
        let mut frames = |at, bytes: &[u8]| {
            cutter.feed(bytes, |frame| {
                if frame.is_text {
                    each(at, frame.payload);
                } else if frame.is_ping {
                    pongs.push(websocket::client_pong(frame.payload));
                } else if frame.is_close {
                    closed = Some(close_words(frame.payload));
                }
            });
        };
        let end = loop {
            let count = match stream.read(chunk) {
                Ok(0) => break Some("the connection ended".to_owned()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break None,
                Err(error) => break Some(error.to_string()),
            };
            let at = Instant::now();
            let Some(begun) = head else {
                frames(at, &chunk[..count]);
                continue;
            };
            begun.extend_from_slice(&chunk[..count]);
            if let Some(end) = begun.windows(4).position(|four| four == b"\r\n\r\n") {
                if !begun.starts_with(b"HTTP/1.1 101") {
                    break Some(String::from_utf8_lossy(begun).lines().next().unwrap_or_default().to_owned());
                }
                frames(at, &begun[end + 4..]);
                *head = None;
            }
        };
        if let Some(why) = closed.or(end) {
            return Err(why);
        }
        pongs.iter().try_for_each(|pong| stream.write_all(pong)).map_err(|error| error.to_string())
    }
}

fn close_words(payload: &[u8]) -> String {
    match payload.split_first_chunk() {
        Some((code, reason)) => format!("closed: {} {}", u16::from_be_bytes(*code), String::from_utf8_lossy(reason)),
        None => "closed".to_owned(),
    }
}

/// The type of a frame, which is its first field.
pub(crate) fn kind(frame: &[u8]) -> &str {
    let rest = frame.strip_prefix(br#"{"type":""#).expect("a frame begins with its type");
    let end = rest.iter().position(|byte| *byte == b'"').unwrap();
    str::from_utf8(&rest[..end]).unwrap()
}
