//! Plain values: what a message, a channel and a member are, and the rules that need nothing else.
//!
//! Used by every other module; imports none of them. Never does I/O, never knows actix, JSON shapes of the wire
//! or SQL.

pub mod announcement;
pub mod attachment;
pub mod audit;
pub mod change;
pub mod channel;
pub mod cluster;
pub mod content;
pub mod hex;
pub mod ids;
pub mod instruction;
pub mod journal;
pub mod message;
pub mod permission;
pub mod reaction;
pub mod receipt;
pub mod retention;
pub mod search;
pub mod sync;
pub mod trail;
pub mod user;
pub mod webhook;

/// Microseconds are the finest time that both databases keep, so every time is cut to them when it is made.
pub fn now() -> chrono::DateTime<chrono::Utc> {
    use chrono::SubsecRound;
    chrono::Utc::now().trunc_subsecs(6)
}
