//! What the daemon makes of panics on purpose, and that each planted bug breaks the promise that it is named after.
//!
//! Daemons as processes, since an armed fault is the whole process's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test stops at the first surprise"
)]

#[path = "../support/daemon.rs"]
mod daemon;
#[path = "../support/manager.rs"]
mod manager;
#[path = "../support/nodes.rs"]
mod nodes;
#[path = "../support/panics.rs"]
mod panics;
#[path = "../support/place.rs"]
mod place;
#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/redis.rs"]
mod redis;
#[path = "../support/socket.rs"]
mod socket;

mod across;
mod faulty;
mod parts;
mod stored;
mod told;
mod watchdog;
