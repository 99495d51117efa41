//! Where the rooms are. Written by the registry alone, read by sessions, the REST calls and the DB actor.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use actix::Addr;
use parking_lot::RwLock;

use super::registry::{AddedMembers, Announced, CompareHeads, Registry, TokensRevoked};
use super::room::Room;
use super::tell;
use crate::domain::ids::ChannelId;

/// Shared; all clones are the same directory.
#[derive(Clone, Default)]
pub struct Directory(Arc<Inner>);

#[derive(Default)]
struct Inner {
    rooms: RwLock<HashMap<ChannelId, Addr<Room>>>,
    registry: OnceLock<Addr<Registry>>,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("rooms", &self.len()).finish()
    }
}

impl Directory {
    pub fn room(&self, channel: ChannelId) -> Option<Addr<Room>> {
        self.0.rooms.read().get(&channel).cloned()
    }

    pub fn rooms(&self) -> Vec<(ChannelId, Addr<Room>)> {
        self.0.rooms.read().iter().map(|(id, room)| (*id, room.clone())).collect()
    }

    pub fn len(&self) -> usize {
        self.0.rooms.read().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn insert(&self, channel: ChannelId, room: Addr<Room>) {
        self.0.rooms.write().insert(channel, room);
    }

    pub(super) fn remove(&self, channel: ChannelId) {
        self.0.rooms.write().remove(&channel);
    }

    /// Once, by the composition root: who has to hear of changes of membership.
    pub fn wire(&self, registry: Addr<Registry>) {
        // A second call would change nothing, and there is none.
        let _ = self.0.registry.set(registry);
    }

    /// Tells the registry who was added to a channel.
    pub(super) fn added(&self, added: AddedMembers) {
        if let Some(registry) = self.0.registry.get() {
            tell(registry, added);
        }
    }

    /// Tells the registry of whom tokens were revoked.
    pub(super) fn revoked(&self, revoked: TokensRevoked) {
        if let Some(registry) = self.0.registry.get() {
            tell(registry, revoked);
        }
    }

    /// Tells the registry what was announced.
    pub(super) fn announced(&self, announced: Announced) {
        if let Some(registry) = self.0.registry.get() {
            tell(registry, announced);
        }
    }

    /// Has all rooms compared with the database: something may have been committed unseen.
    pub(crate) fn compare_heads(&self) {
        if let Some(registry) = self.0.registry.get() {
            tell(registry, CompareHeads);
        }
    }
}
