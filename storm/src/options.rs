//! The command line of the storm.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::Trouble;
use crate::crowd::population::Size;
use crate::nemesis::fault::{Ability, Fault};
use crate::prove;
use crate::rig::{Plan, Shape, disk};
use crate::run::Storm;
use crate::tiers;

/// Breaks a real deployment of tenfour at random and checks what its clients saw.
#[derive(Debug, Parser)]
#[command(name = "storm", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One run, or several with seeds in sequence. Exit code 1: something was found.
    Run(RunOptions),
    /// Plant bugs and see that the checker finds each. Exit code 1: it did not.
    Prove {
        /// Only these; all where none is named.
        bugs: Vec<String>,
        #[command(flatten)]
        options: RunOptions,
    },
    /// For every change: a run of each deployment with each kind of fault at least twice, in minutes. Exit code 1:
    /// something was found, or too little was broken or sent.
    Short(ShortOptions),
    /// For hours: one deployment and the other in turn, seeds in sequence, a random part of the faults in each run.
    Long(LongOptions),
    /// List the kinds of faults.
    Faults,
    /// Be a daemon, with fail points: what runs start.
    #[command(hide = true)]
    Node,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RunOptions {
    #[arg(long, value_enum, default_value = "cluster")]
    pub shape: Shape,
    /// The same seed gives the same intentions and the same schedule of faults. Drawn where it is not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// So many runs, with the seeds that follow.
    #[arg(long, default_value_t = 1)]
    pub runs: u64,
    /// How long things break, in seconds.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// Goes on in rounds of that length until so many sends are acknowledged.
    #[arg(long, default_value_t = 0)]
    pub sends: u64,
    /// Goes on until each possible kind of fault broke something so many times.
    #[arg(long, default_value_t = 0)]
    pub each: u64,
    #[arg(long, default_value_t = 48)]
    pub users: u16,
    #[arg(long, default_value_t = 40)]
    pub channels: u16,
    #[arg(long, default_value_t = 64)]
    pub clients: u16,
    /// Intentions a second, of all clients together.
    #[arg(long, default_value_t = 300)]
    pub rate: u32,
    /// Milliseconds from one fault to the next, on average.
    #[arg(long, default_value_t = 1500)]
    pub every_ms: u64,
    /// Milliseconds that a fault lasts at most, as far as it has a length.
    #[arg(long, default_value_t = 12_000)]
    pub longest_ms: u64,
    /// Seconds for everything to come to rest once all is healed, 12 at least; from 36 on who is shown online is looked
    /// at after faults of Redis too.
    #[arg(long, default_value_t = 12)]
    pub calm: u64,
    /// Only these kinds of faults.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Fault>,
    /// Every kind in turn, rather than a random part of them.
    #[arg(long)]
    pub fair: bool,
    /// Without loop devices: no power cuts and full disks.
    #[arg(long)]
    pub plain_disk: bool,
    /// A planted bug, for the proof of the checker.
    #[arg(long)]
    pub sabotage: Option<String>,
    /// Where reports go, a folder a run. Runs that are reported to the same place add up to one campaign.
    #[arg(long, default_value = "target/storm")]
    pub out: PathBuf,
}

