//! Where cursors are put: at the present for a new webhook, back for one that is to be told again, nowhere for one that is gone.
//!
//! A page of lanes in each transaction, so that none of them takes long, however many there are.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{cursors, failures};
use crate::domain::change::Denied;
use crate::domain::ids::{ChannelId, LaneId, WebhookId};
use crate::domain::webhook::{Cursor, Lane};
use crate::store::backend::{Conn, with_conn};
use crate::store::error::{Failure, StoreError};
use crate::store::kept::Kept;
use crate::store::schema::{channels, messages, presence, webhook_cursors};
use crate::store::sql_types::{At, Id, Micros};

/// Lanes, or events, of one transaction.
pub(super) const PAGE: i64 = 2000;

/// Before the first lane.
pub(super) const FIRST: LaneId = LaneId(Uuid::nil());

/// What of a lane's cursor is put to where the lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// All, where there is no cursor yet.
    New,
    Versions,
    Reads,
}

/// The texts are the same to both databases.
macro_rules! present {
    ($conflict:literal) => {
        concat!(
            "INSERT INTO webhook_cursors (webhook_id, lane, lane_id, version, seq, record, rewinds, attempts, unreachable) ",
            "SELECT $1, 'channel', c.id, c.version, c.last_seq, coalesce(j.number, 0), 0, 0, FALSE ",
            "FROM channels c LEFT JOIN audit_journals j ON j.id = c.id WHERE c.id > $2 AND c.id <= $3 ",
            "ON CONFLICT (webhook_id, lane, lane_id) ",
            $conflict
        )
    };
}

const PRESENT_USERS: &str = "\
INSERT INTO webhook_cursors (webhook_id, lane, lane_id, version, seq, record, rewinds, attempts, unreachable) \
SELECT $1, 'user', p.user_id, p.changes, 0, 0, 0, 0, FALSE FROM presence p WHERE p.user_id > $2 AND p.user_id <= $3 \
ON CONFLICT (webhook_id, lane, lane_id) DO UPDATE SET version = excluded.version";

/// A page of channels after `after`. The last of them; None: that was all.
pub(super) async fn present(
    conn: &mut Conn,
    webhook: WebhookId,
    what: What,
    after: LaneId,
) -> Result<Option<LaneId>, StoreError> {
    let query = channels::table.filter(channels::id.gt(after)).order(channels::id).limit(PAGE).select(channels::id);
    let ids: Vec<LaneId> = with_conn!(conn, |c| query.load(c).await)?;
    let Some(last) = ids.last() else { return Ok(None) };
    let text = match what {
        What::New => present!("DO NOTHING"),
        What::Versions => present!("DO UPDATE SET version = excluded.version, seq = excluded.seq"),
        What::Reads => present!("DO UPDATE SET record = excluded.record"),
    };
    range(conn, text, webhook, after, *last).await?;
    Ok(Some(*last))
}

/// The same of users whose presence is known.
pub(super) async fn present_users(
    conn: &mut Conn,
    webhook: WebhookId,
    after: LaneId,
) -> Result<Option<LaneId>, StoreError> {
    let query = presence::table
        .filter(presence::user_id.gt(after))
        .order(presence::user_id)
        .limit(PAGE)
        .select(presence::user_id);
    let ids: Vec<LaneId> = with_conn!(conn, |c| query.load(c).await)?;
    let Some(last) = ids.last() else { return Ok(None) };
    range(conn, PRESENT_USERS, webhook, after, *last).await?;
    Ok(Some(*last))
}

async fn range(conn: &mut Conn, text: &str, webhook: WebhookId, after: LaneId, last: LaneId) -> QueryResult<usize> {
    let query = diesel::sql_query(text).bind::<Id, _>(webhook).bind::<Id, _>(after).bind::<Id, _>(last);
    with_conn!(conn, |c| query.execute(c).await)
}

