//! How a session joins its channels without a hole: listen first, then look.
//!
//! It registers (so that additions reach it), lists its channels, attaches to their rooms while its feed holds back what
//! they send, reads the snapshot, writes `hello` and lets out what came above the snapshot. A constant number of queries.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use futures_util::future::join_all;

use super::{Added, Session, SessionParts};
use crate::actors::feed::Subscriber;
use crate::actors::presence::Arrive;
use crate::actors::registry::{Listed, Open, Register, Registered};
use crate::actors::{room, tell};
use crate::domain::channel::{ChannelView, Listing};
use crate::domain::ids::ChannelId;
use crate::fault::{self, Sabotage};
use crate::protocol::PROTOCOL;
use crate::protocol::close::Close;
use crate::protocol::server::{ChannelBody, Hello, ServerFrame, UserBody};
use crate::socket::frame;
use crate::store::StoreError;

/// A join that takes longer ends the socket: the client comes back.
const JOIN_WITHIN: Duration = Duration::from_secs(10);
/// So does one whose turn does not come: there are more sessions than the database can let in.
const TURN_WITHIN: Duration = Duration::from_secs(30);

/// Why a session could not be opened. The socket is closed and the client comes back.
#[derive(Debug, thiserror::Error)]
enum JoinError {
    #[error("the daemon is stopping")]
    Stopping,
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    #[error("a room or the registry went away")]
    Mailbox(#[from] actix::MailboxError),
    #[error("not done within {} s", JOIN_WITHIN.as_secs())]
    TooSlow,
    #[error("too many others join; its turn did not come within {} s", TURN_WITHIN.as_secs())]
    NoTurn,
}

impl Session {
    pub(super) fn join(&mut self, ctx: &mut Context<Self>) {
        let registered = Registered {
            handle: self.handle.clone(),
            addr: ctx.address(),
            name: self.opening.identity.name.clone(),
            since: self.since,
            address: self.opening.address,
            agent: self.opening.agent.clone(),
        };
        let (parts, handle) = (self.parts.clone(), self.handle.clone());
        let join = async move {
            let turn = tokio::time::timeout(TURN_WITHIN, parts.turns.acquire()).await;
            let _turn = turn.map_err(|_| JoinError::NoTurn)?;
            tokio::time::timeout(JOIN_WITHIN, snapshot(&parts, &handle, registered))
                .await
                .unwrap_or(Err(JoinError::TooSlow))
        };
        ctx.spawn(join.into_actor(self).map(|joined, act, ctx| match joined {
            Ok(views) => act.joined(&views, ctx),
            Err(error) => {
                let (session, user) = (act.handle.id, act.handle.user);
                log::warn!(session:%, user:%; "session {session} could not join its channels: {error}");
                act.close(Close::Resync);
            }
        }));
    }

    fn joined(&mut self, views: &[ChannelView], ctx: &mut Context<Self>) {
        let user = self.handle.user;
        let epoch = self.parts.epoch.read().clone();
        self.arrivals.history = Some(epoch.as_str().into());
        let identity = &self.opening.identity;
        // Those without a lane were added after the list was read, by any node.
        let (views, late): (Vec<_>, Vec<_>) = views.iter().partition(|view| self.handle.feed.has(view.channel.id));
        self.added.extend(late.iter().map(|view| view.channel.id));
        let hello = ServerFrame::Hello(Box::new(Hello {
            protocol: PROTOCOL,
            epoch,
            session_id: self.handle.id,
            user: UserBody {
                id: user,
                external_id: identity.user.external_id().map(str::to_owned),
                name: identity.name.clone(),
            },
            server_time: crate::domain::now(),
            heartbeat_ms: u64::try_from(self.parts.heartbeat_interval.as_millis()).unwrap_or(u64::MAX),
            channels: views
                .iter()
                .map(|view| ChannelBody::new(view, user, |member| self.parts.online.has(member)))
                .collect(),
        }));
        let versions: Vec<_> = views.iter().map(|view| (view.channel.id, view.channel.version)).collect();
        let attached = self.handle.feed.channels();
        self.handle.feed.release_all(&hello.encode(), &versions);
        for (channel, version) in &versions {
            if let Some(room) = self.parts.directory.room(*channel) {
                tell(&room, room::HeadSeen { version: *version });
            }
        }
        for channel in attached.into_iter().filter(|channel| !self.handle.feed.has(*channel)) {
            self.detach(channel);
            if versions.iter().any(|(id, _)| *id == channel) {
                // Removed after the snapshot, and perhaps added again after that.
                self.added.push(channel);
            }
        }
        self.live = true;
        // It was not registered yet when others were told.
        self.recheck();
        if let Some(announcement) = self.parts.announcements.current() {
            self.send(&ServerFrame::Announcement((&announcement).into()));
        }
        if let Some(events) = self.events.take() {
            ctx.add_stream(events);
        }
        for channel in std::mem::take(&mut self.added) {
            self.join_one(channel, ctx);
        }
    }

