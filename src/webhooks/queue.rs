//! Which lanes are to be looked at, which are being worked on, and which after a while. Pure: the dispatcher acts by it.
//!
//! A lane that is noted while it is worked on is looked at once more after that, since what was noted may have come too late for
//! who works on it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::domain::ids::WebhookId;
use crate::domain::webhook::Lane;

/// Lanes of one webhook that are worked on at a time, of one that does not answer, and of all.
const OF_ONE: usize = 8;
const OF_SILENT: usize = 1;
const OF_ALL: usize = 32;

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<WebhookId, VecDeque<Lane>>,
    queued: HashSet<(WebhookId, Lane)>,
    /// True: noted again meanwhile.
    running: HashMap<(WebhookId, Lane), bool>,
    of_each: HashMap<WebhookId, usize>,
    /// By time, and when it comes for each.
    later: BTreeSet<(Instant, WebhookId, Lane)>,
    times: HashMap<(WebhookId, Lane), Instant>,
}

impl Queue {
    /// Something may be to be delivered there.
    pub(super) fn note(&mut self, webhook: WebhookId, lane: Lane) {
        if let Some(again) = self.running.get_mut(&(webhook, lane)) {
            *again = true;
        } else if self.queued.insert((webhook, lane)) {
            self.waiting.entry(webhook).or_default().push_back(lane);
        }
    }

    /// The same, after a while. Of several such times the first counts.
    pub(super) fn note_after(&mut self, webhook: WebhookId, lane: Lane, delay: Duration) {
        let at = Instant::now() + delay;
        let before = self.times.get(&(webhook, lane)).copied();
        if before.is_some_and(|before| before <= at) {
            return;
        }
        if let Some(before) = before {
            self.later.remove(&(before, webhook, lane));
        }
        self.later.insert((at, webhook, lane));
        self.times.insert((webhook, lane), at);
    }

