//! Two nodes on one PostgreSQL and one Redis: what the second one costs, and what becomes of it when something is lost.
//!
//! `cargo bench --bench nodes`, or `-- PART…` for some of the parts, each on a PostgreSQL (`fsync` on), a Redis and
//! daemons of its own, which are processes of their own on loopback, with the default heartbeats and no rate limit:
//!
//! - `latency`: from the send of a message to its receipt on the sender's node and on the other one, in the same run by
//!   the same clock (`--rate`, `--seconds`);
//! - `repair`: how long the other node goes without a message whose publish was lost (`--rounds`);
//! - `death`: from the SIGKILL of a node until the other one has shown its users offline (`--users`);
//! - `storm`: how long it takes the sockets of a killed node to be caught up on the other one (`--sockets`).
//!
//! The load is this process, which shares the processors with what is measured.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at the first surprise"
)]

#[path = "nodes/death.rs"]
mod death;
#[path = "nodes/ground.rs"]
mod ground;
#[path = "nodes/latency.rs"]
mod latency;
#[path = "nodes/lines.rs"]
mod lines;
#[path = "nodes/options.rs"]
mod options;
#[path = "../tests/support/proxy.rs"]
mod proxy;
#[path = "../tests/support/redis.rs"]
mod redis;
#[path = "nodes/repair.rs"]
mod repair;
#[path = "nodes/storm.rs"]
mod storm;
mod support;

use ground::Ground;
use options::{Options, Part};
use support::process::{self, open_files_limit};

fn main() {
    match process::role().as_deref() {
        None => measure(&Options::parse()),
        Some([database, redis]) => ground::serve(database, redis),
        Some(other) => panic!("no such server: {other:?}"),
    }
}

fn measure(options: &Options) {
    let (limit, needed) = (open_files_limit(), options.files());
    if limit < needed {
        println!("\n  not measured: at most {limit} files may be open, and {needed} are needed (`ulimit -n {needed}`)");
        return;
    }
    for part in &options.parts {
        let Some(ground) = Ground::new() else {
            println!("\nPostgreSQL is not installed (Debian: apt-get install postgresql): not measured.\n");
            return;
        };
        match part {
            Part::Latency => latency::measure(&ground, options),
            Part::Repair => repair::measure(&ground, options),
            Part::Death => death::measure(&ground, options),
            Part::Storm => storm::measure(&ground, options),
        }
    }
}
