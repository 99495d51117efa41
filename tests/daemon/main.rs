//! The daemon from end to end: started by its own composition root or as a process, talked to over real sockets.
//!
//! Each test has a daemon and a database of its own, and most run on both databases. A wait is always for something,
//! with a deadline; what fails prints what went over the line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test stops at the first surprise"
)]

#[path = "../support/daemon.rs"]
mod daemon;
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
#[path = "../support/socket.rs"]
mod socket;
#[path = "../support/talkers.rs"]
mod talkers;
#[path = "../support/wire.rs"]
mod wire;

/// Stamps each case for SQLite and for PostgreSQL: an async function of a [`daemon::Setup`].
macro_rules! on_each_database {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            #[tokio::test]
            async fn on_sqlite() {
                super::$case(crate::daemon::Setup::in_memory()).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$case(crate::daemon::Setup::on_postgres()).await;
            }
        })+
    };
}

mod access_log;
mod acks;
mod announcements;
mod audit;
mod auth;
mod care;
mod cli;
mod closing;
mod crash;
mod delivery;
mod edges;
mod edits;
mod frames;
mod history;
mod idempotency;
mod import;
mod instructions;
mod limits;
mod logs;
mod membership;
mod ordering;
mod outage;
mod presence;
mod promises;
mod reactions;
mod read_state;
mod received;
mod reconnect;
mod retention;
mod revoked;
mod shutdown;
mod sync;
mod takeover;
mod traces;
mod transfer;
mod typing;
