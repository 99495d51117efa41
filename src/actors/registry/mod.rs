//! The registry: it starts rooms, starts them anew after a panic, and knows the sessions and whose they are.
//!
//! Sessions come to it once, when they open; the DB actor tells it of changes of membership; rooms tell it when nobody
//! uses them. No message of a channel ever passes through it.

mod compare;
mod history;
mod members;
mod opening;
mod rooms;
mod sessions;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use actix::{
    Actor, ActorFutureExt, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message, MessageResult, WrapFuture,
};
use chrono::{DateTime, Utc};
use parking_lot::RwLock;
use serde::Serialize;

pub use compare::{CompareHeads, CompareSome, Listed};
pub use history::CompareHistory;
pub use members::{AddedMembers, RemovedMembers};
pub use opening::Open;
pub use rooms::Idle;
pub use sessions::{
    Announced, Drain, EndSession, FindSession, ListSessions, Register, Registered, TokensRevoked, Unregister,
};

use super::announcements::Announcements;
use super::db::DbHandle;
use super::directory::Directory;
use super::obituary::Obituary;
use super::presence::Presence;
use super::room::{RoomParts, RoomSettings};
use crate::auth::Verifier;
use crate::bus::Bus;
use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::ephemeral::Online;
use crate::metrics::Metrics;
use crate::protocol::time;
use crate::store::Reader;

/// See the module's text.
pub struct Registry {
    parts: RegistryParts,
    /// The arbiters that rooms run on, in turn.
    arbiters: Vec<ArbiterHandle>,
    rooms: HashMap<ChannelId, RoomEntry>,
    /// Rooms that died and have not been started anew.
    orphaned: HashSet<ChannelId>,
    restarts: HashMap<ChannelId, Vec<Instant>>,
    generation: u64,
    sessions: HashMap<SessionId, Registered>,
    by_user: HashMap<UserId, UserSessions>,
    /// The rooms are being compared with the database; somebody wished it once more.
    comparing: bool,
    compare_again: bool,
    unlooked: compare::Unlooked,
    opening: opening::Opening,
    draining: bool,
    started: DateTime<Utc>,
    total_restarts: u64,
    _obituary: Obituary,
}

/// What the registry gives on to rooms and asks itself.
#[derive(Clone)]
pub struct RegistryParts {
    pub db: DbHandle,
    pub reader: Reader,
    pub directory: Directory,
    pub presence: Addr<Presence>,
    pub online: Online,
    pub bus: Bus,
    /// Of the history that the database holds.
    pub epoch: Arc<RwLock<String>>,
    pub metrics: Arc<Metrics>,
    pub verifier: Arc<Verifier>,
    pub announcements: Arc<Announcements>,
    pub rooms: RoomSettings,
}

/// A user's sessions on this node.
#[derive(Debug, Default)]
struct UserSessions {
    sessions: HashSet<SessionId>,
    /// How often the user's memberships had been changed when the oldest of their lists was read.
    memberships: Option<i64>,
}

struct RoomEntry {
    generation: u64,
    /// When a session last asked for it: it may be about to attach.
    opened: Instant,
}

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "RegistryState")]
pub struct Inspect;

/// What the admin surface shows.
#[derive(Debug, Clone, Serialize, actix::MessageResponse)]
#[serde(rename_all = "camelCase")]
pub struct RegistryState {
    pub rooms: usize,
    pub sessions: usize,
    pub users: usize,
    pub orphaned_rooms: usize,
    pub room_restarts: u64,
    pub draining: bool,
    #[serde(serialize_with = "time::serialize")]
    pub started_at: DateTime<Utc>,
}

impl Registry {
    pub fn new(parts: RegistryParts, arbiters: Vec<ArbiterHandle>, obituary: Obituary) -> Self {
        Self {
            parts,
            arbiters,
            rooms: HashMap::new(),
            orphaned: HashSet::new(),
            restarts: HashMap::new(),
            generation: 0,
            sessions: HashMap::new(),
            by_user: HashMap::new(),
            comparing: false,
            compare_again: false,
            unlooked: compare::Unlooked::default(),
            opening: opening::Opening::default(),
            draining: false,
            started: crate::domain::now(),
            total_restarts: 0,
            _obituary: obituary,
        }
    }

    fn room_parts(&self, ctx: &Context<Self>) -> RoomParts {
        let RegistryParts { db, reader, online, bus, metrics, rooms, .. } = self.parts.clone();
        RoomParts { db, reader, registry: ctx.address(), online, bus, metrics, settings: rooms }
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        Self::watch_history(ctx);
    }
}

impl Handler<Inspect> for Registry {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        MessageResult(RegistryState {
            rooms: self.rooms.len(),
            sessions: self.sessions.len(),
            users: self.by_user.len(),
            orphaned_rooms: self.orphaned.len(),
            room_restarts: self.total_restarts,
            draining: self.draining,
            started_at: self.started,
        })
    }
}

/// Runs a read of the store and then goes on in the actor.
fn then<T, F>(read: impl Future<Output = T> + 'static, registry: &mut Registry, ctx: &mut Context<Registry>, go_on: F)
where
    T: 'static,
    F: FnOnce(T, &mut Registry, &mut Context<Registry>) + 'static,
{
    ctx.spawn(read.into_actor(registry).map(go_on));
}
