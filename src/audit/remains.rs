//! What is left of a message that was erased: that it was there, was changed, and is deleted.
//!
//! Pure, a part of [`super::judge`]. Believes nothing.

use super::{instructed, touches};
use crate::domain::audit::{Entry, What};
use crate::domain::ids::ChannelId;
use crate::domain::retention::ERASED_TYPE;
use crate::domain::trail::MessageTrail;

/// What is wrong with it. `judged`: its entries and where the trail begins; none where it was changed after what is judged.
pub(super) fn faults(message: &MessageTrail, channel: ChannelId, judged: Option<(&[Entry], i64)>) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if says_something(message) {
        faults.push("a message is said to be erased, and says something");
    }
    if !instructed::is_as_sent(message, channel) || message.mention_ids.is_none() {
        faults.push("what a message that was erased named is not what it was");
    }
    let Some((notes, since)) = judged.filter(|(_, since)| message.version > *since) else { return faults };
    faults.extend(touches::faults(message, notes, since));
    let is_deletion = |entry: &Entry| {
        matches!(entry.what, What::Deleted { .. })
            && (entry.version, Some(entry.at), entry.by) == (message.version, message.deleted_at, message.deleted_by)
    };
    if !notes.last().is_some_and(is_deletion) {
        faults.push("who deleted a message that was erased, or when, is not what it was");
    }
    let edit = notes.iter().rev().find(|entry| matches!(entry.what, What::Edited { .. }));
    let edited = (edit.map(|entry| entry.at), edit.and_then(|entry| entry.by));
    let is_covered = message.first_version > since || edit.is_some();
    if is_covered && edited != (message.updated_at, message.updated_by) {
        faults.push("who edited a message that was erased, or when, is not what it was");
    }
    faults
}

fn says_something(message: &MessageTrail) -> bool {
    let has_files =
        !message.attachments.is_empty() || message.attachment_ids.as_ref().is_none_or(|ids| !ids.is_empty());
    let says = !message.content.is_empty() || !message.revisions.is_empty() || message.content_type != ERASED_TYPE;
    says || has_files || message.reply_to_id.is_some()
}
