//! Messages on their way to the server: queued, sending, then acknowledged or refused.
//!
//! Pure: the client's task brings the time and carries out what is due. A message keeps its `clientId` until the server
//! has answered for it, over any number of connections: the server stores it once. Order is kept per channel: after a
//! retryable error nothing later goes out there until that one is through.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::domain::ids::{ChannelId, ClientId};

use super::event::SendError;

/// Waits after a retryable error that does not say how long.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Messages that may wait, all channels together.
    pub messages: usize,
    /// Messages of one channel that may be unanswered at a time. With 1 the order is strict; with more, one that was
    /// already under way may overtake one that was refused for now.
    pub in_flight: usize,
    /// Of one frame, as the server's `TENFOUR_MAX_FRAME_BYTES`.
    pub frame_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { messages: 1000, in_flight: 1, frame_bytes: 65_536 }
    }
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub client_id: ClientId,
    pub channel_id: ChannelId,
    pub content: String,
}

/// What became of a message that the server refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not, or no longer, in here.
    Unknown,
    /// It will be sent again; the later ones of its channel wait.
    Held,
    /// It is gone; the rest goes on.
    Failed,
}

#[derive(Debug)]
pub struct Outbox {
    limits: Limits,
    lanes: BTreeMap<ChannelId, Lane>,
    waiting: usize,
}

/// The messages of one channel, in order.
#[derive(Debug, Default)]
struct Lane {
    items: VecDeque<Item>,
    /// After a retryable error: nothing before this time, and then one at a time until one is through.
    held_until: Option<Instant>,
    retries: u32,
}

#[derive(Debug)]
struct Item {
    outgoing: Outgoing,
    /// Since when its answer is waited for.
    sending: Option<Instant>,
    /// It went out at least once, on this connection or another: it may be stored.
    went_out: bool,
    /// It was refused for now, at least once.
    refused: bool,
}

impl Outbox {
    pub fn new(limits: Limits) -> Self {
        Self { limits, lanes: BTreeMap::new(), waiting: 0 }
    }

    pub fn queue(&mut self, outgoing: Outgoing) -> Result<(), SendError> {
        if outgoing.content.is_empty() {
            return Err(SendError::Empty);
        }
        let len = super::frames::ClientFrame::from(outgoing.clone()).to_json().len();
        if len > self.limits.frame_bytes {
            return Err(SendError::TooLarge { len, max: self.limits.frame_bytes });
        }
        if self.waiting >= self.limits.messages {
            return Err(SendError::Full { waiting: self.waiting });
        }
        self.waiting += 1;
        let lane = self.lanes.entry(outgoing.channel_id).or_default();
        lane.items.push_back(Item { outgoing, sending: None, went_out: false, refused: false });
        Ok(())
    }

    /// What is to be sent now, in order. Call it only while connected.
    pub fn due(&mut self, now: Instant) -> Vec<Outgoing> {
        let in_flight = self.limits.in_flight.max(1);
        self.lanes.values_mut().flat_map(|lane| lane.due(now, in_flight)).collect()
    }

    /// When [`Self::due`] is worth a call though nothing has come.
    pub fn next_due(&self) -> Option<Instant> {
        let held = self.lanes.values().filter(|lane| lane.items.iter().all(|item| item.sending.is_none()));
        held.filter_map(|lane| lane.held_until).min()
    }

    /// The message is stored. Gives it back if it was still waiting for that.
    pub fn stored(&mut self, client_id: ClientId) -> Option<Outgoing> {
        self.take(client_id)
    }

    /// The server did not take it. `unit` is random, from 0 up to 1.
    pub fn refused(
        &mut self,
        client_id: ClientId,
        retryable: bool,
        retry_after: Option<Duration>,
        now: Instant,
        unit: f64,
    ) -> Verdict {
        if !retryable {
            return if self.take(client_id).is_some() { Verdict::Failed } else { Verdict::Unknown };
        }
        let Some((lane, index)) = self.find(client_id) else { return Verdict::Unknown };
        lane.items[index].sending = None;
        lane.items[index].refused = true;
        let wait = retry_after.unwrap_or_else(|| {
            let most = RETRY_MIN.saturating_mul(2_u32.saturating_pow(lane.retries.min(16))).min(RETRY_MAX);
            RETRY_MIN.max(most.mul_f64(unit.clamp(0.0, 1.0)))
        });
        lane.retries = lane.retries.saturating_add(1);
        lane.held_until = lane.held_until.max(Some(now + wait.min(RETRY_MAX)));
        Verdict::Held
    }

    /// The connection is gone: whatever is unanswered goes out again, in order.
    pub fn lost(&mut self) {
        self.lanes.values_mut().flat_map(|lane| &mut lane.items).for_each(|item| item.sending = None);
    }

    /// The server closed the connection over a frame that was too big. Gives up the biggest that was under way, so that
    /// it is not sent for ever.
    pub fn too_big(&mut self) -> Option<Outgoing> {
        let under_way = self.lanes.values().flat_map(|lane| &lane.items).filter(|item| item.sending.is_some());
        let biggest = under_way.max_by_key(|item| item.outgoing.content.len())?.outgoing.client_id;
        self.take(biggest)
    }

    /// Since when the oldest answer is waited for.
    pub fn oldest_unanswered(&self) -> Option<Instant> {
        self.lanes.values().flat_map(|lane| &lane.items).filter_map(|item| item.sending).min()
    }

    /// Messages that are not answered for.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Of these, how many went out at least once.
    pub fn went_out(&self) -> usize {
        self.lanes.values().flat_map(|lane| &lane.items).filter(|item| item.went_out).count()
    }

    /// Gives up all, in order.
    pub fn drain(&mut self) -> Vec<Outgoing> {
        self.waiting = 0;
        std::mem::take(&mut self.lanes).into_values().flat_map(|lane| lane.items).map(|item| item.outgoing).collect()
    }

    fn find(&mut self, client_id: ClientId) -> Option<(&mut Lane, usize)> {
        self.lanes.values_mut().find_map(|lane| {
            let index = lane.items.iter().position(|item| item.outgoing.client_id == client_id)?;
            Some((lane, index))
        })
    }

    fn take(&mut self, client_id: ClientId) -> Option<Outgoing> {
        let (lane, index) = self.find(client_id)?;
        let item = lane.items.remove(index)?;
        // The one that was refused is through: the rest may follow as before.
        if index == 0 && (item.refused || !lane.items.iter().any(|item| item.refused)) {
            lane.held_until = None;
            lane.retries = 0;
        }
        if lane.items.is_empty() {
            self.lanes.remove(&item.outgoing.channel_id);
        }
        self.waiting -= 1;
        Some(item.outgoing)
    }
}

impl Lane {
    fn due(&mut self, now: Instant, in_flight: usize) -> Vec<Outgoing> {
        let under_way = self.items.iter().filter(|item| item.sending.is_some()).count();
        let room = match self.held_until {
            None => in_flight.saturating_sub(under_way),
            Some(until) if under_way == 0 && now >= until => 1,
            Some(_) => 0,
        };
        let next = self.items.iter_mut().filter(|item| item.sending.is_none()).take(room);
        next.map(|item| {
            item.sending = Some(now);
            item.went_out = true;
            item.outgoing.clone()
        })
        .collect()
    }
}

impl From<Outgoing> for super::frames::ClientFrame {
    fn from(Outgoing { client_id, channel_id, content }: Outgoing) -> Self {
        Self::Message { client_id, channel_id, content }
    }
}
