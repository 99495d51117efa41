//! How long messages are kept, and erasing them: what they said, what they said before, and what hangs on them.
//!
//! An erased message is a deleted one of which nothing is left but that it was there, when and whose. Each part of a run is one
//! transaction with the channel locked, and a record in its journal. Holds are looked at there too.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::channels;
use super::error::{Failure, StoreError};
use super::journal::{self, note};
use super::kept::Kept;
use super::schema::{channel_retention, channels as channels_table, message_revisions, messages};
use super::sql_types::At;
use super::{audit, members};
use crate::domain::audit::{Entry, What};
use crate::domain::change::{By, Change, ChannelChange, Denied};
use crate::domain::ids::{ChannelId, JournalId, MessageId, UserId};
use crate::domain::journal::Kind;
use crate::domain::permission::{Action, allows};
use crate::domain::retention::{ERASED_TYPE, Erase, ErasedDetail, Erasure, Reason, Retention, Which};
use crate::fault::{self, Sabotage};

/// Messages that are erased in one transaction, each of which may take a version.
const PART: i64 = 50;

type Row = (Option<i32>, bool);
type PageRow = (ChannelId, Option<i32>, Option<bool>, Option<i64>);

/// What a channel has of its own. None: there is no such channel.
pub(super) async fn of(conn: &mut Conn, channel: ChannelId) -> QueryResult<Option<Retention>> {
    let query = channels_table::table.find(channel).select(channels_table::id);
    let there: Option<ChannelId> = with_conn!(conn, |c| query.first(c).await).optional()?;
    if there.is_none() {
        return Ok(None);
    }
    own(conn, channel).await.map(Some)
}

async fn own(conn: &mut Conn, channel: ChannelId) -> QueryResult<Retention> {
    let query = channel_retention::table.find(channel).select((channel_retention::days, channel_retention::legal_hold));
    let row: Option<Row> = with_conn!(conn, |c| query.first(c).await).optional()?;
    Ok(row.map(|(days, legal_hold)| Retention { days, legal_hold }).unwrap_or_default())
}

/// Of each channel after this one, ascending, and up to where it is erased already; `limit` at most.
pub(super) async fn page(
    conn: &mut Conn,
    after: ChannelId,
    limit: i64,
) -> QueryResult<Vec<(ChannelId, Retention, i64)>> {
    let query = channels_table::table
        .left_join(channel_retention::table)
        .filter(channels_table::id.gt(after))
        .order(channels_table::id)
        .limit(limit)
        .select((
            channels_table::id,
            channel_retention::days.nullable(),
            channel_retention::legal_hold.nullable(),
            channel_retention::swept_seq.nullable(),
        ));
    let rows: Vec<PageRow> = with_conn!(conn, |c| query.load(c).await)?;
    let own = |(id, days, hold, swept): (_, _, Option<bool>, Option<i64>)| {
        (id, Retention { days, legal_hold: hold.unwrap_or_default() }, swept.unwrap_or_default())
    };
    Ok(rows.into_iter().map(own).collect())
}

/// `None` where it is so already.
pub(super) async fn set(
    conn: &mut Conn,
    by: By,
    channel: ChannelId,
    to: Retention,
    at: DateTime<Utc>,
) -> Result<Option<Change>, Failure> {
    let (row, asker) = members::enter(conn, by, channel).await?;
    if !allows(asker, Action::SetRetention, row.kind()?) {
        return Err(Denied::Forbidden("only the application's server decides how long messages are kept").into());
    }
    if own(conn, channel).await? == to {
        return Ok(None);
    }
    let values = (channel_retention::days.eq(to.days), channel_retention::legal_hold.eq(to.legal_hold));
    let query = diesel::insert_into(channel_retention::table)
        .values((channel_retention::channel_id.eq(channel), values))
        .on_conflict(channel_retention::channel_id)
        .do_update()
        .set(values);
    with_conn!(conn, |c| query.execute(c).await)?;
    let Retention { days, legal_hold } = to;
    channels::record(conn, row, by, ChannelChange::RetentionSet { days, legal_hold }, at).await.map(Some)
}

/// The channels in which a user has sent what is not erased; ascending.
pub(super) async fn spoken_in(conn: &mut Conn, user: UserId) -> QueryResult<Vec<ChannelId>> {
    let query = messages::table
        .filter(messages::sender_id.eq(user).and(messages::erased_at.is_null()))
        .order(messages::channel_id)
        .select(messages::channel_id)
        .distinct();
    with_conn!(conn, |c| query.load(c).await)
}

