//! The sends that wait for the database, and which of them go into the next transaction. Pure.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use super::handle::{Flight, Place};
use crate::actors::origin::Origin;
use crate::domain::ids::{ChannelId, ClientId, UserId};
use crate::domain::message::Append;

/// One send that waits.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) append: Append,
    /// None once it was answered because its time was up; what becomes of it is then news to all.
    pub(super) origin: Option<Origin>,
    pub(super) accepted: Instant,
    /// Both held as long as it waits, however that ends.
    pub(super) _flight: Option<Flight>,
    pub(super) _place: Option<Place>,
}

/// Sends by channel, each in order of arrival. A channel is in one batch at a time, which is what keeps its order while
/// several are being written. One that somebody else holds is written alone, and nothing else waits for it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lines: HashMap<ChannelId, Line>,
    /// Channels that may go into the next batch, in their turn.
    ready: VecDeque<ChannelId>,
    /// The same for those that are written alone.
    ready_alone: VecDeque<ChannelId>,
    /// Every send that is not finished, in flight ones included.
    keys: HashMap<(UserId, ClientId), usize>,
    waiting: usize,
}

/// What waits for one channel. It is there as long as something waits or is being written.
#[derive(Debug, Default)]
struct Line {
    sends: VecDeque<Sending>,
    flies: bool,
    alone: bool,
}

/// The most of one transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchLimits {
    pub(super) sends: usize,
    pub(super) bytes: usize,
}

impl Queue {
    pub(super) fn push(&mut self, sending: Sending) {
        *self.keys.entry(key(&sending)).or_default() += 1;
        self.waiting += 1;
        let channel = sending.append.message.channel_id;
        let line = self.lines.entry(channel).or_default();
        line.sends.push_back(sending);
        if line.sends.len() == 1 && !line.flies {
            self.make_ready(channel);
        }
    }

    /// The next batch, of channels of which none is being written. They are until they have [`Queue::landed`].
    pub(super) fn take(&mut self, limits: BatchLimits) -> Vec<Sending> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < limits.sends && bytes < limits.bytes {
            let Some(channel) = self.ready.pop_front() else { break };
            if let Some(line) = self.lines.get_mut(&channel) {
                line.take(limits, &mut batch, &mut bytes);
                line.flies = true;
            }
        }
        self.waiting -= batch.len();
        batch
    }

    /// The next batch of a channel that is written alone.
    pub(super) fn take_alone(&mut self, limits: BatchLimits) -> Option<(ChannelId, Vec<Sending>)> {
        let channel = self.ready_alone.pop_front()?;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let line = self.lines.get_mut(&channel)?;
        line.take(limits, &mut batch, &mut bytes);
        line.flies = true;
        self.waiting -= batch.len();
        Some((channel, batch))
    }

    /// These channels are no longer being written.
    pub(super) fn landed(&mut self, channels: &[ChannelId]) {
        for channel in channels {
            let Some(line) = self.lines.get_mut(channel) else { continue };
            line.flies = false;
            if line.sends.is_empty() {
                self.lines.remove(channel);
            } else {
                self.make_ready(*channel);
            }
        }
    }

    /// Puts what was not stored back to the front of its channels, in its order. Before they have landed.
    pub(super) fn put_back(&mut self, batch: Vec<Sending>) {
        self.waiting += batch.len();
        for sending in batch.into_iter().rev() {
            self.lines.entry(sending.append.message.channel_id).or_default().sends.push_front(sending);
        }
    }

    /// From here on each of them is written alone, until nothing waits for it.
    pub(super) fn set_aside(&mut self, channels: &[ChannelId]) {
        for channel in channels {
            self.lines.entry(*channel).or_default().alone = true;
        }
    }

    fn make_ready(&mut self, channel: ChannelId) {
        let is_alone = self.lines.get(&channel).is_some_and(|line| line.alone);
        if is_alone { &mut self.ready_alone } else { &mut self.ready }.push_back(channel);
    }

    /// A send has its final answer.
    pub(super) fn finished(&mut self, sending: &Sending) {
        let key = key(sending);
        if let Some(count) = self.keys.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.keys.remove(&key);
            }
        }
    }

    /// Whether a send with this key is not finished yet.
    pub(super) fn knows(&self, sender: UserId, client_id: ClientId) -> bool {
        self.keys.contains_key(&(sender, client_id))
    }

    /// Takes out what was accepted before `limit` and still waits.
    pub(super) fn expired(&mut self, limit: Instant) -> Vec<Sending> {
        let mut expired = Vec::new();
        let mut emptied = HashSet::new();
        for (channel, line) in &mut self.lines {
            let before = expired.len();
            while let Some(sending) = line.sends.pop_front_if(|first| first.accepted <= limit) {
                expired.push(sending);
            }
            if expired.len() > before && line.sends.is_empty() && !line.flies {
                emptied.insert(*channel);
            }
        }
        self.waiting -= expired.len();
        if !emptied.is_empty() {
            self.lines.retain(|channel, _| !emptied.contains(channel));
            self.ready.retain(|channel| !emptied.contains(channel));
            self.ready_alone.retain(|channel| !emptied.contains(channel));
        }
        expired
    }

    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// How many of those that wait are of channels that may go into the next batch.
    pub(super) fn startable(&self) -> usize {
        self.ready.iter().filter_map(|channel| self.lines.get(channel)).map(|line| line.sends.len()).sum()
    }

    pub(super) fn set_aside_count(&self) -> usize {
        self.lines.values().filter(|line| line.alone).count()
    }
}

