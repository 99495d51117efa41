//! Bugs on purpose in how batches are stored ([`crate::fault`]), and what they remember. Used by the append, and by the DB
//! actor for what it does too early; never while none of them is planted.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

use super::append;
use super::error::StoreError;
use super::jobs::Database;
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId, new_v7};
use crate::domain::message::{Append, Appended};
use crate::fault::{self, Sabotage};

/// What this process has stored.
static REMEMBERED: Mutex<BTreeSet<(UserId, ClientId)>> = Mutex::new(BTreeSet::new());
/// Numbers that were taken for nothing, by channel.
static BURNED: Mutex<BTreeMap<ChannelId, i64>> = Mutex::new(BTreeMap::new());
/// Messages whose transaction is not to be committed.
static CUT: Mutex<BTreeSet<MessageId>> = Mutex::new(BTreeSet::new());

/// Stores what another process has stored once more, under another clientId, since that is unique.
pub(super) async fn append_by_memory(db: &Database, batch: Vec<Append>) -> Result<Vec<Appended>, StoreError> {
    let mut outcomes = append::append(db, batch.clone()).await?;
    let (mut again, mut places) = (Vec::new(), Vec::new());
    for (at, (mut item, outcome)) in batch.into_iter().zip(&outcomes).enumerate() {
        let key = (item.message.sender_id, item.message.client_id);
        match outcome {
            Appended::New(_) => drop(REMEMBERED.lock().insert(key)),
            Appended::Duplicate(_) if REMEMBERED.lock().insert(key) => {
                (item.message.id, item.message.client_id) = (MessageId(new_v7()), ClientId(new_v7()));
                again.push(item);
                places.push(at);
            }
            _ => {}
        }
    }
    for (at, outcome) in places.into_iter().zip(append::append(db, again).await?) {
        outcomes[at] = outcome;
    }
    Ok(outcomes)
}

/// Notes what a transaction has taken numbers for without storing it.
pub(super) fn burn(batch: &[Append], stored: &Result<Vec<Appended>, StoreError>) {
    let mut burned = BURNED.lock();
    let mut take = |item: &Append| *burned.entry(item.message.channel_id).or_default() += 1;
    match stored {
        Ok(outcomes) => {
            let refused = batch.iter().zip(outcomes).filter(|(_, outcome)| !matches!(outcome, Appended::New(_)));
            refused.for_each(|(item, _)| take(item));
        }
        Err(_) => batch.iter().for_each(take),
    }
}

/// How many numbers of a channel were taken for nothing, once.
pub(super) fn burned(channel: ChannelId) -> i64 {
    if fault::planted(Sabotage::SequenceInsteadOfLock) { BURNED.lock().remove(&channel).unwrap_or_default() } else { 0 }
}

/// Tells of a transaction before it is committed. True where that has to wait for what is done with it.
pub(super) fn told_early(outcomes: &[Appended]) -> bool {
    let early = [Sabotage::AckBeforeCommit, Sabotage::PublishBeforeCommit, Sabotage::TxDroppedOnDisconnect];
    let is_early = early.into_iter().any(fault::planted);
    if is_early {
        fault::say(&outcomes.to_vec());
    }
    is_early
}

/// Has the transaction that stores these rolled back, if it is not committed yet.
pub(crate) fn cut(ids: impl IntoIterator<Item = MessageId>) {
    CUT.lock().extend(ids);
}

pub(super) fn is_cut(outcomes: &[Appended]) -> bool {
    let mut cut = CUT.lock();
    let stored = outcomes.iter().filter(|outcome| matches!(outcome, Appended::New(stored) if cut.remove(&stored.id)));
    stored.count() > 0
}
