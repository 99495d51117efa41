//! The REST calls, over HTTP against a daemon of this process.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test stops at the first surprise")]

mod channels;
mod edges;
mod instructions;
mod members;
mod messages;
mod reactions;
mod records;
mod search;
mod server;
