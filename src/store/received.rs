//! What members' devices have received: a stretch of versions on each member's row, each step of it a record of the journal.
//!
//! Written for many sessions together. Decides nothing: what a member may see hangs on none of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::error::StoreError;
use super::journal;
use super::kept::Kept;
use super::schema::{channel_members, channels};
use super::sql_types::At;
use crate::domain::ids::{ChannelId, JournalId, UserId};
use crate::domain::journal::Kind;
use crate::domain::receipt::{Reach, Receipt, Received, Step};

type Key = (ChannelId, UserId);

/// The steps that one member goes.
struct Walk {
    from: Reach,
    steps: Vec<(Kind, Reach, DateTime<Utc>)>,
}

/// Takes note of these, in their order. Returned are those of whose members another node took note at the same moment.
pub(super) async fn note(conn: &mut Conn, receipts: Vec<Receipt>) -> Result<Vec<Receipt>, StoreError> {
    let standings = standings(conn, &receipts).await?;
    // In one order for all, so that two transactions never wait for each other.
    let mut walks: BTreeMap<Key, Walk> = BTreeMap::new();
    for Receipt { channel_id, user_id, what, at } in &receipts {
        let key = (*channel_id, *user_id);
        // Who is no member any more has no row, and what is beyond the channel's head is of a history that is over.
        let Some((from, _)) = standings.get(&key).filter(|(_, head)| what.version() <= *head) else { continue };
        let walk = walks.entry(key).or_insert_with(|| Walk { from: *from, steps: Vec::new() });
        let known = walk.steps.last().map_or(walk.from, |(_, reach, _)| *reach);
        let kind = if matches!(what, Received::Confirmed(_)) { Kind::Received } else { Kind::Holds };
        match known.and(*what) {
            None => {}
            Some(Step::Further(reach)) => walk.steps.push((kind, reach, *at)),
            // What is known is said again: a member's row is what their last record says.
            Some(Step::Beside(reach)) => walk.steps.extend([(kind, reach, *at), (Kind::Holds, known, *at)]),
        }
    }
    let (mut notes, mut overtaken) = (Vec::new(), BTreeSet::new());
    for (key, Walk { from, steps }) in walks {
        let Some((_, last, at)) = steps.last() else { continue };
        if write(conn, key, from, *last, *at).await? == 0 {
            overtaken.insert(key);
            continue;
        }
        let (journal, user) = (JournalId::of(key.0), Some(key.1));
        notes.extend(steps.iter().map(|(kind, reach, at)| journal::note(journal, *kind, user, *at, reach)));
    }
    journal::write(conn, notes).await?;
    Ok(receipts.into_iter().filter(|it| overtaken.contains(&(it.channel_id, it.user_id))).collect())
}

/// Nothing is written where the row is not as it was read.
async fn write(conn: &mut Conn, (channel, user): Key, from: Reach, to: Reach, at: DateTime<Utc>) -> QueryResult<usize> {
    let as_read = channel_members::table
        .find((channel, user))
        .filter(channel_members::received_after.eq(from.after).and(channel_members::received_version.eq(from.version)));
    let query = Kept(diesel::update(as_read).set((
        channel_members::received_after.eq(to.after),
        channel_members::received_version.eq(to.version),
        channel_members::received_at.eq(Some(At(at))),
    )));
    with_conn!(conn, |c| query.execute(c).await)
}

/// Where these members stand, and the newest version of their channels.
async fn standings(conn: &mut Conn, receipts: &[Receipt]) -> QueryResult<HashMap<Key, (Reach, i64)>> {
    let in_channels: BTreeSet<ChannelId> = receipts.iter().map(|it| it.channel_id).collect();
    let users: BTreeSet<UserId> = receipts.iter().map(|it| it.user_id).collect();
    let query = channel_members::table
        .inner_join(channels::table)
        .filter(channel_members::channel_id.eq_any(in_channels).and(channel_members::user_id.eq_any(users)))
        .select((
            channel_members::channel_id,
            channel_members::user_id,
            channel_members::received_after,
            channel_members::received_version,
            channels::version,
        ));
    let rows: Vec<(ChannelId, UserId, i64, i64, i64)> = with_conn!(conn, |c| query.load(c).await)?;
    let standing = |(channel, user, after, version, head)| ((channel, user), (Reach { after, version }, head));
    Ok(rows.into_iter().map(standing).collect())
}

/// Up to which version each member of a channel has received, and since when that is known; ascending by user. Who has
/// received nothing is missing.
pub(super) async fn of_channel(
    conn: &mut Conn,
    channel: ChannelId,
) -> QueryResult<BTreeMap<UserId, (i64, DateTime<Utc>)>> {
    let query = channel_members::table
        .filter(channel_members::channel_id.eq(channel).and(channel_members::received_at.is_not_null()))
        .select((channel_members::user_id, channel_members::received_version, channel_members::received_at));
    let rows: Vec<(UserId, i64, Option<At>)> = with_conn!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().filter_map(|(user, version, at)| Some((user, (version, at?.0)))).collect())
}

/// The members of a channel, and up to which version each has received, as far as that is known.
pub(super) async fn by_member(conn: &mut Conn, channel: ChannelId) -> QueryResult<BTreeMap<UserId, i64>> {
    let query = channel_members::table
        .filter(channel_members::channel_id.eq(channel))
        .select((channel_members::user_id, channel_members::received_version));
    let rows: Vec<(UserId, i64)> = with_conn!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().collect())
}
