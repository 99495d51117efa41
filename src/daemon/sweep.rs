//! Deletes the objects of attachments that nobody needs: of deleted messages, of uploads that came to nothing, and of files
//! that are in no message after a day.
//!
//! A row goes last. So whatever dies in between, on whichever node, another round finds it, and two nodes that do the same
//! do no harm: to delete what is deleted is no error. The row of an upload that was not heard of to its end stays for as long as
//! the store may still put its object together; then that is deleted once more.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::runtime::Handle;

use crate::actors::db::{DbHandle, Order};
use crate::config::{AttachmentPlace, Config};
use crate::depot::{Depot, DepotError, Place};
use crate::domain::ids::AttachmentId;
use crate::domain::now;
use crate::http::files::{FileLimits, Files};
use crate::store::{Lost, Reader};

/// How long a file may be in no message.
const UNUSED_FOR: TimeDelta = TimeDelta::hours(24);
/// How long a store may take to put an object together after the last of it came: as long as a call of it may take.
const LATE: Duration = Duration::from_secs(2 * 60 * 60);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// None: attachments are off.
pub(super) fn files_of(config: &Config) -> Result<Option<Files>, DepotError> {
    let place = match config.attachment_place() {
        AttachmentPlace::Off => return Ok(None),
        AttachmentPlace::Memory => Place::Memory,
        AttachmentPlace::Folder(path) => Place::Folder(path),
        AttachmentPlace::S3 { bucket, prefix } => Place::S3 { bucket, prefix },
    };
    let limits = &config.limits;
    let most = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let limits = FileLimits {
        bytes: limits.max_attachment_bytes as u64,
        user_files: most(limits.max_user_files),
        user_bytes: most(limits.max_user_file_bytes),
    };
    Ok(Some(Files::new(Depot::open(&place)?, limits)))
}

/// From now on until the runtime ends.
pub(super) fn keep(files: Files, db: DbHandle, reader: Reader, runtime: &Handle) {
    runtime.spawn(async move {
        // A store that is away for now keeps no daemon from its messages; wrong settings are better found now than by a user.
        if let Err(why) = files.depot.try_out().await {
            log::error!("no file can be stored: {why}; check TENFOUR_ATTACHMENTS and the AWS_… variables");
        }
        let mut sweep = Sweep { files, db, reader, deleted: HashSet::new() };
        loop {
            if let Err(why) = sweep.round().await {
                log::warn!("attachments that nobody needs stay for now: {why}");
            }
            // Either is a reason to look.
            let _ = tokio::time::timeout(LOOK_EVERY, sweep.files.let_go.notified()).await;
        }
    });
}

struct Sweep {
    files: Files,
    db: DbHandle,
    reader: Reader,
    /// Of those whose rows stay for a while: not each round asks for it again.
    deleted: HashSet<AttachmentId>,
}

impl Sweep {
    async fn round(&mut self) -> Result<(), String> {
        let before = now() - UNUSED_FOR;
        if self.reader.has_old_attachments(before).await.map_err(|error| error.to_string())? {
            self.order(Order::ExpireAttachments { before }).await?;
        }
        let (deleted, settled) = (std::mem::take(&mut self.deleted), self.settled());
        let (mut after, mut stuck, mut why) = (None, 0, String::new());
        loop {
            let lost = self.reader.lost_attachments(after).await.map_err(|error| error.to_string())?;
            after = lost.last().cloned();
            if after.is_none() {
                break;
            }
            let mut done = Vec::with_capacity(lost.len());
            for it in lost {
                match self.delete(&it, &deleted, settled).await {
                    Ok(true) => done.push(it.id),
                    Ok(false) => {}
                    // It keeps no other.
                    Err(error) => (stuck, why) = (stuck + 1, error.to_string()),
                }
            }
            if !done.is_empty() {
                log::debug!("{} attachments that nobody needs are deleted", done.len());
                self.order(Order::ForgetAttachments { ids: done }).await?;
            }
        }
        if stuck == 0 { Ok(()) } else { Err(format!("{stuck} of them, the last because of: {why}")) }
    }

    /// Whether its row can go as well.
    async fn delete(
        &mut self,
        it: &Lost,
        before: &HashSet<AttachmentId>,
        settled: DateTime<Utc>,
    ) -> Result<bool, DepotError> {
        let may_come = !it.is_whole && it.created_at > settled;
        if !may_come || !before.contains(&it.id) {
            self.files.depot.delete(&it.storage_key).await?;
        }
        if may_come {
            self.deleted.insert(it.id);
        }
        Ok(!may_come)
    }

    /// Of uploads that began before then nothing more can come.
    fn settled(&self) -> DateTime<Utc> {
        let takes = Files::time_for(self.files.limits.bytes) + LATE;
        TimeDelta::from_std(takes).ok().and_then(|takes| now().checked_sub_signed(takes)).unwrap_or_default()
    }

    async fn order(&self, order: Order) -> Result<(), String> {
        self.db.order(order).await.map(drop).map_err(|refusal| refusal.to_string())
    }
}
