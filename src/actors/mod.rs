//! The actors: who keeps what, who talks to whom.
//!
//! ```text
//! registry ── starts and restarts rooms, knows the sessions and whose they are
//! ├─ room*     one a channel in use: its order on this node, its roster, who types
//! ├─ session*  one a socket: decodes, routes, answers
//! db ───────── one: every change goes through it, many sends in one transaction
//! presence ─── one: owns the clock of heartbeats, tells who came and who went
//! ```
//!
//! [`access`] is no actor: a task that has written down who signed in.
//!
//! Orders go session → room → db → room → feed. Nobody in that line waits for an answer: each tells the next. Asks (a
//! future that waits) go one way only, session → registry, room, presence, db and registry → rooms for introspection,
//! so that no two actors ever wait for each other.
//!
//! An actix mailbox is no bound. What comes from the network is counted where it enters ([`db::DbHandle`], the room's
//! sends in flight, the session's rates and pending answers); what actors tell each other is bounded by these.

pub mod access;
pub mod announcements;
pub mod db;
pub mod directory;
pub mod feed;
pub mod obituary;
pub mod origin;
pub mod ping;
pub mod presence;
pub mod registry;
pub mod relay;
pub mod room;
pub mod session;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};

/// The seeds of a simulation: so many with every test, or those that the environment names.
#[cfg(test)]
pub(crate) fn seeds(default: u64) -> std::ops::Range<u64> {
    let Ok(named) = std::env::var("TENFOUR_SIM_SEEDS") else { return 0..default };
    let (from, to) = named.split_once("..").expect("TENFOUR_SIM_SEEDS is FROM..TO");
    from.parse().expect("a number")..to.parse().expect("a number")
}

/// Tells an actor something without waiting. The one place where the mailbox's own (useless) limit is bypassed: see
/// the module's text for what bounds the number of messages. A stopped actor is no error: its end is news elsewhere.
pub(crate) fn tell<A, M>(to: &Addr<A>, message: M)
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    to.do_send(message);
}
