//! What was sent, who has it, and how long that took: every acknowledgement and delivery is entered here, and what does
//! not fit is a finding.
//!
//! Used by a crowd, one ledger a thread. Knows nothing of sockets. The `clientId` of a message says which send it is,
//! so that a delivery is entered by looking at two places in memory.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::histogram::Histogram;
use super::scan::Scanned;
use super::sequence::{Findings, Sequence, Step, Violation};

/// Bits of a `clientId` (`UUIDv8`) that say room and number; what else is free says whose load this is.
const ROOM_BITS: u32 = 22;
const NUMBER_BITS: u32 = 40;
const FIXED: u128 = (0x8 << 76) | (0b10 << 62);
const FREE: u128 = !((0xF << 76) | ((1 << 64) - 1));

/// What of the run is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Everything is counted, and forgotten when the measuring begins.
    WarmUp,
    /// Everything is counted, and timed where it was also sent within this time.
    Measuring,
    /// What was sent within the measuring is still timed.
    Draining,
}

/// What was counted since it was last taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    pub(crate) delivered: u64,
    pub(crate) bytes: u64,
    pub(crate) ack: Histogram,
    pub(crate) delivery: Histogram,
    /// How much later than intended a message was sent.
    pub(crate) lateness: Histogram,
    /// Answers other than an `ack`, by their code.
    pub(crate) refused: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.delivered += other.delivered;
        self.bytes += other.bytes;
        self.ack.merge(&other.ack);
        self.delivery.merge(&other.delivery);
        self.lateness.merge(&other.lateness);
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
    }

    pub(crate) fn clear(&mut self) {
        (self.sent, self.acknowledged, self.delivered, self.bytes) = (0, 0, 0, 0);
        self.ack.clear();
        self.delivery.clear();
        self.lateness.clear();
        self.refused.clear();
    }
}

#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) channel_id: String,
    pub(crate) seats: Range<usize>,
    /// The number of the first one in `sends`.
    first: u64,
    sends: VecDeque<Sent>,
    /// The highest version that anybody was told of.
    head: i64,
    /// Sends that were answered by an error: they may be stored after all.
    refused: HashSet<u64>,
}

#[derive(Debug)]
struct Sent {
    at: Instant,
    sender: usize,
    version: i64,
    /// Recipients that do not have it yet.
    awaited: usize,
    is_acknowledged: bool,
    is_refused: bool,
    is_measured: bool,
}

impl Sent {
    fn is_done(&self) -> bool {
        self.is_refused || (self.is_acknowledged && self.awaited == 0)
    }
}

#[derive(Debug)]
struct Seat {
    room: usize,
    sequence: Sequence,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    nonce: u128,
    pub(crate) rooms: Vec<Room>,
    seats: Vec<Seat>,
    pub(crate) findings: Findings,
    pub(crate) tally: Tally,
    pub(crate) phase: Phase,
}

impl Ledger {
    /// Rooms by their channel and how many are in it; the seats are numbered through.
    pub(crate) fn new(rooms: impl IntoIterator<Item = (String, usize)>) -> Self {
        let nonce = fastrand::u128(..) & FREE;
        let mut ledger = Self {
            nonce,
            rooms: Vec::new(),
            seats: Vec::new(),
            findings: Findings::default(),
            tally: Tally::default(),
            phase: Phase::WarmUp,
        };
        for (channel_id, members) in rooms {
            let begin = ledger.seats.len();
            let room = ledger.rooms.len();
            ledger.seats.extend((0..members).map(|_| Seat { room, sequence: Sequence::default() }));
            ledger.rooms.push(Room {
                channel_id,
                seats: begin..begin + members,
                first: 0,
                sends: VecDeque::new(),
                head: 0,
                refused: HashSet::new(),
            });
        }
        ledger
    }

    pub(crate) fn room_of(&self, seat: usize) -> usize {
        self.seats[seat].room
    }

    /// The recipient holds everything up to this version.
    pub(crate) fn starts_at(&mut self, seat: usize, version: i64) {
        let Seat { room, sequence } = &mut self.seats[seat];
        *sequence = Sequence::starting_at(version);
        let head = &mut self.rooms[*room].head;
        *head = version.max(*head);
    }

