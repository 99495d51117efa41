//! The audit trail from outside: judging it, signing what it comes to, and carrying that to where the database's owner
//! cannot reach.
//!
//! The trail itself is written by the store, in the transaction of each change. Here [`verify`] reads it back for `tenfour
//! audit verify`, and [`export`] is a task of the daemon. Never changes the database.

pub mod export;
pub mod heads;
mod instructed;
mod judge;
mod key;
mod members;
mod touches;
pub mod verify;

pub use judge::{Claim, Finding, Judge, Verdict};
pub use key::{KeyError, PublicKey, SigningKey};
