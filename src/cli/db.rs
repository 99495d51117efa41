//! `tenfour db`: the database of the settings, from an operator's side.

mod backup;
mod restore;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use tokio::runtime::Handle;

use super::Failure;
use super::flags::SettingFlags;
use crate::config::Config;
use crate::store::{self, Care, Settings, State};

#[derive(Debug, Args)]
pub(super) struct Db {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the state of the database: its schema, what is in it, how large it is.
    Status(Status),
    /// Bring the schema up to this release, as the next start would.
    Migrate(SettingFlags),
    /// Copy an SQLite database with its keys and attachments to a new folder; a daemon may be at work on it.
    Backup(backup::Backup),
    /// Put such a copy in the place of the database. The daemon has to be stopped.
    Restore(restore::Restore),
    /// Look whether the database holds together. Reads all of it; a daemon may be at work on it.
    Check(SettingFlags),
    /// Give the history another name, after the database was restored by other means: every client starts anew.
    NewEpoch(SettingFlags),
}

#[derive(Debug, Args)]
struct Status {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: SettingFlags,
}

impl Db {
    pub(super) fn flags(&self) -> SettingFlags {
        match &self.what {
            What::Status(Status { flags, .. })
            | What::Migrate(flags)
            | What::Backup(backup::Backup { flags, .. })
            | What::Restore(restore::Restore { flags, .. })
            | What::Check(flags)
            | What::NewEpoch(flags) => flags.clone(),
        }
    }

    pub(super) fn run(self, config: &Config) -> Result<(), Failure> {
        let runtime =
            tokio::runtime::Runtime::new().map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
        let settings = settings(config)?;
        let lines = runtime.block_on(async {
            match self.what {
                What::Status(Status { json, .. }) => status(&settings, json).await,
                What::Migrate(_) => migrate(&settings).await,
                What::Backup(options) => backup::run(config, &settings, &options).await,
                What::Restore(options) => restore::run(config, &settings, &options).await,
                What::Check(_) => check(&settings).await,
                What::NewEpoch(_) => new_epoch(&settings).await,
            }
        })?;
        writeln!(io::stdout(), "{lines}").map_err(failed)
    }
}

pub(super) fn settings(config: &Config) -> Result<Settings, Failure> {
    let url = config.database.url.expose().parse();
    let url = url.map_err(|error: store::InvalidUrl| Failure::Configuration(error.to_string()))?;
    Ok(Settings { pg_schema: config.database.schema.clone(), ..Settings::new(url) })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn failed(error: impl ToString) -> Failure {
    Failure::Failed(error.to_string())
}

/// The file of an SQLite database.
pub(super) fn file(settings: &Settings) -> Result<PathBuf, Failure> {
    match &settings.url {
        store::DatabaseUrl::SqliteFile(path) => Ok(path.clone()),
        store::DatabaseUrl::SqliteMemory => {
            Err(failed("a database in memory ends with its daemon: there is nothing to keep"))
        }
        store::DatabaseUrl::Postgres(_) => Err(failed(
            "PostgreSQL is backed up and restored by its own tools, such as pg_dump; after a restore: tenfour db new-epoch",
        )),
    }
}

async fn status(settings: &Settings, json: bool) -> Result<String, Failure> {
    let state = Care::open(settings).await.map_err(failed)?.state().await.map_err(failed)?;
    if json {
        return serde_json::to_string_pretty(&state).map_err(failed);
    }
    Ok(told(&state).join("\n"))
}

fn told(state: &State) -> Vec<String> {
    let mut lines = vec![format!("database          {}", state.kind)];
    lines.push(format!("schema            {}", state.schema.as_deref().unwrap_or("none yet")));
    if !state.pending.is_empty() {
        lines.push(format!("pending           {} (tenfour db migrate, or the next start)", state.pending.join(", ")));
    }
    if !state.newer.is_empty() {
        lines.push(format!("of a newer one    {}", state.newer.join(", ")));
    }
    if let Some(it) = &state.contents {
        lines.extend([
            format!("epoch             {}", it.epoch),
            format!("size              {} bytes", it.bytes),
            format!("users             {}", it.users),
            format!("channels          {}", it.channels),
            format!("messages          {}", it.messages),
            format!("attachments       {} ({} bytes)", it.attachments, it.attachment_bytes),
            format!("behind in search  {} channels", it.unindexed),
        ]);
    }
    lines
}

async fn migrate(settings: &Settings) -> Result<String, Failure> {
    // As a daemon does it, the name of the history included.
    let (writer, _) = store::open(settings.clone(), Handle::current()).await.map_err(failed)?;
    writer.close().await.map_err(failed)?;
    let state = Care::open(settings).await.map_err(failed)?.state().await.map_err(failed)?;
    Ok(format!("the schema is at {}", state.schema.unwrap_or_default()))
}

async fn check(settings: &Settings) -> Result<String, Failure> {
    let mut care = Care::open(settings).await.map_err(failed)?;
    let state = care.state().await.map_err(failed)?;
    if state.contents.is_none() {
        return Err(failed("the schema is not that of this release: tenfour db migrate"));
    }
    let faults = care.faults().await.map_err(failed)?;
    if !faults.is_empty() {
        return Err(Failure::Failed(faults.join("\n")));
    }
    Ok("the database holds together; whether its past is what it was, `tenfour audit verify` tells".to_owned())
}

async fn new_epoch(settings: &Settings) -> Result<String, Failure> {
    let epoch = Care::open(settings).await.map_err(failed)?.renew_epoch().await.map_err(failed)?;
    Ok(format!("the history is {epoch} now; daemons notice within seconds, and every client starts anew"))
}
