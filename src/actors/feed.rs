//! What one session gets of its channels: each in ascending version, each version once, without a gap.
//!
//! Filled by rooms from their threads and by the session itself. While a channel is being joined its frames are held
//! back; the snapshot then says from which version on they are passed. A gap ends the socket: the client comes back and
//! catches up, which is the promise that can be kept.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::domain::ids::{ChannelId, OwnIdMap, SessionId, UserId};
use crate::domain::receipt::Reach;
use crate::protocol::close::Close;
use crate::socket::Outbox;
use crate::socket::frame::{self, Run};

/// The most bytes that may be held back while a session joins.
const MAX_HELD: usize = 1 << 20;
/// The most pages that are remembered until the connection answers.
const MAX_PAGES: usize = 256;

/// A session as rooms know it.
#[derive(Debug)]
pub struct SessionHandle {
    pub id: SessionId,
    pub user: UserId,
    pub feed: Feed,
}

/// A handle that rooms share.
pub type Subscriber = Arc<SessionHandle>;

/// The way to one socket.
#[derive(Debug)]
pub struct Feed {
    outbox: Outbox,
    lanes: Mutex<Lanes>,
}

#[derive(Debug, Default)]
struct Lanes {
    by_channel: OwnIdMap<ChannelId, Lane>,
    held_bytes: usize,
    /// Pages that were given since the connection answered last.
    pages: Vec<Given>,
    /// Too much came while joining: the socket is being closed, and nothing more is held.
    overflowed: bool,
}

#[derive(Debug)]
enum Lane {
    /// Being joined: what came since, in order.
    Held(Vec<Held>),
    /// The version that was passed last, and up to which version it is known that what was passed has arrived.
    Live { passed: i64, confirmed: i64 },
}

/// What of a channel was given to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    pub channel: ChannelId,
    pub reach: Reach,
}

#[derive(Debug)]
enum Held {
    Versioned {
        since: i64,
        version: i64,
        framed: Bytes,
    },
    Plain(Bytes),
    Ack(OwnAck),
    /// The user was removed while joining.
    Removed {
        version: i64,
        framed: Bytes,
    },
}

/// The answer to a session's own send, as it is in the channel's order, and beside it: as a duplicate's, which has no place there.
#[derive(Debug)]
struct OwnAck {
    version: i64,
    in_turn: Bytes,
    beside: Bytes,
}

impl Lanes {
    fn take(&mut self, channel: ChannelId) -> Option<Lane> {
        let lane = self.by_channel.remove(&channel)?;
        if let Lane::Held(held) = &lane {
            self.held_bytes -= held.iter().map(Held::bytes).sum::<usize>();
        }
        Some(lane)
    }
}

impl Held {
    fn bytes(&self) -> usize {
        match self {
            Self::Versioned { framed, .. } | Self::Plain(framed) => framed.len(),
            Self::Ack(ack) => ack.bytes(),
            // Few, and small: not counted.
            Self::Removed { .. } => 0,
        }
    }
}

impl OwnAck {
    fn bytes(&self) -> usize {
        self.in_turn.len() + self.beside.len()
    }
}

