//! Several daemons on one PostgreSQL and one Redis are one chat, whatever fails between them.
//!
//! Real daemons, a real PostgreSQL, a real Redis, each link through a proxy that can fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test stops at the first surprise"
)]

#[path = "../support/daemon.rs"]
mod daemon;
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
#[path = "../support/queries.rs"]
mod queries;
#[path = "../support/redis.rs"]
mod redis;
#[path = "../support/socket.rs"]
mod socket;
#[path = "../support/talkers.rs"]
mod talkers;

mod admin;
mod announced;
mod changes;
mod commits;
mod crash;
mod delivery;
mod drain;
mod fleet;
mod forged;
mod heartbeat;
mod history;
mod lost;
mod members;
mod outage;
mod posted;
mod presence;
mod query_count;
mod redis_away;
mod revoked;
mod start;
mod twice;
mod typing;
