//! How users were last known to be, and each change of that: written only while somebody is told of it.
//!
//! What nodes say of a user is ordered by a number that never goes back; of two that say the same the second is no change. So
//! online and offline alternate, whoever writes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::domain::ids::UserId;
use crate::domain::webhook::{Lane, Seen};
use crate::store::backend::{Conn, with_conn};
use crate::store::error::StoreError;
use crate::store::kept::Kept;
use crate::store::meta;
use crate::store::schema::{presence, presence_changes, webhook_failures};
use crate::store::sql_types::At;

/// In `meta`: the number of the last beginning. What was noted before it is not to be taken for a change since.
const BEGAN: &str = "presence_began";
/// Rows of one transaction.
const PAGE: i64 = 2000;
/// A number so much further ahead than a new one was given by a clock that was wrong.
const FAR_AHEAD: i64 = 60_000_000;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = presence)]
pub(in crate::store) struct PresenceRow {
    user_id: UserId,
    online: bool,
    number: i64,
    changes: i64,
    at: At,
}

impl PresenceRow {
    /// Whether it says more than is known. Who was there all along is so whatever was said before.
    fn takes(&self, seen: &Seen) -> bool {
        if seen.silent {
            return !self.online;
        }
        seen.number > self.number || self.number > seen.number.saturating_add(FAR_AHEAD)
    }
}

/// Takes down what was seen since the beginning of that number, in this order. Of whom something changed. None: all began anew
/// since, and who is there is to be said first.
pub(super) async fn record(
    conn: &mut Conn,
    began: i64,
    seen: Vec<Seen>,
) -> Result<Option<BTreeSet<UserId>>, StoreError> {
    if number(conn.hold_text(BEGAN).await?) != began {
        return Ok(None);
    }
    let users: BTreeSet<UserId> = seen.iter().map(|it| it.user).collect();
    // Ascending, as all are locked, so that two nodes never wait for each other.
    for user in &users {
        make(conn, *user).await?;
    }
    let ids: Vec<UserId> = users.into_iter().collect();
    let mut rows: BTreeMap<UserId, PresenceRow> =
        conn.lock_presence(&ids).await?.into_iter().map(|row| (row.user_id, row)).collect();
    let (mut changed, mut told) = (BTreeSet::new(), BTreeSet::new());
    for it in seen {
        let Some(row) = rows.get_mut(&it.user).filter(|row| row.takes(&it)) else { continue };
        if !it.silent {
            row.number = it.number;
        }
        changed.insert(it.user);
        if row.online == it.online {
            continue;
        }
        (row.online, row.at) = (it.online, At(it.at));
        if !it.silent {
            row.changes += 1;
            told.insert(it.user);
            let query = diesel::insert_into(presence_changes::table).values((
                presence_changes::user_id.eq(it.user),
                presence_changes::change.eq(row.changes),
                presence_changes::online.eq(it.online),
                presence_changes::at.eq(At(it.at)),
            ));
            with_conn!(conn, |c| query.execute(c).await)?;
        }
    }
    for row in changed.iter().filter_map(|user| rows.get(user)) {
        let query = Kept(diesel::update(presence::table.find(row.user_id)).set((
            presence::online.eq(row.online),
            presence::number.eq(row.number),
            presence::changes.eq(row.changes),
            presence::at.eq(row.at),
        )));
        with_conn!(conn, |c| query.execute(c).await)?;
    }
    Ok(Some(told))
}

