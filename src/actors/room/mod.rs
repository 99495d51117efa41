//! A room: one channel on this node. It keeps the order and the roster, and hands what happens to the sessions.
//!
//! Started and restarted by the registry alone. Sessions and REST calls tell it of sends and typing, the DB actor of
//! what was committed. It passes versions on strictly one after the other; what it missed it reads from the store. It
//! never writes, and never waits for an answer before it takes the next message.

mod early;
mod emit;
mod fill;
mod messages;
mod notices;
mod outgoing;
mod present;
mod receipts;
mod roster;
mod sequence;
#[cfg(test)]
mod sim;
mod typing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, MessageResult};
use chrono::{DateTime, Utc};

use super::db::{DbHandle, Flight};
use super::obituary::Obituary;
use super::registry::{Idle, Registry};
use super::tell;
use crate::bus::Bus;
use crate::domain::channel::Channel;
use crate::domain::ids::{ChannelId, MessageId, UserId, new_v7};
use crate::domain::message::{Append, Appended, NewMessage};
use crate::ephemeral::Online;
use crate::fault::{self, Part};
use crate::metrics::Metrics;
use crate::protocol::client::{RefusedSend, SendRequest};
use crate::protocol::close::Close;
use crate::protocol::error::Refusal;
use crate::socket::together;
use crate::store::Reader;
pub use early::Uncommitted;
#[cfg(debug_assertions)]
pub use messages::Panic;
pub use messages::{
    Attach, Committed, ComparePresence, Detach, HeadSeen, Inspect, Item, MarkMoved, PresenceChanged, Publish, Retire,
    RoomState, TypingStopped, UserTyped,
};
use outgoing::Outgoing;
use present::Present;
use receipts::Receipts;
use roster::Roster;
use sequence::Sequence;
use typing::Typing;

/// Between two looks whether it is used.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);
/// Names no state of the membership, so that the store looks the sender up.
pub const UNSURE: i64 = -1;

/// What every room needs.
#[derive(Clone)]
pub struct RoomParts {
    pub db: DbHandle,
    pub reader: Reader,
    pub registry: Addr<Registry>,
    pub online: Online,
    pub bus: Bus,
    pub metrics: Arc<Metrics>,
    pub settings: RoomSettings,
}

#[derive(Debug, Clone, Copy)]
pub struct RoomSettings {
    /// Sends that may wait for the database.
    pub max_in_flight: usize,
    pub typing_debounce: Duration,
    pub typing_expiry: Duration,
    pub read_merge: Duration,
    pub idle: Duration,
}

/// See the module's text.
pub struct Room {
    id: ChannelId,
    parts: RoomParts,
    roster: Roster,
    sequence: Sequence<Item>,
    outgoing: Outgoing,
    filling: bool,
    /// Looks whether somebody waits for too long.
    sweeping: bool,
    typing: Typing,
    typing_timer: bool,
    present: Present,
    /// New members of whom it has not been asked yet whether they are there.
    unknown: Vec<UserId>,
    receipts: Receipts,
    /// One clone for each send in flight.
    flights: Flight,
    last_seq: i64,
    started: DateTime<Utc>,
    restarts: u32,
    used: Instant,
    published: u64,
    obituary: Obituary,
}

impl Room {
    /// `channel` as it is in the store; `delivered` is the version up to which its sessions have been given everything.
    pub fn new(channel: &Channel, delivered: i64, restarts: u32, parts: RoomParts, obituary: Obituary) -> Self {
        let RoomSettings { typing_debounce, typing_expiry, read_merge, .. } = parts.settings;
        let mut sequence = Sequence::new(delivered);
        sequence.heard_of(channel.version);
        Self {
            id: channel.id,
            roster: Roster::new(channel),
            sequence,
            outgoing: Outgoing::default(),
            filling: false,
            sweeping: false,
            typing: Typing::new(typing_debounce, typing_expiry),
            typing_timer: false,
            present: Present::new(parts.online.clone(), &channel.member_ids()),
            unknown: Vec::new(),
            receipts: Receipts::new(read_merge),
            flights: Flight::default(),
            last_seq: channel.last_seq,
            started: crate::domain::now(),
            restarts,
            used: Instant::now(),
            published: 0,
            parts,
            obituary,
        }
    }

    fn publish(&mut self, publish: Publish) {
        self.used = Instant::now();
        let Publish { sender, sender_name, send, origin } = publish;
        if self.in_flight() >= self.parts.settings.max_in_flight {
            let max = self.parts.settings.max_in_flight;
            origin.refuse(Refusal::unavailable(format!(
                "more than {max} messages of this channel wait to be stored; try again"
            )));
            return;
        }
        let members_version = match (self.roster.has(sender), self.sequence.has_hole()) {
            (true, false) => self.roster.members_version(),
            // The roster is not that of its version while changes are missing: the store looks the sender up.
            (_, true) => UNSURE,
            (false, false) => {
                let refused = RefusedSend { client_id: send.client_id, digest: Some(send.digest()) };
                self.parts.db.refuse(sender, refused, Refusal::no_channel(), origin);
                return;
            }
        };
        let append = append_of(sender, sender_name, send, members_version);
        self.parts.db.append(append, origin, Some(Arc::clone(&self.flights)));
    }

