//! The table of cursors: how far each webhook has come in each lane, what fails there, and which node is at it.
//!
//! Whoever claims a lane has it alone until it is let go of or its time is up. A cursor that somebody moved meanwhile (to be told
//! again) is left where they put it: the holder learns that the lane is theirs no more.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{endpoints, failures, waiting};
use crate::domain::ids::{EventId, LaneId, WebhookId, WorkerId};
use crate::domain::webhook::{Claim, Cursor, Failing, Lane, Settled, Trouble};
use crate::store::backend::{Conn, with_conn};
use crate::store::error::StoreError;
use crate::store::kept::Kept;
use crate::store::schema::{audit_journals, channels, presence, webhook_cursors};
use crate::store::sql_types::At;

/// Lanes that are compared in one query.
pub(super) const COMPARED: i64 = 1000;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = webhook_cursors)]
pub(in crate::store) struct CursorRow {
    pub(super) lane_id: LaneId,
    version: i64,
    seq: i64,
    record: i64,
    rewinds: i64,
    attempts: i32,
    event: Option<String>,
    event_id: Option<EventId>,
    first_at: Option<At>,
    next_at: Option<At>,
    error: Option<String>,
    unreachable: bool,
    leased_by: Option<WorkerId>,
    leased_until: Option<At>,
}

impl CursorRow {
    fn cursor(&self) -> Cursor {
        Cursor { version: self.version, seq: self.seq, record: self.record }
    }

    pub(super) fn failing(self) -> Option<Failing> {
        Some(Failing {
            event_id: self.event_id?,
            event: self.event?,
            attempts: u32::try_from(self.attempts).ok()?,
            first_at: self.first_at?.0,
            next_at: self.next_at?.0,
            trouble: Trouble { error: self.error.unwrap_or_default(), unreachable: self.unreachable },
        })
    }

    fn is_anothers(&self, worker: WorkerId, now: DateTime<Utc>) -> bool {
        self.leased_by.is_some_and(|by| by != worker) && self.leased_until.is_some_and(|until| until.0 > now)
    }
}

