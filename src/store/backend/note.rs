//! The note beside a SQLite file: how far its history had come. A file that holds less was restored from a backup.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::Tx;
use crate::store::epoch::{self, Extent};
use crate::store::error::{OpenError, StoreError};
use crate::store::jobs::Database;

/// How often at most it is written while there are commits.
const EVERY: Duration = Duration::from_secs(1);

/// Clones are of one note.
#[derive(Debug, Clone)]
pub(in crate::store) struct Note(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// Whether there is a writing to come that will see this moment's commits.
    due: AtomicBool,
    writing: Mutex<()>,
}

impl Note {
    /// The note of the database file at `database`.
    pub(in crate::store) fn beside(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-epoch");
        Self(Arc::new(Shared { path: path.into(), due: AtomicBool::new(false), writing: Mutex::new(()) }))
    }

    /// Gives the database a new epoch where it is not what the note says, then writes the note.
    pub(in crate::store) async fn check(&self, db: &Database) -> Result<(), OpenError> {
        let noted = self.read()?;
        db.run(Tx::Write, move |conn| {
            Box::pin(async move {
                let now = epoch::extent(conn).await?;
                let is_same = noted.as_ref().map_or(now.is_empty(), |noted| now.continues(noted));
                if !is_same {
                    log::warn!("the database holds less than was noted or has no note: it gets a new epoch");
                    epoch::renew(conn).await?;
                }
                Ok(())
            })
        })
        .await?;
        self.write_now(db).await
    }

    /// To be called after a commit.
    pub(in crate::store) fn touch(&self, db: &Database) {
        if self.0.due.swap(true, Ordering::AcqRel) {
            return;
        }
        let (note, db_for_task) = (self.clone(), db.clone());
        drop(db.spawn(async move {
            tokio::time::sleep(EVERY).await;
            note.0.due.store(false, Ordering::Release);
            if let Err(error) = note.write_now(&db_for_task).await {
                log::warn!("{error}");
            }
            Ok(())
        }));
    }

    pub(in crate::store) async fn write_now(&self, db: &Database) -> Result<(), OpenError> {
        let extent = db.attempt(Tx::None, |conn| Box::pin(epoch::extent(conn))).await?;
        let note = self.clone();
        tokio::task::spawn_blocking(move || note.write(&extent))
            .await
            .unwrap_or_else(|e| Err(StoreError::Internal(e.to_string()).into()))
    }

    /// One that cannot be read is as good as none.
    fn read(&self) -> Result<Option<Extent>, OpenError> {
        match std::fs::read(&self.0.path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Whole or not at all.
    fn write(&self, extent: &Extent) -> Result<(), OpenError> {
        let _alone = self.0.writing.lock();
        let mut draft = self.0.path.clone().into_os_string();
        draft.push(".new");
        let written = serde_json::to_vec(extent).map_err(std::io::Error::from).and_then(|bytes| {
            // Like the database's: its owner's alone.
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&draft, &self.0.path)
        });
        written.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> OpenError {
        OpenError::Note { path: self.0.path.clone(), reason: error.to_string() }
    }
}