    /// Sends that wait for the database.
    fn in_flight(&self) -> usize {
        Arc::strong_count(&self.flights) - 1
    }

    /// What became of a send. What took a version waits for its turn.
    fn committed(&mut self, item: Item) {
        let Item::Send { outcome, .. } = &item else {
            if let Item::Change(change) = &item {
                // An old one was passed on already, read from the store.
                drop(self.sequence.offer(change.version, item));
            }
            return;
        };
        match outcome {
            Appended::New(stored) => {
                if let Some(Item::Send { outcome: Appended::New(stored), origin: Some(origin), .. }) =
                    self.sequence.offer(stored.version, item)
                {
                    // Passed on already, read from the store: the sender has it as a message.
                    origin.ack(&stored, true);
                }
            }
            Appended::Duplicate(stored) => {
                self.sequence.heard_of(stored.version);
                item.answer_without_room();
            }
            _ => item.answer_without_room(),
        }
    }
}

/// A send as the store takes it. With [`UNSURE`] the store looks the sender up.
pub fn append_of(sender_id: UserId, sender_name: String, send: SendRequest, members_version: i64) -> Append {
    let digest = send.digest();
    let message = NewMessage {
        id: MessageId(new_v7()),
        client_id: send.client_id,
        channel_id: send.channel_id,
        sender_id,
        sender_name,
        content: send.content,
        content_type: send.content_type,
        reply_to_id: send.reply_to_id,
        attachment_ids: send.attachment_ids,
        mention_ids: send.mention_ids,
        ask: send.ask,
        created_at: crate::domain::now(),
    };
    Append { message, digest, members_version }
}

impl Actor for Room {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.parts.metrics.rooms.inc();
        self.advance(ctx);
        let idle = self.parts.settings.idle;
        ctx.run_interval((idle / 2).max(SHORTEST_LOOK), move |act, _| {
            act.roster.forget_closed();
            let unused = act.roster.session_count() == 0 && act.in_flight() == 0 && !act.sequence.has_hole();
            if unused && act.used.elapsed() >= idle {
                tell(&act.parts.registry, Idle { channel: act.id, at_once: false });
            }
        });
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.parts.metrics.rooms.dec();
    }
}

/// While a panic unwinds, actix hands the dying actor what is left in its mailbox; a second panic would end the process.
/// Whoever waits for an answer to it gets one when it is dropped.
fn is_dying() -> bool {
    std::thread::panicking()
}

impl Handler<Attach> for Room {
    type Result = ();

    fn handle(&mut self, Attach { session }: Attach, _: &mut Self::Context) {
        self.used = Instant::now();
        self.roster.attach(session);
    }
}

impl Handler<Detach> for Room {
    type Result = ();

    fn handle(&mut self, Detach { session }: Detach, _: &mut Self::Context) {
        self.used = Instant::now();
        self.roster.detach(session);
    }
}

impl Handler<Publish> for Room {
    type Result = ();

    fn handle(&mut self, publish: Publish, _: &mut Self::Context) {
        if is_dying() {
            return;
        }
        fault::point(Part::Room);
        self.publish(publish);
    }
}

impl Handler<Committed> for Room {
    type Result = ();

    fn handle(&mut self, Committed { items, .. }: Committed, ctx: &mut Self::Context) {
        if is_dying() {
            return;
        }
        fault::point(Part::Room);
        together(|| {
            for item in items {
                self.committed(item);
            }
            self.advance(ctx);
        });
    }
}

impl Handler<HeadSeen> for Room {
    type Result = ();

    fn handle(&mut self, HeadSeen { version }: HeadSeen, ctx: &mut Self::Context) {
        if is_dying() {
            return;
        }
        self.sequence.heard_of(version);
        self.advance(ctx);
    }
}

impl Handler<Retire> for Room {
    type Result = ();

    fn handle(&mut self, _: Retire, ctx: &mut Self::Context) {
        for session in self.roster.sessions() {
            // It came at the very last moment; nothing would reach it here any more.
            session.feed.close(Close::Resync);
        }
        self.obituary.cancel();
        ctx.stop();
    }
}

impl Handler<Inspect> for Room {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        MessageResult(RoomState {
            id: self.id,
            members: self.roster.len(),
            sessions: self.roster.session_count(),
            version: self.sequence.delivered(),
            last_seq: self.last_seq,
            in_flight: self.in_flight(),
            waiting: self.sequence.waiting(),
            filling: self.filling,
            published: self.published,
            restarts: self.restarts,
            started_at: self.started,
            member_ids: self.roster.member_ids(),
            session_ids: self.roster.sessions().map(|session| session.id).collect(),
        })
    }
}

#[cfg(debug_assertions)]
impl Handler<Panic> for Room {
    type Result = ();

    #[expect(clippy::panic, reason = "this is what it is for")]
    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        if is_dying() {
            return;
        }
        panic!("a test asked this room to panic");
    }
}
