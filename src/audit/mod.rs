//! The audit trail from outside: judging it, signing what it comes to, and carrying that to where the database's owner
//! cannot reach.
//!
//! The trail itself is written by the store, in the transaction of each change. Here [`verify`] reads it back for `tenfour
//! audit verify`, [`export`] is a task of the daemon, [`evidence`] and [`personal`] write down what is asked for. Never changes the database.

pub mod evidence;
pub mod export;
mod files;
mod finding;
pub mod heads;
mod instructed;
mod journal;
mod judge;
mod key;
mod members;
pub mod personal;
mod remains;
mod sent;
mod touches;
pub mod verify;

pub use finding::{Finding, Place};
pub use journal::{JournalClaim, JournalJudge};
pub use judge::{Claim, Judge, Verdict};
pub use key::{KeyError, PublicKey, SigningKey};
