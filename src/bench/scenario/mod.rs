//! What can be measured. Each scenario makes its channels and sockets on a [`Ground`], has them do something, and writes
//! what it came to in a report.

mod flow;
mod ground;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::{Map, Value};

use super::address::Address;
use super::report::Report;
use super::users::Users;
use super::{BenchError, Progress};
use ground::Ground;

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Scenario {
    /// Groups in which everybody gets everything, with so many messages under way.
    Fanout { rooms: usize, members: usize, window: usize },
    /// Pairs that answer each other.
    Direct { pairs: usize },
    /// Messages at a steady rate, over all channels.
    Paced { per_second: f64, channels: usize, members: usize },
}

/// What goes for all of them.
#[derive(Debug, Clone)]
pub struct Common {
    pub duration: Duration,
    pub warm_up: Duration,
    /// Bytes of each message's content.
    pub size: usize,
    pub threads: usize,
}

/// The daemon that is measured.
#[derive(Debug)]
pub struct Target {
    pub address: Address,
    pub users: Users,
    /// The daemon's process, where it is on this machine.
    pub process: Option<u32>,
    pub is_own: bool,
}

impl Scenario {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fanout { .. } => "fanout",
            Self::Direct { .. } => "direct",
            Self::Paced { .. } => "paced",
        }
    }

    /// The members of its largest group.
    pub fn members(&self) -> usize {
        match self {
            Self::Fanout { members, .. } | Self::Paced { members, .. } => *members,
            Self::Direct { .. } => 2,
        }
    }

    /// Sockets that it opens.
    pub fn sockets(&self) -> usize {
        match self {
            Self::Fanout { rooms, members, .. } => rooms * members,
            Self::Paced { channels, members, .. } => channels * members,
            Self::Direct { pairs } => pairs * 2,
        }
    }

    fn options(&self, common: &Common) -> Map<String, Value> {
        let mut options: Map<String, Value> = Map::new();
        let mut set = |name: &str, value: Value| drop(options.insert(name.to_owned(), value));
        match self {
            Self::Fanout { rooms, members, window } => {
                set("rooms", (*rooms).into());
                set("members", (*members).into());
                set("window", (*window).into());
            }
            Self::Direct { pairs } => set("pairs", (*pairs).into()),
            Self::Paced { per_second, channels, members } => {
                set("rate_per_second", (*per_second).into());
                set("channels", (*channels).into());
                set("members", (*members).into());
            }
        }
        set("duration_seconds", common.duration.as_secs_f64().into());
        set("warm_up_seconds", common.warm_up.as_secs_f64().into());
        set("size_bytes", common.size.into());
        set("threads", common.threads.into());
        options
    }
}

/// Measures. An error is that there is nothing to report; what the daemon did wrong is in the report.
pub fn run(
    scenario: &Scenario,
    common: &Common,
    target: Target,
    stop: Arc<AtomicBool>,
    progress: &mut dyn Progress,
) -> Result<Report, BenchError> {
    let (url, is_own) = (target.address.url.clone(), target.is_own);
    let mut ground = Ground::new(common, target, stop, progress)?;
    ground.has_files_for(scenario.sockets())?;
    let mut report = match *scenario {
        Scenario::Fanout { rooms, members, window } => flow::fanout(&mut ground, rooms, members, window)?,
        Scenario::Direct { pairs } => flow::direct(&mut ground, pairs)?,
        Scenario::Paced { per_second, channels, members } => flow::paced(&mut ground, per_second, channels, members)?,
    };
    report.url = url;
    report.is_own = is_own;
    report.options = scenario.options(common);
    Ok(report)
}
