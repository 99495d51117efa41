//! The cursor against a model of one server and one channel, whose line loses, repeats and delays.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::cursor::Cursors;
use super::cursor_tests::{CHANNEL, ack, hello, live, message, page};
use super::event::Event;
use super::frames::{Ack, SyncPage};
use super::held::LiveFrame;

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
    Live(Box<LiveFrame>),
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
                let wire = if *own {
                    Wire::Ack(ack(seq, self.version, false))
                } else {
                    Wire::Live(Box::new(live(seq, self.version)))
                };
                self.line.push_back(wire);
            }
            Step::Edit(back) => {
                let Some(seq) = self.stored.keys().rev().nth(*back).copied() else { return };
                self.version += 1;
                self.stored.insert(seq, self.version);
                self.line.push_back(Wire::Live(Box::new(live(seq, self.version))));
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
            Wire::Live(frame) => self.cursors.live(CHANNEL, *frame),
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
