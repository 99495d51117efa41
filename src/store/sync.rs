//! Catching up: a client by pages, a room by filling its holes.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::error::StoreError;
use super::page::{self, Walk};
use super::schema::{channel_changes, messages};
use super::sql_types::At;
use super::{channels, received};
use crate::domain::change::ChannelChange;
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::message::Message;
use crate::domain::sync::{Fill, FilledChange, FilledWhat, HistoryFrom, PageLimits, SyncFrom, SyncPage};
use crate::fault::{self, Sabotage};

/// `None` for who is not in the channel.
pub(super) async fn page(
    conn: &mut Conn,
    user: UserId,
    channel: ChannelId,
    from: SyncFrom,
    limits: PageLimits,
) -> Result<Option<SyncPage>, StoreError> {
    let by_member = received::by_member(conn, channel).await?;
    let Some(received) = by_member.get(&user).copied() else { return Ok(None) };
    let Some(head) = channels::row(conn, channel).await?.map(|row| row.version) else { return Ok(None) };
    let from = match from {
        SyncFrom::Version(version) => Some(version),
        SyncFrom::Time(time) => Some(version_before(conn, channel, time).await?),
        SyncFrom::Reset => None,
    };
    let (messages, version, reset) = match from.filter(|version| *version <= head) {
        None => (newest(conn, channel, limits).await?, head, true),
        Some(from) => {
            let from = from - i64::from(fault::planted(Sabotage::CursorInclusive));
            let (messages, cut) = page::read(conn, channel, Walk::ByVersion(from), limits).await?;
            let version = messages.last().filter(|_| cut).map_or(head, |last| last.version);
            (messages, version, false)
        }
    };
    let member_ids = members_at(conn, channel, by_member.into_keys().collect(), version, head).await?;
    Ok(Some(SyncPage { messages, version, has_more: version < head, reset, member_ids, received }))
}

/// Up to where a client is that holds what was stored before `time`.
async fn version_before(conn: &mut Conn, channel: ChannelId, time: DateTime<Utc>) -> QueryResult<i64> {
    let query = messages::table
        .filter(messages::channel_id.eq(channel).and(messages::created_at.lt(At(time))))
        .order(messages::created_at.desc())
        .select(messages::first_version);
    Ok(with_conn!(conn, |c| query.first(c).await).optional()?.unwrap_or_default())
}

/// The newest page by `seq`, ascending by version.
async fn newest(conn: &mut Conn, channel: ChannelId, limits: PageLimits) -> QueryResult<Vec<Message>> {
    let (mut messages, _) = page::read(conn, channel, Walk::BySeq(HistoryFrom::Latest), limits).await?;
    messages.sort_unstable_by_key(|message| message.version);
    Ok(messages)
}

/// Who was in the channel at `version`: today's members with every later change undone.
async fn members_at(
    conn: &mut Conn,
    channel: ChannelId,
    mut members: BTreeSet<UserId>,
    version: i64,
    head: i64,
) -> Result<Vec<UserId>, StoreError> {
    if version < head {
        for (_, change) in changes(conn, channel, version, i64::MAX).await?.into_iter().rev() {
            match change {
                ChannelChange::MembersAdded { user_ids } => members.retain(|user| !user_ids.contains(user)),
                ChannelChange::MemberRemoved { user_id, .. } => drop(members.insert(user_id)),
                ChannelChange::RoleChanged { .. }
                | ChannelChange::Renamed { .. }
                | ChannelChange::RevisionsShown { .. }
                | ChannelChange::RetentionSet { .. } => {}
            }
        }
    }
    Ok(members.into_iter().collect())
}

/// The log of a channel after a version, ascending.
async fn changes(
    conn: &mut Conn,
    channel: ChannelId,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, ChannelChange)>, StoreError> {
    let query = channel_changes::table
        .filter(channel_changes::channel_id.eq(channel).and(channel_changes::version.gt(after)))
        .order(channel_changes::version.asc())
        .limit(limit)
        .select((channel_changes::version, channel_changes::detail));
    let rows: Vec<(i64, String)> = with_conn!(conn, |c| query.load(c).await)?;
    let parse = |(version, detail): (i64, String)| match serde_json::from_str(&detail) {
        Ok(change) => Ok((version, change)),
        Err(error) => {
            Err(StoreError::Internal(format!("change {version} of channel {channel} is unreadable: {error}")))
        }
    };
    rows.into_iter().map(parse).collect()
}

/// What happened to a channel after a version, and the channel itself where that reaches its head.
pub(super) async fn fill(conn: &mut Conn, channel: ChannelId, after: i64, limit: usize) -> Result<Fill, StoreError> {
    let mut messages = VecDeque::from(page::by_version(conn, channel, after, limit).await?);
    let mut others = VecDeque::from(changes(conn, channel, after, i64::try_from(limit).unwrap_or(i64::MAX)).await?);
    let mut filled = Vec::new();
    let mut last = after;
    while filled.len() < limit {
        let is_message = match (messages.front(), others.front()) {
            (Some(message), Some((version, _))) => message.version < *version,
            (message, _) => message.is_some(),
        };
        let next = if is_message {
            messages.pop_front().map(|message| (message.version, FilledWhat::Message(Box::new(message))))
        } else {
            others.pop_front().map(|(version, change)| (version, FilledWhat::Channel(change)))
        };
        let Some((version, what)) = next else { break };
        filled.push(FilledChange { since: last + 1, version, what });
        last = version;
    }
    let state = channels::state(conn, channel).await?.filter(|state| last >= state.channel.version);
    Ok(Fill { changes: filled, state })
}
