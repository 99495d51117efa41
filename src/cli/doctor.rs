//! `tenfour doctor`: a line for each thing that the daemon depends on.

use std::io::{self, Write};

use clap::Args;
use serde_json::json;

use super::db::{self, failed};
use super::flags::SettingFlags;
use super::{Failure, Loaded};
use crate::daemon::wrong_with;
use crate::doctor::{self, Finding, Patient, State};

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Where clients reach the daemon from outside, such as <https://chat.example>: then the way there is tried as well.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

pub(super) fn run(options: &Doctor, loaded: &Loaded) -> Result<(), Failure> {
    let config = &loaded.config;
    let problems: Vec<String> = wrong_with(config).iter().map(ToString::to_string).collect();
    let patient = Patient {
        config,
        store: db::settings(config).ok(),
        url: options.url.as_deref(),
        warnings: &loaded.warnings,
        problems: &problems,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| failed(format!("cannot start: {error}")))?;
    let findings = runtime.block_on(doctor::examine(&patient));
    // What still hangs is not waited for.
    runtime.shutdown_background();
    let told = if options.json {
        serde_json::to_string_pretty(&json!({"findings": findings})).map_err(failed)?
    } else {
        findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
    };
    writeln!(io::stdout(), "{told}").map_err(failed)?;
    match findings.iter().filter(|finding| finding.state == State::Problem).count() {
        0 => Ok(()),
        1 => Err(failed("1 problem was found")),
        count => Err(failed(format!("{count} problems were found"))),
    }
}
