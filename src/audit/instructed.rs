//! What a message asks for and what was answered, against what it was sent with and the entries of the answers.
//!
//! Pure, a part of [`super::judge`]. Believes nothing.

use std::collections::BTreeMap;

use crate::domain::audit::{Entry, InstructionHash, TextHash, What};
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::instruction::{AnswerKind, Ask};
use crate::domain::trail::{KeptAssignee, MessageTrail};

/// Whom it is for, in the order of the message.
fn assignees(message: &MessageTrail) -> Vec<UserId> {
    let mut all: Vec<&KeptAssignee> = message.assignees.iter().collect();
    all.sort_by_key(|it| it.position);
    all.into_iter().map(|it| it.user).collect()
}

/// What the send asked for.
pub(super) fn asked(message: &MessageTrail) -> Option<Ask> {
    let of = message.instruction.as_ref()?;
    let assignee_ids = (!of.to_all).then(|| assignees(message));
    Some(Ask { deadline: of.deadline, assignee_ids })
}

/// Whether it asks for what it was sent with.
pub(super) fn is_as_sent(message: &MessageTrail, channel: ChannelId) -> bool {
    let Some(of) = &message.instruction else {
        return message.instruction_hash.is_none() && message.assignees.is_empty();
    };
    let hash = InstructionHash::of(of.deadline, of.to_all, &assignees(message));
    let in_order = (0..).zip(&positions(message)).all(|(expected, position)| expected == *position);
    of.channel == channel && in_order && message.instruction_hash.as_deref() == Some(hash.0.as_slice())
}

fn positions(message: &MessageTrail) -> Vec<i32> {
    let mut all: Vec<i32> = message.assignees.iter().map(|it| it.position).collect();
    all.sort_unstable();
    all
}

/// Whether the answers are the last ones that were given, and it is overdue since when it was found to be. A deleted message
/// has let go of its answers.
pub(super) fn is_as_answered(message: &MessageTrail, notes: &[Entry]) -> bool {
    let mut given = BTreeMap::new();
    let mut overdue_at = None;
    for entry in notes {
        match (entry.what, entry.by) {
            (What::Answered { answer, .. }, Some(user)) => {
                given.insert(user, (answer, entry.version, entry.at));
            }
            (What::Answered { .. }, None) => return false,
            (What::Overdue { .. }, _) => overdue_at = Some(entry.at),
            _ => {}
        }
    }
    if message.deleted_at.is_some() {
        given.clear();
    }
    let mut open = 0;
    for it in &message.assignees {
        let Ok(kind) = it.answer.as_deref().map(str::parse::<AnswerKind>).transpose() else { return false };
        let text = kind.map(|kind| TextHash::of(&kind.with_note(it.note.as_deref())));
        let there = match (text, it.version, it.at) {
            (Some(text), Some(version), Some(at)) if it.note.as_deref() != Some("") => Some((text, version, at)),
            (None, None, None) if it.note.is_none() => None,
            _ => return false,
        };
        if there != given.remove(&it.user) {
            return false;
        }
        open += i64::from(kind.is_none_or(AnswerKind::is_open));
    }
    let Some(of) = &message.instruction else { return given.is_empty() && overdue_at.is_none() };
    let expected = if message.deleted_at.is_some() { 0 } else { open };
    given.is_empty() && of.overdue_at == overdue_at && of.open_count == expected
}