/// Who is not known is offline.
async fn make(conn: &mut Conn, user: UserId) -> QueryResult<()> {
    let query = diesel::insert_into(presence::table)
        .values((
            presence::user_id.eq(user),
            presence::online.eq(false),
            presence::number.eq(0),
            presence::changes.eq(0),
            presence::at.eq(At(DateTime::UNIX_EPOCH)),
        ))
        .on_conflict_do_nothing();
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// Users who are down as online, after this one, ascending.
pub(super) async fn online(conn: &mut Conn, after: UserId, limit: i64) -> QueryResult<Vec<UserId>> {
    let query = presence::table
        .filter(presence::online.and(presence::user_id.gt(after)))
        .order(presence::user_id)
        .limit(limit)
        .select(presence::user_id);
    with_conn!(conn, |c| query.load(c).await)
}

/// Nobody was told of anything lately, so that who is down as online may be gone for long: some of them are put down as away;
/// false: there were none.
pub(super) async fn put_away(conn: &mut Conn) -> QueryResult<bool> {
    let query = presence::table.filter(presence::online).order(presence::user_id).limit(PAGE).select(presence::user_id);
    let ids: Vec<UserId> = with_conn!(conn, |c| query.load(c).await)?;
    let ([first, ..], [.., last]) = (ids.as_slice(), ids.as_slice()) else { return Ok(false) };
    let (first, last) = (*first, *last);
    let some = presence::table.filter(presence::online.and(presence::user_id.between(first, last)));
    let query = diesel::update(some).set(presence::online.eq(false));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(true)
}

/// From here on each node says anew who is there, before it says anything else.
pub(super) async fn begin_anew(conn: &mut Conn, now: DateTime<Utc>) -> QueryResult<()> {
    let next = now.timestamp_micros().max(began(conn).await? + 1);
    meta::put(conn, BEGAN, &next.to_string()).await
}

/// The number of the last beginning.
pub(super) async fn began(conn: &mut Conn) -> QueryResult<i64> {
    Ok(number(meta::find(conn, BEGAN).await?))
}

fn number(text: Option<String>) -> i64 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Some of the changes that nobody will be told of any more; false: there were none.
pub(super) async fn expire(conn: &mut Conn, before: DateTime<Utc>) -> QueryResult<bool> {
    let query = presence_changes::table
        .filter(presence_changes::at.lt(At(before)))
        .order(presence_changes::at)
        .limit(PAGE)
        .select(presence_changes::at);
    let times: Vec<At> = with_conn!(conn, |c| query.load(c).await)?;
    let Some(At(last)) = times.last() else { return Ok(false) };
    let query = diesel::delete(presence_changes::table.filter(presence_changes::at.le(At(*last))));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(true)
}

/// How far a user's changes go, also where they are not kept any more.
pub(super) async fn changes(conn: &mut Conn, user: UserId) -> QueryResult<i64> {
    let query = presence::table.find(user).select(presence::changes);
    let number: Option<i64> = with_conn!(conn, |c| query.first(c).await).optional()?;
    Ok(number.unwrap_or_default())
}

/// Changes of a user that are kept, after that one, ascending: number, whether they came, when.
pub(in crate::store) async fn of(
    conn: &mut Conn,
    user: UserId,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<(i64, bool, DateTime<Utc>)>> {
    let query = presence_changes::table
        .filter(presence_changes::user_id.eq(user).and(presence_changes::change.gt(after)))
        .order(presence_changes::change)
        .limit(limit)
        .select((presence_changes::change, presence_changes::online, presence_changes::at));
    let rows: Vec<(i64, bool, At)> = with_conn!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().map(|(change, online, At(at))| (change, online, at)).collect())
}

/// When a user came and went is kept no longer. How many changes there were stays: events are named by that.
pub(in crate::store) async fn forget(conn: &mut Conn, user: UserId) -> QueryResult<()> {
    let query = diesel::delete(presence_changes::table.filter(presence_changes::user_id.eq(user)));
    with_conn!(conn, |c| query.execute(c).await)?;
    let query = diesel::update(presence::table.find(user)).set(presence::at.eq(At(DateTime::UNIX_EPOCH)));
    with_conn!(conn, |c| query.execute(c).await)?;
    let lane = webhook_failures::lane.eq(Lane::USER).and(webhook_failures::lane_id.eq(Lane::User(user).id()));
    let query = diesel::delete(webhook_failures::table.filter(lane));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}
