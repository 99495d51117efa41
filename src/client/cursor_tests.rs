//! The cursor against a model of one server and one channel, whose line loses, repeats and delays.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::channel::{ChannelKind, Role};
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};

use super::cursor::{Ask, Cursors};
use super::event::Event;
use super::frames::{Ack, ChannelInfo, Hello, Message, SyncPage, User};
use super::held::{Live, LiveFrame};

const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(7));

fn message(seq: i64, version: i64) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(seq.unsigned_abs().into())),
        client_id: Some(ClientId(Uuid::from_u128(seq.unsigned_abs().into()))),
        channel_id: CHANNEL,
        sender_id: UserId(Uuid::nil()),
        sender_name: "Ana".into(),
        seq,
        version,
        content: format!("{seq} as of {version}"),
        content_type: "text".into(),
        reply_to_id: None,
        created_at: crate::domain::now(),
        updated_at: None,
        deleted_at: None,
    }
}

fn hello(epoch: &str, version: i64, last_seq: i64) -> Hello {
    let channel = ChannelInfo {
        id: CHANNEL,
        kind: ChannelKind::Group,
        name: Some("all".into()),
        role: Role::Member,
        last_seq,
        version,
        last_read_seq: 0,
        unread: 0,
        member_ids: Vec::new(),
        online: Vec::new(),
        peer: None,
    };
    Hello {
        protocol: 1,
        epoch: epoch.into(),
        session_id: "s".into(),
        user: User { id: UserId(Uuid::nil()), name: "Ana".into() },
        heartbeat_ms: 1000,
        channels: vec![channel],
    }
}

fn live(seq: i64, version: i64) -> LiveFrame {
    LiveFrame { since: None, version, what: Live::Message(message(seq, version)) }
}

fn page(messages: Vec<Message>, version: i64) -> SyncPage {
    SyncPage { channel_id: CHANNEL, messages, version, has_more: false, reset: false, member_ids: None }
}

fn ack(seq: i64, version: i64, duplicate: bool) -> Ack {
    let of = message(seq, version);
    Ack {
        client_id: of.client_id.unwrap(),
        server_id: of.id,
        channel_id: CHANNEL,
        seq,
        version,
        created_at: of.created_at,
        duplicate,
    }
}

fn seqs(events: &[Event]) -> Vec<(char, i64)> {
    let of = |event: &Event| match event {
        Event::Message(m) => ('m', m.seq),
        Event::Updated(m) => ('u', m.seq),
        Event::Deleted(m) => ('d', m.seq),
        Event::Members(m) => ('p', m.version),
        Event::Channel(c) => ('c', c.version),
        Event::Reset(_) => ('r', 0),
        other => panic!("{other:?}"),
    };
    events.iter().map(of).collect()
}

fn asked(cursors: &mut Cursors) -> Option<i64> {
    cursors.next_ask(Instant::now()).map(|ask| ask.channels[&CHANNEL])
}

#[test]
fn a_gap_is_asked_for_and_what_came_early_waits_its_turn() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    assert_eq!(seqs(&cursors.live(CHANNEL, live(6, 6))), [('m', 6)]);
    assert!(cursors.live(CHANNEL, live(6, 6)).is_empty(), "shown before");
    assert!(cursors.live(CHANNEL, live(8, 8)).is_empty(), "7 is missing");
    assert_eq!(asked(&mut cursors), Some(6));
    assert_eq!(asked(&mut cursors), None, "one at a time");
    assert!(cursors.live(CHANNEL, live(9, 9)).is_empty());
    assert_eq!(seqs(&cursors.page(page(vec![message(7, 7)], 7))), [('m', 7), ('m', 8), ('m', 9)]);
    cursors.completed(Instant::now());
    assert!(cursors.is_complete());
}

#[test]
fn since_covers_what_a_later_change_has_overtaken() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    let frame = LiveFrame { since: Some(6), ..live(6, 8) };
    assert_eq!(seqs(&cursors.live(CHANNEL, frame)), [('m', 6)]);
    assert!(cursors.is_complete());
}

#[test]
fn an_own_message_is_not_shown_again_by_a_page_but_its_edit_is() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    assert!(cursors.stored(&ack(7, 7, false)).is_empty());
    assert_eq!(asked(&mut cursors), Some(5), "6 is missing");
    assert_eq!(seqs(&cursors.page(page(vec![message(6, 6), message(7, 8)], 8))), [('m', 6), ('u', 7)]);
}

