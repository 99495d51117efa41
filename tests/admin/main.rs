//! The admin surface, over real sockets against a daemon started by its own composition root.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

mod access;
mod events;
mod metrics;
mod shown;
mod started;
