//! I21: of what a user said before their erasure was asked for nothing is shown to whoever asks once it is done, on any surface; and in
//! a channel that is held nothing is erased.
//!
//! An erased message is a deleted one: what is shown as of its version is looked at with deletions.

use std::collections::HashMap;

use super::Anomaly;
use super::findings::Findings;
use super::index::{NOWHERE, Outcome};
use super::model::{Message, Model};
use super::said::Said;
use crate::history::{Answer, Ask, ChannelNo, Copy, UserNo, What, hash};

/// Who was to be erased, and when.
#[derive(Debug, Default)]
pub(super) struct Erasures {
    /// Places of each request that was not refused for good and of its answer; [`NOWHERE`] where it may take effect at any time.
    asked: HashMap<UserNo, Vec<(u32, u32)>>,
}

impl Erasures {
    pub(super) fn of(model: &Model<'_>) -> Self {
        let mut asked: HashMap<UserNo, Vec<(u32, u32)>> = HashMap::new();
        for record in &model.history.records {
            let What::Asked { op, ask: Ask::Erase { user } } = &record.what else { continue };
            let Some(op) = model.index.op(*op) else { continue };
            let over = match model.index.answer(op) {
                Some(Answer::Refused { retryable: false, .. }) => continue,
                Some(Answer::Done { .. }) => op.answered,
                _ => NOWHERE,
            };
            asked.entry(*user).or_default().push((op.asked, over));
        }
        Self { asked }
    }

    /// Whether messages of this user may be erased.
    pub(super) fn may_be(&self, user: UserNo) -> bool {
        self.asked.contains_key(&user)
    }

    /// Where it was done, if a message is erased for certain: it was there before that was asked for, and not held.
    pub(super) fn done(&self, model: &Model<'_>, channel: ChannelNo, message: &Message) -> Option<u32> {
        let asked = self.asked.get(&message.sender).filter(|_| !is_held(model, channel))?;
        let known = known_since(model, message);
        let done = asked.iter().filter(|(asked, over)| *over != NOWHERE && known < *asked);
        done.map(|(_, over)| *over).min()
    }
}

pub(super) fn is_held(model: &Model<'_>, channel: ChannelNo) -> bool {
    model.history.scene.held.contains(&channel)
}

/// The first record that tells that it is stored.
fn known_since(model: &Model<'_>, message: &Message) -> u32 {
    let attempts = message.client_id.map(|client_id| model.index.attempts_of(message.sender, client_id));
    let acked = attempts.into_iter().flatten().filter(|it| matches!(it.outcome, Outcome::Acked { .. }));
    acked.map(|attempt| attempt.answered).chain([message.by]).min().unwrap_or(NOWHERE)
}

pub(super) fn look(model: &Model<'_>, said: &Said, erasures: &Erasures, found: &mut Findings) {
    let mut scan = Scan { model, said, erasures, found, empty: hash("") };
    if !erasures.asked.is_empty() {
        scan.pages();
    }
    scan.ends();
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    said: &'s Said,
    erasures: &'s Erasures,
    found: &'s mut Findings,
    empty: u64,
}

impl Scan<'_, '_> {
    fn pages(&mut self) {
        for (place, record) in (0..).zip(&self.model.history.records) {
            let What::Answered { op, answer: Answer::Page { messages, .. } } = &record.what else { continue };
            let Some(asked) = self.model.index.op(*op).map(|op| op.asked) else { continue };
            for copy in messages.iter().filter(|copy| self.erasures.may_be(copy.sender)) {
                self.shown(copy, asked, place);
            }
        }
    }

    /// `asked`: the place of the request.
    fn shown(&mut self, copy: &Copy, asked: u32, place: u32) {
        if copy.deleted && copy.content == self.empty && copy.extra == 0 {
            return;
        }
        let Some(message) = self.model.message(copy) else { return };
        let Some(done) = self.erasures.done(self.model, copy.channel, message).filter(|done| *done < asked) else {
            return;
        };
        let model = self.model;
        let at = if place == NOWHERE { model.history.rest } else { model.index.at(place) };
        self.found.add(Anomaly::ErasedShown, Some(copy.channel), at, || {
            let what = format!("user {} was erased, and their message {} is shown", copy.sender, copy.id);
            let shown = match place {
                NOWHERE => format!("a final log: {}", model.shown_text(copy)),
                place => model.source(copy.channel, copy.seq, place),
            };
            (what, vec![model.line(known_since(model, message), copy.channel), model.line(done, copy.channel), shown])
        });
    }

    fn ends(&mut self) {
        for log in &self.model.history.finals {
            let is_held = is_held(self.model, log.channel);
            for copy in &log.messages {
                self.shown(copy, NOWHERE, NOWHERE);
                if is_held && copy.deleted && !self.said.is_asked_to_delete(copy.id) {
                    self.found.add(Anomaly::HeldErased, Some(log.channel), self.model.history.rest, || {
                        let what = format!("channel {} is held, and message {} of it was erased", log.channel, copy.id);
                        (what, vec![format!("a final log: {}", self.model.shown_text(copy))])
                    });
                }
            }
        }
    }
}
