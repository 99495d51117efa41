//! `tenfour audit export` and `tenfour audit check`: evidence out of a database, and whether evidence is what it says.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Args;

use super::Failure;
use super::audit::{claims, database, kept};
use super::flags::SettingFlags;
use crate::audit::evidence::form::{Format, Scribe};
use crate::audit::evidence::source::Source;
use crate::audit::evidence::{Ask, Exported, check};
use crate::audit::{KeyError, PublicKey};
use crate::config::Config;
use crate::domain::ids::{ChannelId, JournalId};
use crate::domain::journal::Kind;
use crate::domain::now;
use crate::store::{self, note};

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The channel, by its id.
    #[arg(long, value_name = "ID")]
    channel: ChannelId,
    /// From then on (RFC 3339, such as 2026-11-29T08:00:00Z); unset: from the beginning.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<DateTime<Utc>>,
    /// Before then; unset: up to now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<DateTime<Utc>>,
    /// ndjson: one line a fact; html: the same for a person; csv: for a spreadsheet, which cannot be judged.
    #[arg(long, default_value = "ndjson")]
    format: Format,
    /// Where to, a file that is not there yet; unset: the standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// A file of evidence, ndjson or html.
    file: PathBuf,
    /// A folder of signed heads, as `TENFOUR_AUDIT_HEADS` had them written.
    #[arg(long, value_name = "FOLDER")]
    heads: Option<PathBuf>,
    /// The key that heads and seal were made with, as `tenfour audit key` printed it; unset: that of the settings.
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let at =
        DateTime::parse_from_rfc3339(text).map_err(|_| "must be a time such as 2026-11-29T08:00:00Z".to_owned())?;
    Ok(at.to_utc())
}

pub(super) fn export(config: &Config, options: &Export) -> Result<(), Failure> {
    let url = database(config)?;
    // Sealed where there is a key already: one that was made now has signed nothing.
    let has_key = config.audit.key.as_ref().is_some_and(|path| path.is_file());
    let key = if has_key { Some(Arc::new(kept(config)?)) } else { None };
    let settings = store::Settings { pg_schema: config.database.schema.clone(), ..store::Settings::new(url) };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let failed = |error: &dyn std::error::Error| Failure::Failed(error.to_string());
        let (writer, reader) = store::open(settings, runtime.handle().clone()).await.map_err(|error| failed(&error))?;
        let ask = Ask { channel: options.channel, from: options.from, to: options.to };
        let mut source = Source::open(reader, ask).await.map_err(|error| failed(&error))?;
        let told = Exported::new(&ask, options.format, "the command line");
        let noted = note(JournalId::DAEMON, Kind::Exported, None, now(), &told);
        writer.record(vec![noted]).await.map_err(|error| failed(&error))?;
        let mut out: Box<dyn Write> = match &options.output {
            None => Box::new(io::stdout().lock()),
            Some(path) => Box::new(BufWriter::new(
                File::create_new(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?,
            )),
        };
        let mut put = |text: String| {
            out.write_all(text.as_bytes()).map_err(|error| Failure::Failed(format!("cannot write: {error}")))
        };
        let mut scribe = Scribe::new(options.format, key);
        put(scribe.begin())?;
        loop {
            let lines = source.next().await.map_err(|error| failed(&error))?;
            if lines.is_empty() {
                break;
            }
            put(scribe.write(&lines))?;
        }
        put(scribe.end())?;
        out.flush().map_err(|error| Failure::Failed(format!("cannot write: {error}")))
    })
}

/// By whose key it has to be sealed: the one that was given, else that of the settings. None: there is neither.
fn expected_seal(config: &Config, options: &Check) -> Result<Option<PublicKey>, Failure> {
    match &options.public_key {
        Some(text) => text.parse().map(Some).map_err(|error: KeyError| Failure::Failed(error.to_string())),
        None if config.audit.key.as_ref().is_some_and(|path| path.is_file()) => {
            kept(config).map(|key| Some(key.public()))
        }
        None => Ok(None),
    }
}

pub(super) fn judge(config: &Config, options: &Check) -> Result<(), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::Failed(format!("{}: {error}", options.file.display()));
    let text = fs::read_to_string(&options.file).map_err(|error| failed(&error))?;
    let claims = claims(config, options.heads.as_deref(), options.public_key.as_deref())?;
    let mut verdict = check::check(&text, &claims).map_err(|error| failed(&error))?;
    if let Some(expected) = expected_seal(config, options)? {
        match &verdict.sealed_by {
            Some(key) if *key == expected => {}
            Some(_) => verdict.faults.push("its seal is not that of this key".to_owned()),
            None => verdict.faults.push("it has no seal of this key".to_owned()),
        }
    }
    let faults = claims.faults.iter().chain(&verdict.faults);
    let faults: Vec<String> = faults.cloned().collect();
    let text = faults.iter().map(String::as_str).chain([verdict.to_string().as_str()]).collect::<Vec<_>>().join("\n");
    writeln!(io::stdout(), "{text}").map_err(|error| Failure::Failed(format!("cannot print: {error}")))?;
    if faults.is_empty() { Ok(()) } else { Err(Failure::Failed("this is not the evidence that it says".to_owned())) }
}
