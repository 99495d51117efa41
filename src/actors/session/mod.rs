//! A session: one socket of one user. It decodes what comes, sees it to who decides, and answers.
//!
//! Started by the HTTP upgrade. Its timers run whatever the peer does.
//! What happens in channels does not pass through it: rooms write to its [`Feed`](super::feed::Feed). It decides
//! nothing about channels and never waits: each answer that takes time is a future of its own, of which few run at once.

mod arrivals;
mod frames;
mod join;
mod messages;
mod sync;

pub(crate) use frames::refusal_of;
pub use messages::{Added, End, GoAway, Gone, Inspect, Recheck, SessionState, Told};

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, MessageResult, SpawnHandle,
    StreamHandler, WrapFuture,
};
use chrono::{DateTime, TimeDelta, Utc};

use self::arrivals::Arrivals;
use super::access::Access;
use super::announcements::Announcements;
use super::db::DbHandle;
use super::directory::Directory;
use super::feed::Subscriber;
use super::presence::{Leave, Presence};
use super::registry::{Registry, Unregister};
use super::{room, tell};
use crate::auth::{Identity, LEEWAY, Verifier};
use crate::bus::Bus;
use crate::domain::ids::ChannelId;
use crate::ephemeral::Online;
use crate::limits::caps::Place;
use crate::limits::pace::Pace;
use crate::limits::rates::Rates;
use crate::limits::refusals::Refusals;
use crate::live::{Live, What};
use crate::logging;
use crate::metrics::Metrics;
use crate::protocol::client::{FrameLimits, Ref, SyncRequest};
use crate::protocol::close::Close;
use crate::protocol::error::Refusal;
use crate::protocol::server::ServerFrame;
use crate::socket::{Event, InboundError};
use crate::store::Reader;
use crate::traces::Tracer;

/// Answers that a session may be waiting for at a time, of those that take time.
const MAX_PENDING: usize = 64;
/// Syncs that wait for their turn.
const MAX_SYNCS: usize = 8;

/// What every session needs.
#[derive(Clone)]
pub struct SessionParts {
    pub db: DbHandle,
    pub reader: Reader,
    pub registry: Addr<Registry>,
    pub presence: Addr<Presence>,
    pub directory: Directory,
    pub online: Online,
    pub bus: Bus,
    pub metrics: Arc<Metrics>,
    pub verifier: Arc<Verifier>,
    pub rates: Arc<Rates>,
    pub notices: Arc<crate::limits::notices::Notices>,
    pub access: Arc<Access>,
    pub live: Live,
    pub announcements: Arc<Announcements>,
    /// None: sends are not followed.
    pub tracer: Option<Tracer>,
    pub epoch: Arc<parking_lot::RwLock<String>>,
    pub frame_limits: FrameLimits,
    pub heartbeat_interval: Duration,
    pub turns: Turns,
}

/// Joins and syncs read much, and all sessions may come at once: so many read at a time, the others wait in line.
pub type Turns = Arc<tokio::sync::Semaphore>;

/// How many read at a time: more than the database has connections for, so that it is never idle.
pub const TURNS: usize = 32;

/// What the upgrade knows about the socket.
#[derive(Debug)]
pub struct Opening {
    pub identity: Identity,
    pub address: IpAddr,
    pub agent: Option<String>,
    /// Given back when the session ends.
    pub place: Place,
    /// The name of the request that opened it.
    pub request: Option<Arc<str>>,
}

/// The peer's messages.
pub type Events = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Event, InboundError>>>>;

/// See the module's text.
pub struct Session {
    parts: Arc<SessionParts>,
    handle: Subscriber,
    opening: Opening,
    /// Until the join is done, then read.
    events: Option<Events>,
    live: bool,
    /// Channels that the user was added to in the meantime.
    added: Vec<ChannelId>,
    syncs: VecDeque<(Option<Ref>, SyncRequest)>,
    syncing: bool,
    pending: usize,
    refusals: Refusals,
    expiry: Option<SpawnHandle>,
    since: DateTime<Utc>,
    opened: Instant,
    last_pong: Option<DateTime<Utc>>,
    arrivals: Arrivals,
    frames_in: u64,
    pace: Pace,
    messages_in: u64,
    rate_limited: u64,
    /// The peer sent its close frame: there is nothing to wait for once it has ours.
    goodbye: bool,
}

