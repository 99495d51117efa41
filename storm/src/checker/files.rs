//! I24: a file that was stored and that a message names is given whole, with its own bytes, to who may see the message, and to nobody
//! else; it is in no other message, and gone with its message.

use std::collections::HashMap;

use uuid::Uuid;

use super::Anomaly;
use super::erasure::is_held;
use super::evidence::text;
use super::findings::Findings;
use super::index::{ById, NOWHERE, Outcome};
use super::model::Model;
use super::states;
use crate::endings::Fetched;
use crate::history::{Answer, Ask, ChannelNo, Copy, UserNo, What};

/// A file that is stored.
#[derive(Debug, Clone, Copy)]
struct Stored {
    by: Option<UserNo>,
    bytes: u64,
    /// Place of the record.
    told: u32,
}

/// Where a file is in the end.
#[derive(Debug, Clone, Copy)]
enum Lies {
    InMessage(ChannelNo),
    /// Its message is deleted.
    Gone(ChannelNo),
    /// In none, as far as anybody was told.
    Nowhere,
}

pub(super) fn look(model: &Model<'_>, found: &mut Findings) {
    let mut scan = Scan { model, found, stored: stored(model), named: named(model) };
    scan.shown();
    scan.once();
    for fetched in &model.history.endings.files {
        scan.fetched(fetched);
    }
}

fn stored(model: &Model<'_>) -> ById<Uuid, Stored> {
    let mut stored: ById<Uuid, Stored> = HashMap::default();
    for (place, record) in (0..).zip(&model.history.records) {
        if let What::Answered { op, answer: Answer::Uploaded { file } } = &record.what
            && let Some(Ask::Upload { bytes }) = model.index.ask(*op)
        {
            stored.insert(*file, Stored { by: model.index.user(record.client), bytes: *bytes, told: place });
        }
    }
    stored
}

/// By file: the places of acknowledged sends that name it.
fn named(model: &Model<'_>) -> ById<Uuid, Vec<(ChannelNo, i64)>> {
    let mut named: ById<Uuid, Vec<(ChannelNo, i64)>> = HashMap::default();
    for attempt in &model.index.attempts {
        let Outcome::Acked { seq, .. } = attempt.outcome else { continue };
        for file in &model.history.extra(attempt.extra).files {
            named.entry(*file).or_default().push((attempt.channel, seq));
        }
    }
    named
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    found: &'s mut Findings,
    stored: ById<Uuid, Stored>,
    named: ById<Uuid, Vec<(ChannelNo, i64)>>,
}

impl Scan<'_, '_> {
    /// Each state that anybody was shown has the files that were sent.
    fn shown(&mut self) {
        for (place, copy) in states::shown(self.model.history) {
            self.state(copy, place);
        }
    }

    fn state(&mut self, copy: &Copy, place: u32) {
        let model = self.model;
        let Some(sent) = model.index.attempts_of(copy.sender, copy.client_id).next() else { return };
        if model.history.extra(sent.extra).files == model.history.extra(copy.extra).files {
            return;
        }
        let at = if place == NOWHERE { model.history.rest } else { model.index.at(place) };
        self.found.add(Anomaly::WrongFile, Some(copy.channel), at, || {
            let shown = match place {
                NOWHERE => format!("a final log: {}", model.shown_text(copy)),
                place => model.source(copy.channel, copy.seq, place),
            };
            let what = format!("message {} is shown with other files than it was sent with", copy.id);
            (what, vec![model.line(sent.asked, copy.channel), shown])
        });
    }

    /// Of one node: that all agree is looked at elsewhere.
    fn once(&mut self) {
        let mut first: ById<Uuid, &Copy> = HashMap::default();
        let model = self.model;
        for log in (0..).take(model.logs.len()).filter_map(|channel| model.last(channel)) {
            for copy in &log.messages {
                for file in &model.history.extra(copy.extra).files {
                    let Some(other) = first.insert(*file, copy) else { continue };
                    self.found.add(Anomaly::WrongFile, Some(log.channel), model.history.rest, || {
                        let what = format!("file {file} is in two messages");
                        (what, [other, copy].map(|copy| format!("a final log: {}", model.shown_text(copy))).to_vec())
                    });
                }
            }
        }
    }

    fn lies(&self, node: u8, file: Uuid) -> Lies {
        let model = self.model;
        for log in model.history.finals.iter().filter(|log| log.node == node) {
            if log.messages.iter().any(|copy| model.history.extra(copy.extra).files.contains(&file)) {
                return Lies::InMessage(log.channel);
            }
        }
        let named = self.named.get(&file).into_iter().flatten();
        let mut deleted = named.filter(|(channel, seq)| {
            let message = model.log(*channel).and_then(|log| log.message(*seq));
            message.and_then(|message| message.last).is_some_and(|last| last.deleted)
        });
        deleted.next().map_or(Lies::Nowhere, |(channel, _)| Lies::Gone(*channel))
    }

    fn fetched(&mut self, fetched: &Fetched) {
        let model = self.model;
        let Some(stored) = self.stored.get(&fetched.file).copied() else { return };
        let lies = self.lies(fetched.node, fetched.file);
        let is_own = fetched.by.is_some() && fetched.by == stored.by;
        let is_member = |channel: ChannelNo| {
            let log = model.history.finals.iter().find(|log| (log.node, log.channel) == (fetched.node, channel));
            fetched.by.is_none_or(|user| log.is_some_and(|log| log.held.members.contains(&user)))
        };
        // None: either way.
        let due = match lies {
            Lies::InMessage(channel) => Some(is_member(channel)),
            Lies::Gone(channel) if fetched.by.is_none() && is_held(model, channel) => None,
            // A send without an answer may have brought it into a message that is deleted by now.
            Lies::Nowhere if is_own || fetched.by.is_none() => None,
            Lies::Gone(_) | Lies::Nowhere => Some(false),
        };
        let (anomaly, what) = match (due, fetched.bytes) {
            (_, Some(bytes)) if bytes != stored.bytes => {
                (Anomaly::WrongFile, "a file has other bytes than were stored")
            }
            (Some(true), None) => (Anomaly::WrongFile, "a file is not given to who may see its message"),
            (Some(false), Some(_)) => (Anomaly::LeakedFile, "a file is given to who may not have it"),
            _ => return,
        };
        self.found.add(anomaly, None, model.history.rest, || {
            let evidence =
                vec![super::evidence::line(model.history, stored.told, None), format!("{} of {lies:?}", text(fetched))];
            (what.to_owned(), evidence)
        });
    }
}
