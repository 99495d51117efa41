//! `tenfour audit`: whether the past is what it was.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Failure;
use super::evidence::{self, Check, Export};
use super::flags::SettingFlags;
use crate::audit::heads::Claims;
use crate::audit::verify::{Report, verify};
use crate::audit::{PublicKey, SigningKey};
use crate::config::{self, Config};
use crate::store::{self, DatabaseUrl};

#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Judge the whole audit trail of the database that the settings name; a daemon may be at work on it.
    Verify(Verify),
    /// Write what happened in a channel to a file that a person can read and a machine can judge.
    Export(Export),
    /// Judge such a file, without any database.
    Check(Check),
    /// Print the public key with which signed heads are checked. The key is made where there is none.
    Key(SettingFlags),
}

#[derive(Debug, Args)]
struct Verify {
    /// A folder of signed heads, as `TENFOUR_AUDIT_HEADS` had them written. Without it nothing shows that the trail was cut
    /// off at its end, or written anew as a whole.
    #[arg(long, value_name = "FOLDER")]
    heads: Option<PathBuf>,
    /// The key that the heads were signed with, as `tenfour audit key` printed it; unset: that of the settings.
    #[arg(long, value_name = "HEX", requires = "heads")]
    public_key: Option<String>,
    #[command(flatten)]
    flags: SettingFlags,
}

impl Audit {
    pub(super) fn flags(&self) -> SettingFlags {
        match &self.what {
            What::Verify(Verify { flags, .. })
            | What::Export(Export { flags, .. })
            | What::Check(Check { flags, .. })
            | What::Key(flags) => flags.clone(),
        }
    }

    pub(super) fn run(self, config: &Config) -> Result<(), Failure> {
        match self.what {
            What::Key(_) => {
                let key = key(config)?;
                writeln!(io::stdout(), "{}", key.public()).map_err(|error| unwritten(&error))
            }
            What::Verify(options) => judged(config, &options),
            What::Export(options) => evidence::export(config, &options),
            What::Check(options) => evidence::judge(config, &options),
        }
    }
}

/// For who only checks: a key that was made now has signed nothing.
pub(super) fn kept(config: &Config) -> Result<SigningKey, Failure> {
    match &config.audit.key {
        Some(path) if !path.is_file() => {
            Err(Failure::Failed(format!("there is no key in {}: give the public one as --public-key", path.display())))
        }
        _ => key(config),
    }
}

fn key(config: &Config) -> Result<SigningKey, Failure> {
    let path = config.audit.key.as_ref().ok_or_else(|| {
        Failure::Configuration(
            "audit_key: must be set where the database is no file: TENFOUR_AUDIT_KEY=FILE".to_owned(),
        )
    })?;
    let failed = |error: &dyn std::error::Error| Failure::Failed(format!("{}: {error}", path.display()));
    let text = config::random_at(path).map_err(|error| failed(&error))?;
    SigningKey::of(&text).map_err(|error| failed(&error))
}

/// What was signed, in a folder of heads; nothing without one.
pub(super) fn claims(config: &Config, heads: Option<&Path>, public_key: Option<&str>) -> Result<Claims, Failure> {
    let Some(folder) = heads else { return Ok(Claims::default()) };
    let key = match public_key {
        Some(text) => text.parse::<PublicKey>().map_err(|error| Failure::Failed(error.to_string()))?,
        None => kept(config)?.public(),
    };
    Claims::read(folder, &key).map_err(|error| Failure::Failed(format!("{}: {error}", folder.display())))
}

fn judged(config: &Config, options: &Verify) -> Result<(), Failure> {
    let claims = claims(config, options.heads.as_deref(), options.public_key.as_deref())?;
    let settings =
        store::Settings { pg_schema: config.database.schema.clone(), ..store::Settings::new(database(config)?) };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let report = runtime.block_on(async {
        let (_writer, reader) = store::open(settings, runtime.handle().clone())
            .await
            .map_err(|error| Failure::Failed(error.to_string()))?;
        verify(&reader, &claims).await.map_err(|error| Failure::Failed(error.to_string()))
    })?;
    print(&report, &claims).map_err(|error| unwritten(&error))?;
    let faults = report.findings.len() + claims.faults.len();
    match faults {
        0 => Ok(()),
        1 => Err(Failure::Failed("one thing in the trail is not what it was".to_owned())),
        _ => Err(Failure::Failed(format!("{faults} things in the trail are not what they were"))),
    }
}

/// A database that is not there is not made.
pub(super) fn database(config: &Config) -> Result<DatabaseUrl, Failure> {
    let url: DatabaseUrl = config
        .database
        .url
        .expose()
        .parse()
        .map_err(|error: store::InvalidUrl| Failure::Configuration(error.to_string()))?;
    match &url {
        DatabaseUrl::SqliteFile(path) if !path.is_file() => {
            Err(Failure::Failed(format!("there is no database {}", path.display())))
        }
        DatabaseUrl::SqliteMemory => Err(Failure::Failed("a database in memory is gone with its daemon".to_owned())),
        _ => Ok(url),
    }
}

fn print(report: &Report, claims: &Claims) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for fault in &claims.faults {
        writeln!(out, "{fault}")?;
    }
    for finding in &report.findings {
        writeln!(out, "{finding}")?;
    }
    for note in &claims.notes {
        writeln!(out, "note: {note}")?;
    }
    for (channel, version) in &report.younger {
        writeln!(out, "note: channel {channel} is older than its trail, which begins at version {version}")?;
    }
    for channel in &report.without {
        writeln!(out, "note: channel {channel} is older than the trail, and nothing has happened in it since")?;
    }
    let Report { channels, entries, records, .. } = report;
    let signed = match claims.lines {
        0 => "no signed heads were looked at".to_owned(),
        lines => format!("{lines} lines of signed heads"),
    };
    writeln!(out, "{channels} channels, {entries} entries, {records} records in journals, {signed}")
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot print: {error}"))
}
