//! Erases what is older than it is to be kept, once an hour, a part at a time, on whichever node comes first.
//!
//! Each part is one order to the DB actor; what takes a version by it is passed on by the rooms like any change.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::runtime::Handle;

use crate::actors::db::DbHandle;
use crate::domain::ids::ChannelId;
use crate::domain::now;
use crate::domain::retention::{Erase, Which};
use crate::store::Reader;

const EVERY: Duration = Duration::from_secs(3_600);
/// Channels that are looked at in one query.
const PAGE: i64 = 500;

/// From now on until the runtime ends. `days`: where a channel has none of its own.
pub(super) fn keep(days: Option<i32>, db: DbHandle, reader: Reader, runtime: &Handle) {
    runtime.spawn(async move {
        loop {
            match round(days, &db, &reader).await {
                Ok(0) => {}
                Ok(count) => log::info!("{count} messages were erased: they were older than they are to be kept"),
                Err(why) => log::warn!("what is older than it is to be kept stays for now: {why}"),
            }
            tokio::time::sleep(EVERY).await;
        }
    });
}

async fn round(days: Option<i32>, db: &DbHandle, reader: &Reader) -> Result<usize, String> {
    let (mut erased, mut after) = (0, ChannelId(uuid::Uuid::nil()));
    loop {
        let page = reader.retentions(after, PAGE).await.map_err(|error| error.to_string())?;
        let Some((last, ..)) = page.last() else { return Ok(erased) };
        after = *last;
        for (channel, retention, swept) in page {
            let Some(before) = retention.before(days, now()) else { continue };
            // One channel that cannot be swept now keeps no other from it.
            match sweep(days, before, (channel, swept), db, reader).await {
                Ok(count) => erased += count,
                Err(why) => log::warn!("what is too old in channel {channel} stays for now: {why}"),
            }
        }
    }
}

async fn sweep(
    default: Option<i32>,
    before: DateTime<Utc>,
    (channel, after): (ChannelId, i64),
    db: &DbHandle,
    reader: &Reader,
) -> Result<usize, String> {
    if !reader.is_due(channel, after, before).await.map_err(|error| error.to_string())? {
        return Ok(0);
    }
    let wish = Erase { channel, which: Which::Expired { default }, after };
    db.erase(wish).await.map(|(count, _)| count).map_err(|refusal| refusal.message)
}
