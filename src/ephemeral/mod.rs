//! What lives only as long as somebody is there: who can be reached. Never in the database.
//!
//! The presence actor writes it, rooms and answers read it. [`Online`] is what this node knows; [`Leases`] is what nodes
//! share in Redis, where there are several. Redis may lose all of it at any time: every node has its own part, and
//! writes it anew.

mod leases;
mod online;
pub mod sealed;

pub use leases::{Beat, EXPIRED_AT_ONCE, InEra, Leases, MarkOnline, Outcome, Own, Seen};
pub use online::{Online, Watch};
