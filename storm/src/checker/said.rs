//! Which message says, or once said, each content: contents are asked for once.
//!
//! Built for whoever looks at searches, exports and revisions. Judges nothing.

use std::collections::HashMap;

use uuid::Uuid;

use super::index::{ById, IdSet, NOWHERE};
use super::model::{Message, Model};
use crate::history::{Answer, Ask, ChannelNo, Copy, What};

/// An edit that was not refused for good.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edit {
    pub(super) content: u64,
    pub(super) asked: u32,
    /// [`NOWHERE`] where it may take effect at any time.
    pub(super) over: u32,
}

#[derive(Debug)]
pub(super) struct Said {
    /// Where each message is.
    places: ById<Uuid, (ChannelNo, i64)>,
    /// By what is or was said: the message.
    by_content: HashMap<u64, Uuid>,
    edits: ById<Uuid, Vec<Edit>>,
    /// Messages that somebody asked to delete, and was not refused for good.
    deletions: IdSet<Uuid>,
}

impl Said {
    pub(super) fn of(model: &Model<'_>) -> Self {
        let mut said = Self {
            places: HashMap::default(),
            by_content: HashMap::new(),
            edits: HashMap::default(),
            deletions: IdSet::default(),
        };
        for (channel, log) in (0..).zip(&model.logs) {
            for (seq, message) in log.messages() {
                said.places.insert(message.id, (channel, seq));
                for content in sent(model, message) {
                    said.by_content.insert(content, message.id);
                }
            }
        }
        for record in &model.history.records {
            let What::Asked { op, ask } = &record.what else { continue };
            let (Ask::Edit { message, .. } | Ask::Delete { message, .. }) = ask else { continue };
            let Some(op) = model.index.op(*op) else { continue };
            let over = match model.index.answer(op) {
                Some(Answer::Refused { retryable: false, .. }) => continue,
                Some(Answer::Done { .. }) => op.answered,
                _ => NOWHERE,
            };
            if let Ask::Edit { content, .. } = ask {
                said.by_content.insert(*content, *message);
                let edit = Edit { content: *content, asked: op.asked, over };
                said.edits.entry(*message).or_default().push(edit);
            } else {
                said.deletions.insert(*message);
            }
        }
        said
    }

    pub(super) fn message<'m>(&self, model: &'m Model<'_>, id: Uuid) -> Option<(ChannelNo, &'m Message)> {
        let (channel, seq) = *self.places.get(&id)?;
        Some((channel, model.log(channel)?.message(seq)?))
    }

    pub(super) fn said_by(&self, content: u64) -> Option<Uuid> {
        self.by_content.get(&content).copied()
    }

    pub(super) fn edits(&self, message: Uuid) -> &[Edit] {
        self.edits.get(&message).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_asked_to_delete(&self, message: Uuid) -> bool {
        self.deletions.contains(&message)
    }
}

/// What was to be sent as a message.
pub(super) fn sent<'m>(model: &'m Model<'_>, message: &Message) -> impl Iterator<Item = u64> + 'm {
    let attempts = message.client_id.map(|client_id| model.index.attempts_of(message.sender, client_id));
    attempts.into_iter().flatten().map(|attempt| attempt.content)
}

/// As one node has it in the end.
pub(super) fn last<'h>(model: &Model<'h>, node: u8, channel: ChannelNo, message: Uuid) -> Option<&'h Copy> {
    let log = model.history.finals.iter().find(|log| (log.node, log.channel) == (node, channel))?;
    log.messages.iter().find(|copy| copy.id == message)
}