impl Line {
    fn take(&mut self, limits: BatchLimits, batch: &mut Vec<Sending>, bytes: &mut usize) {
        while batch.len() < limits.sends
            && *bytes < limits.bytes
            && let Some(next) = self.sends.pop_front()
        {
            *bytes += next.append.message.content.as_str().len();
            batch.push(next);
        }
    }
}

fn key(sending: &Sending) -> (UserId, ClientId) {
    (sending.append.message.sender_id, sending.append.message.client_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::content::Content;
    use crate::domain::ids::MessageId;
    use crate::domain::message::NewMessage;
    use uuid::Uuid;

    const LIMITS: BatchLimits = BatchLimits { sends: 3, bytes: 100 };

    fn sending(channel: u128, number: u128, len: usize) -> Sending {
        let message = NewMessage {
            id: MessageId(Uuid::from_u128(number)),
            client_id: ClientId(Uuid::from_u128(number)),
            channel_id: ChannelId(Uuid::from_u128(channel)),
            sender_id: UserId(Uuid::from_u128(9)),
            sender_name: "Ana".into(),
            content: Content::parse("x".repeat(len), 1000).unwrap(),
            content_type: "text".into(),
            reply_to_id: None,
            attachment_ids: Vec::new(),
            mention_ids: Vec::new(),
            ask: None,
            created_at: crate::domain::now(),
        };
        let append = Append { digest: message.digest(), message, members_version: 0 };
        Sending { append, origin: None, accepted: Instant::now(), _flight: None, _place: None }
    }

    fn numbers(batch: &[Sending]) -> Vec<u128> {
        batch.iter().map(|sending| sending.append.message.id.0.as_u128()).collect()
    }

    fn channels(ids: &[u128]) -> Vec<ChannelId> {
        ids.iter().map(|id| ChannelId(Uuid::from_u128(*id))).collect()
    }

    #[test]
    fn a_batch_is_bounded_in_number_and_bytes() {
        let mut queue = Queue::default();
        for number in 1..=4 {
            queue.push(sending(1, number, 10));
        }
        queue.push(sending(1, 5, 200));
        queue.push(sending(1, 6, 10));
        for batch in [&[1, 2, 3][..], &[4, 5], &[6], &[]] {
            assert_eq!(numbers(&queue.take(LIMITS)), batch);
            queue.landed(&channels(&[1]));
        }
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn a_channel_is_in_one_batch_at_a_time() {
        let mut queue = Queue::default();
        for (channel, number) in [(1, 1), (2, 2), (1, 3)] {
            queue.push(sending(channel, number, 1));
        }
        assert_eq!(numbers(&queue.take(BatchLimits { sends: 1, bytes: 100 })), [1]);
        queue.push(sending(1, 4, 1));
        assert_eq!(numbers(&queue.take(LIMITS)), [2]);
        queue.push(sending(2, 5, 1));
        assert!(queue.take(LIMITS).is_empty(), "both are being written");
        assert_eq!((queue.len(), queue.startable()), (3, 0));
        queue.landed(&channels(&[1]));
        assert_eq!(queue.startable(), 2);
        assert_eq!(numbers(&queue.take(LIMITS)), [3, 4]);
    }

    #[test]
    fn what_failed_comes_first_in_its_channel() {
        let mut queue = Queue::default();
        for (channel, number) in [(1, 1), (1, 2), (2, 3)] {
            queue.push(sending(channel, number, 1));
        }
        let batch = queue.take(LIMITS);
        queue.push(sending(1, 4, 1));
        queue.put_back(batch);
        queue.landed(&channels(&[1, 2]));
        assert_eq!(numbers(&queue.take(BatchLimits { sends: 9, bytes: 100 })), [1, 2, 4, 3]);
    }

    #[test]
    fn a_locked_channel_waits_alone_and_in_order() {
        let mut queue = Queue::default();
        for (channel, number) in [(1, 1), (2, 2), (1, 3)] {
            queue.push(sending(channel, number, 1));
        }
        let batch = queue.take(BatchLimits { sends: 1, bytes: 100 });
        queue.put_back(batch);
        queue.set_aside(&channels(&[1]));
        queue.landed(&channels(&[1]));
        assert_eq!(numbers(&queue.take(LIMITS)), [2]);
        let (channel, batch) = queue.take_alone(LIMITS).unwrap();
        assert_eq!((channel, numbers(&batch)), (channels(&[1])[0], vec![1, 3]));
        queue.push(sending(1, 4, 1));
        assert!(queue.take_alone(LIMITS).is_none() && queue.take(LIMITS).is_empty());
        queue.landed(&[channel]);
        assert_eq!(numbers(&queue.take_alone(LIMITS).unwrap().1), [4]);
        assert_eq!(queue.set_aside_count(), 1);
        queue.landed(&[channel]);
        queue.push(sending(1, 5, 1));
        assert_eq!(numbers(&queue.take(LIMITS)), [5], "no longer set aside");
    }

    #[test]
    fn what_waited_too_long_leaves_nothing_behind() {
        let mut queue = Queue::default();
        queue.push(sending(1, 1, 1));
        assert_eq!(numbers(&queue.expired(Instant::now())), [1]);
        assert_eq!(queue.len(), 0);
        assert!(queue.take(LIMITS).is_empty() && queue.lines.is_empty());
        queue.push(sending(1, 2, 1));
        assert_eq!(numbers(&queue.take(LIMITS)), [2], "and the channel is ready again, once");
        assert!(queue.ready.is_empty());
    }

    #[test]
    fn a_send_is_known_until_its_last_answer() {
        let mut queue = Queue::default();
        queue.push(sending(1, 1, 1));
        queue.push(sending(1, 1, 1));
        let batch = queue.take(LIMITS);
        let (sender, client) = (UserId(Uuid::from_u128(9)), ClientId(Uuid::from_u128(1)));
        queue.finished(&batch[0]);
        assert!(queue.knows(sender, client));
        queue.finished(&batch[1]);
        assert!(!queue.knows(sender, client));
    }
}
