//! What hangs on a message, against what it was sent with.
//!
//! Pure, a part of [`super::judge`]. Believes nothing.

use crate::domain::audit::FilesHash;
use crate::domain::ids::AttachmentId;
use crate::domain::trail::MessageTrail;

/// A deleted one has let go of its files; which ones they were stays.
pub(super) fn are_as_sent(message: &MessageTrail) -> bool {
    let there: Vec<AttachmentId> = message.attachments.iter().map(|file| file.id).collect();
    match (&message.attachment_ids, message.deleted_at) {
        (None, _) => false,
        (Some(told), Some(_)) => there.is_empty() && told.is_empty() == message.files_hash.is_none(),
        (Some(told), None) => {
            *told == there && FilesHash::of(&message.attachments).map(|hash| hash.0.to_vec()) == message.files_hash
        }
    }
}