/// For the defaults.
#[derive(Parser)]
struct Plain {
    #[command(flatten)]
    options: RunOptions,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ShortOptions {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Without loop devices: no power cuts and full disks.
    #[arg(long)]
    pub plain_disk: bool,
    #[arg(long, default_value = "target/storm/short")]
    pub out: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct LongOptions {
    /// No run begins later than this; the last one is finished.
    #[arg(long, default_value_t = 60)]
    pub minutes: u64,
    /// The first run's; the others follow. Drawn where it is not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How long things break in each run.
    #[arg(long, default_value_t = 240)]
    pub seconds: u64,
    /// Intentions a second, of all clients together.
    #[arg(long, default_value_t = 300)]
    pub rate: u32,
    /// Without loop devices: no power cuts and full disks.
    #[arg(long)]
    pub plain_disk: bool,
    #[arg(long, default_value = "target/storm/long")]
    pub out: PathBuf,
}

pub(crate) fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Node => return tenfour::cli::run(["tenfour", "serve"].map(Into::into)),
        Command::Faults => {
            let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
            say(&names.join("\n"));
            Ok(true)
        }
        Command::Run(options) => runtime().and_then(|runtime| runtime.block_on(tiers::runs(&options))),
        Command::Short(options) => runtime().and_then(|runtime| runtime.block_on(tiers::short(&options))),
        Command::Long(options) => runtime().and_then(|runtime| runtime.block_on(tiers::long(&options))),
        Command::Prove { bugs, options } => {
            runtime().and_then(|runtime| runtime.block_on(prove::prove(&bugs, &options)))
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            say(&format!("storm: {error}"));
            ExitCode::from(2)
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Trouble> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

impl RunOptions {
    /// What it is where nothing is said.
    pub(crate) fn plain() -> Self {
        Plain::parse_from(["run"]).options
    }

    /// Runs the same seed with the same options again: names all that differ from the defaults.
    pub(crate) fn command(&self, seed: u64) -> String {
        let plain = Self::plain();
        let mut words = format!("cargo run -p tenfour-storm -- run --shape {} --seed {seed}", self.shape);
        let mut number = |flag: &str, value: u64, plain: u64| {
            if value != plain {
                let _ = write!(words, " --{flag} {value}");
            }
        };
        number("seconds", self.seconds, plain.seconds);
        number("sends", self.sends, plain.sends);
        number("each", self.each, plain.each);
        number("users", self.users.into(), plain.users.into());
        number("channels", self.channels.into(), plain.channels.into());
        number("clients", self.clients.into(), plain.clients.into());
        number("rate", self.rate.into(), plain.rate.into());
        number("every-ms", self.every_ms, plain.every_ms);
        number("longest-ms", self.longest_ms, plain.longest_ms);
        number("calm", self.calm, plain.calm);
        if !self.only.is_empty() {
            let names: Vec<&str> = self.only.iter().map(|fault| fault.name()).collect();
            let _ = write!(words, " --only {}", names.join(","));
        }
        for (flag, is_set) in [("fair", self.fair), ("plain-disk", self.plain_disk)] {
            if is_set {
                let _ = write!(words, " --{flag}");
            }
        }
        if let Some(sabotage) = &self.sabotage {
            let _ = write!(words, " --sabotage {sabotage}");
        }
        words
    }

    /// What this machine can break, and why not the rest.
    pub(crate) fn ability(&self) -> (Ability, Vec<String>) {
        let mut left_out = Vec::new();
        let no_disk = if self.plain_disk { Some("not wanted".to_owned()) } else { disk::missing() };
        if let Some(why) = &no_disk {
            left_out.push(format!("power cuts and full disks: {why}"));
        }
        let clock = crate::rig::node::can_shift_clocks();
        if !clock {
            left_out.push("clock jumps: libfaketime is missing (Debian: apt-get install faketime)".to_owned());
        }
        (Ability { shape: self.shape, clock, disk: no_disk.is_none() }, left_out)
    }

    pub(crate) fn storm(&self, seed: u64) -> Result<Storm, Trouble> {
        let (ability, left_out) = self.ability();
        let name = format!("tenfour-storm-{}-{seed}", std::process::id());
        let plan = Plan {
            shape: self.shape,
            folder: std::env::temp_dir().join(name),
            daemon: vec![std::env::current_exe()?.display().to_string(), "node".to_owned()],
            sabotage: self.sabotage.clone(),
            own_disk: ability.disk,
        };
        Ok(Storm {
            ability,
            plan,
            seed,
            size: Size { users: self.users, channels: self.channels, clients: self.clients, rate: self.rate },
            length: Duration::from_secs(self.seconds),
            every: Duration::from_millis(self.every_ms.max(50)),
            longest: Duration::from_millis(self.longest_ms),
            only: self.only.clone(),
            fair: self.fair,
            calm: Duration::from_secs(self.calm),
            sends: self.sends,
            each: self.each,
            command: self.command(seed),
            left_out,
            began: chrono::Utc::now(),
        })
    }
}

pub(crate) fn say(text: &str) {
    // Nobody to tell it to is no reason to fail.
    drop(writeln!(std::io::stdout(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gives_the_same_options_again() {
        let plain = RunOptions::plain();
        assert_eq!(plain.command(7), "cargo run -p tenfour-storm -- run --shape cluster --seed 7");
        let other = RunOptions {
            shape: Shape::Single,
            seconds: 1,
            sends: 2,
            each: 3,
            users: 4,
            channels: 5,
            clients: 6,
            rate: 7,
            every_ms: 8,
            longest_ms: 9,
            calm: 10,
            only: vec![Fault::NodeKill, Fault::PowerCut],
            fair: true,
            plain_disk: true,
            sabotage: Some("no_head_poll".to_owned()),
            ..plain
        };
        let command = other.command(11);
        let words = command.strip_prefix("cargo run -p tenfour-storm -- ").unwrap();
        let Command::Run(again) = Cli::parse_from(std::iter::once("storm").chain(words.split(' '))).command else {
            panic!("{command}");
        };
        let expected = RunOptions { seed: Some(11), ..other };
        assert_eq!(format!("{again:?}"), format!("{expected:?}"));
    }
}
