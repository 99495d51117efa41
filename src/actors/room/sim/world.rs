//! What happens, and in which order.

use std::time::Instant;

use fastrand::Rng;
use uuid::Uuid;

use super::Totals;
use super::client::Client;
use super::store::{CHANNEL, Store, user};
use crate::actors::feed::{Feed, SessionHandle, Subscriber};
use crate::actors::obituary::Obituary;
use crate::actors::origin::{Asker, Origin};
use crate::actors::room::{Item, Room, RoomParts};
use crate::domain::change::Change;
use crate::domain::ids::{ClientId, SessionId};
use crate::domain::message::{Appended, NewMessage};
use crate::domain::sync::Fill;
use crate::protocol::close::Close;
use crate::socket::{Limits, Outbox, frame};

const USERS: usize = 5;
const STEPS: usize = 120;
/// Rounds in which everything comes to rest.
const ROUNDS: usize = 60;

pub(super) struct World {
    rng: Rng,
    parts: RoomParts,
    store: Store,
    nodes: Vec<Node>,
    sessions: Vec<Session>,
    /// On the way to a node.
    pool: Vec<Delivery>,
    ids: u128,
    story: Vec<String>,
    pub(super) totals: Totals,
}

struct Node {
    room: Room,
    /// Read from the store, and not arrived.
    fill: Option<Fill>,
}

struct Session {
    node: usize,
    handle: Subscriber,
    client: Client,
    stage: Stage,
    /// It has its `hello`.
    live: bool,
    over: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Out,
    /// Its feed holds back and the room knows it.
    Attached,
    /// It has looked into the store: the version, if its user was a member.
    Looked(Option<i64>),
    In,
}

/// What was committed.
#[derive(Clone)]
enum News {
    Sent(NewMessage, Appended),
    Changed(Change),
}

struct Delivery {
    node: usize,
    news: News,
    /// Of the node's own DB actor: nothing of that is lost while its room lives.
    own: bool,
    origin: Option<Origin>,
}

impl Delivery {
    fn item(self) -> Item {
        match self.news {
            News::Sent(message, outcome) => {
                Item::Send { message: Box::new(message), outcome, origin: self.origin, accepted: Instant::now() }
            }
            News::Changed(change) => Item::Change(change),
        }
    }
}

impl World {
    pub(super) fn new(seed: u64, parts: RoomParts) -> Self {
        let mut rng = Rng::with_seed(seed);
        let store = Store::new(rng.usize(1..=USERS));
        let count = rng.usize(1..=3);
        let room = || Room::new(store.channel(), 0, 0, parts.clone(), Obituary::new(|| {}));
        let nodes = (0..count).map(|_| Node { room: room(), fill: None }).collect();
        let (sessions, pool, story) = (Vec::new(), Vec::new(), Vec::new());
        Self { rng, parts, store, nodes, sessions, pool, ids: 0, story, totals: Totals::default() }
    }

    pub(super) fn story(&self) -> String {
        self.story.join("\n")
    }

    fn tell(&mut self, what: impl Into<String>) {
        self.story.push(format!("{:4} {}", self.store.version(), what.into()));
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn pick(&mut self, from: usize) -> Option<usize> {
        (from > 0).then(|| self.rng.usize(..from))
    }

    pub(super) fn run(&mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            match self.rng.u8(..100) {
                0..20 => self.send(),
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
            self.read()?;
        }
        self.rest()
    }

    fn commit(&mut self, news: &News, asked_at: usize, mut origin: Option<Origin>) {
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
            self.nodes[node].room.committed(delivery.item());
        }
        self.nodes[node].room.pass_on();
        let delivered = self.nodes[node].room.sequence.delivered();
        self.tell(format!("node {node} was told of some, and has passed on {delivered}"));
    }

    /// A room that misses something reads it, or gets what it has read.
    fn fill(&mut self) {
        let Some(node) = self.pick(self.nodes.len()) else { return };
        let Node { room, fill } = &mut self.nodes[node];
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

    fn seen(&mut self, node: usize, version: i64) {
        let room = &mut self.nodes[node].room;
        room.sequence.heard_of(version);
        room.pass_on();
    }

    fn connect(&mut self) {
        let (node, who) = (self.rng.usize(..self.nodes.len()), user(self.rng.usize(..USERS)));
        let feed = Feed::new(Outbox::without_socket(Limits::default()));
        let handle: Subscriber = SessionHandle { id: SessionId(self.id()), user: who, feed }.into();
        let client = Client::new(who);
        self.tell(format!("session {} of {who} comes to {node}", self.sessions.len()));
        self.sessions.push(Session { node, handle, client, stage: Stage::Out, live: false, over: false });
    }

    fn join(&mut self) {
        let Some(at) = self.pick(self.sessions.len()) else { return };
        self.join_of(at);
    }

    /// The next step of one that is about to join, or of one that is to.
    fn join_of(&mut self, at: usize) {
        let session = &mut self.sessions[at];
        if session.over {
            return;
        }
        let (room, feed) = (&mut self.nodes[session.node].room, &session.handle.feed);
        if session.stage == Stage::In && !feed.has(CHANNEL) {
            session.stage = Stage::Out;
        }
        match session.stage {
            Stage::In => {}
            Stage::Out if self.store.has(session.handle.user) => {
                feed.hold(CHANNEL);
                room.roster.attach(session.handle.clone());
                session.stage = Stage::Attached;
            }
            // Not in the listing that it begins with.
            Stage::Out if !session.live => session.stage = Stage::Looked(None),
            Stage::Out => {}
            Stage::Attached => {
                let version = self.store.has(session.handle.user).then(|| self.store.version());
                session.stage = Stage::Looked(version);
            }
            Stage::Looked(version) => {
                let began = serde_json::json!({"type": "began", "version": version}).to_string();
                if !session.live {
                    let snapshot: Vec<_> = version.map(|version| (CHANNEL, version)).into_iter().collect();
                    feed.release_all(began.as_bytes(), &snapshot);
                } else if let Some(version) = version {
                    feed.release(CHANNEL, frame::text(began.as_bytes()), version);
                } else {
                    feed.forget_held(CHANNEL);
                }
                if !feed.has(CHANNEL) {
                    room.roster.detach(session.handle.id);
                }
                (session.live, session.stage) = (true, Stage::In);
                let node = session.node;
                self.totals.joins += usize::from(version.is_some());
                self.tell(format!("session {at} has joined at {version:?}"));
                if let Some(version) = version {
                    self.seen(node, version);
                }
            }
        }
    }

    fn disconnect(&mut self) {
        let Some(at) = self.pick(self.sessions.len()) else { return };
        self.end(at);
    }

    fn end(&mut self, at: usize) {
        let session = &mut self.sessions[at];
        (session.over, session.live) = (true, false);
        session.handle.feed.close(Close::GoingAway);
        self.nodes[session.node].room.roster.detach(session.handle.id);
        self.tell(format!("session {at} has ended"));
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
            match session.handle.feed.passed(CHANNEL) {
                Some(passed) => orphans.push((passed, session.handle.clone())),
                None => {
                    session.handle.feed.close(Close::Resync);
                    (session.over, session.live) = (true, false);
                    joining.push(session.handle.id);
                }
            }
        }
        self.totals.resyncs += joining.len();
        let delivered = orphans.iter().map(|(passed, _)| *passed).min().unwrap_or(self.store.version());
        let mut room = Room::new(self.store.channel(), delivered, 1, self.parts.clone(), Obituary::new(|| {}));
        orphans.into_iter().for_each(|(_, session)| room.roster.attach(session));
        room.pass_on();
        self.nodes[node] = Node { room, fill: None };
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
