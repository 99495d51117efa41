//! The presence actor: it owns the clock of heartbeats, and tells the rooms who came and who went.
//!
//! Sessions tell it that they came, of each pong, and that they went; the registry tells it of changes of membership.
//! It ends whom it has not heard of. With other nodes it keeps the leases of its own sessions in Redis, and sees to it
//! that a dead node's end. What it learns of who is there is taken down for webhooks. It never pings: that is the session's.

mod gone;
mod ledger;
mod linger;
mod lost;
mod reap;
mod recorder;
mod shared;
#[cfg(test)]
mod sim;
mod verdict;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, MessageResult, ResponseActFuture, WrapFuture,
};
use serde::{Deserialize, Serialize};

use super::directory::Directory;
use super::obituary::Obituary;
use super::registry::{EndSession, Registry};
use super::{room, tell};
use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::domain::now;
use crate::ephemeral::Online;
use crate::fault::{self, Part};
use crate::protocol::close::Close;
use crate::protocol::server::Status;
use gone::{Gone, Seed};
use ledger::{Ledger, Shift};
pub use recorder::Recorder;
use shared::Shared;
pub use shared::SharedParts;

/// See the module's text.
pub struct Presence {
    ledger: Ledger,
    sweep: Duration,
    online: Online,
    directory: Directory,
    registry: Option<Addr<Registry>>,
    /// With other nodes.
    shared: Option<Shared>,
    recorder: Recorder,
    /// Whose being here is noted by this node.
    recorded: HashSet<UserId>,
    expired: u64,
    _obituary: Obituary,
}

/// Who ends the sessions that are lost. Told once, at the start.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Wire {
    pub registry: Addr<Registry>,
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Arrive {
    pub session: SessionId,
    pub user: UserId,
    pub channels: Vec<ChannelId>,
}

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Beat {
    pub session: SessionId,
    /// Whether the user's leases are to be renewed by it.
    pub renews: bool,
}

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Leave {
    pub session: SessionId,
}

/// A user came into or left a channel.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct MemberMoved {
    pub user: UserId,
    pub channel: ChannelId,
    pub member: bool,
}

/// The daemon stops: the others go on showing its users for some seconds, in which they come back elsewhere. Answered
/// when that is seen to.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Linger;

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "PresenceState")]
pub struct Inspect;

/// What the admin surface shows.
#[derive(Debug, Clone, Serialize, Deserialize, actix::MessageResponse)]
#[serde(rename_all = "camelCase")]
pub struct PresenceState {
    pub sessions: usize,
    pub online: Vec<OnlineUser>,
    /// Sessions that were ended because no pong came.
    pub expired: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnlineUser {
    pub user_id: UserId,
    pub sessions: usize,
}

/// For tests of what comes after: the actor panics.
#[cfg(debug_assertions)]
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Panic;

#[cfg(debug_assertions)]
impl Handler<Panic> for Presence {
    type Result = ();

    #[expect(clippy::panic, reason = "this is what it is for")]
    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("a test asked presence to panic");
    }
}

impl Presence {
    pub fn new(
        timeout: Duration,
        online: Online,
        directory: Directory,
        shared: Option<SharedParts>,
        recorder: Recorder,
        obituary: Obituary,
    ) -> Self {
        Self {
            ledger: Ledger::new(timeout),
            sweep: (timeout / 20).clamp(Duration::from_millis(10), Duration::from_secs(2)),
            online,
            directory,
            registry: None,
            shared: shared.map(Shared::new),
            recorder,
            recorded: HashSet::new(),
            expired: 0,
            _obituary: obituary,
        }
    }

    /// Tells the rooms, and the other nodes, what the ledger says is new.
    fn shifted(&mut self, shift: Shift, ctx: &mut Context<Self>) {
        let Shift { user, status, channels } = shift;
        if status == Status::Offline {
            self.recorded.remove(&user);
        }
        if self.shared.is_none() {
            // Nobody else can say more.
            self.recorder.note(user, status == Status::Online, self.recorder.number());
        }
        match status {
            Status::Online => {
                self.online.came(user);
                self.tell_rooms(user, &channels);
            }
            // Whether the user is gone is for all nodes to say, where they can.
            Status::Offline if self.shared.as_mut().is_some_and(|shared| shared.left(user, channels.clone())) => {}
            Status::Offline => {
                self.online.went(user, now());
                self.tell_rooms(user, &channels);
            }
        }
        self.renew(user, ctx);
    }

    fn tell_rooms(&self, user: UserId, channels: &[ChannelId]) {
        for channel in channels {
            if let Some(room) = self.directory.room(*channel) {
                tell(&room, room::PresenceChanged { user });
            }
        }
    }

    fn leave(&mut self, session: SessionId, ctx: &mut Context<Self>) {
        match self.ledger.leave(session) {
            Some((_, Some(shift))) => self.shifted(shift, ctx),
            Some((user, None)) => self.renew(user, ctx),
            None => {}
        }
    }

    fn sweep(&mut self, ctx: &mut Context<Self>) {
        fault::point(Part::Presence);
        let expired = self.ledger.expired(Instant::now());
        self.expired += expired.len() as u64;
        for session in expired {
            self.leave(session, ctx);
            if let Some(registry) = &self.registry {
                tell(registry, EndSession { session, why: Close::HeartbeatLost });
            }
        }
    }
}

impl Actor for Presence {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(self.sweep, Self::sweep);
        self.start_sharing(ctx);
    }
}

impl Handler<Wire> for Presence {
    type Result = ();

    fn handle(&mut self, Wire { registry }: Wire, _: &mut Self::Context) {
        self.registry = Some(registry);
    }
}

impl Handler<Arrive> for Presence {
    type Result = ();

    fn handle(&mut self, Arrive { session, user, channels }: Arrive, ctx: &mut Self::Context) {
        // A second session may know of channels that the first one's list did not have yet.
        let known = self.ledger.channels_of(user);
        let new: Vec<ChannelId> = channels.iter().copied().filter(|channel| !known.contains(channel)).collect();
        if let Some(shift) = self.ledger.arrive(session, user, channels, Instant::now()) {
            return self.shifted(shift, ctx);
        }
        for channel in new {
            self.moved(MemberMoved { user, channel, member: true }, ctx);
        }
        self.renew(user, ctx);
    }
}

impl Handler<Beat> for Presence {
    type Result = ();

    fn handle(&mut self, Beat { session, renews }: Beat, _: &mut Self::Context) {
        if let Some(user) = self.ledger.beat(session, Instant::now()).filter(|_| renews) {
            self.renew_soon(user);
        }
    }
}

impl Handler<Leave> for Presence {
    type Result = ();

    fn handle(&mut self, Leave { session }: Leave, ctx: &mut Self::Context) {
        self.leave(session, ctx);
    }
}

impl Handler<MemberMoved> for Presence {
    type Result = ();

    fn handle(&mut self, moved: MemberMoved, ctx: &mut Self::Context) {
        if self.ledger.membership(moved.user, moved.channel, moved.member) {
            self.moved(moved, ctx);
        }
    }
}

impl Handler<Linger> for Presence {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Linger, _: &mut Self::Context) -> Self::Result {
        self.recorder.close();
        Box::pin(self.linger().into_actor(self).map(|(), _, _| ()))
    }
}

impl Handler<Inspect> for Presence {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        let mut online: Vec<_> =
            self.ledger.users().map(|(user_id, sessions)| OnlineUser { user_id, sessions }).collect();
        online.sort_unstable_by_key(|user| user.user_id);
        MessageResult(PresenceState { sessions: self.ledger.sessions(), online, expired: self.expired })
    }
}
