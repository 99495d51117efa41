//! The tables of the index: how far each channel is in it, and what has to be taken in.
//!
//! Used by the indexer, within its transactions. Never touches a message.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::search::Entry;
use super::backend::{Conn, with_conn};
use super::channels::heads;
use super::error::StoreError;
use super::kept::Kept;
use super::schema::{channels as channels_table, messages, search_progress};
use super::sql_types::At;
use crate::domain::ids::{ChannelId, MessageId, UserId};

/// Messages of one transaction.
const MESSAGES: usize = 256;
/// Channels that are compared at once.
const COMPARED: i64 = 1000;

pub(super) type Compared = (ChannelId, i64, Option<i64>);

/// Channels in the order of their ids, with their newest version and the one up to which they are indexed.
pub(super) async fn compare(conn: &mut Conn, after: ChannelId) -> Result<Vec<Compared>, StoreError> {
    let query = channels_table::table
        .left_join(search_progress::table)
        .filter(channels_table::id.gt(after))
        .order(channels_table::id)
        .limit(COMPARED)
        .select((channels_table::id, channels_table::version, search_progress::version.nullable()));
    Ok(with_conn!(conn, |c| query.load(c).await)?)
}

/// Indexes what changed in these channels, which ascend; those that are not done come back.
pub(super) async fn take_in(conn: &mut Conn, channels: Vec<ChannelId>) -> Result<Vec<ChannelId>, StoreError> {
    // Before anything is read: whoever holds a channel's progress is the only one who indexes it.
    let mut held: HashMap<ChannelId, i64> = conn.lock_progress(&channels).await?.into_iter().collect();
    // Before the messages: all changes up to a head are there once the head is.
    let heads: HashMap<ChannelId, i64> = heads(conn, &channels).await?.into_iter().collect();
    let (mut left, mut entries, mut room) = (Vec::new(), Vec::new(), MESSAGES);
    for channel in channels {
        let Some(head) = heads.get(&channel) else { continue };
        if !held.contains_key(&channel) && begin(conn, channel).await? {
            held.insert(channel, 0);
        }
        let Some(from) = held.get(&channel).filter(|_| room > 0) else {
            left.push(channel);
            continue;
        };
        let rows = changed(conn, channel, *from, room).await?;
        let last = rows.last().map_or(*from, |row| row.2);
        let to = if rows.len() < room { last.max(*head) } else { last };
        if to < *head {
            left.push(channel);
        }
        room -= rows.len();
        entries.extend(rows.into_iter().map(|(id, sender, _, content, created_at, deleted_at)| {
            let content = content.filter(|_| deleted_at.is_none());
            Entry { id, channel, sender, created_at, content }
        }));
        if to > *from {
            let query = Kept(diesel::update(search_progress::table.find(channel)).set(search_progress::version.eq(to)));
            with_conn!(conn, |c| query.execute(c).await)?;
        }
    }
    conn.index(entries).await?;
    Ok(left)
}

/// Whether it is ours now: another node may have begun with it at the same moment.
async fn begin(conn: &mut Conn, channel: ChannelId) -> QueryResult<bool> {
    let query = diesel::insert_into(search_progress::table)
        .values((search_progress::channel_id.eq(channel), search_progress::version.eq(0)))
        .on_conflict(search_progress::channel_id)
        .do_nothing();
    Ok(with_conn!(conn, |c| query.execute(c).await)? == 1)
}

type Changed = (MessageId, UserId, i64, Option<String>, At, Option<At>);

/// The messages of a channel that are above a version, ascending by it.
async fn changed(conn: &mut Conn, channel: ChannelId, after: i64, limit: usize) -> QueryResult<Vec<Changed>> {
    let query = messages::table
        .filter(messages::channel_id.eq(channel).and(messages::version.gt(after)))
        .order(messages::version.asc())
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((
            messages::id,
            messages::sender_id,
            messages::version,
            messages::content.nullable(),
            messages::created_at,
            messages::deleted_at,
        ));
    with_conn!(conn, |c| query.load(c).await)
}
