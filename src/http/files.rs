//! What the calls for attachments share: where the bytes are, and how much of them there may be.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::depot::Depot;
use crate::limits::uploads::Uploads;

/// An upload may take this long, and longer where it is so large that it has to be faster than [`SLOWEST`] anyway.
const WITHIN: Duration = Duration::from_secs(120);
/// Bytes a second.
const SLOWEST: u64 = 64 << 10;

/// Cheap to clone; all clones share all of it.
#[derive(Debug, Clone)]
pub struct Files {
    pub depot: Depot,
    pub uploads: Uploads,
    pub limits: FileLimits,
    /// Something was let go of: its object can be deleted.
    pub let_go: Arc<Notify>,
}

#[derive(Debug, Clone, Copy)]
pub struct FileLimits {
    /// Of one file.
    pub bytes: u64,
    /// Of one user.
    pub user_files: i64,
    pub user_bytes: i64,
}

impl Files {
    pub fn new(depot: Depot, limits: FileLimits) -> Self {
        Self { depot, uploads: Uploads::default(), limits, let_go: Arc::default() }
    }

    /// How long an upload of so many bytes may take.
    pub fn time_for(bytes: u64) -> Duration {
        WITHIN.max(Duration::from_secs(bytes / SLOWEST))
    }
}
