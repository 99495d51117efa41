//! Where the bytes of attachments are: a folder, a bucket of an S3-compatible store, or the memory of the process.
//!
//! Used by the REST calls, which stream into it and out of it, and by the daemon, which deletes what was let go of. Knows
//! keys and bytes; never who may have them, and never the database.

mod intake;
mod kind;
pub mod scrub;
mod spool;
mod strip;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ClientConfigKey, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};

pub use intake::{Intake, Taken};
pub use kind::is_shown;
use spool::Rest;

/// What a folder is written by at a time.
const FOLDER_PIECE: usize = 256 << 10;
/// S3 takes no smaller parts, but for the last one.
const S3_PART: usize = 5 << 20;
/// How long S3 may take to be reached, and say nothing; a large object may take long.
const S3_TIMES: [(ClientConfigKey, &str); 3] =
    [(ClientConfigKey::ConnectTimeout, "5s"), (ClientConfigKey::ReadTimeout, "20s"), (ClientConfigKey::Timeout, "1h")];
const S3_RETRIES: usize = 3;
const S3_RETRY_WITHIN: Duration = Duration::from_secs(20);

/// Which kind of store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Gone with the process.
    Memory,
    Folder(PathBuf),
    /// The rest is in the `AWS_…` variables of the environment.
    S3 {
        bucket: String,
        prefix: String,
    },
}

/// Why the depot could not be opened, or an object not be had.
#[derive(Debug, thiserror::Error)]
pub enum DepotError {
    #[error("the folder {} for attachments cannot be used: {reason}; make it writable or set TENFOUR_ATTACHMENTS", path.display())]
    Folder { path: PathBuf, reason: String },
    #[error("the S3 store of TENFOUR_ATTACHMENTS cannot be used: {0}; check the AWS_… variables")]
    S3(String),
    #[error("the store of attachments: {0}")]
    Object(#[from] object_store::Error),
    /// It is not there.
    #[error("there is no such object")]
    Missing,
    #[error("a file that has to be looked at whole cannot be put down: {0}; is there room on the disk, or for TMPDIR?")]
    Spool(std::io::Error),
    /// What it tells besides itself could not be left out.
    #[error("it is not understood: {0}")]
    Odd(&'static str),
}

/// An object on its way out.
pub type Outflow = BoxStream<'static, Result<Bytes, DepotError>>;

/// The store. Clones share it.
#[derive(Clone)]
pub struct Depot {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    piece: usize,
    folder: Option<PathBuf>,
    rest: Rest,
}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Depot({})", self.store)
    }
}

impl Depot {
    pub fn open(place: &Place) -> Result<Self, DepotError> {
        let (store, prefix, piece, folder): (Arc<dyn ObjectStore>, _, _, _) = match place {
            Place::Memory => (Arc::new(InMemory::new()), Path::default(), FOLDER_PIECE, None),
            Place::Folder(path) => {
                let unusable = |reason: String| DepotError::Folder { path: path.clone(), reason };
                make_folder(path).map_err(|error| unusable(error.to_string()))?;
                let store = LocalFileSystem::new_with_prefix(path).map_err(|error| unusable(error.to_string()))?;
                (Arc::new(store.with_fsync(true)), Path::default(), FOLDER_PIECE, Some(path.clone()))
            }
            Place::S3 { bucket, prefix } => {
                let retry =
                    RetryConfig { max_retries: S3_RETRIES, retry_timeout: S3_RETRY_WITHIN, ..RetryConfig::default() };
                let mut store = AmazonS3Builder::from_env().with_retry(retry).with_bucket_name(bucket);
                for (key, value) in S3_TIMES {
                    store = store.with_config(AmazonS3ConfigKey::Client(key), value);
                }
                let store = store.build().map_err(|error| DepotError::S3(error.to_string()))?;
                (Arc::new(store), Path::from(prefix.as_str()), S3_PART, None)
            }
        };
        // On the disk that it will be on anyway, where there is one.
        let rest_in = folder.clone().unwrap_or_else(std::env::temp_dir);
        if let Err(error) = tempfile::tempfile_in(&rest_in) {
            log::warn!(
                "no film, TIFF or HEIC can be taken: nothing can be put into {}: {error}; set TMPDIR",
                rest_in.display()
            );
        }
        Ok(Self { store, prefix, piece, folder, rest: Rest::new(rest_in) })
    }

    /// Begins an object: what is written to it becomes visible when it is finished, and not at all otherwise.
    pub fn take_in(&self, key: &str) -> Intake {
        Intake::new(Arc::clone(&self.store), self.path(key), self.piece, self.rest.clone())
    }

    /// A range of an object, or all of it.
    pub async fn give_out(&self, key: &str, range: Option<Range<u64>>) -> Result<Outflow, DepotError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        match self.store.get_opts(&self.path(key), options).await {
            Ok(found) => Ok(found.into_stream().map_err(DepotError::from).boxed()),
            Err(object_store::Error::NotFound { .. }) => Err(DepotError::Missing),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether something can be put there and taken away again. A folder was tried when it was opened.
    pub async fn try_out(&self) -> Result<(), DepotError> {
        if self.folder.is_some() {
            return Ok(());
        }
        let key = format!("probe-{}", uuid::Uuid::new_v4().simple());
        self.store.put(&self.path(&key), PutPayload::from_static(b"tenfour")).await?;
        self.delete(&key).await
    }

    /// Deletes an object. Of one that is not there nothing is left to delete.
    pub async fn delete(&self, key: &str) -> Result<(), DepotError> {
        if let Some(folder) = &self.folder {
            // What a process that was killed has left of it.
            let draft = folder.join(format!("{key}#1"));
            match tokio::fs::remove_file(draft).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => log::warn!("a draft stays: {error}"),
                _ => {}
            }
        }
        match self.store.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn path(&self, key: &str) -> Path {
        let mut path = self.prefix.clone();
        for part in key.split('/') {
            path = path.join(part);
        }
        path
    }
}

/// A new key: random, so that nothing that a user says becomes a part of a path, and spread over folders.
pub fn new_key() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    let (folder, _) = random.split_at(2);
    format!("{folder}/{random}")
}

fn make_folder(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // To find out now, and not with the first upload.
    tempfile_in(path)
}

fn tempfile_in(path: &std::path::Path) -> std::io::Result<()> {
    let probe = path.join(format!("probe-{}", uuid::Uuid::new_v4().simple()));
    std::fs::File::create_new(&probe)?;
    std::fs::remove_file(probe)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