/// Has a channel told again from a version on.
pub(super) async fn from_version(
    conn: &mut Conn,
    webhook: WebhookId,
    channel: ChannelId,
    version: i64,
) -> Result<(), Failure> {
    let query = channels::table.find(channel).select(channels::last_seq);
    let last: Option<i64> = with_conn!(conn, |c| query.first(c).await).optional()?;
    let last = last.ok_or(Denied::NoChannel)?;
    let seq = seq_before(conn, channel, version).await?.unwrap_or(last);
    let lane = Lane::Channel(channel);
    back(conn, webhook, lane, Cursor { version: version - 1, seq, record: i64::MAX }).await?;
    Ok(())
}

/// The number of the last message before the first one that took this version or a later one; `None` where none did.
pub(super) async fn seq_before(conn: &mut Conn, channel: ChannelId, version: i64) -> QueryResult<Option<i64>> {
    // What was sent since has at least that version now: by that there is an index.
    let query = messages::table
        .filter(messages::channel_id.eq(channel).and(messages::version.ge(version)))
        .filter(messages::first_version.ge(version))
        .select(diesel::dsl::min(messages::seq));
    let first: Option<i64> = with_conn!(conn, |c| query.first(c).await)?;
    Ok(first.map(|seq| seq - 1))
}

/// Never forward. Whoever is at it finds that the lane is theirs no more, also where what they have delivered is not written
/// yet.
async fn back(conn: &mut Conn, webhook: WebhookId, lane: Lane, to: Cursor) -> Result<(), StoreError> {
    // A lane that was not told of so far begins at its beginning.
    cursors::insert(conn, webhook, lane, lane.start(), (None, None)).await?;
    let row = webhook_cursors::table.find((webhook, lane.word(), lane.id()));
    let columns = (webhook_cursors::version, webhook_cursors::seq, webhook_cursors::record, webhook_cursors::rewinds);
    let found: (i64, i64, i64, i64) = with_conn!(conn, |c| row.select(columns).first(c).await)?;
    let (version, seq, record, rewinds) = found;
    let query = Kept(diesel::update(row).set((
        webhook_cursors::version.eq(version.min(to.version)),
        webhook_cursors::seq.eq(seq.min(to.seq)),
        webhook_cursors::record.eq(record.min(to.record)),
        webhook_cursors::rewinds.eq(rewinds + 1),
        webhook_cursors::attempts.eq(0),
        webhook_cursors::event.eq(None::<String>),
        webhook_cursors::event_id.eq(None::<crate::domain::ids::EventId>),
        webhook_cursors::first_at.eq(None::<At>),
        webhook_cursors::next_at.eq(None::<At>),
        webhook_cursors::error.eq(None::<String>),
        webhook_cursors::unreachable.eq(false),
        webhook_cursors::leased_by.eq(None::<crate::domain::ids::WorkerId>),
        webhook_cursors::leased_until.eq(None::<At>),
    )));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// Where each channel of a page was at a time. Subqueries that leave the planner no other way than an
/// index. SQLite counts parameters as they come first.
const THEN: &str = "\
SELECT c.id AS lane_id, \
(SELECT min(m.seq) FROM messages m WHERE m.channel_id = c.id AND m.created_at >= $1) AS next_seq, \
(SELECT e.version FROM audit_entries e WHERE e.channel_id = c.id ORDER BY e.version DESC LIMIT 1) AS last_entry, \
(SELECT e.version FROM audit_entries e WHERE e.channel_id = c.id AND e.at < $1 ORDER BY e.version DESC LIMIT 1) AS entry, \
(SELECT r.number FROM audit_records r WHERE r.journal_id = c.id ORDER BY r.number DESC LIMIT 1) AS last_record, \
(SELECT r.number FROM audit_records r WHERE r.journal_id = c.id AND r.at < $1 ORDER BY r.number DESC LIMIT 1) AS record \
FROM channels c WHERE c.id > $2 AND c.id <= $3 ORDER BY c.id";

const USERS_THEN: &str = "\
SELECT p.user_id AS lane_id, CAST(NULL AS BIGINT) AS next_seq, p.changes AS last_entry, \
(SELECT h.change FROM presence_changes h WHERE h.user_id = p.user_id AND h.at < $1 ORDER BY h.change DESC LIMIT 1) AS entry, \
CAST(NULL AS BIGINT) AS last_record, CAST(NULL AS BIGINT) AS record FROM presence p WHERE p.user_id > $2 AND p.user_id <= $3 ORDER BY p.user_id";

#[derive(QueryableByName)]
struct Then {
    #[diesel(sql_type = Id)]
    lane_id: LaneId,
    #[diesel(sql_type = Nullable<BigInt>)]
    next_seq: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_entry: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    entry: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_record: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    record: Option<i64>,
}

impl Then {
    /// None: nothing has happened there since.
    fn cursor(&self, lane: Lane) -> Option<Cursor> {
        let start = lane.start();
        let to = Cursor {
            version: self.entry.unwrap_or(start.version),
            seq: self.next_seq.map_or(i64::MAX, |seq| seq - 1),
            record: self.record.unwrap_or(start.record),
        };
        let since = self.next_seq.is_some()
            || self.last_entry.is_some_and(|last| last > to.version)
            || self.last_record.is_some_and(|last| last > to.record);
        since.then_some(to)
    }
}

/// Has a page of lanes of one kind told again from a time on: the last of them, and how many that were. None: that was all.
pub(super) async fn since(
    conn: &mut Conn,
    webhook: WebhookId,
    word: &'static str,
    at: DateTime<Utc>,
    after: LaneId,
) -> Result<Option<(LaneId, usize)>, StoreError> {
    const PAGE: i64 = 200;
    let of_users = word == Lane::USER;
    let ids: Vec<LaneId> = if of_users {
        let query = presence::table.filter(presence::user_id.gt(after)).order(presence::user_id).limit(PAGE);
        with_conn!(conn, |c| query.select(presence::user_id).load(c).await)?
    } else {
        let query = channels::table.filter(channels::id.gt(after)).order(channels::id).limit(PAGE);
        with_conn!(conn, |c| query.select(channels::id).load(c).await)?
    };
    let Some(last) = ids.last() else { return Ok(None) };
    let query = diesel::sql_query(if of_users { USERS_THEN } else { THEN })
        .bind::<Micros, _>(At(at))
        .bind::<Id, _>(after)
        .bind::<Id, _>(*last);
    let then: Vec<Then> = with_conn!(conn, |c| query.load(c).await)?;
    let mut count = 0;
    for it in then {
        let Some(lane) = Lane::of(word, it.lane_id) else { continue };
        if let Some(to) = it.cursor(lane) {
            back(conn, webhook, lane, to).await?;
            count += 1;
        }
    }
    Ok(Some((*last, count)))
}

/// Some of the cursors and failures of a webhook that is gone; false: there were none.
pub(super) async fn clear(conn: &mut Conn, webhook: WebhookId) -> Result<bool, StoreError> {
    let query = webhook_cursors::table
        .filter(webhook_cursors::webhook_id.eq(webhook))
        .order((webhook_cursors::lane, webhook_cursors::lane_id))
        .limit(PAGE)
        .select((webhook_cursors::lane, webhook_cursors::lane_id));
    let some: Vec<(String, LaneId)> = with_conn!(conn, |c| query.load(c).await)?;
    let ([(word, first), ..], [.., (last_word, last)]) = (some.as_slice(), some.as_slice()) else {
        return Ok(failures::clear(conn, webhook).await?);
    };
    // Of one kind at a time, since they are in the order of both.
    let until = if word == last_word { *last } else { LaneId(Uuid::max()) };
    let range = webhook_cursors::lane.eq(word).and(webhook_cursors::lane_id.between(*first, until));
    let query = diesel::delete(webhook_cursors::table.filter(webhook_cursors::webhook_id.eq(webhook)).filter(range));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(true)
}

/// Webhooks that are gone and have left cursors behind, since whoever removed them did not come to the end.
pub(super) async fn orphans(conn: &mut Conn) -> QueryResult<Vec<WebhookId>> {
    let there = super::endpoints::ids(conn).await?;
    let query = webhook_cursors::table
        .filter(webhook_cursors::webhook_id.ne_all(there))
        .select(webhook_cursors::webhook_id)
        .distinct()
        .limit(16);
    with_conn!(conn, |c| query.load(c).await)
}
