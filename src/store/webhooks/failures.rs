//! The table of events that were set aside: where they are in their logs, never what they say.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::start::PAGE;
use crate::domain::ids::{EventId, LaneId, WebhookId};
use crate::domain::webhook::{Failure, Lane, Place};
use crate::store::backend::{Conn, with_conn};
use crate::store::error::StoreError;
use crate::store::schema::webhook_failures;
use crate::store::sql_types::At;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = webhook_failures)]
struct Row {
    event_id: EventId,
    event: String,
    lane: String,
    lane_id: LaneId,
    version: Option<i64>,
    record: Option<i64>,
    at: At,
    first_at: At,
    failed_at: At,
    attempts: i32,
    error: String,
    wanted: bool,
}

impl Row {
    fn failure(self) -> Option<Failure> {
        let place = self.version.map(Place::Version).or(self.record.map(Place::Record))?;
        Some(Failure {
            event_id: self.event_id,
            event: self.event,
            lane: Lane::of(&self.lane, self.lane_id)?,
            place,
            at: self.at.0,
            first_at: self.first_at.0,
            failed_at: self.failed_at.0,
            attempts: u32::try_from(self.attempts).unwrap_or_default(),
            error: self.error,
            wanted: self.wanted,
        })
    }
}

/// The same event set aside once more (it was told again meanwhile, and failed again) is one row.
pub(super) async fn keep(conn: &mut Conn, webhook: WebhookId, it: &Failure) -> Result<(), StoreError> {
    let (version, record) = match it.place {
        Place::Version(version) => (Some(version), None),
        Place::Record(record) => (None, Some(record)),
    };
    let news = (
        webhook_failures::failed_at.eq(At(it.failed_at)),
        webhook_failures::attempts.eq(i32::try_from(it.attempts).unwrap_or(i32::MAX)),
        webhook_failures::error.eq(it.error.as_str()),
        webhook_failures::wanted.eq(it.wanted),
        webhook_failures::leased_until.eq(None::<At>),
    );
    let query = diesel::insert_into(webhook_failures::table)
        .values((
            webhook_failures::webhook_id.eq(webhook),
            webhook_failures::event_id.eq(it.event_id),
            webhook_failures::event.eq(it.event.as_str()),
            webhook_failures::lane.eq(it.lane.word()),
            webhook_failures::lane_id.eq(it.lane.id()),
            webhook_failures::version.eq(version),
            webhook_failures::record.eq(record),
            webhook_failures::at.eq(At(it.at)),
            webhook_failures::first_at.eq(At(it.first_at)),
            news,
        ))
        .on_conflict((webhook_failures::webhook_id, webhook_failures::event_id))
        .do_update()
        .set(news);
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// The latest first.
pub(super) async fn list(conn: &mut Conn, webhook: WebhookId, limit: i64) -> QueryResult<Vec<Failure>> {
    let query = webhook_failures::table
        .filter(webhook_failures::webhook_id.eq(webhook))
        .order((webhook_failures::failed_at.desc(), webhook_failures::event_id))
        .limit(limit);
    let rows: Vec<Row> = with_conn!(conn, |c| query.select(Row::as_select()).load(c).await)?;
    Ok(rows.into_iter().filter_map(Row::failure).collect())
}

/// Has a page of them after `after` delivered: the last of them, and how many that were. None: that was all.
pub(super) async fn want(conn: &mut Conn, webhook: WebhookId, after: EventId) -> QueryResult<Option<(EventId, usize)>> {
    let query = webhook_failures::table
        .filter(webhook_failures::webhook_id.eq(webhook).and(webhook_failures::event_id.gt(after)))
        .order(webhook_failures::event_id)
        .limit(PAGE)
        .select(webhook_failures::event_id);
    let ids: Vec<EventId> = with_conn!(conn, |c| query.load(c).await)?;
    let ([first, ..], [.., last]) = (ids.as_slice(), ids.as_slice()) else { return Ok(None) };
    let (first, last) = (*first, *last);
    let page = webhook_failures::table
        .filter(webhook_failures::webhook_id.eq(webhook).and(webhook_failures::event_id.between(first, last)));
    let query = diesel::update(page).set(webhook_failures::wanted.eq(true));
    Ok(Some((last, with_conn!(conn, |c| query.execute(c).await)?)))
}

/// Webhooks that want some of theirs. An index holds nothing else.
pub(super) async fn wanted(conn: &mut Conn) -> QueryResult<Vec<WebhookId>> {
    let query =
        webhook_failures::table.filter(webhook_failures::wanted).select(webhook_failures::webhook_id).distinct();
    with_conn!(conn, |c| query.load(c).await)
}

/// One that is wanted and that nobody else is at, held until then.
pub(super) async fn take(
    conn: &mut Conn,
    webhook: WebhookId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Failure>, StoreError> {
    let is_free = || webhook_failures::leased_until.is_null().or(webhook_failures::leased_until.lt(At(now)));
    let query = webhook_failures::table
        .filter(webhook_failures::webhook_id.eq(webhook).and(webhook_failures::wanted))
        .filter(is_free())
        .order((webhook_failures::at, webhook_failures::event_id))
        .limit(1);
    let row: Option<Row> = with_conn!(conn, |c| query.select(Row::as_select()).first(c).await).optional()?;
    let Some(row) = row else { return Ok(None) };
    let query = diesel::update(webhook_failures::table.find((webhook, row.event_id)).filter(is_free()))
        .set(webhook_failures::leased_until.eq(At(until)));
    // None: another node was there first, and is told of the next one when it has this done.
    let held = with_conn!(conn, |c| query.execute(c).await)? > 0;
    Ok(if held { row.failure() } else { None })
}

pub(super) async fn forget(conn: &mut Conn, webhook: WebhookId, event: EventId) -> QueryResult<()> {
    let query = diesel::delete(webhook_failures::table.find((webhook, event)));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// Some of those that nobody wanted in time; false: there were none.
pub(super) async fn expire(conn: &mut Conn, before: DateTime<Utc>) -> QueryResult<bool> {
    let late = || webhook_failures::failed_at.lt(At(before));
    let query = webhook_failures::table.filter(late()).limit(PAGE).select(webhook_failures::event_id);
    let ids: Vec<EventId> = with_conn!(conn, |c| query.load(c).await)?;
    let query = diesel::delete(webhook_failures::table.filter(webhook_failures::event_id.eq_any(ids)).filter(late()));
    Ok(with_conn!(conn, |c| query.execute(c).await)? > 0)
}

/// Some of those of a webhook that is gone; false: there were none.
pub(super) async fn clear(conn: &mut Conn, webhook: WebhookId) -> QueryResult<bool> {
    let theirs = || webhook_failures::webhook_id.eq(webhook);
    let query = webhook_failures::table.filter(theirs()).limit(PAGE).select(webhook_failures::event_id);
    let ids: Vec<EventId> = with_conn!(conn, |c| query.load(c).await)?;
    let query = diesel::delete(webhook_failures::table.filter(theirs()).filter(webhook_failures::event_id.eq_any(ids)));
    Ok(with_conn!(conn, |c| query.execute(c).await)? > 0)
}
