//! The entry that a message's own row is: that it was sent.

use crate::domain::audit::{Entry, FilesHash, InstructionHash, NamesHash, What};
use crate::domain::ids::ChannelId;
use crate::domain::message::SendDigest;
use crate::domain::trail::MessageTrail;

/// Err: which of its columns makes none.
pub(super) fn entry(message: &MessageTrail, channel_id: ChannelId) -> Result<Entry, &'static str> {
    let digest = message.digest.as_slice().try_into().map_err(|_| "the digest of a message is none")?;
    let sum = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(<[u8; 32]>::try_from).transpose();
    let files = sum(&message.files_hash).map_err(|_| "the sum of a message's files is none")?;
    let instruction = sum(&message.instruction_hash).map_err(|_| "the sum of what a message asks for is none")?;
    Ok(Entry {
        channel_id,
        version: message.first_version,
        at: message.created_at,
        by: Some(message.sender_id),
        what: What::Sent {
            message_id: message.id,
            client_id: message.client_id,
            seq: message.seq,
            digest: SendDigest(digest),
            files: files.map(FilesHash),
            // A column that is no list is told by the judge.
            mentions: message.mention_ids.as_deref().and_then(NamesHash::of),
            instruction: instruction.map(InstructionHash),
        },
    })
}
