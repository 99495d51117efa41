//! Sessions come, join half-way and go.

use super::client::Client;
use super::store::{CHANNEL, user};
use super::world::{Session, Stage, USERS, World};
use crate::actors::feed::{Feed, SessionHandle, Subscriber};
use crate::domain::ids::SessionId;
use crate::protocol::close::Close;
use crate::socket::{Limits, Outbox, frame};

impl World {
    pub(super) fn connect(&mut self) {
        let (node, who) = (self.rng.usize(..self.nodes.len()), user(self.rng.usize(..USERS)));
        let feed = Feed::new(Outbox::without_socket(Limits::default()));
        let handle: Subscriber = SessionHandle { id: SessionId(self.id()), user: who, feed }.into();
        let client = Client::new(who);
        self.tell(format!("session {} of {who} comes to {node}", self.sessions.len()));
        self.sessions.push(Session { node, handle, client, stage: Stage::Out, live: false, over: false });
    }

    pub(super) fn join(&mut self) {
        let Some(at) = self.pick(self.sessions.len()) else { return };
        self.join_of(at);
    }

    /// The next step of one that is about to join, or of one that is to.
    pub(super) fn join_of(&mut self, at: usize) {
        let session = &mut self.sessions[at];
        if session.over {
            return;
        }
        let (room, feed) = (&mut self.nodes[session.node].room, &session.handle.feed);
        if session.stage == Stage::In && !feed.has(CHANNEL) {
            session.stage = Stage::Out;
        }
        match session.stage {
            Stage::Out if self.store.has(session.handle.user) => {
                feed.hold(CHANNEL);
                room.roster.attach(session.handle.clone());
                session.stage = Stage::Attached;
            }
            // Not in the listing that it begins with.
            Stage::Out if !session.live => session.stage = Stage::Looked(None),
            Stage::In | Stage::Out => {}
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

    pub(super) fn disconnect(&mut self) {
        let Some(at) = self.pick(self.sessions.len()) else { return };
        self.end(at);
    }

    pub(super) fn end(&mut self, at: usize) {
        let session = &mut self.sessions[at];
        (session.over, session.live) = (true, false);
        session.handle.feed.close(Close::GoingAway);
        self.nodes[session.node].room.roster.detach(session.handle.id);
        self.tell(format!("session {at} has ended"));
    }
}
