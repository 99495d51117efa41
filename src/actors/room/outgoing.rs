//! How messages are passed on: those that follow one another together, so that a batch costs each session one hand-over.

use std::time::{Instant, SystemTime};

use bytes::Bytes;

use super::Room;
use crate::actors::feed::Subscriber;
use crate::actors::origin::Origin;
use crate::domain::ids::SessionId;
use crate::domain::message::Stored;
use crate::socket::frame::Run;

/// No longer run is passed on at once: it has to fit into the outboxes of those who read fast enough.
const MAX_BYTES: usize = 64 * 1024;

/// Messages whose turn has come, without a gap between them. No session has got them yet.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// The first one's version.
    first: i64,
    frames: Vec<Bytes>,
    bytes: usize,
    sends: Vec<Sent>,
}

/// What is known of a message beside its frame.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) stored: Stored,
    pub(super) origin: Option<Origin>,
    pub(super) accepted: Instant,
}

impl Room {
    /// Adds a message to those that are passed on together.
    pub(super) fn add(&mut self, version: i64, framed: Bytes, sent: Sent) {
        let Outgoing { first, frames, bytes, sends } = &mut self.outgoing;
        if frames.is_empty() {
            *first = version;
        }
        *bytes += framed.len();
        frames.push(framed);
        sends.push(sent);
        if *bytes >= MAX_BYTES {
            self.pass_added();
        }
    }

    /// Passes them on: each message to everybody, but to the session that sent it the ack in its place.
    pub(super) fn pass_added(&mut self) {
        if self.outgoing.frames.is_empty() {
            return;
        }
        let Outgoing { first, frames, sends, .. } = std::mem::take(&mut self.outgoing);
        let (began, run) = (SystemTime::now(), Run::new(frames));
        let senders: Vec<SessionId> =
            sends.iter().filter_map(|sent| sent.origin.as_ref().and_then(Origin::session)).collect();
        let mut of_senders: Vec<&Subscriber> = Vec::new();
        for session in self.roster.sessions() {
            if senders.contains(&session.id) {
                of_senders.push(session);
            } else {
                session.feed.pass_run(self.id, first, &run);
            }
        }
        let to_others = self.roster.session_count() - of_senders.len();
        let mut delivered = 0;
        for ((version, framed), sent) in (first..).zip(run.each()).zip(sends) {
            let sender = sent.origin.as_ref().and_then(Origin::session);
            let mut sessions = to_others;
            for session in of_senders.iter().filter(|session| Some(session.id) != sender) {
                session.feed.pass(self.id, version, version, framed);
                sessions += 1;
            }
            if let Some(trace) = sent.origin.as_ref().and_then(Origin::trace) {
                trace.delivered(began, self.id, sent.stored.seq, sessions);
            }
            delivered += sessions;
            if let Some(origin) = sent.origin {
                origin.ack(&sent.stored, false);
            }
            self.parts.metrics.delivery.observe(sent.accepted.elapsed().as_secs_f64());
        }
        self.parts.metrics.deliveries.inc_by(delivered as u64);
    }
}
