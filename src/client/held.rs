//! What is held of one channel: see [`super::cursor`].

use std::collections::BTreeMap;

use super::event::Event;
use super::frames::{Ack, ChannelInfo, Members, Message, SyncPage};
use super::seen::Seen;

/// The most frames of a channel that are kept beyond its cursor; any more are dropped and asked for later.
const MAX_EARLY: usize = 256;

/// A frame with its place in the channel's sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveFrame {
    /// The first version that it covers, if that is not its own.
    pub since: Option<i64>,
    pub version: i64,
    pub what: Live,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Live {
    /// New, edited or deleted: which of them it is for this client, what is held decides.
    Message(Message),
    Members(Members),
    Channel(ChannelInfo),
    /// The place of an own message, which the application knows by its ack.
    Own,
}

#[derive(Debug)]
pub(super) struct Held {
    epoch: String,
    version: i64,
    /// The highest version that is known to exist.
    head: i64,
    /// The cursor is ahead of the server's, or of another history: only a page helps.
    stale: bool,
    seen: Seen,
    /// Frames beyond the cursor, by version.
    early: BTreeMap<i64, LiveFrame>,
    /// Own messages beyond the cursor that were handed out by their ack: `seq` to the version that is known.
    own: BTreeMap<i64, i64>,
}

impl Held {
    pub(super) fn new(epoch: &str, channel: &ChannelInfo) -> Self {
        Self {
            epoch: epoch.to_owned(),
            version: channel.version,
            head: channel.version,
            stale: false,
            seen: Seen::up_to(channel.last_seq),
            early: BTreeMap::new(),
            own: BTreeMap::new(),
        }
    }

    pub(super) fn version(&self) -> i64 {
        self.version
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    pub(super) fn behind(&self, epoch: &str) -> bool {
        self.stale || self.version < self.head || self.epoch != epoch
    }

    pub(super) fn reconnected(&mut self, version: i64, epoch: &str) {
        self.early.clear();
        self.head = version;
        self.stale = self.epoch != epoch || self.version > version;
    }

    pub(super) fn live(&mut self, frame: LiveFrame, epoch: &str) -> Vec<Event> {
        self.head = self.head.max(frame.version);
        let current = self.epoch == epoch && !self.stale;
        if current && frame.version <= self.version {
            return match frame.what {
                // The newest state once more: more than versions count may have changed in it.
                Live::Channel(info) if frame.version == self.version => vec![Event::Channel(info)],
                _ => Vec::new(),
            };
        }
        if current && self.continues(&frame) {
            let mut events = self.apply(frame);
            events.extend(self.catch_up());
            return events;
        }
        if self.early.len() < MAX_EARLY {
            self.early.insert(frame.version, frame);
        }
        Vec::new()
    }

    pub(super) fn known(&mut self, seq: i64) {
        self.seen.insert(seq);
    }

    pub(super) fn stored(&mut self, ack: &Ack, epoch: &str) -> Vec<Event> {
        self.seen.insert(ack.seq);
        if ack.version > self.version || self.epoch != epoch {
            self.own.insert(ack.seq, ack.version);
            self.head = self.head.max(ack.version);
        }
        if ack.duplicate {
            // It repeats an old version and has no place in the sequence.
            return Vec::new();
        }
        self.live(LiveFrame { since: None, version: ack.version, what: Live::Own }, epoch)
    }

    /// `asked` is the version that the page continues.
    pub(super) fn page(&mut self, page: SyncPage, asked: i64, epoch: &str) -> Vec<Event> {
        let mut events = Vec::new();
        let reset = page.reset || self.epoch != epoch;
        if !reset && asked > self.version {
            // Taken back meanwhile.
            return events;
        }
        if reset {
            epoch.clone_into(&mut self.epoch);
            self.seen = Seen::default();
            self.own.clear();
            events.push(Event::Reset(page.channel_id));
        }
        self.stale = false;
        events.extend(self.overtaken(if reset { i64::MAX } else { page.version }));
        let held = if reset { 0 } else { self.version };
        events.extend(page.messages.into_iter().filter(|m| m.version > held).filter_map(|m| self.show(m)));
        let member_ids = page.member_ids.filter(|_| page.version > held);
        events.extend(member_ids.map(|ids| as_members(page.channel_id, page.version, ids)));
        self.version = page.version.max(held);
        if page.has_more {
            self.head = self.head.max(self.version.saturating_add(1));
        }
        self.own.retain(|_, version| *version > self.version);
        events.extend(self.catch_up());
        events
    }

    pub(super) fn rewind(&mut self, versions: u32) {
        self.version = self.version.saturating_sub(i64::from(versions)).max(0);
        self.seen = Seen::default();
        self.early.clear();
        self.own.clear();
    }

    fn continues(&self, frame: &LiveFrame) -> bool {
        frame.since.unwrap_or(frame.version) <= self.version.saturating_add(1)
    }

    /// Kept frames that have their turn now.
    fn catch_up(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some((version, frame)) = self.early.pop_first() {
            if version <= self.version {
                continue;
            }
            if !self.continues(&frame) {
                self.early.insert(version, frame);
                break;
            }
            events.extend(self.apply(frame));
        }
        events
    }

    /// Takes out the kept frames that a page makes superfluous. It has no names and roles, so that those still count.
    fn overtaken(&mut self, version: i64) -> Vec<Event> {
        let later = if version == i64::MAX { BTreeMap::new() } else { self.early.split_off(&(version + 1)) };
        let overtaken = std::mem::replace(&mut self.early, later);
        let told = overtaken.into_values().filter_map(|frame| match frame.what {
            Live::Members(members) => Some(Event::Members(members)),
            Live::Channel(info) => Some(Event::Channel(info)),
            Live::Message(_) | Live::Own => None,
        });
        told.collect()
    }

    fn apply(&mut self, frame: LiveFrame) -> Vec<Event> {
        self.version = frame.version;
        let event = match frame.what {
            Live::Message(message) => self.show(message),
            Live::Members(members) => Some(Event::Members(members)),
            Live::Channel(info) => Some(Event::Channel(info)),
            Live::Own => None,
        };
        self.own.retain(|_, version| *version > self.version);
        event.into_iter().collect()
    }

    fn show(&mut self, message: Message) -> Option<Event> {
        if self.own.get(&message.seq).is_some_and(|known| *known >= message.version) {
            return None;
        }
        let seen = self.seen.contains(message.seq);
        self.seen.insert(message.seq);
        Some(match (seen, message.deleted_at) {
            (false, _) => Event::Message(message),
            (true, None) => Event::Updated(message),
            (true, Some(_)) => Event::Deleted(message),
        })
    }
}

fn as_members(
    channel_id: crate::domain::ids::ChannelId,
    version: i64,
    member_ids: Vec<crate::domain::ids::UserId>,
) -> Event {
    Event::Members(Members {
        channel_id,
        version,
        since: None,
        member_ids,
        online: None,
        added: Vec::new(),
        removed: Vec::new(),
    })
}
