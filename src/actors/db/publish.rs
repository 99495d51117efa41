//! What the other nodes are told of what was committed, in the order of the commits.

use super::Db;
use super::order::Done;
use crate::actors::registry::{AddedMembers, Announced, TokensRevoked};
use crate::actors::room;
use crate::bus::{Committed, Event, Topic};
use crate::domain::change::{Change, Marked};
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::message::Appended;
use crate::domain::retention::Erasure;
use crate::live::What;

impl Db {
    /// New messages of one channel.
    pub(super) fn publish_sends(&self, channel: ChannelId, items: &[room::Item]) {
        if self.bus.is_alone() {
            return;
        }
        let changes: Vec<Committed> = items
            .iter()
            .filter_map(|item| match item {
                room::Item::Send { message, outcome: Appended::New(stored), .. } => {
                    Some(Committed::Message(message.clone(), stored.clone()))
                }
                _ => None,
            })
            .collect();
        if !changes.is_empty() {
            self.bus.publish(Topic::Channel(channel), Event::Committed { changes });
        }
    }

    /// To those who listen to this node.
    pub(super) fn show_sends(&self, items: &[room::Item]) {
        for item in items {
            if let room::Item::Send { message, outcome: Appended::New(stored), .. } = item {
                self.live.tell(|| What::stored(message, stored));
            }
        }
    }

    pub(super) fn show(&self, done: &Done) {
        match done {
            Done::Changed(change) => self.live.tell(|| What::changed(change)),
            Done::Channel { channel, created: true } => {
                self.live.tell(|| What::ChannelCreated { channel: channel.id, users: channel.member_ids() });
            }
            Done::Revoked { user, .. } => self.live.tell(|| What::TokensRevoked { user: *user }),
            _ => {}
        }
    }

    pub(super) fn publish_change(&self, change: &Change) {
        if !self.bus.is_alone() {
            let changes = vec![Committed::Change(Box::new(change.clone()))];
            self.bus.publish(Topic::Channel(change.channel_id), Event::Committed { changes });
        }
    }

    /// Tells those who were added by it, and those whose tokens were revoked, on whatever node they are.
    pub(super) fn announce(&self, done: &Done) {
        if let Done::Announced(announcement) = done {
            self.bus.publish(Topic::All, Event::Announced { announcement: announcement.clone() });
            return self.directory.announced(Announced { announcement: announcement.clone() });
        }
        if let Done::Revoked { user, issued_before } = *done {
            self.bus.publish(Topic::All, Event::TokensRevoked { user_id: user, issued_before });
            return self.directory.revoked(TokensRevoked { user, issued_before });
        }
        if matches!(done, Done::Erased(Erasure { messages: 1.., .. })) {
            // Its rooms read what happened, as after a hole.
            self.directory.compare_heads();
        }
        let Some((channel, users)) = done.added() else { return };
        for user in &users {
            self.bus.publish(Topic::User(*user), Event::Added { channel_id: channel });
        }
        self.directory.added(AddedMembers { channel, users });
    }

    pub(super) fn publish_mark(&self, channel: ChannelId, user_id: UserId, Marked { seq, at, .. }: Marked) {
        self.bus.publish(Topic::Channel(channel), Event::MarkMoved { user_id, seq, at });
    }
}
