//! I14: after its deletion a message's content is shown to nobody.

use std::collections::HashMap;

use uuid::Uuid;

use super::Anomaly;
use super::evidence;
use super::findings::Findings;
use super::index::{ById, NOWHERE};
use super::model::{Message, Model};
use crate::history::{Answer, Ask, Copy, Frame, Handed, What, hash};

pub(super) fn look(model: &Model<'_>, found: &mut Findings) {
    let mut scan = Scan { model, found, deleted: HashMap::default(), empty: hash("") };
    for (place, record) in (0..).zip(&model.history.records) {
        match &record.what {
            What::Answered { op, answer: Answer::Done { .. } } => {
                if let Some(Ask::Delete { message, .. }) = model.index.ask(*op) {
                    scan.deleted.entry(*message).or_insert(place);
                }
            }
            What::Came {
                frame: Frame::Message { copy, .. } | Frame::Updated { copy, .. } | Frame::Deleted { copy, .. },
            }
            | What::Handed { event: Handed::Message { copy } | Handed::Updated { copy } | Handed::Deleted { copy } } => {
                // What is on its way when a deletion is done comes in its turn: only a later version may not.
                scan.shown(place, copy, copy.version, 0);
            }
            What::Answered { op, answer: Answer::Page { messages, version, .. } } => {
                let asked = model.index.op(*op).map_or(0, |op| op.asked);
                for copy in messages {
                    scan.shown(place, copy, (*version).max(copy.version), asked);
                }
            }
            _ => {}
        }
    }
    for log in &model.history.finals {
        for copy in &log.messages {
            scan.shown(NOWHERE, copy, log.held.version, 0);
        }
    }
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    found: &'s mut Findings,
    /// Where the deletion of a message was done.
    deleted: ById<Uuid, u32>,
    empty: u64,
}

impl Scan<'_, '_> {
    /// `version`: as of which it is shown. `asked`: the place of the request; 0 where nobody asked.
    fn shown(&mut self, place: u32, copy: &Copy, version: i64, asked: u32) {
        if copy.deleted && copy.content == self.empty && copy.extra == 0 {
            return;
        }
        let deleted_at = self.model.message(copy).and_then(Message::deleted_at);
        let by_version = copy.deleted || deleted_at.is_some_and(|deleted_at| deleted_at <= version);
        let done = self.deleted.get(&copy.id).copied().filter(|done| *done < asked);
        if !by_version && done.is_none() {
            return;
        }
        let model = self.model;
        self.found.add(Anomaly::DeletedShown, Some(copy.channel), model.index.at(place), || {
            let what = format!("message {} was deleted and its content is shown", copy.id);
            let told = deleted_at.and_then(|version| Some(model.log(copy.channel)?.told_by(version)));
            let mut evidence = vec![match done.or(told.filter(|_| !copy.deleted)) {
                Some(done) => evidence::page_line(model.history, done, copy.channel, &[copy.seq]),
                None => "deleted, with a content".to_owned(),
            }];
            evidence.push(if place == NOWHERE {
                format!("a final log: {}", evidence::text(copy))
            } else {
                model.source(copy.channel, copy.seq, place)
            });
            (what, evidence)
        });
    }
}
