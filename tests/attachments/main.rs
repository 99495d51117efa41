//! Attachments from end to end, over HTTP and sockets: who may do what with them, what is refused, what a file is taken
//! for, what is left of it, and when it goes.

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
#[path = "../support/socket.rs"]
mod socket;

mod pictures;
mod yard;

/// Stamps each case for SQLite and for PostgreSQL: an async function of a [`yard::Yard`].
macro_rules! on_each_database {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            #[tokio::test]
            async fn on_sqlite() {
                super::$case(crate::yard::Yard::on_sqlite().await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$case(crate::yard::Yard::on_postgres().await).await;
            }
        })+
    };
}

mod asked;
mod bucket;
mod going;
mod noted;
mod sends;
mod shown;
mod uploads;
