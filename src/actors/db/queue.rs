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

/// Sends in order of arrival. A channel that is set aside (somebody else holds its row) waits alone.
#[derive(Debug, Default)]
pub(super) struct Queue {
    main: VecDeque<Sending>,
    aside: HashMap<ChannelId, VecDeque<Sending>>,
    /// Every send that is not finished, in flight ones included.
    keys: HashMap<(UserId, ClientId), usize>,
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
        match self.aside.get_mut(&sending.append.message.channel_id) {
            Some(waiting) => waiting.push_back(sending),
            None => self.main.push_back(sending),
        }
    }

    /// The next batch of the channels that nobody holds.
    pub(super) fn take(&mut self, limits: BatchLimits) -> Vec<Sending> {
        take(&mut self.main, limits)
    }

    /// The next batch of a channel that was set aside; when there is none it no longer is.
    pub(super) fn take_aside(&mut self, channel: ChannelId, limits: BatchLimits) -> Vec<Sending> {
        let batch = self.aside.get_mut(&channel).map(|waiting| take(waiting, limits)).unwrap_or_default();
        if batch.is_empty() {
            self.aside.remove(&channel);
        }
        batch
    }

    /// Puts a batch that failed back to the front, in its order.
    pub(super) fn put_back(&mut self, batch: Vec<Sending>) {
        for sending in batch.into_iter().rev() {
            self.main.push_front(sending);
        }
    }

    /// The same for a channel that is set aside.
    pub(super) fn put_back_aside(&mut self, channel: ChannelId, batch: Vec<Sending>) {
        let waiting = self.aside.entry(channel).or_default();
        for sending in batch.into_iter().rev() {
            waiting.push_front(sending);
        }
    }

    /// Sets the batch's channels aside, each with what else waits for it.
    pub(super) fn set_aside(&mut self, batch: Vec<Sending>) -> Vec<ChannelId> {
        let mut channels = Vec::new();
        let mut seen = HashSet::new();
        for sending in batch {
            let channel = sending.append.message.channel_id;
            if seen.insert(channel) {
                channels.push(channel);
            }
            self.aside.entry(channel).or_default().push_back(sending);
        }
        let mut rest = VecDeque::with_capacity(self.main.len());
        for sending in self.main.drain(..) {
            match self.aside.get_mut(&sending.append.message.channel_id) {
                Some(waiting) => waiting.push_back(sending),
                None => rest.push_back(sending),
            }
        }
        self.main = rest;
        channels
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
        for waiting in std::iter::once(&mut self.main).chain(self.aside.values_mut()) {
            while let Some(sending) = waiting.pop_front_if(|first| first.accepted <= limit) {
                expired.push(sending);
            }
        }
        expired
    }

    pub(super) fn len(&self) -> usize {
        self.main.len() + self.aside.values().map(VecDeque::len).sum::<usize>()
    }

    pub(super) fn set_aside_count(&self) -> usize {
        self.aside.len()
    }
}

fn key(sending: &Sending) -> (UserId, ClientId) {
    (sending.append.message.sender_id, sending.append.message.client_id)
}

fn take(waiting: &mut VecDeque<Sending>, limits: BatchLimits) -> Vec<Sending> {
    let mut bytes = 0;
    let mut batch = Vec::new();
    while batch.len() < limits.sends && (bytes < limits.bytes || batch.is_empty()) {
        let Some(next) = waiting.pop_front() else { break };
        bytes += next.append.message.content.as_str().len();
        batch.push(next);
    }
    batch
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
            created_at: crate::domain::now(),
        };
        let append = Append { digest: message.digest(), message, members_version: 0 };
        Sending { append, origin: None, accepted: Instant::now(), _flight: None, _place: None }
    }

    fn numbers(batch: &[Sending]) -> Vec<u128> {
        batch.iter().map(|sending| sending.append.message.id.0.as_u128()).collect()
    }

    #[test]
    fn a_batch_is_bounded_in_number_and_bytes() {
        let mut queue = Queue::default();
        for number in 1..=4 {
            queue.push(sending(1, number, 10));
        }
        queue.push(sending(1, 5, 200));
        queue.push(sending(1, 6, 10));
        assert_eq!(numbers(&queue.take(LIMITS)), [1, 2, 3]);
        assert_eq!(numbers(&queue.take(LIMITS)), [4, 5]);
        assert_eq!(numbers(&queue.take(LIMITS)), [6]);
    }

    #[test]
    fn a_locked_channel_waits_alone_and_in_order() {
        let mut queue = Queue::default();
        for (channel, number) in [(1, 1), (2, 2), (1, 3)] {
            queue.push(sending(channel, number, 1));
        }
        let batch = queue.take(BatchLimits { sends: 1, bytes: 100 });
        let locked = queue.set_aside(batch);
        queue.push(sending(1, 4, 1));
        assert_eq!(numbers(&queue.take(LIMITS)), [2]);
        assert_eq!(numbers(&queue.take_aside(locked[0], LIMITS)), [1, 3, 4]);
        assert!(queue.take_aside(locked[0], LIMITS).is_empty());
        queue.push(sending(1, 5, 1));
        assert_eq!(numbers(&queue.take(LIMITS)), [5], "no longer set aside");
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