impl Feed {
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox, lanes: Mutex::default() }
    }

    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Sends what belongs to no channel's order: answers, errors, pings.
    pub fn send(&self, json: &[u8]) -> bool {
        self.outbox.push(frame::text(json))
    }

    /// Ends the socket, saying why. What is queued goes out first. False if it was closed before.
    pub fn close(&self, why: Close) -> bool {
        self.outbox.close(why.code(), Cow::Borrowed(why.reason()))
    }

    /// Starts to hold back what comes of a channel. One that is live stays so.
    pub fn hold(&self, channel: ChannelId) {
        self.lanes.lock().by_channel.entry(channel).or_insert_with(|| Lane::Held(Vec::new()));
    }

    /// Stops a join that came to nothing. Sends are answered all the same.
    pub fn forget_held(&self, channel: ChannelId) {
        let mut lanes = self.lanes.lock();
        if matches!(lanes.by_channel.get(&channel), Some(Lane::Held(_)))
            && let Some(Lane::Held(held)) = lanes.take(channel)
        {
            self.answer(held);
        }
    }

    /// Whether the session takes part in the channel, or is about to.
    pub fn has(&self, channel: ChannelId) -> bool {
        self.lanes.lock().by_channel.contains_key(&channel)
    }

    /// The channels that the session takes part in, or is about to.
    pub fn channels(&self) -> Vec<ChannelId> {
        self.lanes.lock().by_channel.keys().copied().collect()
    }

    /// The version that was passed last, where the channel is live.
    pub fn passed(&self, channel: ChannelId) -> Option<i64> {
        match self.lanes.lock().by_channel.get(&channel) {
            Some(Lane::Live { passed, .. }) => Some(*passed),
            _ => None,
        }
    }

    /// A page of what the client missed was given to the connection.
    pub fn gave_page(&self, page: Given) {
        let mut lanes = self.lanes.lock();
        // Beyond that, the cursor of the client's next coming tells.
        if lanes.pages.len() < MAX_PAGES {
            lanes.pages.push(page);
        }
    }

    /// What was given to the connection, and is not known to have arrived. Pages first.
    pub fn unconfirmed(&self) -> Vec<Given> {
        let lanes = self.lanes.lock();
        let live = lanes.by_channel.iter().filter_map(|(channel, lane)| match lane {
            Lane::Live { passed, confirmed } if passed > confirmed => {
                Some(Given { channel: *channel, reach: Reach { after: *confirmed, version: *passed } })
            }
            _ => None,
        });
        lanes.pages.iter().copied().chain(live).collect()
    }

    /// These have arrived.
    pub fn confirm(&self, given: &[Given]) {
        let mut lanes = self.lanes.lock();
        lanes.pages.retain(|page| !given.contains(page));
        for Given { channel, reach } in given {
            if let Some(Lane::Live { passed, confirmed }) = lanes.by_channel.get_mut(channel)
                && reach.after <= *confirmed
                && (*confirmed..=*passed).contains(&reach.version)
            {
                *confirmed = reach.version;
            }
        }
    }

    /// Passes a change that stands for the versions `since` to `version`. One that was passed before is dropped, one
    /// beyond the next ends the socket.
    pub fn pass(&self, channel: ChannelId, since: i64, version: i64, framed: &Bytes) {
        let mut lanes = self.lanes.lock();
        match lanes.by_channel.get_mut(&channel) {
            None => {}
            Some(Lane::Live { passed, .. }) => self.pass_live(channel, passed, since, version, framed),
            Some(Lane::Held(_)) => {
                let held = Held::Versioned { since, version, framed: framed.clone() };
                self.hold_back(&mut lanes, channel, held);
            }
        }
    }

    /// Passes changes that follow one another, the first of them `first`: in one piece where none of them was passed before.
    pub fn pass_run(&self, channel: ChannelId, first: i64, run: &Run) {
        let mut lanes = self.lanes.lock();
        match lanes.by_channel.get_mut(&channel) {
            Some(Lane::Live { passed, .. }) if *passed + 1 == first => {
                if self.outbox.push_joined(run.joined().clone(), run.each().len()) {
                    *passed += i64::try_from(run.each().len()).unwrap_or(0);
                }
            }
            _ => {
                drop(lanes);
                (first..).zip(run.each()).for_each(|(version, framed)| self.pass(channel, version, version, framed));
            }
        }
    }

    /// Passes the ack of the session's own send, made by `ack`, which is told whether it goes as a duplicate's. It always
    /// goes. In a live channel it takes its place in the order, in the message's stead; where that is not its turn it goes
    /// at once and beside the order, as a duplicate's. The message itself may never come: what a room reads from the store
    /// may be overtaken there by its deletion, or come after the sender's removal.
    pub fn pass_ack(&self, channel: ChannelId, version: i64, ack: impl Fn(bool) -> Bytes) {
        let mut lanes = self.lanes.lock();
        match lanes.by_channel.get_mut(&channel) {
            // No order that it could have a place in.
            None => drop(self.outbox.push(ack(false))),
            Some(Lane::Live { passed, .. }) => self.pass_own(passed, version, ack),
            Some(Lane::Held(_)) => {
                let ack = OwnAck { version, in_turn: ack(false), beside: ack(true) };
                self.hold_back(&mut lanes, channel, Held::Ack(ack));
            }
        }
    }

    fn pass_own(&self, last: &mut i64, version: i64, ack: impl FnOnce(bool) -> Bytes) {
        let in_turn = version == *last + 1;
        if self.outbox.push(ack(!in_turn)) && in_turn {
            *last = version;
        }
    }

    /// Answers the sends of a channel that is not joined after all.
    fn answer(&self, held: impl IntoIterator<Item = Held>) {
        for item in held {
            if let Held::Ack(ack) = item {
                self.outbox.push(ack.in_turn);
            }
        }
    }

    /// Passes what has no version: typing, presence, receipts.
    pub fn pass_plain(&self, channel: ChannelId, framed: &Bytes) {
        let mut lanes = self.lanes.lock();
        match lanes.by_channel.get_mut(&channel) {
            None => {}
            Some(Lane::Live { .. }) => {
                self.outbox.push(framed.clone());
            }
            Some(Lane::Held(_)) => {
                self.hold_back(&mut lanes, channel, Held::Plain(framed.clone()));
            }
        }
    }

    /// The user was removed by this version: says so and passes nothing more of the channel. False where the session
    /// stays, because it is further than that (it was added again), or is about to look where it is.
    pub fn remove(&self, channel: ChannelId, version: i64, framed: Bytes) -> bool {
        let mut lanes = self.lanes.lock();
        match lanes.by_channel.get_mut(&channel) {
            None => true,
            Some(Lane::Live { passed, .. }) if *passed >= version => false,
            Some(Lane::Live { .. }) => {
                lanes.by_channel.remove(&channel);
                self.outbox.push(framed);
                true
            }
            Some(Lane::Held(held)) => {
                held.push(Held::Removed { version, framed });
                false
            }
        }
    }

    /// Ends the joining of everything: writes `hello`, which may be large, outside of the limits, then passes what was
    /// held above the snapshot's versions. Channels that are not in the snapshot are dropped.
    pub fn release_all(&self, hello: &[u8], snapshot: &[(ChannelId, i64)]) {
        let mut lanes = self.lanes.lock();
        let mut held = std::mem::take(&mut lanes.by_channel);
        lanes.held_bytes = 0;
        // Queued by the call; nobody has to wait until it is taken.
        drop(self.outbox.write_through(frame::text(hello)));
        for (channel, version) in snapshot {
            if let Some(lane) = held.remove(channel) {
                self.release_lane(&mut lanes, *channel, *version, lane);
            }
        }
    }

    /// The same for one channel, with the `channel` frame that announces it.
    pub fn release(&self, channel: ChannelId, announcement: Bytes, version: i64) {
        let mut lanes = self.lanes.lock();
        if matches!(lanes.by_channel.get(&channel), Some(Lane::Held(_)))
            && let Some(lane) = lanes.take(channel)
        {
            self.outbox.push(announcement);
            self.release_lane(&mut lanes, channel, version, lane);
        }
    }

    fn release_lane(&self, lanes: &mut Lanes, channel: ChannelId, version: i64, lane: Lane) {
        let mut last = version;
        if let Lane::Held(held) = lane {
            let mut held = held.into_iter();
            while let Some(item) = held.next() {
                match item {
                    Held::Versioned { since, version, framed } => {
                        self.pass_live(channel, &mut last, since, version, &framed);
                    }
                    Held::Ack(OwnAck { version, in_turn, beside }) => {
                        self.pass_own(&mut last, version, |is_beside| if is_beside { beside } else { in_turn });
                    }
                    Held::Plain(framed) => {
                        self.outbox.push(framed);
                    }
                    Held::Removed { version, framed } if version > last => {
                        self.outbox.push(framed);
                        return self.answer(held);
                    }
                    Held::Removed { .. } => {}
                }
            }
        }
        lanes.by_channel.insert(channel, Lane::Live { passed: last, confirmed: version });
    }

    fn pass_live(&self, channel: ChannelId, last: &mut i64, since: i64, version: i64, framed: &Bytes) {
        if version <= *last {
            return;
        }
        if since > *last + 1 && !crate::fault::planted(crate::fault::Sabotage::SubscribeAfterSnapshot) {
            log::warn!("channel {channel}: a session was about to miss versions {} to {}", *last + 1, since - 1);
            self.close(Close::Resync);
            return;
        }
        if self.outbox.push(framed.clone()) {
            *last = version;
        }
    }

    fn hold_back(&self, lanes: &mut Lanes, channel: ChannelId, item: Held) {
        if lanes.overflowed {
            return;
        }
        if let Some(Lane::Held(held)) = lanes.by_channel.get_mut(&channel) {
            lanes.held_bytes += item.bytes();
            held.push(item);
        }
        if lanes.held_bytes > MAX_HELD {
            lanes.overflowed = true;
            log::warn!("channel {channel}: more than {MAX_HELD} bytes came while a session joined; it comes back");
            self.close(Close::Resync);
        }
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
