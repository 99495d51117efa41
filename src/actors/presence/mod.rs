//! The presence actor: it owns the clock of heartbeats, and tells the rooms who came and who went.
//!
//! Sessions tell it that they came, of each pong, and that they went; the registry tells it of changes of membership.
//! It ends whom it has not heard of. It never pings: that is the session's.

mod ledger;

use std::time::{Duration, Instant};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, MessageResult};
use serde::Serialize;

use super::directory::Directory;
use super::obituary::Obituary;
use super::registry::{EndSession, Registry};
use super::{room, tell};
use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::domain::now;
use crate::ephemeral::Online;
use crate::protocol::close::Close;
use crate::protocol::server::Status;
use ledger::{Ledger, Shift};

/// See the module's text.
pub struct Presence {
    ledger: Ledger,
    sweep: Duration,
    online: Online,
    directory: Directory,
    registry: Option<Addr<Registry>>,
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

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "PresenceState")]
pub struct Inspect;

/// What the admin surface shows.
#[derive(Debug, Clone, Serialize, actix::MessageResponse)]
#[serde(rename_all = "camelCase")]
pub struct PresenceState {
    pub sessions: usize,
    pub online: Vec<OnlineUser>,
    /// Sessions that were ended because no pong came.
    pub expired: u64,
}

#[derive(Debug, Clone, Serialize)]
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
    pub fn new(timeout: Duration, online: Online, directory: Directory, obituary: Obituary) -> Self {
        Self {
            ledger: Ledger::new(timeout),
            sweep: (timeout / 20).clamp(Duration::from_millis(10), Duration::from_secs(2)),
            online,
            directory,
            registry: None,
            expired: 0,
            _obituary: obituary,
        }
    }

    fn shifted(&self, shift: Shift) {
        let Shift { user, status, channels } = shift;
        let last_seen_at = match status {
            Status::Online => {
                self.online.came(user);
                None
            }
            Status::Offline => {
                let at = now();
                self.online.went(user, at);
                Some(at)
            }
        };
        for channel in channels {
            if let Some(room) = self.directory.room(channel) {
                tell(&room, room::PresenceChanged { user, status, last_seen_at });
            }
        }
    }

    fn sweep(&mut self) {
        let (expired, shifts) = self.ledger.expire(Instant::now());
        for shift in shifts {
            self.shifted(shift);
        }
        self.expired += expired.len() as u64;
        for session in expired {
            if let Some(registry) = &self.registry {
                tell(registry, EndSession { session, why: Close::HeartbeatLost });
            }
        }
    }
}

impl Actor for Presence {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(self.sweep, |act, _| act.sweep());
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

    fn handle(&mut self, Arrive { session, user, channels }: Arrive, _: &mut Self::Context) {
        if let Some(shift) = self.ledger.arrive(session, user, channels, Instant::now()) {
            self.shifted(shift);
        }
    }
}

impl Handler<Beat> for Presence {
    type Result = ();

    fn handle(&mut self, Beat { session }: Beat, _: &mut Self::Context) {
        self.ledger.beat(session, Instant::now());
    }
}

impl Handler<Leave> for Presence {
    type Result = ();

    fn handle(&mut self, Leave { session }: Leave, _: &mut Self::Context) {
        if let Some(shift) = self.ledger.leave(session) {
            self.shifted(shift);
        }
    }
}

impl Handler<MemberMoved> for Presence {
    type Result = ();

    fn handle(&mut self, moved: MemberMoved, _: &mut Self::Context) {
        self.ledger.membership(moved.user, moved.channel, moved.member);
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
