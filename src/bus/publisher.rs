//! What goes out: a bounded queue, and one task that publishes what has gathered in it, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::event::Event;
use super::sealed::Sealer;
use super::{Counts, Topic};
use crate::cluster::Link;

/// Events that may wait, and about how many bytes of them.
const MAX_WAITING: usize = 16_384;
const MAX_BYTES: usize = 16 << 20;
/// Events of one round trip.
const BATCH: usize = 256;

/// Where events are put.
#[derive(Debug)]
pub(super) struct Outgoing {
    sender: mpsc::Sender<Queued>,
    bytes: Arc<AtomicUsize>,
    counts: Arc<Counts>,
}

/// Where they come out.
#[derive(Debug)]
pub(super) struct Waiting {
    receiver: mpsc::Receiver<Queued>,
    bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Queued {
    topic: Topic,
    event: Event,
    size: usize,
}

pub(super) fn queue(counts: Arc<Counts>) -> (Outgoing, Waiting) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Outgoing { sender, bytes: Arc::clone(&bytes), counts }, Waiting { receiver, bytes })
}

impl Outgoing {
    /// Never waits: what does not fit is dropped, and found in the database.
    pub(super) fn push(&self, topic: Topic, event: Event) {
        let size = event.size();
        // When thousands come or go at once, messages still find room.
        let crowded = event.is_notice() && self.sender.capacity() < MAX_WAITING / 2;
        if crowded {
            Counts::add(&self.counts.dropped, 1);
            return;
        }
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size <= MAX_BYTES
            && self.sender.try_send(Queued { topic, event, size }).is_ok()
        {
            return;
        }
        self.bytes.fetch_sub(size, Ordering::Relaxed);
        Counts::add(&self.counts.dropped, 1);
    }
}

/// Until nobody can publish any more.
pub(super) async fn run(mut waiting: Waiting, sealer: Arc<Sealer>, link: Link, counts: Arc<Counts>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.receiver.recv_many(&mut batch, BATCH).await > 0 {
        let mut commands = redis::pipe();
        let mut number = 0;
        for Queued { topic, event, size } in batch.drain(..) {
            waiting.bytes.fetch_sub(size, Ordering::Relaxed);
            let topic = topic.name(sealer.cluster());
            match sealer.seal(&topic, &event) {
                Ok(sealed) => {
                    commands.cmd("PUBLISH").arg(topic).arg(sealed).ignore();
                    number += 1;
                }
                Err(error) => log::error!("an event cannot be written: {error}"),
            }
        }
        // Once, and in order: what is lost is found in the database, what came late would be out of turn.
        match link.call_here::<()>(&commands).await {
            Ok(()) => Counts::add(&counts.published, number),
            Err(_) => Counts::add(&counts.dropped, number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ChannelId, UserId};
    use uuid::Uuid;

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let counts = Arc::new(Counts::default());
        let (outgoing, mut waiting) = queue(Arc::clone(&counts));
        let event = || Event::Added { channel_id: ChannelId(Uuid::from_u128(1)) };
        for _ in 0..=MAX_WAITING {
            outgoing.push(Topic::All, event());
        }
        assert_eq!(counts.dropped.load(Ordering::Relaxed), 1);
        assert_eq!(outgoing.bytes.load(Ordering::Relaxed), MAX_WAITING * event().size());
        assert!(waiting.receiver.try_recv().is_ok());
        outgoing.push(Topic::All, event());
        assert_eq!(counts.dropped.load(Ordering::Relaxed), 1);
        assert!(waiting.receiver.try_recv().is_ok());
        outgoing.push(Topic::All, Event::TypingStopped { user_id: UserId(Uuid::from_u128(1)) });
        assert_eq!(counts.dropped.load(Ordering::Relaxed), 2, "there is room, but not for a notice");
    }
}
