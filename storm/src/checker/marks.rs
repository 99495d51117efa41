//! I15: a read mark never goes back, lies within what is there and was asked for; unread is what the log says.
//!
//! Of each reader and channel it is looked at what connections were told in frames, and what `hello` says.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::Anomaly;
use super::evidence::text;
use super::findings::Findings;
use super::index::NOWHERE;
use super::members::Memberships;
use super::model::Model;
use crate::history::{
    Answer, Ask, ChannelNo, ClientNo, Frame, Handed, Held, Kind, LineNo, Micros, Record, UserNo, What,
};

/// What is read for a `hello` is read no longer before it than this: who connects gives up after 8 s, and has it on record
/// as soon as it is there.
const HELLO_TAKES: Micros = 10_000_000;
/// The project's own client waits for 8 s twice, and what it hands out waits for its turn.
const HELLO_TAKES_KEPT: Micros = 20_000_000;

type Reader = (ChannelNo, UserNo);
/// A mark and the place of the record that tells it.
type Mark = (i64, u32);

pub(super) fn look(model: &Model<'_>, members: &Memberships, found: &mut Findings) {
    let mut scan = Scan {
        model,
        members,
        found,
        asked: asked(model),
        told: HashMap::new(),
        least: Least::after(HELLO_TAKES),
        least_kept: Least::after(HELLO_TAKES_KEPT),
        unread: Unread::of(model),
    };
    for (place, record) in (0..).zip(&model.history.records) {
        scan.take(place, record);
    }
}

/// The highest mark that each reader ever asked for.
fn asked(model: &Model<'_>) -> HashMap<Reader, i64> {
    let mut highest = HashMap::new();
    for record in &model.history.records {
        if let (What::Asked { ask: Ask::Read { channel, seq }, .. }, Some(user)) =
            (&record.what, model.index.user(record.client))
        {
            let mark: &mut i64 = highest.entry((*channel, user)).or_default();
            *mark = (*mark).max(*seq);
        }
    }
    highest
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    members: &'s Memberships,
    found: &'s mut Findings,
    asked: HashMap<Reader, i64>,
    /// What each connection was told of each reader; of the project's own client, which tells no connection, each client.
    told: HashMap<(ClientNo, LineNo), BTreeMap<Reader, Mark>>,
    least: Least,
    /// The same for the `hello`s of the project's own client.
    least_kept: Least,
    unread: Unread,
}

/// What a `hello` has to show at least.
struct Least {
    takes: Micros,
    /// Marks that it may not show yet.
    recent: VecDeque<(Micros, Reader, Mark)>,
    marks: HashMap<Reader, Mark>,
}

impl Least {
    fn after(takes: Micros) -> Self {
        Self { takes, recent: VecDeque::new(), marks: HashMap::new() }
    }

    /// Takes over what is old enough by then; at rest nothing has changed for long.
    fn until(&mut self, now: Micros, resting: bool) {
        while let Some((_, reader, mark)) = self.recent.pop_front_if(|(at, ..)| resting || *at + self.takes < now) {
            let least = self.marks.entry(reader).or_insert(mark);
            *least = (*least).max(mark);
        }
    }
}

impl Scan<'_, '_> {
    fn take(&mut self, place: u32, record: &Record) {
        match &record.what {
            What::Opened { channels, .. } => self.hello(place, record, channels),
            What::Handed { event: Handed::Connected { channels, .. } } => {
                self.told.remove(&(record.client, record.line));
                self.hello(place, record, channels);
            }
            What::Closed { .. } => {
                self.told.remove(&(record.client, record.line));
            }
            What::Came { frame: Frame::Read { channel, user, seq } }
            | What::Handed { event: Handed::Read { channel, user, seq } } => {
                self.frame(place, record, (*channel, *user), *seq);
            }
            What::Answered { op, answer: Answer::Done { .. } } => {
                let (Some(op), Some(Ask::Read { channel, seq })) =
                    (self.model.index.op(*op), self.model.index.ask(*op))
                else {
                    return;
                };
                if let Some(user) = self.model.index.user(record.client) {
                    // It is capped at the head, which was at least what was known of it.
                    let mark = ((*seq).min(op.known.seq), place);
                    self.seen(record.at, (*channel, user), mark);
                }
            }
            _ => {}
        }
    }

    fn frame(&mut self, place: u32, record: &Record, reader: Reader, seq: i64) {
        let (channel, user) = reader;
        let told = self.told.entry((record.client, record.line)).or_default();
        let before = told.insert(reader, (seq, place)).filter(|(before, _)| *before > seq);
        self.seen(record.at, reader, (seq, place));
        if let Some((before, told)) = before {
            let what = format!("user {user} had read up to {before} of channel {channel}, and then to {seq}");
            return self.tell(Anomaly::ReadMarkBack, channel, what, &[told, place]);
        }
        let last_seq = self.model.last(channel).map_or(i64::MAX, |log| log.held.last_seq);
        // Who is added again starts at the head of that moment.
        let nobody_asked = self.members.is_steady(channel, user) && seq > self.asked.get(&reader).copied().unwrap_or(0);
        if seq > last_seq || nobody_asked {
            let what = format!("user {user} is told to have read up to {seq} of channel {channel}, which cannot be");
            self.tell(Anomaly::ReadMarkBack, channel, what, &[place]);
        }
    }