#[test]
fn a_duplicates_ack_is_no_step_of_the_sequence() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    cursors.stored(&ack(3, 3, true));
    assert!(cursors.is_complete());
    cursors.stored(&ack(6, 6, true));
    assert_eq!(asked(&mut cursors), Some(5), "there is a version that is not held");
    assert!(cursors.page(page(vec![message(6, 6)], 6)).is_empty(), "known by its ack");
    assert!(cursors.is_complete());
}

#[test]
fn another_history_starts_over() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("old", 50, 50));
    cursors.hello(&hello("new", 9, 9));
    assert!(cursors.live(CHANNEL, live(10, 10)).is_empty(), "10 of the new history says nothing about the old");
    let ask = cursors.next_ask(Instant::now()).expect("a sync");
    assert_eq!(ask, Ask { channels: BTreeMap::from([(CHANNEL, 50)]), epoch: "old".into() });
    let newest = SyncPage { reset: true, ..page(vec![message(8, 8), message(9, 9)], 9) };
    assert_eq!(seqs(&cursors.page(newest)), [('r', 0), ('m', 8), ('m', 9)]);
    cursors.completed(Instant::now());
    let ask = cursors.next_ask(Instant::now()).expect("10 was dropped with the rest");
    assert_eq!(ask, Ask { channels: BTreeMap::from([(CHANNEL, 9)]), epoch: "new".into() });
}

#[test]
fn a_cursor_ahead_of_the_channel_is_asked_about() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 50, 50));
    cursors.hello(&hello("e", 9, 9));
    assert_eq!(asked(&mut cursors), Some(50));
    let newest = SyncPage { reset: true, ..page(vec![message(9, 9)], 9) };
    assert_eq!(seqs(&cursors.page(newest)), [('r', 0), ('m', 9)]);
    assert!(cursors.is_complete());
}

#[test]
fn a_new_name_is_told_though_a_page_passes_it() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    let renamed = hello("e", 7, 6).channels.remove(0);
    cursors.live(CHANNEL, LiveFrame { since: None, version: 7, what: Live::Channel(renamed) });
    assert_eq!(asked(&mut cursors), Some(5));
    assert_eq!(seqs(&cursors.page(page(vec![message(6, 6)], 8))), [('c', 7), ('m', 6)]);
}

#[test]
fn a_fruitless_sync_is_not_repeated_at_once() {
    let (mut cursors, now) = (Cursors::default(), Instant::now());
    cursors.hello(&hello("e", 5, 5));
    cursors.live(CHANNEL, live(7, 7));
    assert!(cursors.next_ask(now).is_some());
    cursors.completed(now);
    assert!(cursors.next_ask(now).is_none());
    let due = cursors.next_due().expect("a time");
    assert!(cursors.next_ask(due).is_some());
}

#[test]
fn a_replay_hands_the_last_changes_out_again() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    assert_eq!(seqs(&cursors.replay(CHANNEL, 2)), [('r', 0)]);
    assert_eq!(asked(&mut cursors), Some(3));
    assert!(cursors.live(CHANNEL, live(6, 6)).is_empty());
    assert_eq!(seqs(&cursors.page(page(vec![message(4, 4), message(5, 5)], 5))), [('m', 4), ('m', 5), ('m', 6)]);
}

/// What can happen next.
#[derive(Debug, Clone)]
enum Step {
    /// Someone writes; true: this client does.
    New(bool),
    /// The message that is this far from the newest changes.
    Edit(usize),
    /// The next frame arrives.
    Deliver,
    Lose,
    Repeat,
    Reconnect,
    /// The server reads the page for the `sync` that waits; it is sent now or after the next frames.
    Answer,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<bool>().prop_map(Step::New),
        2 => (0_usize..6).prop_map(Step::Edit),
        8 => Just(Step::Deliver),
        1 => Just(Step::Lose),
        1 => Just(Step::Repeat),
        1 => Just(Step::Reconnect),
        3 => Just(Step::Answer),
    ]
}

#[derive(Debug, Clone)]
enum Wire {
    Live(LiveFrame),
    Ack(Ack),
    Page(SyncPage),
    Complete,
}

