//! Carries signed heads to a folder, once a minute and when the daemon stops: one file for each start of a daemon, which
//! only grows. That folder should be where the database's owner cannot write.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use tokio::sync::Mutex;

use super::heads::{EXTENSION, Lines};
use super::key::SigningKey;
use crate::domain::ids::{ChannelId, JournalId, new_v7};
use crate::store::Reader;

/// How long a change may be in the trail before its head is signed.
pub const EVERY: Duration = Duration::from_secs(60);

/// Why heads could not be carried away. The next try has all of them.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the heads of the audit trail cannot be written to {path}: {error}")]
    File { path: PathBuf, error: std::io::Error },
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

/// Signs heads and writes them down.
#[derive(Debug)]
pub struct Exporter {
    reader: Reader,
    key: SigningKey,
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<(PathBuf, File)>,
    lines: Lines,
    /// Up to which version each channel's head is written.
    written: HashMap<ChannelId, i64>,
    /// And up to which record each journal's.
    recorded: HashMap<JournalId, i64>,
}

impl Exporter {
    pub fn new(reader: Reader, key: SigningKey, folder: &Path) -> Result<Self, ExportError> {
        fs::create_dir_all(folder).map_err(|error| ExportError::File { path: folder.to_owned(), error })?;
        Ok(Self { reader, key, folder: folder.to_owned(), state: Mutex::default() })
    }

    /// Writes the heads that moved since the last time; how many.
    pub async fn export(&self) -> Result<usize, ExportError> {
        let mut state = self.state.lock().await;
        let mut heads = self.reader.audit_heads().await?;
        heads.retain(|(channel, chain)| state.written.get(channel) != Some(&chain.version));
        let mut journals = self.reader.journals().await?;
        journals.retain(|journal| state.recorded.get(&journal.id).copied().unwrap_or(0) != journal.number);
        if heads.is_empty() && journals.is_empty() {
            return Ok(0);
        }
        if state.file.is_none() {
            let name = format!("{}-{}.{EXTENSION}", Utc::now().format("%Y%m%dT%H%M%SZ"), new_v7().simple());
            let path = self.folder.join(name);
            let file = OpenOptions::new().create_new(true).append(true).open(&path);
            let file = file.map_err(|error| ExportError::File { path: path.clone(), error })?;
            *state = State { file: Some((path, file)), ..State::default() };
        }
        let at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let line = state.lines.next(&self.key, at, &heads, &journals);
        if let Some((path, file)) = &mut state.file
            && let Err(error) = file.write_all(line.as_bytes()).and_then(|()| file.sync_data())
        {
            let error = ExportError::File { path: path.clone(), error };
            // Half a line may be there: the next try begins another file.
            state.file = None;
            return Err(error);
        }
        state.written.extend(heads.iter().map(|(channel, chain)| (*channel, chain.version)));
        state.recorded.extend(journals.iter().map(|journal| (journal.id, journal.number)));
        Ok(heads.len() + journals.len())
    }

    /// Until the system ends.
    pub async fn run(self: Arc<Self>) {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = self.export().await {
                log::error!("{error}");
            }
        }
    }
}