    fn hello(&mut self, place: u32, record: &Record, channels: &[Held]) {
        let Some(user) = self.model.index.user(record.client) else { return };
        let resting = record.at >= self.model.history.rest;
        let is_kept = self.model.index.kind(record.client) == Kind::Kept;
        let least = if is_kept { &mut self.least_kept } else { &mut self.least };
        least.until(record.at, resting);
        let known: Vec<_> = channels
            .iter()
            .map(|held| least.marks.get(&(held.channel, user)).copied().unwrap_or((0, NOWHERE)))
            .collect();
        for (held, (least, by)) in channels.iter().zip(known) {
            let Held { channel, last_read_seq, last_seq, .. } = *held;
            let asked = self.asked.get(&(channel, user)).copied().unwrap_or(0);
            let nobody_asked = self.members.is_steady(channel, user) && last_read_seq > asked;
            if last_read_seq < least {
                let what =
                    format!("user {user} had read up to {least} of channel {channel}, and hello says {last_read_seq}");
                self.tell(Anomaly::ReadMarkBack, channel, what, &[by, place]);
            } else if last_read_seq > last_seq || nobody_asked {
                let what =
                    format!("user {user} is said to have read up to {last_read_seq} of {last_seq}, which cannot be");
                self.tell(Anomaly::ReadMarkBack, channel, what, &[place]);
            } else if let Some(unread) = self.unread.of_reader(user, held).filter(|unread| *unread != held.unread) {
                let what = format!(
                    "user {user} has {unread} unread messages in channel {channel} and is told of {}",
                    held.unread
                );
                self.tell(Anomaly::WrongUnread, channel, what, &[place]);
            }
            self.seen(record.at, (channel, user), (last_read_seq, place));
        }
    }

    fn seen(&mut self, at: Micros, reader: Reader, mark: Mark) {
        self.least.recent.push_back((at, reader, mark));
        self.least_kept.recent.push_back((at, reader, mark));
    }

    fn tell(&mut self, anomaly: Anomaly, channel: ChannelNo, what: String, places: &[u32]) {
        let model = self.model;
        let at = places.last().map_or(0, |place| model.index.at(*place));
        self.found.add(anomaly, Some(channel), at, || {
            let mut evidence: Vec<_> = places.iter().map(|place| model.line(*place, channel)).collect();
            if let Some(log) = model.last(channel).filter(|_| anomaly == Anomaly::WrongUnread) {
                let deleted: Vec<_> = log.messages.iter().filter(|copy| copy.deleted).map(|copy| copy.seq).collect();
                evidence.push(format!("final log, node {}: deleted {}", log.node, text(&deleted)));
            }
            (what, evidence)
        });
    }
}

/// What the final logs say of who sent what, and what was deleted when.
struct Unread {
    /// By channel: the `seq`s that each user sent, ascending.
    own: Vec<HashMap<UserNo, Vec<i64>>>,
    /// By channel: `seq`, sender and version of what was deleted.
    deleted: Vec<Vec<(i64, UserNo, i64)>>,
    last_seqs: Vec<i64>,
}

impl Unread {
    fn of(model: &Model<'_>) -> Self {
        let channels = model.logs.len();
        let mut unread = Self {
            own: vec![HashMap::new(); channels],
            deleted: vec![Vec::new(); channels],
            last_seqs: vec![0; channels],
        };
        for channel in (0..).take(channels) {
            let Some(log) = model.last(channel) else { continue };
            let at = usize::from(channel);
            unread.last_seqs[at] = log.held.last_seq;
            for copy in &log.messages {
                unread.own[at].entry(copy.sender).or_default().push(copy.seq);
                if copy.deleted {
                    unread.deleted[at].push((copy.seq, copy.sender, copy.version));
                }
            }
        }
        unread
    }

    /// As of the version at which the channel is shown. Deleting is the last thing that happens to a message, so that the
    /// final log knows of every deletion when it was.
    fn of_reader(&self, user: UserNo, held: &Held) -> Option<i64> {
        let at = usize::from(held.channel);
        if held.last_seq > *self.last_seqs.get(at)? {
            return None;
        }
        let (after, until) = (held.last_read_seq, held.last_seq);
        let own = self.own[at].get(&user).map_or(&[][..], Vec::as_slice);
        let own = own.partition_point(|seq| *seq <= until) - own.partition_point(|seq| *seq <= after);
        let deleted = &self.deleted[at];
        let from = deleted.partition_point(|(seq, ..)| *seq <= after);
        let to = deleted.partition_point(|(seq, ..)| *seq <= until);
        let gone = deleted[from..to].iter().filter(|(_, sender, version)| *sender != user && *version <= held.version);
        Some(until - after - i64::try_from(own + gone.count()).ok()?)
    }
}
