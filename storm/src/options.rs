//! The command line of the storm.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::Trouble;
use crate::checker::{self, Verdict};
use crate::crowd::population::Size;
use crate::nemesis::fault::{Ability, Fault};
use crate::progress::Progress;
use crate::prove;
use crate::report;
use crate::rig::{Plan, Shape, disk};
use crate::run::{Storm, run};

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
    /// List the kinds of faults.
    Faults,
    /// Be a daemon, with fail points: what runs start.
    #[command(hide = true)]
    Node,
}

#[derive(Debug, Clone, Args)]
pub struct RunOptions {
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
    /// Where reports go, a folder a run.
    #[arg(long, default_value = "target/storm")]
    pub out: PathBuf,
}

pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Node => return tenfour::cli::run(["tenfour", "serve"].map(Into::into)),
        Command::Faults => {
            let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
            say(&names.join("\n"));
            Ok(true)
        }
        Command::Run(options) => runtime().and_then(|runtime| runtime.block_on(all(&options))),
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

/// Runs with one seed after the other. Was all of it well?
async fn all(options: &RunOptions) -> Result<bool, Trouble> {
    let first = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let mut well = true;
    for seed in first..first + options.runs.max(1) {
        well &= one(options, seed).await?.counts.is_empty();
    }
    Ok(well)
}

/// One run, checked and reported.
pub async fn one(options: &RunOptions, seed: u64) -> Result<Verdict, Trouble> {
    let storm = options.storm(seed)?;
    let progress = Progress::new(storm.length);
    progress.say(&format!("seed {seed}, {:?}, in {}", storm.plan.shape, storm.plan.folder.display()));
    let history = run(&storm, &progress).await?;
    progress.say(&format!("checking {} records", history.records.len()));
    let verdict = checker::check(&history);
    let well = verdict.findings.is_empty();
    std::fs::create_dir_all(&options.out)?;
    let folder = report::write(&options.out, &storm, &history, &verdict)?;
    say(&report::text(&storm, &history, &verdict));
    if well {
        std::fs::remove_dir_all(&storm.plan.folder)?;
    } else {
        say(&format!("reports in {}, logs in {}", folder.display(), storm.plan.folder.display()));
    }
    Ok(verdict)
}

impl RunOptions {
    pub fn storm(&self, seed: u64) -> Result<Storm, Trouble> {
        let missing = if self.plain_disk { Some("not wanted".to_owned()) } else { disk::missing() };
        if let Some(why) = &missing {
            say(&format!("no power cuts and no full disks in this run: {why}"));
        }
        let name = format!("tenfour-storm-{}-{seed}", std::process::id());
        let plan = Plan {
            shape: self.shape,
            folder: std::env::temp_dir().join(name),
            daemon: vec![std::env::current_exe()?.display().to_string(), "node".to_owned()],
            sabotage: self.sabotage.clone(),
            own_disk: missing.is_none(),
        };
        let clock = crate::rig::node::can_shift_clocks();
        if !clock {
            say("no clock jumps in this run: libfaketime is missing (Debian: apt-get install faketime)");
        }
        Ok(Storm {
            ability: Ability { shape: self.shape, points: true, clock, disk: plan.own_disk },
            plan,
            seed,
            size: Size { users: self.users, channels: self.channels, clients: self.clients, rate: self.rate },
            length: Duration::from_secs(self.seconds),
            every: Duration::from_millis(self.every_ms.max(50)),
            only: self.only.clone(),
            fair: self.fair,
            sends: self.sends,
        })
    }
}

pub fn say(text: &str) {
    // Nobody to tell it to is no reason to fail.
    drop(writeln!(std::io::stdout(), "{text}"));
}