    /// The channel has come so far.
    pub(crate) fn knows_of(&mut self, seat: usize, version: i64) {
        let head = &mut self.rooms[self.seats[seat].room].head;
        *head = version.max(*head);
    }

    pub(crate) fn head(&self, room: usize) -> i64 {
        self.rooms[room].head
    }

    /// A message is sent, and was meant to be at `at`. Gives its `clientId`.
    pub(crate) fn begin(&mut self, room: usize, sender: usize, at: Instant, late: Duration) -> Uuid {
        let is_measured = self.phase == Phase::Measuring;
        self.tally.sent += 1;
        self.tally.lateness.record(late);
        let Room { first, sends, seats, .. } = &mut self.rooms[room];
        let number = *first + sends.len() as u64;
        sends.push_back(Sent {
            at,
            sender,
            version: 0,
            awaited: seats.len() - 1,
            is_acknowledged: false,
            is_refused: false,
            is_measured,
        });
        let place = ((room as u128) << NUMBER_BITS) | u128::from(number & ((1 << NUMBER_BITS) - 1));
        Uuid::from_u128(self.nonce | FIXED | place)
    }

    /// Which send that is; nothing where somebody else sent it.
    fn locate(&self, client_id: Option<&[u8]>) -> Option<(usize, u64)> {
        let id = Uuid::try_parse_ascii(client_id?).ok()?.as_u128();
        let room = usize::try_from((id >> NUMBER_BITS) & ((1 << ROOM_BITS) - 1)).ok()?;
        let number = u64::try_from(id & ((1 << NUMBER_BITS) - 1)).ok()?;
        (id & !((1 << (ROOM_BITS + NUMBER_BITS)) - 1) == self.nonce | FIXED && room < self.rooms.len())
            .then_some((room, number))
    }

    /// A frame with a place in the channel's sequence. Whether it is the first time that the recipient has it.
    pub(crate) fn passes(&mut self, seat: usize, version: i64, since: Option<i64>) -> bool {
        let Seat { room, sequence } = &mut self.seats[seat];
        let before = sequence.last();
        let step = sequence.pass(version, since);
        let Room { head, channel_id, .. } = &mut self.rooms[*room];
        *head = version.max(*head);
        let violation = match step {
            // What a gap leaves out is counted when it is clear that it does not come any more.
            Step::Next | Step::Gap => return true,
            Step::Late => Violation::Disordered,
            Step::Again => Violation::Doubled,
        };
        self.findings.add(violation, 1, format_args!("channel {channel_id}: version {version} after {before}"));
        violation == Violation::Disordered
    }

    /// Whether a frame needs to be looked at for its `since`.
    pub(crate) fn is_next(&self, seat: usize, version: i64) -> bool {
        self.seats[seat].sequence.is_next(version)
    }

    /// A `message`. Gives the room where that was all that its send was waiting for.
    pub(crate) fn delivered(&mut self, seat: usize, frame: &Scanned<'_>, now: Instant) -> Option<usize> {
        let version = frame.version?;
        let room = self.seats[seat].room;
        if frame.channel_id != Some(self.rooms[room].channel_id.as_bytes()) {
            let what = format_args!("a message of another channel came to a member of {}", self.rooms[room].channel_id);
            self.findings.add(Violation::Altered, 1, what);
            return None;
        }
        let is_first = self.passes(seat, version, frame.since);
        let (told, number) = self.locate(frame.client_id)?;
        if !is_first || told != room {
            return None;
        }
        let Self { rooms, findings, tally, phase, .. } = self;
        let Room { first, sends, refused, channel_id, .. } = &mut rooms[room];
        let place = number.checked_sub(*first).and_then(|place| usize::try_from(place).ok());
        let Some(sent) = place.and_then(|place| sends.get_mut(place)) else {
            // A refused send that was stored after all is right.
            if !refused.contains(&number) {
                let what = format_args!("channel {channel_id}: version {version} is a message that all had already");
                findings.add(Violation::Doubled, 1, what);
            }
            return None;
        };
        agree(sent, version, channel_id, findings);
        if seat == sent.sender {
            // Its sender is told so where the answer came too late.
            sent.is_acknowledged = true;
        } else {
            sent.awaited = sent.awaited.saturating_sub(1);
            tally.delivered += u64::from(*phase != Phase::Draining);
            if sent.is_measured || *phase == Phase::WarmUp {
                tally.delivery.record(now.saturating_duration_since(sent.at));
            }
        }
        sent.is_done().then(|| self.clear_done(room))
    }

