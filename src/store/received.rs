//! What members' devices have received: a stretch of versions on each member's row, each step of it a record of the journal.
//!
//! Written for many sessions together. Decides nothing: what a member may see hangs on none of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::error::StoreError;
use super::kept::Kept;
use super::schema::{channel_members, channels};
use super::sql_types::At;
use super::{epoch, journal};
use crate::domain::ids::{ChannelId, JournalId, UserId};
use crate::domain::journal::Kind;
use crate::domain::receipt::{Reach, Receipt};

type Key = (ChannelId, UserId);

/// Where a member stands, and the newest version of the channel.
#[derive(Debug, Clone, Copy)]
struct Standing {
    reach: Reach,
    at: Option<DateTime<Utc>>,
    joined: DateTime<Utc>,
    head: i64,
}

/// The steps that one member goes.
struct Walk {
    from: Standing,
    steps: Vec<(Reach, DateTime<Utc>)>,
}

impl Walk {
    fn go(&mut self, receipt: &Receipt) {
        let (known, since) =
            self.steps.last().map_or((self.from.reach, self.from.at), |(reach, at)| (*reach, Some(*at)));
        if let Some(reach) = known.and(receipt.reach) {
            // Another device may have told later what it had earlier; all of it is known since the later moment.
            self.steps.push((reach, since.map_or(receipt.at, |since| since.max(receipt.at))));
        }
    }
}

/// Takes note of these, in their order. Returned are those of whose members another node took note at the same moment.
pub(super) async fn note(conn: &mut Conn, mut receipts: Vec<Receipt>) -> Result<Vec<Receipt>, StoreError> {
    let history = epoch::read(conn).await?;
    receipts.retain(|receipt| *receipt.history == *history);
    let standings = standings(conn, &receipts).await?;
    // In one order for all, so that two transactions never wait for each other.
    let mut walks: BTreeMap<Key, Walk> = BTreeMap::new();
    for receipt in &receipts {
        let key = (receipt.channel_id, receipt.user_id);
        // Who is no member any more has no row, and who came again has not received yet what they had before.
        let is_theirs = |it: &&Standing| receipt.reach.version <= it.head && receipt.at >= it.joined;
        let Some(from) = standings.get(&key).filter(is_theirs) else { continue };
        walks.entry(key).or_insert_with(|| Walk { from: *from, steps: Vec::new() }).go(receipt);
    }
    let (mut notes, mut overtaken) = (Vec::new(), BTreeSet::new());
    for (key, Walk { from, steps }) in walks {
        let Some((last, at)) = steps.last() else { continue };
        if write(conn, key, &from, *last, *at).await? == 0 {
            overtaken.insert(key);
            continue;
        }
        let (journal, user) = (JournalId::of(key.0), Some(key.1));
        notes.extend(steps.iter().map(|(reach, at)| journal::note(journal, Kind::Received, user, *at, reach)));
    }
    journal::write(conn, notes).await?;
    Ok(receipts.into_iter().filter(|it| overtaken.contains(&(it.channel_id, it.user_id))).collect())
}

/// Nothing is written where the row is not as it was read.
async fn write(
    conn: &mut Conn,
    (channel, user): Key,
    from: &Standing,
    to: Reach,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    let Standing { reach: Reach { after, version }, joined, .. } = *from;
    let as_read = channel_members::table
        .find((channel, user))
        .filter(channel_members::received_after.eq(after).and(channel_members::received_version.eq(version)))
        .filter(channel_members::joined_at.eq(At(joined)));
    let query = Kept(diesel::update(as_read).set((
        channel_members::received_after.eq(to.after),
        channel_members::received_version.eq(to.version),
        channel_members::received_at.eq(Some(At(at))),
    )));
    with_conn!(conn, |c| query.execute(c).await)
}

type StandingRow = (Key, (i64, i64), (Option<At>, At), i64);

async fn standings(conn: &mut Conn, receipts: &[Receipt]) -> QueryResult<HashMap<Key, Standing>> {
    let in_channels: BTreeSet<ChannelId> = receipts.iter().map(|it| it.channel_id).collect();
    let users: BTreeSet<UserId> = receipts.iter().map(|it| it.user_id).collect();
    let query = channel_members::table
        .inner_join(channels::table)
        .filter(channel_members::channel_id.eq_any(in_channels).and(channel_members::user_id.eq_any(users)))
        .select((
            (channel_members::channel_id, channel_members::user_id),
            (channel_members::received_after, channel_members::received_version),
            (channel_members::received_at, channel_members::joined_at),
            channels::version,
        ));
    let rows: Vec<StandingRow> = with_conn!(conn, |c| query.load(c).await)?;
    let standing = |(key, (after, version), (at, joined), head): StandingRow| {
        (key, Standing { reach: Reach { after, version }, at: at.map(|at| at.0), joined: joined.0, head })
    };
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
