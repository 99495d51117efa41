//! What this node has stored and webhooks may have to be told of: a hint that saves waiting for the comparison of all lanes.
//!
//! Noted by the writer after each call, whatever came of it; taken by who delivers. Costs nothing while nobody is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::domain::ids::{ChannelId, UserId, WebhookId};

/// Of more channels than these at once no list is kept: all are compared instead.
const MOST: usize = 50_000;

#[derive(Debug, Default)]
pub(in crate::store) struct News {
    /// Whether anybody is told of channels, of presence.
    channels_wanted: AtomicBool,
    presence_wanted: AtomicBool,
    /// The number of the last beginning of presence that this node knows.
    presence_began: AtomicI64,
    noted: Mutex<Noted>,
    come: Notify,
}

/// What was noted since it was taken last.
#[derive(Debug, Default)]
pub struct Noted {
    /// True: not only read marks.
    pub channels: BTreeMap<ChannelId, bool>,
    pub users: BTreeSet<UserId>,
    /// There was too much to keep.
    pub overflowed: bool,
    /// A webhook was made, changed or removed here, or is to be told again.
    pub webhooks: bool,
    /// Which were changed here: whatever was wrong with them is to be found anew.
    pub changed: BTreeSet<WebhookId>,
}

impl News {
    pub(super) fn want(&self, channels: bool, presence: bool) {
        self.channels_wanted.store(channels, Ordering::Relaxed);
        self.presence_wanted.store(presence, Ordering::Relaxed);
    }

    /// One more is told of these, from now on.
    pub(super) fn want_too(&self, channels: bool, presence: bool) {
        self.channels_wanted.fetch_or(channels, Ordering::Relaxed);
        self.presence_wanted.fetch_or(presence, Ordering::Relaxed);
    }

    pub(super) fn presence_wanted(&self) -> bool {
        self.presence_wanted.load(Ordering::Relaxed)
    }

    pub(super) fn presence_began(&self) -> i64 {
        self.presence_began.load(Ordering::Relaxed)
    }

    /// Also a lower one: after a failover it may be.
    pub(super) fn learn_beginning(&self, number: i64) {
        self.presence_began.store(number, Ordering::Relaxed);
    }

    /// Channels that took a version.
    pub(in crate::store) fn changed(&self, channels: impl IntoIterator<Item = ChannelId>) {
        self.note(channels, true);
    }

    /// Channels in which marks moved.
    pub(in crate::store) fn read(&self, channels: impl IntoIterator<Item = ChannelId>) {
        self.note(channels, false);
    }

    fn note(&self, channels: impl IntoIterator<Item = ChannelId>, changed: bool) {
        if !self.channels_wanted.load(Ordering::Relaxed) {
            return;
        }
        {
            let mut noted = self.noted.lock();
            for channel in channels {
                *noted.channels.entry(channel).or_default() |= changed;
            }
            if noted.channels.len() > MOST {
                noted.channels.clear();
                noted.overflowed = true;
            }
        }
        self.come.notify_one();
    }

    pub(super) fn seen(&self, users: impl IntoIterator<Item = UserId>) {
        self.noted.lock().users.extend(users);
        self.come.notify_one();
    }

    pub(super) fn webhooks(&self) {
        self.noted.lock().webhooks = true;
        self.come.notify_one();
    }

    pub(super) fn webhook_changed(&self, id: WebhookId) {
        self.noted.lock().changed.insert(id);
        self.webhooks();
    }

    pub(super) fn take(&self) -> Noted {
        std::mem::take(&mut *self.noted.lock())
    }

    pub(super) async fn come(&self) {
        self.come.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn channel(number: u128) -> ChannelId {
        ChannelId(Uuid::from_u128(number))
    }

    #[test]
    fn nothing_is_noted_while_nobody_is_told() {
        let news = News::default();
        news.changed([channel(1)]);
        assert!(news.take().channels.is_empty());
        news.want(true, false);
        news.read([channel(1)]);
        news.changed([channel(1), channel(2)]);
        news.read([channel(2), channel(3)]);
        let noted = news.take();
        assert_eq!(noted.channels, BTreeMap::from([(channel(1), true), (channel(2), true), (channel(3), false)]));
        assert!(news.take().channels.is_empty(), "each once");
    }

    #[test]
    fn what_is_too_much_to_note_is_told_as_such() {
        let news = News::default();
        news.want(true, false);
        news.changed((0..=MOST as u128).map(channel));
        let noted = news.take();
        assert!(noted.overflowed && noted.channels.is_empty());
    }
}