#[derive(Default)]
struct Model {
    cursors: Cursors,
    /// `seq` to the version of its last change.
    stored: BTreeMap<i64, i64>,
    version: i64,
    line: VecDeque<Wire>,
    ask: Option<i64>,
    /// What the application holds.
    shown: BTreeMap<i64, i64>,
    last_shown: i64,
    now: Option<Instant>,
}

impl Model {
    fn now(&mut self) -> Instant {
        let now = self.now.map_or_else(Instant::now, |now| now + Duration::from_millis(300));
        self.now = Some(now);
        now
    }

    fn connect(&mut self) {
        self.line.clear();
        self.ask = None;
        let last_seq = self.stored.len().try_into().unwrap();
        self.cursors.hello(&hello("e", self.version, last_seq));
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::New(own) => {
                self.version += 1;
                let seq = i64::try_from(self.stored.len()).unwrap() + 1;
                self.stored.insert(seq, self.version);
                let wire =
                    if *own { Wire::Ack(ack(seq, self.version, false)) } else { Wire::Live(live(seq, self.version)) };
                self.line.push_back(wire);
            }
            Step::Edit(back) => {
                let Some(seq) = self.stored.keys().rev().nth(*back).copied() else { return };
                self.version += 1;
                self.stored.insert(seq, self.version);
                self.line.push_back(Wire::Live(live(seq, self.version)));
            }
            Step::Deliver => {
                if let Some(wire) = self.line.pop_front() {
                    self.deliver(wire);
                }
            }
            // Only what is not an answer: a lost answer is a lost connection.
            Step::Lose => {
                if matches!(self.line.front(), Some(Wire::Live(_) | Wire::Ack(_))) {
                    self.line.pop_front();
                }
            }
            Step::Repeat => {
                let again = self.line.front().filter(|wire| matches!(wire, Wire::Live(_))).cloned();
                self.line.extend(again);
            }
            Step::Reconnect => self.connect(),
            Step::Answer => self.answer(),
        }
        let now = self.now();
        if let Some(ask) = self.cursors.next_ask(now) {
            self.ask = Some(ask.channels[&CHANNEL]);
        }
    }

    /// Pages of at most three messages, ahead of nothing and behind nothing in particular.
    fn answer(&mut self) {
        let Some(from) = self.ask.take() else { return };
        let mut changed: Vec<_> =
            self.stored.iter().filter(|(_, v)| **v > from).map(|(seq, v)| message(*seq, *v)).collect();
        changed.sort_by_key(|m| m.version);
        let has_more = changed.len() > 3;
        changed.truncate(3);
        let version = if has_more { changed[2].version } else { self.version };
        self.line.push_back(Wire::Page(SyncPage { has_more, ..page(changed, version) }));
        self.line.push_back(Wire::Complete);
    }

    fn deliver(&mut self, wire: Wire) {
        let events = match wire {
            Wire::Live(frame) => self.cursors.live(CHANNEL, frame),
            Wire::Page(page) => self.cursors.page(page),
            Wire::Complete => {
                let now = self.now();
                self.cursors.completed(now);
                Vec::new()
            }
            Wire::Ack(ack) => {
                if self.shown.contains_key(&ack.seq) {
                    // The client's outbox settled it when a page brought it; the ack is then of no news.
                    assert!(self.cursors.stored(&ack).is_empty());
                    return;
                }
                // Shown by its ack, whatever else is missing yet.
                self.shown.insert(ack.seq, ack.version);
                self.cursors.stored(&ack)
            }
        };
        for event in events {
            let (message, new) = match &event {
                Event::Message(message) => (message, true),
                Event::Updated(message) => (message, false),
                other => panic!("{other:?}"),
            };
            assert!(message.version > self.last_shown, "in order of version");
            self.last_shown = message.version;
            let before = self.shown.insert(message.seq, message.version);
            assert_eq!(before.is_none(), new, "{}: shown as new once", message.seq);
            assert!(before.is_none_or(|version| version < message.version));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_line_does_each_message_is_shown_once_in_order_and_none_is_missing(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut model = Model::default();
        model.connect();
        for step in &steps {
            model.step(step);
        }
        // The line calms down: one more message, so that a lost last one shows, and everything arrives.
        model.step(&Step::New(false));
        model.connect();
        for _ in 0..200 {
            model.step(&Step::Answer);
            model.step(&Step::Deliver);
        }
        prop_assert!(model.cursors.is_complete());
        prop_assert_eq!(model.shown, model.stored);
    }
}