    /// The user was added to a channel while the session is open.
    fn join_one(&mut self, channel: ChannelId, ctx: &mut Context<Self>) {
        if self.handle.feed.has(channel) {
            return;
        }
        self.handle.feed.hold(channel);
        let (parts, handle) = (self.parts.clone(), self.handle.clone());
        let join = async move {
            let look = async {
                parts.registry.send(Open { channels: vec![channel] }).await??;
                attach(&parts, &handle, &[channel]).await?;
                Ok(parts.reader.view(handle.user, channel).await?)
            };
            tokio::time::timeout(JOIN_WITHIN, look).await.unwrap_or(Err(JoinError::TooSlow))
        };
        ctx.spawn(join.into_actor(self).map(move |view, act, ctx| act.joined_one(channel, view, ctx)));
    }

    fn joined_one(
        &mut self,
        channel: ChannelId,
        view: Result<Option<ChannelView>, JoinError>,
        ctx: &mut Context<Self>,
    ) {
        let added_since = self.added.contains(&channel);
        self.added.retain(|added| *added != channel);
        let again = match view {
            Ok(Some(view)) => {
                self.announce(&view);
                // Removed since it looked, and perhaps added again.
                !self.handle.feed.has(channel)
            }
            Ok(None) => {
                self.handle.feed.forget_held(channel);
                added_since
            }
            Err(error) => {
                log::warn!("session {} could not join channel {channel}: {error}", self.handle.id);
                return self.close(Close::Resync);
            }
        };
        if !self.handle.feed.has(channel) {
            self.detach(channel);
        }
        if again {
            self.join_one(channel, ctx);
        }
    }

    fn announce(&self, view: &ChannelView) {
        let (channel, version) = (view.channel.id, view.channel.version);
        let body = ChannelBody::new(view, self.handle.user, |member| self.parts.online.has(member));
        let announcement = frame::text(&ServerFrame::Channel { data: &body, since: None }.encode());
        self.handle.feed.release(channel, announcement, version);
        if let Some(room) = self.parts.directory.room(channel) {
            tell(&room, room::HeadSeen { version });
        }
    }

    fn detach(&self, channel: ChannelId) {
        if let Some(room) = self.parts.directory.room(channel) {
            tell(&room, room::Detach { session: self.handle.id });
        }
    }
}

async fn snapshot(
    parts: &SessionParts,
    handle: &Subscriber,
    registered: Registered,
) -> Result<Vec<ChannelView>, JoinError> {
    if !parts.registry.send(Register(registered)).await? {
        return Err(JoinError::Stopping);
    }
    let Listing { memberships, channels } = parts.reader.listing(handle.user).await?;
    tell(&parts.registry, Listed { user: handle.user, memberships });
    let too_early = if fault::planted(Sabotage::SubscribeAfterSnapshot) {
        let views = parts.reader.snapshot(handle.user).await?;
        tokio::time::sleep(fault::WINDOW).await;
        Some(views)
    } else {
        None
    };
    parts.registry.send(Open { channels: channels.clone() }).await??;
    for channel in &channels {
        handle.feed.hold(*channel);
    }
    attach(parts, handle, &channels).await?;
    let arrive = Arrive { session: handle.id, user: handle.user, channels };
    parts.presence.send(arrive).await?;
    match too_early {
        Some(views) => Ok(views),
        None => Ok(parts.reader.snapshot(handle.user).await?),
    }
}

async fn attach(parts: &SessionParts, handle: &Subscriber, channels: &[ChannelId]) -> Result<(), JoinError> {
    let rooms = channels.iter().filter_map(|channel| parts.directory.room(*channel));
    let attached = join_all(rooms.map(|room| room.send(room::Attach { session: handle.clone() }))).await;
    Ok(attached.into_iter().collect::<Result<(), _>>()?)
}

impl Handler<Added> for Session {
    type Result = ();

    fn handle(&mut self, Added { channel }: Added, ctx: &mut Self::Context) {
        let feed = &self.handle.feed;
        let joins = feed.has(channel) && feed.passed(channel).is_none();
        if self.live && !joins {
            self.join_one(channel, ctx);
        } else if !self.added.contains(&channel) {
            // Looked at when the joining that is under way has ended.
            self.added.push(channel);
        }
    }
}