impl Session {
    pub fn new(parts: Arc<SessionParts>, handle: Subscriber, opening: Opening, events: Events) -> Self {
        Self {
            parts,
            handle,
            opening,
            events: Some(events),
            live: false,
            added: Vec::new(),
            syncs: VecDeque::new(),
            syncing: false,
            pending: 0,
            refusals: Refusals::default(),
            expiry: None,
            since: crate::domain::now(),
            opened: Instant::now(),
            last_pong: None,
            arrivals: Arrivals::default(),
            frames_in: 0,
            pace: Pace::new(Instant::now()),
            messages_in: 0,
            rate_limited: 0,
            goodbye: false,
        }
    }

    fn send(&self, frame: &ServerFrame<'_>) {
        self.handle.feed.send(&frame.encode());
    }

    fn refuse(&self, refusal: &Refusal, reference: Option<&Ref>) {
        self.parts.metrics.error(refusal.code.as_str());
        self.send(&ServerFrame::error(refusal, None, reference));
    }

    /// What is queued goes out, then the close frame; the actor ends when that is out.
    fn close(&self, why: Close) {
        self.handle.feed.close(why);
    }

    /// The token's end is the session's, unless a fresh one comes.
    fn watch_expiry(&mut self, ctx: &mut Context<Self>) {
        if let Some(old) = self.expiry.take() {
            ctx.cancel_future(old);
        }
        let (end, now) = (self.opening.identity.expires_at, Utc::now());
        // Who came within the leeway after the end is let go when that is over, not at once: their clock is behind.
        let end = if end > now { end } else { end + TimeDelta::seconds(LEEWAY.into()) };
        let left = (end - now).to_std().unwrap_or_default();
        self.expiry = Some(ctx.run_later(left, |act, _| act.close(Close::TokenExpired)));
    }

    /// Revoked tokens keep no session, not even one that was about to open.
    fn recheck(&self) {
        if self.parts.verifier.revoked().refuses(&self.opening.identity) {
            self.close(Close::TokenRevoked);
        }
    }

    /// Notes that a frame was over the user's rate. Who goes on like that is closed.
    fn over_rate(&mut self) {
        self.rate_limited += 1;
        self.parts.metrics.rate_limited.inc();
        if self.refusals.note(Instant::now()) {
            self.close(Close::RateLimit);
        }
    }

    /// What a request has when it is answered, a socket has at its end.
    fn log_access(&self, code: u16) {
        let (session, user, client) = (self.handle.id, self.handle.user, self.opening.address);
        let (_, bytes) = self.handle.feed.outbox().total_out();
        let took = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let request = self.opening.request.as_deref();
        log::info!(
            target: logging::ACCESS, request, method = "GET", path = "/ws", status = 101, close = code, durationMs = took,
            bytes, client:%, session:%, user:%;
            "GET /ws 101 closed {code} {took} ms {bytes} bytes from {client} user {user} session {session}"
        );
    }

    /// Runs what takes time; `done` has its answer.
    fn later<T: 'static>(
        &mut self,
        ctx: &mut Context<Self>,
        reference: Option<Ref>,
        work: impl Future<Output = T> + 'static,
        done: impl FnOnce(T, Option<Ref>, &mut Self, &mut Context<Self>) + 'static,
    ) {
        if self.pending >= MAX_PENDING {
            let text = format!("more than {MAX_PENDING} of your requests wait for their answers; try again");
            return self.refuse(&Refusal::unavailable(text), reference.as_ref());
        }
        self.pending += 1;
        ctx.spawn(work.into_actor(self).map(move |outcome, act, ctx| {
            act.pending -= 1;
            done(outcome, reference, act, ctx);
        }));
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.parts.metrics.connections.inc();
        self.parts.metrics.connections_opened.inc();
        self.watch_expiry(ctx);
        ctx.run_interval(self.parts.heartbeat_interval / arrivals::TICKS, |act, _| act.tick());
        self.join(ctx);
    }
}

