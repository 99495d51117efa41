//! The outbox against a model of a server that refuses, loses answers and drops connections.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::ids::{ChannelId, ClientId};

use super::event::SendError;
use super::outbox::{Limits, Outbox, Outgoing, Verdict};

fn outgoing(n: u128, channel: u128) -> Outgoing {
    let (client_id, channel_id) = (ClientId(Uuid::from_u128(n)), ChannelId(Uuid::from_u128(channel)));
    Outgoing { client_id, channel_id, content: format!("message {n}") }
}

fn filled(in_flight: usize, messages: u128) -> Outbox {
    let mut outbox = Outbox::new(Limits { in_flight, ..Limits::default() });
    (0..messages).for_each(|n| outbox.queue(outgoing(n, 1)).unwrap());
    outbox
}

fn numbers(due: &[Outgoing]) -> Vec<u128> {
    due.iter().map(|outgoing| outgoing.client_id.0.as_u128()).collect()
}

#[test]
fn after_a_lost_connection_everything_unanswered_goes_out_again_in_order() {
    let (mut outbox, now) = (filled(8, 4), Instant::now());
    let first = outbox.due(now);
    assert_eq!(numbers(&first), [0, 1, 2, 3]);
    assert!(outbox.due(now).is_empty(), "once a connection");
    outbox.stored(first[1].client_id);
    outbox.lost();
    assert_eq!(numbers(&outbox.due(now)), [0, 2, 3]);
}

#[test]
fn what_went_out_once_may_be_stored_whatever_became_of_the_connection() {
    let (mut outbox, now) = (filled(1, 3), Instant::now());
    assert_eq!((outbox.waiting(), outbox.went_out()), (3, 0));
    let first = outbox.due(now);
    outbox.lost();
    assert_eq!((outbox.waiting(), outbox.went_out()), (3, 1));
    outbox.stored(first[0].client_id);
    assert_eq!((outbox.waiting(), outbox.went_out()), (2, 0));
}

#[test]
fn after_a_retryable_error_later_sends_to_that_channel_wait_and_others_do_not() {
    let (mut outbox, now) = (filled(1, 3), Instant::now());
    let id = outbox.due(now)[0].client_id;
    assert_eq!(outbox.refused(id, true, Some(Duration::from_millis(90)), now, 0.0), Verdict::Held);
    outbox.queue(outgoing(9, 2)).unwrap();
    assert_eq!(numbers(&outbox.due(now)), [9], "the other channel");
    let due = now + Duration::from_millis(90);
    assert_eq!(outbox.next_due(), Some(due));
    assert_eq!(numbers(&outbox.due(due)), [0], "the same one alone");
    outbox.stored(id);
    assert_eq!(numbers(&outbox.due(due)), [1]);
}

#[test]
fn what_was_under_way_is_waited_for_before_a_retry() {
    let (mut outbox, now) = (filled(3, 4), Instant::now());
    let sent = outbox.due(now);
    outbox.refused(sent[0].client_id, true, Some(Duration::ZERO), now, 0.0);
    assert!(outbox.due(now).is_empty());
    outbox.refused(sent[1].client_id, true, Some(Duration::ZERO), now, 0.0);
    outbox.refused(sent[2].client_id, true, Some(Duration::ZERO), now, 0.0);
    assert_eq!(numbers(&outbox.due(now)), [0]);
    outbox.stored(sent[0].client_id);
    assert_eq!(numbers(&outbox.due(now)), [1, 2, 3]);
}

#[test]
fn one_that_was_refused_behind_another_waits_its_time_when_that_one_is_through() {
    let (mut outbox, now) = (filled(2, 3), Instant::now());
    let sent = outbox.due(now);
    outbox.refused(sent[1].client_id, true, Some(Duration::from_millis(90)), now, 0.0);
    outbox.stored(sent[0].client_id);
    assert!(outbox.due(now).is_empty());
    assert_eq!(numbers(&outbox.due(now + Duration::from_millis(90))), [1]);
}

#[test]
fn a_definite_error_gives_up_that_message_only() {
    let (mut outbox, now) = (filled(1, 2), Instant::now());
    let id = outbox.due(now)[0].client_id;
    assert_eq!(outbox.refused(id, false, None, now, 0.0), Verdict::Failed);
    assert_eq!(outbox.refused(id, false, None, now, 0.0), Verdict::Unknown);
    assert_eq!(numbers(&outbox.due(now)), [1]);
}