/// A part of a run.
pub(super) async fn erase(conn: &mut Conn, wish: Erase, at: DateTime<Utc>) -> Result<Erasure, Failure> {
    let row = conn.lock_channel(wish.channel).await?.ok_or(Denied::NoChannel)?;
    let own = own(conn, wish.channel).await?;
    if own.legal_hold {
        return Ok(Erasure { held: true, ..Erasure::default() });
    }
    let (found, reason) = match wish.which {
        Which::Of(user) => (theirs(conn, wish, user).await?, Reason::User),
        // What was decided while others were swept counts.
        Which::Expired { default } => match own.before(default, at) {
            Some(before) => (expired(conn, wish, before).await?, Reason::Retention),
            None => return Ok(Erasure::default()),
        },
    };
    let next =
        found.last().filter(|_| i64::try_from(found.len()).is_ok_and(|count| count >= PART)).map(|(_, seq, ..)| *seq);
    let mut version = row.version;
    for (id, ..) in found.iter().filter(|(_, _, deleted)| !deleted) {
        version += 1;
        let query = Kept(diesel::update(messages::table.find(*id)).set((
            messages::version.eq(version),
            messages::deleted_at.eq(At(at)),
            messages::deleted_by.eq(None::<UserId>),
        )));
        with_conn!(conn, |c| query.execute(c).await)?;
        let what = What::Deleted { message_id: *id };
        audit::note(conn, Entry { channel_id: row.id, version, at, by: None, what }).await?;
    }
    if version > row.version {
        let query = Kept(diesel::update(channels_table::table.find(row.id)).set(channels_table::version.eq(version)));
        with_conn!(conn, |c| query.execute(c).await)?;
    }
    let ids: Vec<MessageId> = found.iter().map(|(id, ..)| *id).collect();
    wipe(conn, &ids, at).await?;
    if reason == Reason::Retention {
        sweep_on(conn, row.id, wish.after).await?;
    }
    if !found.is_empty() {
        let told = ErasedDetail::new(reason, found.iter().map(|(_, seq, _)| *seq));
        journal::write(conn, vec![note(JournalId::of(row.id), Kind::Erased, None, at, &told)]).await?;
    }
    Ok(Erasure { messages: found.len(), next, held: false })
}

/// A message, its number, and whether it is deleted already.
type Found = (MessageId, i64, bool);

/// The next messages of a user that are not erased, ascending by number.
async fn theirs(conn: &mut Conn, wish: Erase, user: UserId) -> QueryResult<Vec<Found>> {
    let query = messages::table
        .filter(
            messages::channel_id.eq(wish.channel).and(messages::sender_id.eq(user)).and(messages::seq.gt(wish.after)),
        )
        .filter(messages::erased_at.is_null())
        .order(messages::seq)
        .limit(PART)
        .select((messages::id, messages::seq, messages::deleted_at));
    let rows: Vec<(MessageId, i64, Option<At>)> = with_conn!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().map(|(id, seq, deleted)| (id, seq, deleted.is_some())).collect())
}

/// Those of the next messages that are older than that. No more of them are looked at than may be erased: times ascend with the
/// numbers but for what clocks differ by.
async fn expired(conn: &mut Conn, wish: Erase, before: DateTime<Utc>) -> QueryResult<Vec<Found>> {
    let query = messages::table
        .filter(messages::channel_id.eq(wish.channel).and(messages::seq.gt(wish.after)))
        .filter(messages::erased_at.is_null())
        .order(messages::seq)
        .limit(PART)
        .select((messages::id, messages::seq, messages::deleted_at, messages::created_at));
    let rows: Vec<(MessageId, i64, Option<At>, At)> = with_conn!(conn, |c| query.load(c).await)?;
    let old = rows.into_iter().filter(|(.., created)| created.0 < before);
    Ok(old.map(|(id, seq, deleted, _)| (id, seq, deleted.is_some())).collect())
}

/// Whether any of the next messages is older than that. Without the channel locked.
pub(super) async fn is_due(
    conn: &mut Conn,
    channel: ChannelId,
    after: i64,
    before: DateTime<Utc>,
) -> QueryResult<bool> {
    let wish = Erase { channel, which: Which::Expired { default: None }, after };
    Ok(!expired(conn, wish, before).await?.is_empty())
}

/// Files are let go of with the deletion. What the digest of the send has is gone with the content, since nothing else proves it.
async fn wipe(conn: &mut Conn, ids: &[MessageId], at: DateTime<Utc>) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    if !fault::planted(Sabotage::ErasureLeavesRevisions) {
        let query = diesel::delete(message_revisions::table.filter(message_revisions::message_id.eq_any(ids)));
        with_conn!(conn, |c| query.execute(c).await)?;
    }
    let query = diesel::update(messages::table.filter(messages::id.eq_any(ids))).set((
        messages::content.eq(""),
        messages::content_type.eq(ERASED_TYPE),
        messages::reply_to_id.eq(None::<MessageId>),
        messages::attachment_ids.eq(None::<Vec<u8>>),
        messages::erased_at.eq(At(at)),
    ));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// Notes up to where all is erased, from where that was known to be so.
async fn sweep_on(conn: &mut Conn, channel: ChannelId, after: i64) -> QueryResult<()> {
    let query = messages::table
        .filter(messages::channel_id.eq(channel).and(messages::seq.gt(after)).and(messages::erased_at.is_null()))
        .order(messages::seq)
        .select(messages::seq);
    let first: Option<i64> = with_conn!(conn, |c| query.first(c).await).optional()?;
    let query = channels_table::table.find(channel).select(channels_table::last_seq);
    let swept = match first {
        Some(seq) => seq - 1,
        None => with_conn!(conn, |c| query.first(c).await)?,
    };
    let query = diesel::insert_into(channel_retention::table)
        .values((channel_retention::channel_id.eq(channel), channel_retention::swept_seq.eq(swept)))
        .on_conflict(channel_retention::channel_id)
        .do_update()
        .set(channel_retention::swept_seq.eq(swept));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}