    /// An `ack`. Gives the room where that was all that its send was waiting for.
    pub(crate) fn acknowledged(&mut self, seat: usize, frame: &Scanned<'_>, now: Instant) -> Option<usize> {
        let version = frame.version?;
        let (room, number) = self.locate(frame.client_id)?;
        self.passes(seat, version, frame.since);
        let Self { rooms, findings, tally, phase, .. } = self;
        let Room { first, sends, refused, channel_id, .. } = &mut rooms[room];
        let place = number.checked_sub(*first).and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| sends.get_mut(place)) {
            Some(sent) if !sent.is_acknowledged && sent.sender == seat => {
                agree(sent, version, channel_id, findings);
                sent.is_acknowledged = true;
                tally.acknowledged += u64::from(*phase != Phase::Draining);
                if sent.is_measured || *phase == Phase::WarmUp {
                    tally.ack.record(now.saturating_duration_since(sent.at));
                }
                sent.is_done().then(|| self.clear_done(room))
            }
            None if refused.contains(&number) => None,
            _ => {
                let what = format_args!("channel {channel_id}: version {version} was acknowledged before");
                findings.add(Violation::Doubled, 1, what);
                None
            }
        }
    }

    /// An `error`. Gives the room where a send is not waited for any more.
    pub(crate) fn refused(&mut self, frame: &Scanned<'_>) -> Option<usize> {
        let code = frame.code.map_or_else(|| "unknown".into(), String::from_utf8_lossy);
        *self.tally.refused.entry(code.into_owned()).or_default() += 1;
        let (room, number) = self.locate(frame.client_id)?;
        let Room { first, sends, refused, .. } = &mut self.rooms[room];
        let place = usize::try_from(number.checked_sub(*first)?).ok()?;
        sends.get_mut(place)?.is_refused = true;
        refused.insert(number);
        Some(self.clear_done(room))
    }

    /// Sends that somebody is still waiting for.
    pub(crate) fn outstanding(&self) -> usize {
        self.rooms.iter().map(|room| room.sends.iter().filter(|sent| !sent.is_done()).count()).sum()
    }

    /// Nothing more is waited for: what has not come is missing.
    pub(crate) fn settle(&mut self) {
        for room in &mut self.rooms {
            let silent = room.sends.iter().filter(|sent| !sent.is_acknowledged && !sent.is_refused).count();
            if silent > 0 {
                let what = format_args!("channel {}: {silent} sends without an answer", room.channel_id);
                self.findings.add(Violation::Unacknowledged, silent as u64, what);
            }
            room.first += room.sends.len() as u64;
            room.sends.clear();
        }
        for (at, seat) in self.seats.iter_mut().enumerate() {
            let room = &self.rooms[seat.room];
            let missing = seat.sequence.settle(room.head);
            if missing > 0 {
                let member = at - room.seats.start;
                let what =
                    format_args!("channel {}: member {member} lacks {missing} of {}", room.channel_id, room.head);
                self.findings.add(Violation::Missing, missing, what);
            }
        }
    }

    fn clear_done(&mut self, room: usize) -> usize {
        let Room { first, sends, .. } = &mut self.rooms[room];
        while sends.front().is_some_and(Sent::is_done) {
            sends.pop_front();
            *first += 1;
        }
        room
    }
}

/// One message has one version, whoever is told.
fn agree(sent: &mut Sent, version: i64, channel_id: &str, findings: &mut Findings) {
    if sent.version == 0 {
        sent.version = version;
    } else if sent.version != version {
        let what = format_args!("channel {channel_id}: one message as version {} and as {version}", sent.version);
        findings.add(Violation::Altered, 1, what);
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
