//! What can be measured. Each scenario makes its channels and sockets on a `Ground`, has them do something, and writes
//! what it came to in a report.

mod back;
mod climb;
mod flow;
mod ground;
mod history;
mod knee;
mod still;

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
    /// Steady rates, each `factor` times the last, until the daemon does not keep up.
    Knee { per_second: f64, factor: f64, channels: usize, members: usize },
    /// Sockets that say nothing, in groups of `members`.
    Idle { connections: usize, members: usize },
    /// Everybody is cut and comes back at once, `missed` messages behind.
    Storm { connections: usize, members: usize, missed: u64, rounds: usize },
    /// One client that comes back, so many messages behind.
    Catchup { messages: u64 },
    /// Pages over REST, out of channels of these sizes.
    History { messages: Vec<u64>, page: usize },
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
            Self::Knee { .. } => "knee",
            Self::Idle { .. } => "idle",
            Self::Storm { .. } => "storm",
            Self::Catchup { .. } => "catchup",
            Self::History { .. } => "history",
        }
    }

    /// The members of its largest group.
    pub fn members(&self) -> usize {
        match self {
            Self::Fanout { members, .. }
            | Self::Paced { members, .. }
            | Self::Knee { members, .. }
            | Self::Idle { members, .. }
            | Self::Storm { members, .. } => *members,
            Self::Direct { .. } | Self::Catchup { .. } | Self::History { .. } => 2,
        }
    }

    /// Sockets that it opens.
    pub fn sockets(&self) -> usize {
        match self {
            Self::Fanout { rooms, members, .. } => rooms * members,
            Self::Paced { channels, members, .. } | Self::Knee { channels, members, .. } => channels * members,
            // The last group is as full as the others.
            Self::Idle { connections, members } | Self::Storm { connections, members, .. } => {
                connections.div_ceil(*members) * members
            }
            Self::Direct { pairs } => pairs * 2,
            Self::Catchup { .. } | Self::History { .. } => 2,
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
            Self::Knee { per_second, factor, channels, members } => {
                set("first_rate_per_second", (*per_second).into());
                set("factor", (*factor).into());
                set("channels", (*channels).into());
                set("members", (*members).into());
            }
            Self::Idle { connections, members } => {
                set("connections", (*connections).into());
                set("members", (*members).into());
            }
            Self::Storm { connections, members, missed, rounds } => {
                set("connections", (*connections).into());
                set("members", (*members).into());
                set("missed", (*missed).into());
                set("rounds", (*rounds).into());
            }
            Self::Catchup { messages } => set("messages", (*messages).into()),
            Self::History { messages, page } => {
                set("messages", messages.clone().into());
                set("page", (*page).into());
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
    let mut report = match scenario.clone() {
        Scenario::Fanout { rooms, members, window } => flow::fanout(&mut ground, rooms, members, window)?,
        Scenario::Direct { pairs } => flow::direct(&mut ground, pairs)?,
        Scenario::Paced { per_second, channels, members } => flow::paced(&mut ground, per_second, channels, members)?,
        Scenario::Knee { per_second, factor, channels, members } => {
            knee::knee(&mut ground, per_second, factor, channels, members)?
        }
        Scenario::Idle { connections, members } => still::idle(&mut ground, connections, members)?,
        Scenario::Storm { connections, members, missed, rounds } => {
            back::storm(&mut ground, connections, members, missed, rounds)?
        }
        Scenario::Catchup { messages } => back::catchup(&mut ground, messages)?,
        Scenario::History { messages, page } => history::history(&mut ground, &messages, page)?,
    };
    report.url = url;
    report.is_own = is_own;
    report.options = scenario.options(common);
    Ok(report)
}