    /// When the next of those is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.later.first().map(|(at, ..)| *at)
    }

    /// Those whose time has come wait like the others from now on.
    pub(super) fn ripen(&mut self, now: Instant) {
        while self.later.first().is_some_and(|(at, ..)| *at <= now)
            && let Some((_, webhook, lane)) = self.later.pop_first()
        {
            self.times.remove(&(webhook, lane));
            self.note(webhook, lane);
        }
    }

    /// As many lanes of one webhook as may be worked on now. Of a `silent` one a single one finds out whether it answers again.
    pub(super) fn take(&mut self, webhook: WebhookId, silent: bool) -> Vec<Lane> {
        let most = if silent { OF_SILENT } else { OF_ONE };
        let own = self.of(webhook);
        // None goes without a place, however slow those are that have all the others.
        let left = OF_ALL.saturating_sub(self.running.len()).max(usize::from(own == 0));
        let room = most.saturating_sub(own).min(left);
        let Some(waiting) = self.waiting.get_mut(&webhook) else { return Vec::new() };
        let lanes: Vec<Lane> = waiting.drain(..room.min(waiting.len())).collect();
        if waiting.is_empty() {
            self.waiting.remove(&webhook);
        }
        for lane in &lanes {
            self.queued.remove(&(webhook, *lane));
            self.running.insert((webhook, *lane), false);
        }
        if !lanes.is_empty() {
            *self.of_each.entry(webhook).or_default() += lanes.len();
        }
        lanes
    }

    /// Nobody works on it any more.
    pub(super) fn done(&mut self, webhook: WebhookId, lane: Lane) {
        let Some(again) = self.running.remove(&(webhook, lane)) else { return };
        if let Some(own) = self.of_each.get_mut(&webhook) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                self.of_each.remove(&webhook);
            }
        }
        if again {
            self.note(webhook, lane);
        }
    }

    /// Of a webhook that is gone.
    pub(super) fn forget(&mut self, webhook: WebhookId) {
        for lane in self.waiting.remove(&webhook).into_iter().flatten() {
            self.queued.remove(&(webhook, lane));
        }
        self.later.retain(|(_, of, _)| *of != webhook);
        self.times.retain(|(of, _), _| *of != webhook);
    }

    /// Those that have something waiting. First who has the fewest places, so that none goes without.
    pub(super) fn webhooks(&self) -> Vec<WebhookId> {
        let mut waiting: Vec<WebhookId> = self.waiting.keys().copied().collect();
        waiting.sort_by_key(|webhook| self.of(*webhook));
        waiting
    }

    /// How many places it has.
    fn of(&self, webhook: WebhookId) -> usize {
        self.of_each.get(&webhook).copied().unwrap_or_default()
    }

    pub(super) fn waiting_of(&self, webhook: WebhookId) -> usize {
        self.waiting.get(&webhook).map_or(0, VecDeque::len)
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// How many lanes wait or are worked on.
    pub(super) fn depth(&self) -> usize {
        self.queued.len() + self.running.len()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::ChannelId;

    fn webhook(number: u128) -> WebhookId {
        WebhookId(Uuid::from_u128(number))
    }

    fn lane(number: u128) -> Lane {
        Lane::Channel(ChannelId(Uuid::from_u128(number)))
    }

    #[test]
    fn a_lane_is_worked_on_by_one_and_looked_at_again_where_it_was_noted_meanwhile() {
        let mut queue = Queue::default();
        queue.note(webhook(1), lane(1));
        queue.note(webhook(1), lane(1));
        assert_eq!(queue.take(webhook(1), false), [lane(1)]);
        assert!(queue.take(webhook(1), false).is_empty());
        queue.note(webhook(1), lane(1));
        assert!(queue.take(webhook(1), false).is_empty(), "it is being worked on");
        queue.done(webhook(1), lane(1));
        assert_eq!(queue.take(webhook(1), false), [lane(1)]);
        queue.done(webhook(1), lane(1));
        assert!(queue.take(webhook(1), false).is_empty() && queue.depth() == 0);
    }

    #[test]
    fn one_webhook_has_some_places_and_all_have_more() {
        let mut queue = Queue::default();
        for number in 0..6 {
            for other in 0..20 {
                queue.note(webhook(number), lane(other));
            }
        }
        let taken: Vec<usize> = (0..6).map(|number| queue.take(webhook(number), false).len()).collect();
        assert_eq!(taken, [8, 8, 8, 8, 1, 1], "one each has a place whatever the others do");
        assert!(queue.take(webhook(4), false).is_empty(), "no other is left");
        for number in 0..3 {
            queue.done(webhook(0), lane(number));
        }
        assert_eq!(queue.take(webhook(4), false).len(), 1);
        assert!(queue.take(webhook(0), false).is_empty(), "no place is left");
        assert_eq!((queue.running(), queue.depth()), (32, 6 * 20 - 3));
        assert_eq!(queue.webhooks(), [5, 4, 0, 1, 2, 3].map(webhook), "who has the fewest comes first");
        queue.done(webhook(0), lane(3));
        assert!(queue.take(webhook(4), true).is_empty(), "of one that is silent one is enough");
        queue.forget(webhook(5));
        assert_eq!(queue.webhooks().len(), 5);
    }

    #[test]
    fn what_comes_later_waits_for_its_time() {
        let mut queue = Queue::default();
        queue.note_after(webhook(1), lane(1), Duration::from_secs(60));
        queue.ripen(Instant::now());
        assert!(queue.take(webhook(1), false).is_empty());
        let at = queue.next().unwrap();
        queue.ripen(at);
        assert_eq!((queue.take(webhook(1), false), queue.next()), (vec![lane(1)], None));
    }

    #[test]
    fn a_lane_waits_for_one_time_alone() {
        let mut queue = Queue::default();
        let started = Instant::now();
        for seconds in [60, 30, 90] {
            queue.note_after(webhook(1), lane(1), Duration::from_secs(seconds));
        }
        assert_eq!((queue.later.len(), queue.times.len()), (1, 1));
        assert!(queue.next().unwrap() < started + Duration::from_secs(60), "for the first of them");
        queue.note_after(webhook(2), lane(1), Duration::from_secs(60));
        queue.forget(webhook(1));
        assert_eq!((queue.later.len(), queue.times.len()), (1, 1), "the other one's");
    }
}
