//! `storm`: runs a real deployment of tenfour, breaks it at random from a seed, records what every client saw, and
//! checks it.
//!
//! Reads in this order: `options`, `tiers`, `run`, `rig` (what is broken), `crowd` (who talks), `nemesis` (what breaks),
//! `history` (what was seen), `checker`, `report`. Never part of the daemon.

mod alarms;
mod checker;
mod crowd;
mod endings;
mod extras;
mod history;
mod nemesis;
mod options;
mod places;
mod progress;
mod prove;
#[path = "../../tests/support/proxy.rs"]
mod proxy;
mod recorder;
mod report;
mod rig;
mod run;
mod tiers;

use std::process::ExitCode;

/// Anything that keeps the storm itself from doing its work.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// The same as in the daemon, which this program also is where it is asked to.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    options::main()
}
