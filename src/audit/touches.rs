//! What of a message's past left its content alone: its reactions and answers, against the entries of them.
//!
//! Pure, a part of [`super::judge`]. Believes nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::instructed;
use crate::domain::audit::{Entry, TextHash, What};
use crate::domain::ids::UserId;
use crate::domain::trail::MessageTrail;

/// Since which version a message says what it says, as far as its row tells.
pub(super) fn says_since(message: &MessageTrail) -> i64 {
    let kept = message.content_version.filter(|_| message.touched_version == Some(message.version));
    kept.unwrap_or(message.version)
}

/// What is wrong with a message whose row is of a version that all `notes` of it are judged up to. `since`: where the trail
/// begins.
pub(super) fn faults(message: &MessageTrail, notes: &[Entry], since: i64) -> Vec<&'static str> {
    let mut faults = Vec::new();
    let last = notes.iter().rev().find(|entry| is_touch(entry)).map(|entry| entry.version);
    if message.touched_version != last {
        faults.push("the last change of a message that left its content alone is not the one that was made");
    }
    let is_well = match (last, message.content_version) {
        (None, content) => content.is_none(),
        (Some(_), None) => false,
        (Some(last), Some(content)) => match said_before(last, message, notes, since) {
            Some(version) => content == version,
            // It was said before the trail began.
            None => content <= since,
        },
    };
    if !is_well {
        faults.push("since when a message had said what it said is not what it was");
    }
    let there: BTreeSet<Said> = message
        .reactions
        .iter()
        .map(|it| Said { what: TextHash::of(&it.reaction).0, by: Some(it.by), version: it.version, at: it.at })
        .collect();
    if there.len() != message.reactions.len() || there != left(message, notes) {
        faults.push("the reactions to a message are not those that its readers left");
    }
    if !instructed::is_as_answered(message, notes) {
        faults.push("the answers to a message are not those that were given");
    }
    faults
}

/// Whether it is of a change that left the content alone.
pub(super) fn is_touch(entry: &Entry) -> bool {
    matches!(entry.what, What::Reacted { .. } | What::Answered { .. } | What::Overdue { .. })
}

/// Since when it had said what it said at `version`; `None` where that was before the trail.
fn said_before(version: i64, message: &MessageTrail, notes: &[Entry], since: i64) -> Option<i64> {
    let is_edit = |entry: &&Entry| entry.version < version && matches!(entry.what, What::Edited { .. });
    let edited = notes.iter().rev().find(is_edit).map(|entry| entry.version);
    edited.or(Some(message.first_version)).filter(|said| *said > since)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    what: [u8; 32],
    by: Option<UserId>,
    version: i64,
    at: DateTime<Utc>,
}

/// What the entries come to; a deleted message has none.
fn left(message: &MessageTrail, notes: &[Entry]) -> BTreeSet<Said> {
    let mut left = BTreeMap::new();
    for entry in notes {
        if let What::Reacted { reaction, set, .. } = entry.what {
            if set {
                let said = Said { what: reaction.0, by: entry.by, version: entry.version, at: entry.at };
                left.insert((reaction.0, entry.by), said);
            } else {
                left.remove(&(reaction.0, entry.by));
            }
        }
    }
    if message.deleted_at.is_some() { BTreeSet::new() } else { left.into_values().collect() }
}
