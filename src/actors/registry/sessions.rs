//! The registry's sessions: whose they are, how to end one, how to say goodbye to all.

use std::net::IpAddr;
use std::time::Duration;

use actix::{Addr, Context, Handler, Message, MessageResult};
use chrono::{DateTime, Utc};

use super::Registry;
use crate::actors::feed::Subscriber;
use crate::actors::session::{self, Session};
use crate::actors::tell;
use crate::bus::Topic;
use crate::domain::announcement::Announcement;
use crate::domain::ids::{SessionId, UserId};
use crate::fault::{self, Part};
use crate::protocol::close::Close;
use crate::protocol::server::ServerFrame;
use crate::socket::frame;

/// The shortest and longest hint of when to come back, and within which time sockets are closed, while draining.
const HINT_MS: std::ops::Range<u64> = 500..5000;

/// An open session.
#[derive(Debug, Clone)]
pub struct Registered {
    pub handle: Subscriber,
    pub addr: Addr<Session>,
    pub name: String,
    pub since: DateTime<Utc>,
    pub address: IpAddr,
    pub agent: Option<String>,
}

/// A session opens. Answers false when the daemon takes no more.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct Register(pub Registered);

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Unregister {
    pub session: SessionId,
}

/// Ends a session; answers whether there was one.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "bool")]
pub struct EndSession {
    pub session: SessionId,
    pub why: Close,
}

/// The user's tokens of before this moment are taken no more, whoever says so: sessions that live by one are ended.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct TokensRevoked {
    pub user: UserId,
    pub issued_before: DateTime<Utc>,
}

/// An admin has said something to all. None: what was said before holds no more.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Announced {
    pub announcement: Option<Announcement>,
}

/// Says goodbye to all: `goaway` at once, the close frames spread over the time. Answers how many there are.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "usize")]
pub struct Drain {
    pub spread: Duration,
    pub reason: &'static str,
    /// No session opens any more.
    pub for_good: bool,
}

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Vec<Registered>")]
pub struct ListSessions;

#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Option<Registered>")]
pub struct FindSession {
    pub session: SessionId,
}

impl Handler<Register> for Registry {
    type Result = bool;

    fn handle(&mut self, Register(session): Register, _: &mut Context<Self>) -> bool {
        fault::point(Part::Registry);
        if self.draining {
            return false;
        }
        let user = session.handle.user;
        let sessions = &mut self.by_user.entry(user).or_default().sessions;
        if sessions.is_empty() {
            self.parts.bus.subscribe(Topic::User(user));
        }
        sessions.insert(session.handle.id);
        self.sessions.insert(session.handle.id, session);
        true
    }
}

impl Handler<Unregister> for Registry {
    type Result = ();

    fn handle(&mut self, Unregister { session }: Unregister, _: &mut Context<Self>) {
        let Some(gone) = self.sessions.remove(&session) else { return };
        let user = gone.handle.user;
        if let Some(known) = self.by_user.get_mut(&user) {
            known.sessions.remove(&session);
            if known.sessions.is_empty() {
                self.by_user.remove(&user);
                self.parts.bus.unsubscribe(Topic::User(user));
            }
        }
    }
}

impl Handler<EndSession> for Registry {
    type Result = bool;

    fn handle(&mut self, EndSession { session, why }: EndSession, _: &mut Context<Self>) -> bool {
        let found = self.sessions.get(&session);
        if let Some(session) = found {
            tell(&session.addr, session::End { why });
        }
        found.is_some()
    }
}

impl Handler<TokensRevoked> for Registry {
    type Result = ();

    fn handle(&mut self, TokensRevoked { user, issued_before }: TokensRevoked, _: &mut Context<Self>) {
        self.parts.verifier.revoked().note(user, issued_before);
        let ids = self.by_user.get(&user).into_iter().flat_map(|known| &known.sessions);
        for session in ids.filter_map(|id| self.sessions.get(id)) {
            tell(&session.addr, session::Recheck);
        }
    }
}

impl Handler<Announced> for Registry {
    type Result = ();

    fn handle(&mut self, Announced { announcement }: Announced, _: &mut Context<Self>) {
        let Some(announcement) = announcement else { return self.parts.announcements.set(None) };
        // Encoded once, for all.
        let framed = frame::text(&ServerFrame::Announcement((&announcement).into()).encode());
        if announcement.expires_at.is_some() {
            self.parts.announcements.set(Some(announcement));
        }
        for session in self.sessions.values() {
            tell(&session.addr, session::Told { framed: framed.clone() });
        }
    }
}

impl Handler<Drain> for Registry {
    type Result = usize;

    fn handle(&mut self, drain: Drain, _: &mut Context<Self>) -> usize {
        self.drain(drain)
    }
}

impl Registry {
    pub(super) fn drain(&mut self, Drain { spread, reason, for_good }: Drain) -> usize {
        self.draining |= for_good;
        let spread_ms = u64::try_from(spread.as_millis()).unwrap_or(0);
        for session in self.sessions.values() {
            let close_in = Duration::from_millis(fastrand::u64(0..=spread_ms));
            tell(&session.addr, session::GoAway { reason, reconnect_in_ms: fastrand::u64(HINT_MS), close_in });
        }
        self.sessions.len()
    }
}

impl Handler<ListSessions> for Registry {
    type Result = MessageResult<ListSessions>;

    fn handle(&mut self, _: ListSessions, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.sessions.values().cloned().collect())
    }
}

impl Handler<FindSession> for Registry {
    type Result = MessageResult<FindSession>;

    fn handle(&mut self, FindSession { session }: FindSession, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.sessions.get(&session).cloned())
    }
}
