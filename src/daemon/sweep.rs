//! Deletes the objects of attachments that nobody needs: of deleted messages, of uploads that came to nothing, and of files
//! that are in no message after a day.
//!
//! A row goes last. So whatever dies in between, on whichever node, another round finds it, and two nodes that do the same
//! do no harm: to delete what is deleted is no error.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::runtime::Handle;

use crate::actors::db::{DbHandle, Order};
use crate::config::{AttachmentPlace, Config};
use crate::depot::{Depot, DepotError, Place};
use crate::domain::now;
use crate::http::files::{FileLimits, Files};
use crate::store::Reader;

/// How long a file may be in no message.
const UNUSED_FOR: TimeDelta = TimeDelta::hours(24);
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
        loop {
            if let Err(why) = round(&files, &db, &reader).await {
                log::info!("attachments that nobody needs stay for now: {why}");
            }
            // Either is a reason to look.
            let _ = tokio::time::timeout(LOOK_EVERY, files.let_go.notified()).await;
        }
    });
}

async fn round(files: &Files, db: &DbHandle, reader: &Reader) -> Result<(), String> {
    loop {
        let before = now() - UNUSED_FOR;
        let (gone, has_old) = reader.lost_attachments(before).await.map_err(|error| error.to_string())?;
        if has_old {
            db.order(Order::ExpireAttachments { before }).await.map_err(|refusal| refusal.to_string())?;
        }
        if gone.is_empty() && !has_old {
            return Ok(());
        }
        let mut deleted = Vec::with_capacity(gone.len());
        for (id, key) in gone {
            files.depot.delete(&key).await.map_err(|error| error.to_string())?;
            deleted.push(id);
        }
        if !deleted.is_empty() {
            log::debug!("{} attachments that nobody needs are deleted", deleted.len());
            db.order(Order::ForgetAttachments { ids: deleted }).await.map_err(|refusal| refusal.to_string())?;
        }
    }
}