#[test]
fn retries_wait_longer_each_time() {
    let (mut outbox, mut now) = (filled(1, 1), Instant::now());
    let mut waits = Vec::new();
    for _ in 0..8 {
        let id = outbox.due(now)[0].client_id;
        outbox.refused(id, true, None, now, 1.0);
        let due = outbox.next_due().expect("a time");
        waits.push((due - now).as_millis());
        now = due;
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
}

#[test]
fn it_is_bounded_and_says_so() {
    let mut outbox = Outbox::new(Limits { messages: 1, in_flight: 1, frame_bytes: 200 });
    assert_eq!(outbox.queue(Outgoing { content: String::new(), ..outgoing(0, 1) }), Err(SendError::Empty));
    // 40 characters that take six bytes each in JSON.
    let long = Outgoing { content: "\u{1}".repeat(40), ..outgoing(0, 1) };
    assert!(matches!(outbox.queue(long), Err(SendError::TooLarge { max: 200, .. })));
    outbox.queue(outgoing(1, 1)).unwrap();
    assert_eq!(outbox.queue(outgoing(2, 1)), Err(SendError::Full { waiting: 1 }));
    outbox.stored(outgoing(1, 1).client_id);
    outbox.queue(outgoing(2, 1)).unwrap();
}

#[test]
fn the_biggest_under_way_is_given_up_when_the_server_calls_a_frame_too_big() {
    let mut outbox = filled(1, 1);
    outbox.queue(Outgoing { content: "long".repeat(9), ..outgoing(7, 2) }).unwrap();
    outbox.due(Instant::now());
    assert_eq!(outbox.too_big().map(|o| o.client_id.0.as_u128()), Some(7));
    assert_eq!(outbox.waiting(), 1);
}

/// What the server does with the next message that is under way.
#[derive(Debug, Clone)]
enum Step {
    Queue(u128),
    Store,
    StoreAndDisconnect,
    Disconnect,
    RefuseForNow,
    Refuse,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u128..4).prop_map(Step::Queue),
        4 => Just(Step::Store),
        1 => Just(Step::StoreAndDisconnect),
        1 => Just(Step::Disconnect),
        2 => Just(Step::RefuseForNow),
        1 => Just(Step::Refuse),
    ]
}

struct Model {
    outbox: Outbox,
    now: Instant,
    /// Under way, in the order sent.
    line: Vec<Outgoing>,
    /// By channel, in the order stored.
    stored: BTreeMap<ChannelId, Vec<ClientId>>,
    queued: BTreeMap<ChannelId, Vec<ClientId>>,
    settled: Vec<ClientId>,
    next: u128,
}

impl Model {
    fn step(&mut self, step: &Step) {
        self.now += Duration::from_secs(1);
        if let Step::Queue(channel) = step {
            self.next += 1;
            let outgoing = outgoing(self.next, *channel);
            self.queued.entry(outgoing.channel_id).or_default().push(outgoing.client_id);
            self.outbox.queue(outgoing).unwrap();
        } else if matches!(step, Step::Disconnect) {
            self.disconnect();
        } else if !self.line.is_empty() {
            let first = self.line.remove(0);
            self.answer(&first, step);
        }
        for due in self.outbox.due(self.now) {
            assert!(!self.line.contains(&due), "not twice on one connection");
            assert!(!self.settled.contains(&due.client_id), "not after its answer");
            self.line.push(due);
        }
    }

    fn answer(&mut self, outgoing: &Outgoing, step: &Step) {
        let stored = self.stored.entry(outgoing.channel_id).or_default();
        let duplicate = stored.contains(&outgoing.client_id);
        match step {
            Step::RefuseForNow if !duplicate => {
                let verdict = self.outbox.refused(outgoing.client_id, true, None, self.now, 0.5);
                assert_eq!(verdict, Verdict::Held);
            }
            Step::Refuse if !duplicate => {
                self.settled.push(outgoing.client_id);
                let verdict = self.outbox.refused(outgoing.client_id, false, None, self.now, 0.5);
                assert_eq!(verdict, Verdict::Failed);
                let queued = self.queued.get_mut(&outgoing.channel_id).unwrap();
                queued.retain(|id| *id != outgoing.client_id);
            }
            step => {
                if !duplicate {
                    stored.push(outgoing.client_id);
                }
                if matches!(step, Step::StoreAndDisconnect) {
                    return self.disconnect();
                }
                self.settled.push(outgoing.client_id);
                assert_eq!(self.outbox.stored(outgoing.client_id).as_ref(), Some(outgoing));
            }
        }
    }

    fn disconnect(&mut self) {
        self.line.clear();
        self.outbox.lost();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_stored_once_and_in_the_order_of_its_channel_or_refused(
        steps in prop::collection::vec(step(), 0..100), in_flight in 1_usize..4,
    ) {
        let outbox = Outbox::new(Limits { in_flight, ..Limits::default() });
        let (stored, queued) = (BTreeMap::new(), BTreeMap::new());
        let mut model =
            Model { outbox, now: Instant::now(), line: vec![], stored, queued, settled: vec![], next: 0 };
        for step in &steps {
            model.step(step);
        }
        for _ in 0..400 {
            model.now += Duration::from_secs(20);
            model.step(&Step::Store);
        }
        prop_assert_eq!(model.outbox.waiting(), 0);
        for (channel, queued) in model.queued {
            let mut stored = model.stored.remove(&channel).unwrap_or_default();
            if in_flight > 1 {
                stored.sort_by_key(|id| id.0);
            }
            prop_assert_eq!(stored, queued);
        }
    }
}
