//! The wire: the only place that knows the JSON of frames and REST bodies.
//!
//! Sessions, rooms and the HTTP layer call it. It parses what clients send into values of the domain, and encodes what
//! they are sent. It never decides who may do what, and never does I/O.

pub mod announcement;
pub mod client;
pub mod close;
pub mod error;
pub mod event;
mod fields;
pub mod instruction;
mod message;
pub mod records;
pub mod rest;
pub mod schema;
pub mod search;
mod send;
pub mod server;
pub(crate) mod time;
pub mod webhook;
pub mod webhook_schema;

/// The version that `hello` names.
pub const PROTOCOL: u32 = 1;
/// The sub-protocol that the server selects when a client offers it.
pub const SUBPROTOCOL: &str = "tenfour.v1";
/// The most messages of one `sync` frame.
pub const SYNC_PAGE_MESSAGES: usize = 500;
/// The most bytes of content and attachments of one `sync` frame, nearly.
pub const SYNC_PAGE_BYTES: usize = 256 * 1024;
/// The same of a page of history.
pub const HISTORY_PAGE_BYTES: usize = 256 * 1024;