/// Who asks for which lanes.
#[derive(Debug, Clone)]
pub struct Ask {
    pub webhook: WebhookId,
    pub lanes: Vec<Lane>,
    /// Of channels: what of them is told.
    pub versions: bool,
    pub reads: bool,
    pub worker: WorkerId,
    pub now: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// How far a lane has come itself.
#[derive(Debug, Clone, Copy)]
struct Head {
    version: i64,
    record: i64,
}

impl Ask {
    fn is_behind(&self, lane: Lane, cursor: Cursor, head: Head) -> bool {
        match lane {
            Lane::Channel(_) => {
                (self.versions && head.version > cursor.version) || (self.reads && head.record > cursor.record)
            }
            Lane::User(_) => head.version > cursor.version,
        }
    }
}

/// Takes those lanes in which there is something to deliver. Those that do not exist are missing in the answer, and all are of a
/// webhook that is not told: of one that is removed there are no cursors, as if it had been told of nothing.
pub(super) async fn claim(conn: &mut Conn, ask: Ask) -> Result<Vec<(Lane, Claim)>, StoreError> {
    // Whoever removes it waits, and clears what is made here.
    if conn.hold_webhook(ask.webhook).await?.as_deref() != Some(endpoints::ACTIVE) {
        return Ok(Vec::new());
    }
    let mut claims = Vec::with_capacity(ask.lanes.len());
    for word in [Lane::CHANNEL, Lane::USER] {
        let ids: Vec<LaneId> = ask.lanes.iter().filter(|lane| lane.word() == word).map(|lane| lane.id()).collect();
        if ids.is_empty() {
            continue;
        }
        let rows = conn.lock_cursors(ask.webhook, word, &ids, false).await?;
        let mut rows: HashMap<LaneId, CursorRow> = rows.into_iter().map(|row| (row.lane_id, row)).collect();
        for (id, head) in heads(conn, word, &ids).await? {
            let Some(lane) = Lane::of(word, id) else { continue };
            let claim = match rows.remove(&id) {
                Some(row) => take(conn, &ask, lane, head, row).await?,
                None => begin(conn, &ask, lane, head).await?,
            };
            claims.push((lane, claim));
        }
        // Made while the channel was deleted.
        for id in rows.into_keys() {
            let query = diesel::delete(webhook_cursors::table.find((ask.webhook, word, id)));
            with_conn!(conn, |c| query.execute(c).await)?;
        }
    }
    Ok(claims)
}

async fn take(conn: &mut Conn, ask: &Ask, lane: Lane, head: Head, row: CursorRow) -> Result<Claim, StoreError> {
    let cursor = row.cursor();
    if !ask.is_behind(lane, cursor, head) {
        if row.next_at.is_some() && !row.is_anothers(ask.worker, ask.now) {
            // What failed there is nothing that it is told any more.
            waiting::calm(conn, ask.webhook, lane.word(), (lane.id(), lane.id())).await?;
        }
        return Ok(Claim::Idle);
    }
    if row.is_anothers(ask.worker, ask.now) {
        return Ok(Claim::Busy);
    }
    if let Some(next) = row.next_at.filter(|next| next.0 > ask.now) {
        return Ok(Claim::Later(next.0));
    }
    // Alone on its database a worker knows by itself what it is at.
    if conn.is_shared() {
        let query = Kept(diesel::update(webhook_cursors::table.find((ask.webhook, lane.word(), lane.id()))).set((
            webhook_cursors::leased_by.eq(Some(ask.worker)),
            webhook_cursors::leased_until.eq(Some(At(ask.until))),
        )));
        with_conn!(conn, |c| query.execute(c).await)?;
    }
    Ok(Claim::Held { cursor, rewinds: row.rewinds, failing: row.failing() })
}

/// A lane that the webhook was never told of: one that is newer than it.
async fn begin(conn: &mut Conn, ask: &Ask, lane: Lane, head: Head) -> Result<Claim, StoreError> {
    let cursor = lane.start();
    if !ask.is_behind(lane, cursor, head) {
        return Ok(Claim::Idle);
    }
    let held = Claim::Held { cursor, rewinds: 0, failing: None };
    if !conn.is_shared() {
        return Ok(held);
    }
    let lease = (Some(ask.worker), Some(ask.until));
    // None: another node holds its row, or has just made it.
    let made = insert(conn, ask.webhook, lane, cursor, lease).await?;
    Ok(if made { held } else { Claim::Busy })
}

pub(super) async fn insert(
    conn: &mut Conn,
    webhook: WebhookId,
    lane: Lane,
    cursor: Cursor,
    (by, until): (Option<WorkerId>, Option<DateTime<Utc>>),
) -> QueryResult<bool> {
    let query = diesel::insert_into(webhook_cursors::table)
        .values((
            webhook_cursors::webhook_id.eq(webhook),
            webhook_cursors::lane.eq(lane.word()),
            webhook_cursors::lane_id.eq(lane.id()),
            webhook_cursors::version.eq(cursor.version),
            webhook_cursors::seq.eq(cursor.seq),
            webhook_cursors::record.eq(cursor.record),
            webhook_cursors::rewinds.eq(0),
            webhook_cursors::attempts.eq(0),
            webhook_cursors::unreachable.eq(false),
            webhook_cursors::leased_by.eq(by),
            webhook_cursors::leased_until.eq(until.map(At)),
        ))
        .on_conflict_do_nothing();
    Ok(with_conn!(conn, |c| query.execute(c).await)? == 1)
}

async fn heads(conn: &mut Conn, word: &str, ids: &[LaneId]) -> QueryResult<Vec<(LaneId, Head)>> {
    if word == Lane::USER {
        let query = presence::table.filter(presence::user_id.eq_any(ids)).order(presence::user_id);
        let rows: Vec<(LaneId, i64)> =
            with_conn!(conn, |c| query.select((presence::user_id, presence::changes)).load(c).await)?;
        return Ok(rows.into_iter().map(|(id, version)| (id, Head { version, record: 0 })).collect());
    }
    let query = channels::table
        .left_join(audit_journals::table.on(audit_journals::id.eq(channels::id)))
        .filter(channels::id.eq_any(ids))
        .order(channels::id)
        .select((channels::id, channels::version, audit_journals::number.nullable()));
    let rows: Vec<(LaneId, i64, Option<i64>)> = with_conn!(conn, |c| query.load(c).await)?;
    let head = |(id, version, record): (_, _, Option<i64>)| (id, Head { version, record: record.unwrap_or_default() });
    Ok(rows.into_iter().map(head).collect())
}

/// Writes down how far lanes have come. Whether each was still its holder's; what was not is left as it is.
pub(super) async fn settle(
    conn: &mut Conn,
    worker: WorkerId,
    all: Vec<Settled>,
) -> Result<Vec<(WebhookId, Lane, bool)>, StoreError> {
    let mut all = all;
    // In one order for all, so that two transactions never wait for each other.
    all.sort_unstable_by_key(|it| (it.webhook, it.lane.word(), it.lane.id()));
    let mut answers = Vec::with_capacity(all.len());
    for part in all.chunk_by(|one, other| one.webhook == other.webhook && one.lane.word() == other.lane.word()) {
        let Some(Settled { webhook, lane, .. }) = part.first() else { continue };
        let ids: Vec<LaneId> = part.iter().map(|it| it.lane.id()).collect();
        let rows = conn.lock_cursors(*webhook, lane.word(), &ids, true).await?;
        let rows: HashMap<LaneId, CursorRow> = rows.into_iter().map(|row| (row.lane_id, row)).collect();
        for it in part {
            let is_ours = match rows.get(&it.lane.id()) {
                Some(row) => {
                    let is_as_known = row.cursor() == it.from && row.rewinds == it.rewinds;
                    is_as_known && (!conn.is_shared() || row.leased_by == Some(worker))
                }
                // Not written so far, or gone with its channel or webhook.
                None => {
                    !conn.is_shared() && it.from == it.lane.start() && endpoints::is_there(conn, it.webhook).await?
                }
            };
            if is_ours {
                if !rows.contains_key(&it.lane.id()) {
                    insert(conn, it.webhook, it.lane, it.from, (None, None)).await?;
                }
                write(conn, worker, it).await?;
            }
            answers.push((it.webhook, it.lane, is_ours));
        }
    }
    Ok(answers)
}

async fn write(conn: &mut Conn, worker: WorkerId, it: &Settled) -> Result<(), StoreError> {
    if let Some(aside) = &it.aside {
        failures::keep(conn, it.webhook, aside).await?;
    }
    let failing = it.failing.as_ref();
    let by = it.until.filter(|_| conn.is_shared()).map(|_| worker);
    let query = Kept(diesel::update(webhook_cursors::table.find((it.webhook, it.lane.word(), it.lane.id()))).set((
        webhook_cursors::version.eq(it.cursor.version),
        webhook_cursors::seq.eq(it.cursor.seq),
        webhook_cursors::record.eq(it.cursor.record),
        webhook_cursors::attempts.eq(failing.map_or(0, |it| i32::try_from(it.attempts).unwrap_or(i32::MAX))),
        webhook_cursors::event.eq(failing.map(|it| it.event.as_str())),
        webhook_cursors::event_id.eq(failing.map(|it| it.event_id)),
        webhook_cursors::first_at.eq(failing.map(|it| At(it.first_at))),
        webhook_cursors::next_at.eq(failing.map(|it| At(it.next_at))),
        webhook_cursors::error.eq(failing.map(|it| it.trouble.error.as_str())),
        webhook_cursors::unreachable.eq(failing.is_some_and(|it| it.trouble.unreachable)),
        webhook_cursors::leased_by.eq(by),
        webhook_cursors::leased_until.eq(it.until.filter(|_| by.is_some()).map(At)),
    )));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// A page of lanes of one kind after `after`, ascending: its last one, and those of them in which there is something to
/// deliver now.
pub(super) async fn compare(
    conn: &mut Conn,
    ask: &Ask,
    word: &'static str,
    after: LaneId,
) -> QueryResult<Option<(LaneId, Vec<Lane>)>> {
    let rows: Vec<Compared> = if word == Lane::USER {
        let of = webhook_cursors::lane_id.eq(presence::user_id);
        let query = presence::table
            .left_join(webhook_cursors::table.on(of.and(cursors_of(ask.webhook, Lane::USER))))
            .filter(presence::user_id.gt(after))
            .order(presence::user_id)
            .limit(COMPARED)
            .select((
                presence::user_id,
                presence::changes,
                webhook_cursors::version.nullable(),
                webhook_cursors::record.nullable(),
                webhook_cursors::next_at.nullable(),
            ));
        let rows: Vec<ComparedUser> = with_conn!(conn, |c| query.load(c).await)?;
        rows.into_iter().map(|(id, head, version, record, next)| (id, head, None, version, record, next)).collect()
    } else {
        let of = webhook_cursors::lane_id.eq(channels::id);
        let query = channels::table
            .left_join(audit_journals::table.on(audit_journals::id.eq(channels::id)))
            .left_join(webhook_cursors::table.on(of.and(cursors_of(ask.webhook, Lane::CHANNEL))))
            .filter(channels::id.gt(after))
            .order(channels::id)
            .limit(COMPARED)
            .select((
                channels::id,
                channels::version,
                audit_journals::number.nullable(),
                webhook_cursors::version.nullable(),
                webhook_cursors::record.nullable(),
                webhook_cursors::next_at.nullable(),
            ));
        with_conn!(conn, |c| query.load(c).await)?
    };
    let Some((last, ..)) = rows.last() else { return Ok(None) };
    let last = *last;
    let is_behind = |(id, head, journal, version, record, next): Compared| {
        let lane = Lane::of(word, id)?;
        let start = lane.start();
        let cursor =
            Cursor { version: version.unwrap_or(start.version), seq: 0, record: record.unwrap_or(start.record) };
        let head = Head { version: head, record: journal.unwrap_or_default() };
        let waits = next.is_some_and(|next| next.0 > ask.now);
        (!waits && ask.is_behind(lane, cursor, head)).then_some(lane)
    };
    Ok(Some((last, rows.into_iter().filter_map(is_behind).collect())))
}

/// A lane, its version, its journal's number; of its cursor the version, the record, when it is tried again.
type Compared = (LaneId, i64, Option<i64>, Option<i64>, Option<i64>, Option<At>);

/// The same of a user, without a journal.
type ComparedUser = (LaneId, i64, Option<i64>, Option<i64>, Option<At>);

type CursorsOf = diesel::dsl::And<
    diesel::dsl::Eq<webhook_cursors::webhook_id, WebhookId>,
    diesel::dsl::Eq<webhook_cursors::lane, &'static str>,
>;

fn cursors_of(webhook: WebhookId, word: &'static str) -> CursorsOf {
    webhook_cursors::webhook_id.eq(webhook).and(webhook_cursors::lane.eq(word))
}
