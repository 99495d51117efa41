//! What an operator does: write and judge settings, and have a service manager run the daemon.
//!
//! The daemon is a process here, and the tests are its service manager: they listen where it reports, and hold its sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test stops at the first surprise"
)]

#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../support/daemon.rs"]
mod daemon;
#[path = "../support/manager.rs"]
mod manager;
#[path = "../support/panics.rs"]
mod panics;
#[path = "../support/place.rs"]
mod place;
#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/redis.rs"]
mod redis;
#[path = "../support/socket.rs"]
mod socket;
#[path = "../support/wire.rs"]
mod wire;

mod doctor;
mod notify;
mod package;
mod proxies;
mod reload;
mod settings;
mod sockets;
mod tls;
mod units;
