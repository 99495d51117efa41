//! What belongs together in the records: a request and its answer, a connection's beginning and end, the sends of one
//! `clientId`; and what was known of each channel when something was asked.
//!
//! Built once, in one walk; the scans look things up here. Judges nothing.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use uuid::Uuid;

use super::walk::Walk;
use crate::extras::ExtraNo;
use crate::history::{Answer, Ask, ChannelNo, ClientNo, History, Kind, LineNo, Micros, OpNo, Record, UserNo, What};

/// The place of nothing among the records.
pub(super) const NOWHERE: u32 = u32::MAX;

/// What had been told of a channel, to anybody and to one user.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) version: i64,
    pub(super) seq: i64,
    pub(super) own_version: i64,
    pub(super) own_seq: i64,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Op {
    /// Places of the records.
    pub(super) asked: u32,
    pub(super) answered: u32,
    /// Of its channel, when it was asked. For a `sync` see [`Index::known_at_sync`].
    pub(super) known: Known,
}

/// A connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) client: ClientNo,
    pub(super) node: u8,
    pub(super) epoch: u64,
    pub(super) opened: Micros,
    pub(super) closed: Option<Micros>,
    /// Place of the record.
    pub(super) hello: u32,
}

/// One attempt to send a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    pub(super) user: UserNo,
    pub(super) client: ClientNo,
    pub(super) kind: Kind,
    pub(super) line: LineNo,
    /// That is asked, where it is known.
    pub(super) node: Option<u8>,
    pub(super) channel: ChannelNo,
    pub(super) client_id: Uuid,
    pub(super) content: u64,
    pub(super) extra: ExtraNo,
    pub(super) op: OpNo,
    /// Places of the records.
    pub(super) asked: u32,
    pub(super) answered: u32,
    pub(super) outcome: Outcome,
    /// The attempt before this one with the same sender and `clientId`.
    pub(super) before: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Acked {
        message: Uuid,
        seq: i64,
        version: i64,
        duplicate: bool,
    },
    Refused {
        retryable: bool,
        conflict: bool,
    },
    /// It may be stored or not.
    Unknown,
}

impl Attempt {
    /// Whether it was said that nothing comes of it.
    pub(super) fn is_refused_for_good(&self) -> bool {
        matches!(self.outcome, Outcome::Refused { retryable: false, .. })
    }
}

/// Ids are random already: one multiplication makes a hash of them.
#[derive(Debug, Default)]
pub(super) struct RandomBits(u64);

impl RandomBits {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for RandomBits {
    fn finish(&self) -> u64 {
        // What is looked at first are the lowest bits, which depend on few.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        // The last eight bytes of a UUID, which are random in every version that is used here.
        if let Some(last) = bytes.last_chunk() {
            self.mix(u64::from_be_bytes(*last));
        }
    }

    fn write_u16(&mut self, number: u16) {
        self.mix(u64::from(number));
    }

    /// The length of what follows.
    fn write_usize(&mut self, _: usize) {}
}

/// A map by something that has an id in it.
pub(super) type ById<K, V> = HashMap<K, V, BuildHasherDefault<RandomBits>>;
pub(super) type IdSet<K> = HashSet<K, BuildHasherDefault<RandomBits>>;

#[derive(Debug)]
pub(super) struct Index<'h> {
    pub(super) history: &'h History,
    pub(super) ops: Vec<Op>,
    pub(super) lines: Vec<Option<Line>>,
    pub(super) attempts: Vec<Attempt>,
    /// The last attempt of each sender and `clientId`.
    pub(super) last_attempts: ById<(UserNo, Uuid), u32>,
    pub(super) syncs: HashMap<OpNo, Vec<Known>>,
}

impl<'h> Index<'h> {
    pub(super) fn of(history: &'h History) -> Self {
        let index = Self {
            history,
            ops: Vec::new(),
            lines: Vec::new(),
            attempts: Vec::new(),
            last_attempts: HashMap::default(),
            syncs: HashMap::new(),
        };
        let mut walk = Walk::new(index);
        for (place, record) in (0_u32..).zip(&history.records) {
            walk.take(place, record);
        }
        walk.index
    }

    pub(super) fn record(&self, place: u32) -> Option<&'h Record> {
        usize::try_from(place).ok().and_then(|place| self.history.records.get(place))
    }

    pub(super) fn at(&self, place: u32) -> Micros {
        self.record(place).map_or(0, |record| record.at)
    }

    pub(super) fn op(&self, op: OpNo) -> Option<&Op> {
        self.ops.get(op as usize).filter(|op| op.asked != NOWHERE)
    }

    pub(super) fn ask(&self, op: OpNo) -> Option<&'h Ask> {
        match &self.record(self.op(op)?.asked)?.what {
            What::Asked { ask, .. } => Some(ask),
            _ => None,
        }
    }

    pub(super) fn answer(&self, op: &Op) -> Option<&'h Answer> {
        match &self.record(op.answered)?.what {
            What::Answered { answer, .. } => Some(answer),
            _ => None,
        }
    }

    pub(super) fn line(&self, line: LineNo) -> Option<&Line> {
        self.lines.get(line as usize)?.as_ref()
    }

    /// The user whose eyes a client has; nobody for the host, who sees everything.
    pub(super) fn user(&self, client: ClientNo) -> Option<UserNo> {
        let client = self.history.scene.clients.get(usize::from(client))?;
        (client.kind != Kind::Host).then_some(client.user)
    }

    pub(super) fn kind(&self, client: ClientNo) -> Kind {
        self.history.scene.clients.get(usize::from(client)).map_or(Kind::Bare, |client| client.kind)
    }

    /// All attempts of a sender and `clientId`, the last one first.
    pub(super) fn attempts_of(&self, user: UserNo, client_id: Uuid) -> impl Iterator<Item = &Attempt> {
        let mut next = self.last_attempts.get(&(user, client_id)).copied().unwrap_or(NOWHERE);
        std::iter::from_fn(move || {
            let attempt = self.attempts.get(next as usize)?;
            next = attempt.before;
            Some(attempt)
        })
    }

    /// For each cursor of a `sync`, in its order.
    pub(super) fn known_at_sync(&self, op: OpNo) -> &[Known] {
        self.syncs.get(&op).map_or(&[], Vec::as_slice)
    }
}
