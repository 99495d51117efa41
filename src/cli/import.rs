//! `tenfour import`: a history from elsewhere, as lines of JSON, into channels that nobody has spoken in here.
//!
//! Read twice: judged as a whole before anything is stored, then stored. Every id is made from what the file calls it, so that
//! whoever runs it again goes on where it ended.

mod line;
mod plan;
mod store;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use clap::Args;

use super::Failure;
use super::db::{failed, settings};
use super::flags::SettingFlags;
use crate::config::Config;
use crate::domain::now;
use crate::store::{Care, DatabaseUrl, Settings};
use line::Line;
use plan::Plan;

/// The longest line, in bytes.
const MOST_LINE: usize = 4 << 20;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The history: one JSON object a line, as the operations manual describes it.
    file: PathBuf,
    /// Judge the file and store nothing.
    #[arg(long)]
    check: bool,
    /// Write down what each channel and message is called here: one JSON object a line, to a file that is not there yet.
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

pub(super) fn run(config: &Config, options: &Import) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| failed(format!("cannot start: {error}")))?;
    let settings = settings(config)?;
    let max_content = config.limits.max_content_bytes;
    let mut plan = Plan::default();
    if !std::fs::metadata(&options.file).is_ok_and(|file| file.is_file()) {
        let file = options.file.display();
        return Err(failed(format!(
            "{file} is no file: it is read twice, so that nothing is stored before all of it is judged"
        )));
    }
    let latest = now() + TimeDelta::minutes(5);
    let mut lines = Lines::open(&options.file)?;
    while let Some((number, text)) = lines.next()? {
        plan.add(number, Line::parse(text, max_content), latest);
    }
    if let Some(problems) = plan.problems.text() {
        return Err(Failure::Failed(format!("{problems}\nnothing was stored")));
    }
    if options.check {
        return tell(&format!(
            "{} messages in {} channels fit together; whether they fit what is in the database is judged when they are stored",
            plan.messages,
            plan.channels.len()
        ));
    }
    let mut ids = options.ids.as_deref().map(create).transpose()?;
    let told = runtime.block_on(async {
        nobody_else(&settings).await?;
        let mut target = store::Target::open(settings.clone(), config.limits.max_group_members).await?;
        let stored = store::all(&mut target, &plan, &options.file, max_content, ids.as_mut()).await;
        // Whatever became of it: what was stored is told to be so.
        let closed = target.close().await;
        stored.and_then(|told| closed.map(|()| told))
    })?;
    if let Some(mut ids) = ids {
        ids.flush().map_err(failed)?;
    }
    tell(&told)
}

fn tell(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{text}").map_err(failed)
}

fn create(path: &Path) -> Result<io::BufWriter<File>, Failure> {
    let file = File::create_new(path);
    file.map(io::BufWriter::new).map_err(|error| failed(format!("cannot make {}: {error}", path.display())))
}

/// An SQLite database has one writer that knows how far its channels are: the daemon, while it runs.
async fn nobody_else(settings: &Settings) -> Result<(), Failure> {
    match &settings.url {
        DatabaseUrl::SqliteFile(path) if path.is_file() => {
            let mut care = Care::open(settings).await.map_err(failed)?;
            if !care.is_alone().await.map_err(failed)? {
                return Err(failed(format!("{} is open in another process: stop the daemon first", path.display())));
            }
            Ok(())
        }
        DatabaseUrl::SqliteMemory => {
            Err(failed("a database in memory ends with its daemon: nothing can be imported into it"))
        }
        DatabaseUrl::SqliteFile(_) | DatabaseUrl::Postgres(_) => Ok(()),
    }
}

/// The lines of a file, none of them held whole that is too long.
struct Lines<R> {
    reader: R,
    number: usize,
    text: Vec<u8>,
}

impl Lines<BufReader<File>> {
    fn open(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| failed(format!("cannot read {}: {error}", path.display())))?;
        Ok(Self::new(BufReader::new(file)))
    }
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self { reader, number: 0, text: Vec::new() }
    }

    /// The next one that is not empty, with its number from 1.
    fn next(&mut self) -> Result<Option<(usize, &str)>, Failure> {
        loop {
            self.text.clear();
            self.number += 1;
            let most = MOST_LINE as u64 + 1;
            let read = io::Read::take(&mut self.reader, most).read_until(b'\n', &mut self.text);
            let number = self.number;
            let wrong = |what: &str| failed(format!("line {number}: {what}"));
            match read {
                Err(error) => return Err(wrong(&error.to_string())),
                Ok(0) => return Ok(None),
                Ok(len) if len > MOST_LINE => return Err(wrong(&format!("is longer than {MOST_LINE} bytes"))),
                Ok(_) => {}
            }
            if self.text.trim_ascii().is_empty() {
                continue;
            }
            return match std::str::from_utf8(self.text.trim_ascii()) {
                // An editor's mark at the beginning of a file.
                Ok(text) => Ok(Some((number, text.trim_start_matches('\u{feff}')))),
                Err(_) => Err(wrong("is not UTF-8")),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_as_an_editor_numbers_them() {
        let mut lines = Lines::new("\u{feff}one\n\n  two\r\nthree".as_bytes());
        let mut told = Vec::new();
        while let Some((number, text)) = lines.next().unwrap() {
            told.push((number, text.to_owned()));
        }
        assert_eq!(told, [(1, "one".to_owned()), (3, "two".to_owned()), (4, "three".to_owned())]);
    }

    #[test]
    fn a_line_that_is_too_long_or_no_text_is_named() {
        let long = "x".repeat(MOST_LINE + 1);
        assert!(Lines::new(long.as_bytes()).next().unwrap_err().to_string().contains("line 1: is longer than"));
        assert_eq!(Lines::new(&b"a\n\xff\n"[..]).next().unwrap().unwrap(), (1, "a"));
        let mut lines = Lines::new(&b"a\n\xff\n"[..]);
        lines.next().unwrap();
        assert_eq!(lines.next().unwrap_err().to_string(), "line 2: is not UTF-8");
    }
}
