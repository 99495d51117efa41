//! What the application's server is told of what happens: all of it, in order, signed, whatever fails, and nobody else.
//!
//! Real daemons and a real receiver. A wait is for something, with a deadline.

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
#[path = "../support/redis.rs"]
mod redis;
#[path = "../support/socket.rs"]
mod socket;
#[path = "../support/talkers.rs"]
mod talkers;

/// Stamps each case for SQLite and for PostgreSQL: an async function of a [`daemon::Setup`].
macro_rules! on_each_database {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            #[tokio::test]
            async fn on_sqlite() {
                super::$case(crate::daemon::Setup::in_memory().with(crate::host::quick)).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$case(crate::daemon::Setup::on_postgres().with(crate::host::quick)).await;
            }
        })+
    };
}

mod changed;
mod crash;
mod document;
mod failing;
mod host;
mod managed;
mod presence;
mod program;
mod receiver;
mod replay;
mod several;
mod story;
mod told;