/// However the session ends, also by a panic, everybody who knows it is told.
impl Drop for Session {
    fn drop(&mut self) {
        let session = self.handle.id;
        self.handle.feed.close(Close::GoingAway);
        self.note_arrivals(Duration::ZERO);
        for channel in self.handle.feed.channels() {
            if let Some(room) = self.parts.directory.room(channel) {
                tell(&room, room::Detach { session });
            }
        }
        tell(&self.parts.registry, Unregister { session });
        tell(&self.parts.presence, Leave { session });
        self.parts.db.dropped(session);
        let code = self.handle.feed.outbox().closed_with().map_or(1006, |(code, _)| code);
        self.parts.metrics.connections.dec();
        self.parts.metrics.closed(code);
        let news = [Close::TooSlow, Close::RateLimit].map(Close::code).contains(&code);
        let (user, from) = (self.handle.user, self.opening.address);
        self.parts.notices.ended(news, format_args!("session {session} of user {user} from {from} ended with {code}"));
        self.parts.live.tell(|| What::SessionClosed { session, user, address: from, code });
        if logging::logs_access() {
            self.log_access(code);
        }
    }
}

impl StreamHandler<Result<Event, InboundError>> for Session {
    fn handle(&mut self, event: Result<Event, InboundError>, ctx: &mut Self::Context) {
        let outbox = self.handle.feed.outbox();
        if outbox.is_closed() && matches!(event, Ok(Event::Text(_) | Event::Binary(_))) {
            // It has been told to go; nothing it says counts any more.
            return;
        }
        match event {
            Ok(Event::Text(text)) => self.frame(text.as_bytes(), ctx),
            Ok(Event::Binary(_)) => self.binary(),
            Ok(Event::Ping(payload)) => self.pong(&payload),
            Ok(Event::Pong(payload)) => self.beat(&payload),
            Ok(Event::Close(code)) => {
                outbox.close(code.unwrap_or(1000), "");
                self.goodbye = true;
            }
            Err(error) => match error.close_code() {
                Some(code) => {
                    outbox.close(code, error.to_string());
                }
                None => outbox.kill(),
            },
        }
    }

    /// The peer sends no more. Unless it said goodbye there is nobody left to write to.
    fn finished(&mut self, ctx: &mut Self::Context) {
        if self.handle.feed.outbox().is_closed() {
            // The close frame is on its way; when it is out the actor ends.
            if self.handle.feed.outbox().is_gone() {
                ctx.stop();
            }
        } else {
            self.handle.feed.outbox().kill();
            ctx.stop();
        }
    }
}

impl Handler<End> for Session {
    type Result = ();

    fn handle(&mut self, End { why }: End, _: &mut Self::Context) {
        self.close(why);
    }
}

impl Handler<Recheck> for Session {
    type Result = ();

    fn handle(&mut self, _: Recheck, _: &mut Self::Context) {
        self.recheck();
    }
}

impl Handler<Told> for Session {
    type Result = ();

    fn handle(&mut self, Told { framed }: Told, _: &mut Self::Context) {
        // `hello` is the first frame.
        if self.live {
            self.handle.feed.outbox().push(framed);
        }
    }
}

impl Handler<GoAway> for Session {
    type Result = ();

    fn handle(&mut self, GoAway { reason, reconnect_in_ms, close_in }: GoAway, ctx: &mut Self::Context) {
        // `hello` is the first frame: who has not got it is closed without further words.
        if self.live {
            self.send(&ServerFrame::Goaway { reason, reconnect_in_ms });
        }
        ctx.run_later(close_in, |act, _| act.close(Close::GoingAway));
    }
}

impl Handler<Gone> for Session {
    type Result = ();

    fn handle(&mut self, _: Gone, ctx: &mut Self::Context) {
        if self.goodbye {
            // Left alone, the peer's end would be awaited for a moment.
            self.handle.feed.outbox().kill();
        }
        ctx.stop();
    }
}

impl Handler<Inspect> for Session {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        let outbox = self.handle.feed.outbox();
        let (frames_out, bytes_out) = outbox.total_out();
        let (frames_queued, bytes_queued) = outbox.queued();
        let identity = &self.opening.identity;
        MessageResult(SessionState {
            id: self.handle.id,
            user_id: self.handle.user,
            external_id: identity.user.external_id().map(str::to_owned),
            name: identity.name.clone(),
            since: self.since,
            address: self.opening.address,
            agent: self.opening.agent.clone(),
            token_expires_at: identity.expires_at,
            last_pong: self.last_pong,
            channels: self.handle.feed.channels().len(),
            frames_in: self.frames_in,
            frames_per_second: self.pace.per_second(Instant::now()),
            messages_in: self.messages_in,
            rate_limited: self.rate_limited,
            frames_out,
            bytes_out,
            frames_queued,
            bytes_queued,
            pending: self.pending,
        })
    }
}
