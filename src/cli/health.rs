//! `tenfour health`: whether the daemon of these settings is ready, for those who judge by an exit code, such as a container's health check.
//!
//! Asks the daemon over HTTP, and never touches what it holds.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;

use super::Failure;
use super::db::failed;
use super::flags::SettingFlags;
use super::here::reach;
use crate::config::Config;
use crate::config::reachable;

/// Above the two seconds that the database has.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug, Args)]
pub(super) struct Health {
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    // The admin address needs no certificate, and nobody stands in front of it.
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let (client, address) = match config.admin_listen {
        Some(admin) => (client, format!("http://{}", reachable(admin))),
        None => reach(config, client)?,
    };
    let client = client.build().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(format!("cannot start: {error}")))?;
    let (is_ready, body) = runtime.block_on(ask(&client, &format!("{address}/readyz?verbose"))).map_err(|error| {
        // The reason lies at the end of a chain of causes.
        let mut cause: &dyn std::error::Error = &error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        failed(format!("no daemon answers at {address}: {cause}"))
    })?;
    let body = body.trim_end();
    if !is_ready {
        return Err(Failure::Failed(body.to_owned()));
    }
    writeln!(io::stdout(), "{body}").map_err(failed)
}

async fn ask(client: &reqwest::Client, url: &str) -> Result<(bool, String), reqwest::Error> {
    let answer = client.get(url).send().await?;
    Ok((answer.status().is_success(), answer.text().await?))
}
