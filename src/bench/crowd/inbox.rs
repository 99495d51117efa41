//! What came in on one socket, entered where it belongs.

use std::time::Instant;

use serde::Deserialize;
use serde_json::json;

use super::super::frames::{self, Frame, Opcode};
use super::super::ledger::Ledger;
use super::super::scan::{Kind, Scanned, versions};
use super::socket::{Socket, Stage};
use super::{Fault, News};

const MAX_HEAD: usize = 64 * 1024;
/// How much of a refusal is shown.
const MAX_DETAIL: usize = 300;

/// Of a `hello`, what is needed: the one channel that everybody here is in.
#[derive(Deserialize)]
struct Hello {
    channels: Vec<Channel>,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    version: i64,
}

pub(super) struct Inbox<'a> {
    pub(super) seat: usize,
    pub(super) ledger: &'a mut Ledger,
    pub(super) news: &'a mut Vec<(News, Instant)>,
    pub(super) now: Instant,
}

impl Inbox<'_> {
    pub(super) fn take(&mut self, socket: &mut Socket, bytes: &[u8]) -> Result<(), Fault> {
        if socket.stage != Stage::Upgrading {
            return self.frames(socket, bytes);
        }
        socket.head.extend_from_slice(bytes);
        let Some(end) = socket.head.windows(4).position(|four| four == b"\r\n\r\n") else {
            return if socket.head.len() > MAX_HEAD { Err(socket.fault("no end of the answer")) } else { Ok(()) };
        };
        let head = std::mem::take(&mut socket.head);
        if !head.starts_with(b"HTTP/1.1 101") {
            return Err(Fault::Refused(refusal(&head, end)));
        }
        socket.stage = Stage::Greeting;
        self.frames(socket, &head[end + 4..])
    }

    fn frames(&mut self, socket: &mut Socket, bytes: &[u8]) -> Result<(), Fault> {
        let (mut replies, mut fault) = (Vec::new(), None);
        let mut cutter = std::mem::take(&mut socket.cutter);
        cutter.feed(bytes, |frame| {
            if fault.is_none() {
                fault = self.frame(socket, frame, &mut replies).err();
            }
        });
        socket.cutter = cutter;
        if !replies.is_empty() {
            socket.write(&replies).map_err(|error| socket.fault(&error.to_string()))?;
        }
        fault.map_or(Ok(()), Err)
    }

    fn frame(&mut self, socket: &mut Socket, frame: &Frame<'_>, replies: &mut Vec<u8>) -> Result<(), Fault> {
        match frame.opcode {
            Opcode::Text => self.text(socket, frame.payload, replies),
            Opcode::Ping => {
                replies.extend(frames::pong(frame.payload));
                Ok(())
            }
            Opcode::Pong => Ok(()),
            Opcode::Close => Err(Fault::Closed(format!("the daemon closed a socket: {}", frame.close_reason()))),
            Opcode::Foreign => Err(Fault::Closed("a frame that the daemon does not send".to_owned())),
        }
    }

    fn text(&mut self, socket: &mut Socket, payload: &[u8], replies: &mut Vec<u8>) -> Result<(), Fault> {
        let unread = || Fault::Closed(format!("a frame that cannot be read: {}", shown(payload)));
        let mut frame = Scanned::quickly(payload).ok_or_else(unread)?;
        let has_place = matches!(frame.kind, Kind::Message | Kind::Ack | Kind::Change);
        if has_place && frame.version.is_some_and(|version| !self.ledger.is_next(self.seat, version)) {
            // It may stand for several versions, which is said behind what was read.
            frame = Scanned::wholly(payload).ok_or_else(unread)?;
        }
        let done = match frame.kind {
            Kind::Message => self.ledger.delivered(self.seat, &frame, self.now),
            Kind::Ack => self.ledger.acknowledged(self.seat, &frame, self.now),
            Kind::Change => {
                if let Some(version) = frame.version {
                    self.ledger.passes(self.seat, version, frame.since);
                }
                None
            }
            Kind::Error if frame.code == Some(b"rate_limited") => return Err(Fault::RateLimited),
            // Of a send it is counted; anything else that is asked for here cannot be refused.
            Kind::Error if frame.client_id.is_some() => self.ledger.refused(&frame),
            Kind::Error => return Err(Fault::Closed(format!("the daemon answered {}", shown(payload)))),
            Kind::Hello => return self.hello(socket, payload, replies),
            Kind::Sync => return self.page(socket, &frame, payload),
            Kind::SyncComplete => {
                self.page_is_over(socket, replies);
                None
            }
            Kind::Goaway | Kind::Other => None,
        };
        self.news.extend(done.map(|room| (News::Done(room), self.now)));
        Ok(())
    }

    fn hello(&mut self, socket: &mut Socket, payload: &[u8], replies: &mut Vec<u8>) -> Result<(), Fault> {
        let hello: Hello = serde_json::from_slice(payload)
            .map_err(|error| Fault::Closed(format!("a hello that cannot be read: {error}")))?;
        let room = self.ledger.room_of(self.seat);
        let own = self.ledger.rooms[room].channel_id.clone();
        let channel = hello.channels.iter().find(|channel| channel.id == own);
        let channel = channel.ok_or_else(|| Fault::Closed(format!("channel {own} is not in its member's hello")))?;
        socket.stage = Stage::Live;
        match socket.cursor {
            None => self.ledger.starts_at(self.seat, channel.version),
            Some(cursor) => {
                self.ledger.knows_of(self.seat, channel.version);
                self.ledger.starts_at(self.seat, cursor);
                replies.extend(ask(&own, cursor));
            }
        }
        self.news.push((News::Live(self.seat), self.now));
        Ok(())
    }

    /// A page of what was missed: each change of it has its place in the order.
    fn page(&mut self, socket: &mut Socket, frame: &Scanned<'_>, payload: &[u8]) -> Result<(), Fault> {
        let listed = frame.messages.and_then(versions);
        let (Some(listed), Some(version), false) = (listed, frame.version, frame.reset) else {
            return Err(Fault::Closed(format!("a page that cannot be right: {}", shown(payload))));
        };
        for version in listed {
            self.ledger.passes(self.seat, version, None);
        }
        socket.more_after = frame.has_more.then_some(version);
        Ok(())
    }

    /// Asks for the next one, if there is one.
    fn page_is_over(&mut self, socket: &mut Socket, replies: &mut Vec<u8>) {
        if let Some(version) = socket.more_after.take() {
            let room = self.ledger.room_of(self.seat);
            replies.extend(ask(&self.ledger.rooms[room].channel_id, version));
        } else {
            socket.cursor = None;
            self.news.push((News::Synced(self.seat), self.now));
        }
    }
}

fn ask(channel_id: &str, version: i64) -> Vec<u8> {
    frames::text(json!({ "type": "sync", "channels": { channel_id: version } }).to_string().as_bytes())
}

/// A status and what its problem body says.
fn refusal(answer: &[u8], end: usize) -> String {
    let status = String::from_utf8_lossy(&answer[..end]);
    let status = status.lines().next().unwrap_or_default().trim_start_matches("HTTP/1.1 ").to_owned();
    let body = answer.get(end + 4..).unwrap_or_default();
    let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
    format!("{status}: {}", detail.map_or_else(|| shown(body), str::to_owned))
}

/// As much of what came as helps, without what a terminal would act upon.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * MAX_DETAIL)]);
    text.chars().filter(|char| !char.is_control()).take(MAX_DETAIL).collect()
}
