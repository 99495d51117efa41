//! The load generator behind `tenfour bench`: users measure their own deployment with it, or a daemon of its own.
//!
//! Called by the command line, which has read the flags, shows progress and prints the report. Speaks to a daemon only as
//! any client does, over WebSocket and REST; what it may look at besides is `/proc`. Checks while it measures that each
//! message is acknowledged and delivered once, in the order of `version`. Prints nothing itself.

pub mod address;
mod bottleneck;
mod crowd;
pub mod fleet;
mod frames;
pub mod histogram;
mod ledger;
pub mod own;
mod pace;
pub mod report;
mod rest;
mod scan;
pub mod scenario;
pub mod sequence;
mod stream;
mod units;
pub mod usage;
pub mod users;

use fleet::Moment;

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BenchError {
    /// Something that was asked for cannot be.
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
    /// Somebody ended it before anything was measured.
    #[error("stopped before anything was measured")]
    Stopped,
}

/// Is told how far a measurement is. Called several times a second at most.
pub trait Progress {
    /// Something else begins.
    fn stage(&mut self, what: &str);
    fn opening(&mut self, open: usize, total: usize);
    fn running(&mut self, moment: &Moment);
}
