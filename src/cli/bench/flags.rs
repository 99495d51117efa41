//! What can be asked of `tenfour bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::super::flags::SettingFlags;
use crate::bench::scenario::{Common, Scenario};

/// Measures a daemon: one of its own, or with --url the one that runs there.
#[derive(Debug, Args)]
pub(in crate::cli) struct Bench {
    #[command(subcommand)]
    pub(super) scenario: Asked,
}

#[derive(Debug, Subcommand)]
pub(super) enum Asked {
    /// Groups in which everybody gets everything: deliveries a second.
    Fanout {
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least(1))]
        rooms: u32,
        /// Members of each room, each with a socket.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least(2))]
        members: u32,
        /// Messages under way in each room.
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = at_least(1))]
        window: u32,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// Pairs that answer each other as fast as they are acknowledged: messages a second.
    Direct {
        #[arg(long, value_name = "N", default_value_t = 200, value_parser = at_least(1))]
        pairs: u32,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// Messages at a steady rate: how late acknowledgements and deliveries are, from when each was meant to be sent.
    Paced {
        /// Messages a second, over all channels.
        #[arg(long, value_name = "N", default_value_t = 100.0, value_parser = rate)]
        rate: f64,
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least(1))]
        channels: u32,
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least(2))]
        members: u32,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// Steady rates, each higher than the last, until p99 leaves its plateau: the last good rate. --duration is of each.
    Knee {
        /// Messages a second to begin with, over all channels.
        #[arg(long, value_name = "N", default_value_t = 200.0, value_parser = rate)]
        rate: f64,
        /// Each rate is so many times the last one.
        #[arg(long, value_name = "TIMES", default_value_t = 1.5, value_parser = factor)]
        factor: f64,
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least(1))]
        channels: u32,
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least(2))]
        members: u32,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// Sockets that say nothing: the daemon's memory for each. They are opened and looked at within --duration.
    Idle {
        #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least(1))]
        connections: u32,
        /// Members of each group that they are in.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least(2))]
        members: u32,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// Everybody is cut and comes back at once: how long until half and all have what they missed. --warm-up is the pause
    /// before each round.
    Storm {
        #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least(1))]
        connections: u32,
        /// Members of each group that they are in.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least(2))]
        members: u32,
        /// Messages that each of them has missed.
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least(1))]
        missed: u32,
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = at_least(1))]
        rounds: u32,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// One client that comes back with an old cursor: messages a second until it has all.
    Catchup {
        /// Messages that it has missed.
        #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = at_least(1))]
        messages: u32,
        #[command(flatten)]
        common: CommonFlags,
    },
    /// Pages of history over REST: how long one takes, in channels of these sizes.
    History {
        /// Messages in the channel, comma-separated for several channels.
        #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1000,10000", value_parser = at_least(1))]
        messages: Vec<u32>,
        /// Messages a page.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        page: u32,
        #[command(flatten)]
        common: CommonFlags,
    },
}

/// What goes for every scenario.
#[derive(Debug, Args)]
pub(super) struct CommonFlags {
    /// The daemon to measure, such as `wss://chat.example/ws`. Its secret is found as `tenfour token` finds it. What is
    /// written there stays there: channels and users whose names begin with `bench-`.
    #[arg(long)]
    pub(super) url: Option<String>,
    /// Start a daemon for the measurement (also without --url). Settings given here are its.
    #[arg(long = "self", conflicts_with_all = ["url", "pid"])]
    pub(super) own: bool,
    /// Tokens, one a line, each of another user, and one with scope admin; for a daemon whose secret is not at hand.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(super) token_file: Option<PathBuf>,
    /// The daemon's process, where it runs on this machine: its processor time and memory are told, too.
    #[arg(long, value_name = "PID")]
    pub(super) pid: Option<u32>,
    /// How long to measure: 10s, 2m, 500ms.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(super) duration: Duration,
    /// How long to run before that.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(super) warm_up: Duration,
    /// Bytes of each message's content.
    #[arg(long, value_name = "BYTES", default_value_t = 128, value_parser = at_least(1))]
    pub(super) size: u32,
    /// Threads of the load [default: one for each four processors].
    #[arg(long, value_name = "N", value_parser = at_least(1))]
    pub(super) threads: Option<u32>,
    /// Write the figures as JSON, to the standard output with `-`.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write plots into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub(super) svg: Option<PathBuf>,
    #[command(flatten)]
    pub(super) settings: SettingFlags,
}

impl CommonFlags {
    pub(super) fn common(&self) -> Common {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Common {
            duration: self.duration,
            warm_up: self.warm_up,
            size: size(self.size),
            threads: self.threads.map_or(processors / 4, size).max(1),
        }
    }
}

impl Asked {
    pub(super) fn into_parts(self) -> (Scenario, CommonFlags) {
        match self {
            Self::Fanout { rooms, members, window, common } => {
                (Scenario::Fanout { rooms: size(rooms), members: size(members), window: size(window) }, common)
            }
            Self::Direct { pairs, common } => (Scenario::Direct { pairs: size(pairs) }, common),
            Self::Paced { rate, channels, members, common } => {
                (Scenario::Paced { per_second: rate, channels: size(channels), members: size(members) }, common)
            }
            Self::Knee { rate, factor, channels, members, common } => {
                let (channels, members) = (size(channels), size(members));
                (Scenario::Knee { per_second: rate, factor, channels, members }, common)
            }
            Self::Idle { connections, members, common } => {
                (Scenario::Idle { connections: size(connections), members: size(members) }, common)
            }
            Self::Storm { connections, members, missed, rounds, common } => {
                let (connections, members, rounds) = (size(connections), size(members), size(rounds));
                (Scenario::Storm { connections, members, missed: missed.into(), rounds }, common)
            }
            Self::Catchup { messages, common } => (Scenario::Catchup { messages: messages.into() }, common),
            Self::History { messages, page, common } => {
                let messages = messages.into_iter().map(u64::from).collect();
                (Scenario::History { messages, page: size(page) }, common)
            }
        }
    }
}

fn size(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn at_least(least: u32) -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(i64::from(least)..=4_000_000)
}

/// Of a number with its unit; without one it is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let seconds = match unit {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("a time is a number and ms, s, m or h".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "a time begins with a number".to_owned())?;
    Duration::try_from_secs_f64(number * seconds)
        .ok()
        .filter(|time| *time <= Duration::from_hours(24))
        .ok_or_else(|| "a time is between nothing and 24 hours".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.trim_end_matches("/s").parse().map_err(|_| "a rate is a number".to_owned())?;
    if (0.1..=10_000_000.0).contains(&rate) { Ok(rate) } else { Err("a rate is 0.1 to 10,000,000 a second".to_owned()) }
}

fn factor(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "a factor is a number".to_owned())?;
    if (1.05..=10.0).contains(&factor) { Ok(factor) } else { Err("a factor is 1.05 to 10".to_owned()) }
}
