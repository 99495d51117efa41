//! A file on its way in that has to be looked at whole. It lies on a disk meanwhile, without a name, so that nothing of it is
//! left whatever becomes of the daemon.
//!
//! Used by the intake. The disk and the looking are left to threads that may wait; so many at a time, and others wait their
//! turn.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Seek};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::DepotError;
use super::scrub::{self, Ground, Kind, Trouble};

/// Looked at at a time. Each may hold some 30 MiB of places, where a film has as many as are taken.
const AT_ONCE: usize = 2;

/// Where files wait, and for what.
#[derive(Clone)]
pub(super) struct Rest {
    folder: PathBuf,
    turns: Arc<Semaphore>,
}

impl Rest {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

pub(super) struct Spool {
    kind: Kind,
    file: tokio::fs::File,
}

impl Spool {
    pub(super) async fn new(kind: Kind, rest: &Rest) -> Result<Self, DepotError> {
        let folder = rest.folder.clone();
        let file = off(move || tempfile::tempfile_in(folder)).await?.map_err(DepotError::Spool)?;
        Ok(Self { kind, file: tokio::fs::File::from_std(file) })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), DepotError> {
        self.file.write_all(bytes).await.map_err(DepotError::Spool)
    }

    /// All has come: it is looked at. What is left of it is to be read then, and how large it is shown if it says so.
    pub(super) async fn scrub(mut self, rest: &Rest) -> Result<(Scrubbed, Option<(u32, u32)>), DepotError> {
        self.file.flush().await.map_err(DepotError::Spool)?;
        let (kind, file) = (self.kind, self.file.into_std().await);
        let turn = Arc::clone(&rest.turns).acquire_owned().await;
        let looked = off(move || {
            let _turn = turn;
            let ground = OnDisk::new(file)?;
            let dimensions = scrub::scrub(kind, &ground)?;
            let mut file = ground.file;
            file.rewind()?;
            Ok((file, dimensions))
        });
        match looked.await? {
            Ok((file, dimensions)) => Ok((Scrubbed { file: tokio::fs::File::from_std(file) }, dimensions)),
            Err(Trouble::Io(error)) => Err(DepotError::Spool(error)),
            Err(Trouble::Odd(why)) => Err(DepotError::Odd(why)),
        }
    }
}

/// What is left of a file.
pub(super) struct Scrubbed {
    file: tokio::fs::File,
}

impl Scrubbed {
    /// The next of it, so many bytes at most; none at its end.
    pub(super) async fn next(&mut self, most: usize) -> Result<Vec<u8>, DepotError> {
        let mut bytes = Vec::with_capacity(most);
        (&mut self.file).take(most as u64).read_to_end(&mut bytes).await.map_err(DepotError::Spool)?;
        Ok(bytes)
    }
}

/// On a thread that may wait.
async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DepotError> {
    spawn_blocking(work).await.map_err(|error| DepotError::Spool(io::Error::other(error)))
}

struct OnDisk {
    file: File,
    length: Cell<u64>,
}

impl OnDisk {
    fn new(file: File) -> io::Result<Self> {
        let length = Cell::new(file.metadata()?.len());
        Ok(Self { file, length })
    }
}

impl Ground for OnDisk {
    fn len(&self) -> u64 {
        self.length.get()
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        // No longer than it was, whatever it says of itself.
        if at.checked_add(bytes.len() as u64).is_none_or(|end| end > self.length.get()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.write_all_at(bytes, at)
    }

    fn cut(&self, at: u64) -> io::Result<()> {
        let length = at.min(self.length.get());
        self.file.set_len(length)?;
        self.length.set(length);
        Ok(())
    }
}
