//! The registry's rooms: started when somebody opens them, let go when nobody uses them, started anew after a panic.

use std::time::{Duration, Instant};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};

use tokio::time::timeout;

use super::{CompareHeads, Registry, RoomEntry, then};
use crate::actors::feed::Subscriber;
use crate::actors::obituary::Obituary;
use crate::actors::room::{self, Room};
use crate::actors::tell;
use crate::bus::Topic;
use crate::domain::channel::Channel;
use crate::domain::ids::ChannelId;
use crate::ephemeral::Online;
use crate::fault::{self, Sabotage};
use crate::protocol::close::Close;
use crate::store::{Reader, StoreError};

/// A room that was opened this recently is not let go: a session may be on its way to it.
const JUST_OPENED: Duration = Duration::from_secs(15);
/// How long a room waits for word of who of its members is there.
const LEARN_WITHIN: Duration = Duration::from_millis(500);
const RESTART_RETRY: Duration = Duration::from_millis(500);
/// A room that dies more often than this within the time is not started anew until somebody opens it.
const MAX_RESTARTS: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_secs(60);

/// Nobody uses the room. `at_once`: it has ended by itself.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Idle {
    pub channel: ChannelId,
    pub at_once: bool,
}

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
struct RoomEnded {
    channel: ChannelId,
    generation: u64,
}

impl Registry {
    pub(super) fn start_room(&mut self, channel: &Channel, ctx: &mut Context<Self>) {
        if self.rooms.contains_key(&channel.id) {
            return;
        }
        self.generation += 1;
        let (id, generation) = (channel.id, self.generation);
        let orphans = if self.orphaned.remove(&id) { self.subscribers_of(id) } else { Vec::new() };
        // One that was still joining cannot know what it missed; it comes back.
        let (orphans, joining): (Vec<_>, Vec<_>) =
            orphans.into_iter().partition(|orphan| orphan.feed.passed(id).is_some());
        for orphan in joining {
            orphan.feed.close(Close::Resync);
        }
        // It goes on where its sessions are, not at the head: what was committed in between was never passed on.
        let delivered = orphans.iter().filter_map(|orphan| orphan.feed.passed(id)).min().unwrap_or(channel.version);
        let restarts = self.restarts.get(&id).map_or(0, |times| u32::try_from(times.len()).unwrap_or(u32::MAX));
        let parts = self.room_parts(ctx);
        let registry = ctx.address();
        let obituary = Obituary::new(move || tell(&registry, RoomEnded { channel: id, generation }));
        let room = Room::new(channel, delivered, restarts, parts, obituary);
        let arbiter = usize::try_from(generation).unwrap_or(0) % self.arbiters.len().max(1);
        let Some(arbiter) = self.arbiters.get(arbiter) else { return };
        let room = Room::start_in_arbiter(arbiter, move |_| room);
        for orphan in orphans {
            tell(&room, room::Attach { session: orphan });
        }
        self.rooms.insert(id, RoomEntry { generation, opened: Instant::now() });
        self.parts.directory.insert(id, room);
        self.parts.bus.subscribe(Topic::Channel(id));
    }

    /// Nobody finds it any more.
    pub(super) fn forget_room(&mut self, channel: ChannelId) -> Option<Addr<Room>> {
        self.rooms.remove(&channel);
        self.parts.bus.unsubscribe(Topic::Channel(channel));
        let room = self.parts.directory.room(channel);
        self.parts.directory.remove(channel);
        room
    }

    fn subscribers_of(&self, channel: ChannelId) -> Vec<Subscriber> {
        self.sessions
            .values()
            .map(|session| &session.handle)
            .filter(|handle| handle.feed.has(channel) && !handle.feed.outbox().is_closed())
            .cloned()
            .collect()
    }

    fn room_ended(&mut self, channel: ChannelId, ctx: &mut Context<Self>) {
        log::error!("the room of channel {channel} died; starting it anew");
        if fault::planted(Sabotage::RoomNotRespawned) {
            return;
        }
        self.forget_room(channel);
        self.orphaned.insert(channel);
        self.total_restarts += 1;
        self.parts.metrics.room_restarts.inc();
        let now = Instant::now();
        let times = self.restarts.entry(channel).or_default();
        times.retain(|time| now.duration_since(*time) < RESTART_WINDOW);
        times.push(now);
        if times.len() > MAX_RESTARTS {
            log::error!("channel {channel}: {MAX_RESTARTS} restarts within a minute; its sessions are closed");
            self.orphaned.remove(&channel);
            for subscriber in self.subscribers_of(channel) {
                subscriber.feed.close(Close::Resync);
            }
            return;
        }
        self.restart(channel, ctx);
    }

    fn restart(&mut self, channel: ChannelId, ctx: &mut Context<Self>) {
        let read = load(self.parts.reader.clone(), self.parts.online.clone(), vec![channel]);
        then(read, self, ctx, move |channels, act, ctx| match channels {
            Ok(channels) => {
                for channel in &channels {
                    act.start_room(channel, ctx);
                }
                // What was committed since the read and before it stood in the directory was told to nobody.
                ctx.notify(CompareHeads);
            }
            Err(error) => {
                log::error!("channel {channel}: its room cannot be started: {error}");
                ctx.run_later(RESTART_RETRY, move |act, ctx| {
                    if act.orphaned.contains(&channel) {
                        act.restart(channel, ctx);
                    }
                });
            }
        });
    }
}

/// The channels that exist, after it was learned who of their members is there.
pub(super) async fn load(reader: Reader, online: Online, channels: Vec<ChannelId>) -> Result<Vec<Channel>, StoreError> {
    if channels.is_empty() {
        return Ok(Vec::new());
    }
    let channels = reader.channels(channels).await?;
    // A slow Redis keeps nobody out: what is not known by then is compared later.
    let _ = timeout(LEARN_WITHIN, online.learn(channels.iter().flat_map(Channel::member_ids))).await;
    Ok(channels)
}

impl Handler<RoomEnded> for Registry {
    type Result = ();

    fn handle(&mut self, ended: RoomEnded, ctx: &mut Self::Context) {
        if self.rooms.get(&ended.channel).is_some_and(|room| room.generation == ended.generation) {
            self.room_ended(ended.channel, ctx);
        }
    }
}

impl Handler<Idle> for Registry {
    type Result = ();

    fn handle(&mut self, Idle { channel, at_once }: Idle, _: &mut Self::Context) {
        if !at_once && self.rooms.get(&channel).is_none_or(|room| room.opened.elapsed() < JUST_OPENED) {
            return;
        }
        self.restarts.remove(&channel);
        let room = self.forget_room(channel);
        if let Some(room) = room.filter(|_| !at_once) {
            tell(&room, room::Retire);
        }
    }
}
