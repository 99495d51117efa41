//! `tenfour bench`: measures a daemon, one of its own or the one that an address is given of.
//!
//! Reads the flags, has [`crate::bench`] measure, and shows what came out: progress on the standard error, the table (or
//! the JSON) on the standard output. Never measures itself.

mod daemon;
mod flags;
mod print;
mod progress;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Failure;
use crate::bench::address::Address;
use crate::bench::report::Report;
use crate::bench::scenario::{self, Common, Scenario, Target};
use crate::bench::users::Users;
use crate::bench::{BenchError, Progress};
use crate::config::{self, Flags};

pub(super) use daemon::serve;
pub(super) use flags::Bench;
use flags::CommonFlags;
use progress::Shown;

/// Whoever presses Ctrl-C a second time does not want to wait.
const INTERRUPTED: i32 = 130;

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Measures and prints. `before` are settings that stood before the command.
pub(super) fn run(
    bench: Bench,
    before: super::flags::SettingFlags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), Failure> {
    let (scenario, flags) = bench.scenario.into_parts();
    let settings = before.and(flags.settings.clone());
    let common = flags.common();
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_ctrl_c(&stop)?;
    let mut shown = Shown::on(io::stderr());
    let measured = measure(&scenario, &common, &flags, settings, environment, &stop, &mut shown);
    shown.clear();
    let report = measured?;
    hand_over(&report, &flags)?;
    if report.is_right() {
        return Ok(());
    }
    let count = report.findings.total();
    Err(Failure::Failed(format!("the daemon did not do what it promises: {count} findings, the first of them above")))
}

fn measure(
    scenario: &Scenario,
    common: &Common,
    flags: &CommonFlags,
    settings: Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    stop: &Arc<AtomicBool>,
    progress: &mut dyn Progress,
) -> Result<Report, Failure> {
    if let Some(url) = &flags.url {
        let users = match &flags.token_file {
            Some(file) => Users::listed(file)?,
            None => Users::minted(super::warned(config::load_existing(&settings, environment)?).config.auth),
        };
        let target = Target { address: Address::find(url)?, users, process: flags.pid, is_own: false };
        return Ok(scenario::run(scenario, common, target, Arc::clone(stop), progress)?);
    }
    progress.stage("starting a daemon");
    let own = daemon::Own::start(settings, scenario.members())?;
    Ok(scenario::run(scenario, common, own.target()?, Arc::clone(stop), progress)?)
}

/// Writes what was asked for to where it was asked for.
fn hand_over(report: &Report, flags: &CommonFlags) -> Result<(), Failure> {
    let unwritten = |error: io::Error| Failure::Failed(format!("cannot print: {error}"));
    let json = flags.json.as_deref().map(|file| (file, format!("{:#}\n", report.to_json())));
    match &json {
        Some((file, text)) if *file == Path::new("-") => io::stdout().write_all(text.as_bytes()).map_err(unwritten)?,
        _ => print::table(report, &mut io::stdout().lock()).map_err(unwritten)?,
    }
    if let Some((file, text)) = json.filter(|(file, _)| *file != Path::new("-")) {
        write(file, &text)?;
    }
    if let Some(folder) = &flags.svg {
        let made = fs::create_dir_all(folder);
        made.map_err(|error| Failure::Failed(format!("cannot make {}: {error}", folder.display())))?;
        for (name, plot) in &report.plots {
            write(&folder.join(format!("{}-{name}.svg", report.scenario)), &plot.to_svg())?;
        }
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))
}

/// The first one ends the measuring, and what was measured is told; the second one ends everything.
fn stop_on_ctrl_c(stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::Failed(format!("cannot listen for signals: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if stop.swap(true, Ordering::Relaxed) {
                    std::process::exit(INTERRUPTED);
                }
            }
        });
    });
    Ok(())
}
