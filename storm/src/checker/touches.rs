//! Who asked to react to which message and to answer what it asks for, and what became of that.
//!
//! Gathered once; the scans of what hangs on messages look things up here. A touched message has a new version and the same
//! words. Judges nothing.

use std::collections::HashMap;

use uuid::Uuid;

use super::index::{ById, NOWHERE};
use super::model::{Message, Model};
use crate::extras::{Reply, Sign};
use crate::history::{Answer, Ask, ChannelNo, UserNo, What};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    React { sign: Sign, set: bool },
    Reply(Reply),
}

/// A request that was not refused for good.
#[derive(Debug, Clone, Copy)]
pub(super) struct Touch {
    pub(super) channel: ChannelNo,
    pub(super) user: UserNo,
    pub(super) wish: Wish,
    /// Places of the records; `over` is [`NOWHERE`] where it may take effect at any time.
    pub(super) asked: u32,
    pub(super) over: u32,
}

impl Touch {
    pub(super) fn is_done(&self) -> bool {
        self.over != NOWHERE
    }
}

#[derive(Debug, Default)]
pub(super) struct Touches(ById<Uuid, Vec<Touch>>);

impl Touches {
    pub(super) fn of(model: &Model<'_>) -> Self {
        let mut touches: ById<Uuid, Vec<Touch>> = HashMap::default();
        for record in &model.history.records {
            let What::Asked { op, ask } = &record.what else { continue };
            let (channel, message, wish) = match ask {
                Ask::React { channel, message, sign, set } => {
                    (*channel, *message, Wish::React { sign: *sign, set: *set })
                }
                Ask::Reply { channel, message, reply } => (*channel, *message, Wish::Reply(*reply)),
                _ => continue,
            };
            let (Some(user), Some(op)) = (model.index.user(record.client), model.index.op(*op)) else { continue };
            let over = match model.index.answer(op) {
                Some(Answer::Refused { retryable: false, .. }) => continue,
                Some(Answer::Done { .. }) => op.answered,
                _ => NOWHERE,
            };
            touches.entry(message).or_default().push(Touch { channel, user, wish, asked: op.asked, over });
        }
        Self(touches)
    }

    pub(super) fn on(&self, message: Uuid) -> &[Touch] {
        self.0.get(&message).map_or(&[], Vec::as_slice)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Uuid, &Touch)> {
        self.0.iter().flat_map(|(message, touches)| touches.iter().map(|touch| (*message, touch)))
    }

    /// Whether a version of it may be a touch: somebody reacted or answered, or its deadline passed.
    pub(super) fn may_be_touched(&self, model: &Model<'_>, message: &Message) -> bool {
        !self.on(message.id).is_empty() || has_deadline(model, message)
    }
}

pub(super) fn has_deadline(model: &Model<'_>, message: &Message) -> bool {
    let Some(client_id) = message.client_id else { return false };
    let attempts = model.index.attempts_of(message.sender, client_id);
    attempts.into_iter().any(|attempt| asks_until(model, attempt.extra).is_some())
}

/// The deadline of what is asked for.
pub(super) fn asks_until(model: &Model<'_>, extra: crate::extras::ExtraNo) -> Option<i64> {
    model.history.extra(extra).instruction.as_ref()?.deadline
}
