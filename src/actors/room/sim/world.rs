//! What happens, and in which order.

use std::time::Instant;

use fastrand::Rng;
use uuid::Uuid;

use super::Totals;
use super::client::Client;
use super::notices::Notice;
use super::store::{CHANNEL, Store};
use crate::actors::feed::Subscriber;
use crate::actors::obituary::Obituary;
use crate::actors::origin::{Asker, Origin};
use crate::actors::room::{Item, Room, RoomParts};
use crate::domain::change::Change;
use crate::domain::ids::ClientId;
use crate::domain::message::{Appended, NewMessage};
use crate::domain::sync::Fill;
use crate::protocol::close::Close;

pub(super) const USERS: usize = 5;
const STEPS: usize = 120;
/// Rounds in which everything comes to rest.
const ROUNDS: usize = 60;

pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) parts: RoomParts,
    pub(super) store: Store,
    pub(super) nodes: Vec<Node>,
    pub(super) sessions: Vec<Session>,
    /// On the way to a node.
    pub(super) pool: Vec<Delivery>,
    pub(super) ids: u128,
    pub(super) now: Instant,
    pub(super) story: Vec<String>,
    pub(super) totals: Totals,
}

pub(super) struct Node {
    pub(super) room: Room,
    /// Read from the store, and not arrived.
    pub(super) fill: Option<Fill>,
    /// When receipts are to be told.
    pub(super) flush: Option<Instant>,
}

pub(super) struct Session {
    pub(super) node: usize,
    pub(super) handle: Subscriber,
    pub(super) client: Client,
    pub(super) stage: Stage,
    /// It has its `hello`.
    pub(super) live: bool,
    pub(super) over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Out,
    /// Its feed holds back and the room knows it.
    Attached,
    /// It has looked into the store: the version, if its user was a member.
    Looked(Option<i64>),
    In,
}

/// What was committed, or only said.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "there are only a few at a time")]
pub(super) enum News {
    Sent(NewMessage, Appended),
    Changed(Change),
    /// Of no version.
    Notice(Notice),
}

pub(super) struct Delivery {
    pub(super) node: usize,
    pub(super) news: News,
    /// Of the node's own DB actor: nothing of that is lost while its room lives.
    pub(super) own: bool,
    pub(super) origin: Option<Origin>,
}

impl World {
    pub(super) fn new(seed: u64, parts: RoomParts) -> Self {
        let mut rng = Rng::with_seed(seed);
        let store = Store::new(rng.usize(1..=USERS));
        let count = rng.usize(1..=3);
        let room = || Room::new(store.channel(), 0, 0, parts.clone(), Obituary::new(|| {}));
        let nodes = (0..count).map(|_| Node { room: room(), fill: None, flush: None }).collect();
        let (sessions, pool, story) = (Vec::new(), Vec::new(), Vec::new());
        let now = Instant::now();
        Self { rng, parts, store, nodes, sessions, pool, ids: 0, now, story, totals: Totals::default() }
    }

    pub(super) fn story(&self) -> String {
        self.story.join("\n")
    }

    pub(super) fn tell(&mut self, what: impl Into<String>) {
        self.story.push(format!("{:4} {}", self.store.version(), what.into()));
    }

    pub(super) fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    pub(super) fn pick(&mut self, from: usize) -> Option<usize> {
        (from > 0).then(|| self.rng.usize(..from))
    }

    pub(super) fn run(&mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            match self.rng.u8(..100) {
                0..16 => self.send(),
                16..20 => self.say(),
                20..26 => {
                    let change = self.store.change_message(&mut self.rng);
                    self.changed(change);
                }
                26..32 => {
                    let change = self.store.change_channel(USERS, &mut self.rng);
                    self.changed(change);
                }
                32..64 => self.deliver(),
                64..72 => self.fill(),
                72..78 => self.connect(),
                78..92 => self.join(),
                92..95 => self.compare(),
                95..97 => self.disconnect(),
                _ => self.die(),
            }
            self.pass_time();
            self.read()?;
        }
        self.rest()
    }

    pub(super) fn commit(&mut self, news: &News, asked_at: usize, mut origin: Option<Origin>) {
        for node in 0..self.nodes.len() {
            let own = node == asked_at;
            let origin = if own { origin.take() } else { None };
            self.pool.push(Delivery { node, news: news.clone(), own, origin });
        }
    }

    fn changed(&mut self, change: Option<Change>) {
        let Some(change) = change else { return };
        let asked_at = self.rng.usize(..self.nodes.len());
        self.tell(format!("changed at {asked_at}: {:?}", change.what));
        self.commit(&News::Changed(change), asked_at, None);
    }

    fn send(&mut self) {
        let live: Vec<usize> = (0..self.sessions.len()).filter(|at| self.sessions[*at].live).collect();
        let Some(at) = self.pick(live.len()).map(|at| live[at]) else { return };
        let again = self.rng.u8(..10) == 0;
        let fresh = ClientId(self.id());
        let session = &mut self.sessions[at];
        let before = session.client.sent.keys().next().copied().filter(|_| again);
        let client_id = before.unwrap_or(fresh);
        let sender = session.handle.user;
        let (message, outcome) = self.store.send(sender, client_id);
        session.client.sent.insert(client_id, false);
        let (node, handle) = (session.node, session.handle.clone());
        let origin = Origin::Session(Asker::new(handle, client_id, None));
        self.totals.sends += 1;
        self.tell(format!("session {at} of {sender} at {node} sends {client_id}: {outcome:?}"));
        if matches!(outcome, Appended::New(_)) {
            self.commit(&News::Sent(message, outcome), node, Some(origin));
        } else {
            self.pool.push(Delivery { node, news: News::Sent(message, outcome), own: true, origin: Some(origin) });
        }
    }

    /// Some of what is under way arrives, in any order.
    fn deliver(&mut self) {
        let Some(node) = self.pick(self.nodes.len()) else { return };
        for _ in 0..self.rng.usize(1..=4) {
            let here: Vec<usize> = (0..self.pool.len()).filter(|at| self.pool[*at].node == node).collect();
            let Some(at) = self.pick(here.len()).map(|at| here[at]) else { break };
            let delivery = self.pool.swap_remove(at);
            match self.rng.u8(..10) {
                0..2 if !delivery.own => {
                    self.totals.dropped += 1;
                    continue;
                }
                2 => {
                    self.totals.doubled += 1;
                    let (node, news) = (delivery.node, delivery.news.clone());
                    self.pool.push(Delivery { node, news, own: false, origin: None });
                }
                _ => {}
            }
            let item = match delivery.news {
                News::Sent(message, outcome) => {
                    let (message, origin, accepted) = (Box::new(message), delivery.origin, self.now);
                    Item::Send { message, outcome, origin, accepted }
                }
                News::Changed(change) => Item::Change(change),
                News::Notice(notice) => {
                    self.notice(node, notice, delivery.own);
                    continue;
                }
            };
            self.nodes[node].room.committed(item);
        }
        self.nodes[node].room.pass_on();
        let delivered = self.nodes[node].room.sequence.delivered();
        self.tell(format!("node {node} was told of some, and has passed on {delivered}"));
    }

    /// A room that misses something reads it, or gets what it has read.
    fn fill(&mut self) {
        let Some(node) = self.pick(self.nodes.len()) else { return };
        let Node { room, fill, .. } = &mut self.nodes[node];
        if let Some(Fill { changes, state: Some(state) }) = fill.take() {
            self.totals.fills += 1;
            self.totals.late_fills += usize::from(state.channel.version < self.store.version());
            room.take_fill(changes, &state);
            room.pass_on();
            let delivered = room.sequence.delivered();
            self.tell(format!("node {node} has filled, and has passed on {delivered}"));
        } else if room.sequence.has_hole() {
            *fill = Some(self.store.fill(room.sequence.delivered()));
        }
    }

    fn compare(&mut self) {
        let Some(node) = self.pick(self.nodes.len()) else { return };
        self.seen(node, self.store.version());
    }

    pub(super) fn seen(&mut self, node: usize, version: i64) {
        let room = &mut self.nodes[node].room;
        room.sequence.heard_of(version);
        room.pass_on();
    }

    /// A room panics and is started anew from the store, as the registry does it.
    fn die(&mut self) {
        let Some(node) = self.pick(self.nodes.len()) else { return };
        self.totals.deaths += 1;
        // What was in its mailbox goes with it; what was not yet told finds the new one.
        let mut at = 0;
        while at < self.pool.len() {
            if self.pool[at].node == node && self.rng.bool() {
                drop(self.pool.swap_remove(at));
            } else {
                at += 1;
            }
        }
        let here = |session: &&mut Session| session.node == node && !session.over && session.handle.feed.has(CHANNEL);
        let (mut orphans, mut joining) = (Vec::new(), Vec::new());
        for session in self.sessions.iter_mut().filter(here) {
            if let Some(passed) = session.handle.feed.passed(CHANNEL) {
                orphans.push((passed, session.handle.clone()));
            } else {
                session.handle.feed.close(Close::Resync);
                (session.over, session.live) = (true, false);
                joining.push(session.handle.id);
            }
        }
        self.totals.resyncs += joining.len();
        let delivered = orphans.iter().map(|(passed, _)| *passed).min().unwrap_or(self.store.version());
        let mut room = Room::new(self.store.channel(), delivered, 1, self.parts.clone(), Obituary::new(|| {}));
        for (_, session) in orphans {
            room.roster.attach(session);
        }
        room.pass_on();
        self.nodes[node] = Node { room, fill: None, flush: None };
        // It does not know any more what it has told.
        self.sessions
            .iter_mut()
            .filter(|session| session.node == node)
            .for_each(|session| session.client.forget_notices());
        self.tell(format!("the room of node {node} dies, and goes on from {delivered}"));
    }

    /// Each peer reads what it was written. No session is closed but by the rules above, and where a fill has the channel's
    /// new name or a role, and the user is removed further on in it: the name as of then is not known any more.
    fn read(&mut self) -> Result<(), String> {
        for (at, session) in self.sessions.iter_mut().enumerate() {
            let outbox = session.handle.feed.outbox();
            if outbox.is_closed() {
                if !session.over && !session.client.was_removed(&self.store) {
                    return Err(format!("session {at} was closed with {:?}", outbox.closed_with()));
                }
                self.totals.resyncs += usize::from(!session.over);
                (session.over, session.live) = (true, false);
                continue;
            }
            let before = session.client.is_in();
            session.client.read(&outbox.take_all(), &self.store).map_err(|wrong| format!("session {at}: {wrong}"))?;
            self.totals.removals += usize::from(before && !session.client.is_in());
        }
        Ok(())
    }

    /// Nothing new happens; everything that is under way comes to its end.
    fn rest(&mut self) -> Result<(), String> {
        self.tell("rest");
        for _ in 0..ROUNDS {
            while !self.pool.is_empty() {
                self.deliver();
            }
            for node in 0..self.nodes.len() {
                self.seen(node, self.store.version());
            }
            for _ in 0..2 * self.nodes.len() {
                self.fill();
            }
            for at in 0..self.sessions.len() {
                self.join_of(at);
            }
            self.pass_time();
            self.read()?;
        }
        let members = self.store.channel().member_ids();
        for (at, Node { room, .. }) in self.nodes.iter().enumerate() {
            let (delivered, waiting) = (room.sequence.delivered(), room.sequence.waiting());
            if (delivered, waiting) != (self.store.version(), 0) {
                return Err(format!("node {at} is at {delivered}, and {waiting} changes wait"));
            }
            if room.roster.member_ids() != members {
                return Err(format!("node {at} knows the members {:?}, not {members:?}", room.roster.member_ids()));
            }
        }
        for (at, session) in self.sessions.iter().enumerate().filter(|(_, session)| !session.over) {
            session.client.check_at_rest(&self.store).map_err(|wrong| format!("session {at}: {wrong}"))?;
        }
        Ok(())
    }
}
