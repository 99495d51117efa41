//! Lanes whose next event failed and waits for another try: which are due, which may go on earlier, and how many there are.
//!
//! What changes many of them does so in pages, so that no statement takes long, however many there are.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::cursors::{COMPARED, CursorRow};
use super::endpoints;
use super::start::PAGE;
use crate::domain::ids::{EventId, LaneId, WebhookId};
use crate::domain::webhook::{Failing, Lane};
use crate::store::backend::{Conn, with_conn};
use crate::store::schema::webhook_cursors;
use crate::store::sql_types::At;

/// What becomes of all lanes of a webhook that wait.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wish {
    /// They begin anew, as if nothing had failed: it is another receiver now, or one that was mended.
    Anew,
    /// It answers: what waited for that alone is tried by then.
    Before(DateTime<Utc>),
}

/// Does so with a page of lanes of one kind after `after`. The last of them; None: that was all.
pub(super) async fn page(
    conn: &mut Conn,
    webhook: WebhookId,
    wish: Wish,
    word: &'static str,
    after: LaneId,
) -> QueryResult<Option<LaneId>> {
    let query = webhook_cursors::table
        .filter(webhook_cursors::webhook_id.eq(webhook).and(webhook_cursors::lane.eq(word)))
        .filter(webhook_cursors::next_at.is_not_null().and(webhook_cursors::lane_id.gt(after)))
        .order(webhook_cursors::lane_id)
        .limit(PAGE)
        .select(webhook_cursors::lane_id);
    let ids: Vec<LaneId> = with_conn!(conn, |c| query.load(c).await)?;
    let ([first, ..], [.., last]) = (ids.as_slice(), ids.as_slice()) else { return Ok(None) };
    let (first, last) = (*first, *last);
    match wish {
        Wish::Anew => calm(conn, webhook, word, (first, last)).await?,
        Wish::Before(soon) => hasten(conn, webhook, word, (first, last), soon).await?,
    };
    Ok(Some(last))
}

/// Nothing counts as failing in these lanes any more. Whoever is at one of them, maybe with the receiver of before, writes nothing
/// of that any more.
pub(super) async fn calm(
    conn: &mut Conn,
    webhook: WebhookId,
    word: &str,
    (first, last): (LaneId, LaneId),
) -> QueryResult<usize> {
    let lanes = webhook_cursors::table
        .filter(webhook_cursors::webhook_id.eq(webhook).and(webhook_cursors::lane.eq(word)))
        .filter(webhook_cursors::lane_id.between(first, last).and(webhook_cursors::next_at.is_not_null()));
    let query = diesel::update(lanes).set((
        webhook_cursors::rewinds.eq(webhook_cursors::rewinds + 1),
        webhook_cursors::attempts.eq(0),
        webhook_cursors::event.eq(None::<String>),
        webhook_cursors::event_id.eq(None::<EventId>),
        webhook_cursors::first_at.eq(None::<At>),
        webhook_cursors::next_at.eq(None::<At>),
        webhook_cursors::error.eq(None::<String>),
        webhook_cursors::unreachable.eq(false),
    ));
    with_conn!(conn, |c| query.execute(c).await)
}

async fn hasten(
    conn: &mut Conn,
    webhook: WebhookId,
    word: &str,
    (first, last): (LaneId, LaneId),
    soon: DateTime<Utc>,
) -> QueryResult<usize> {
    let lanes = webhook_cursors::table
        .filter(webhook_cursors::webhook_id.eq(webhook).and(webhook_cursors::lane.eq(word)))
        .filter(webhook_cursors::lane_id.between(first, last).and(webhook_cursors::unreachable.eq(true)))
        .filter(webhook_cursors::next_at.gt(At(soon)));
    let query = diesel::update(lanes).set(webhook_cursors::next_at.eq(Some(At(soon))));
    with_conn!(conn, |c| query.execute(c).await)
}

/// Some of the lanes of these webhooks that are to be tried again by now, whoever tried them last.
pub(super) async fn due(
    conn: &mut Conn,
    now: DateTime<Utc>,
    webhooks: Vec<WebhookId>,
) -> QueryResult<Vec<(WebhookId, Lane)>> {
    let query = webhook_cursors::table
        .filter(webhook_cursors::next_at.le(At(now)).and(webhook_cursors::webhook_id.eq_any(webhooks)))
        .order(webhook_cursors::next_at)
        .limit(COMPARED)
        .select((webhook_cursors::webhook_id, webhook_cursors::lane, webhook_cursors::lane_id));
    let rows: Vec<(WebhookId, String, LaneId)> = with_conn!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().filter_map(|(webhook, word, id)| Some((webhook, Lane::of(&word, id)?))).collect())
}

/// Those of a webhook that fail, the next to be tried first.
pub(super) async fn failing(conn: &mut Conn, webhook: WebhookId, limit: i64) -> QueryResult<Vec<(Lane, Failing)>> {
    let query = webhook_cursors::table
        .filter(webhook_cursors::webhook_id.eq(webhook).and(webhook_cursors::next_at.is_not_null()))
        .order((webhook_cursors::next_at, webhook_cursors::lane_id))
        .limit(limit);
    let rows: Vec<(String, CursorRow)> =
        with_conn!(conn, |c| query.select((webhook_cursors::lane, CursorRow::as_select())).load(c).await)?;
    let failing = |(word, row): (String, CursorRow)| Some((Lane::of(&word, row.lane_id)?, row.failing()?));
    Ok(rows.into_iter().filter_map(failing).collect())
}

/// How many lanes fail of webhooks that are told, and since when the first of them does.
pub(super) async fn extent(conn: &mut Conn) -> QueryResult<(i64, Option<DateTime<Utc>>)> {
    let told = endpoints::told(conn).await?;
    let failing = || {
        webhook_cursors::table
            .filter(webhook_cursors::next_at.is_not_null().and(webhook_cursors::webhook_id.eq_any(told.clone())))
    };
    let query = failing().count();
    let count: i64 = with_conn!(conn, |c| query.get_result(c).await)?;
    let query = failing().order(webhook_cursors::first_at).select(webhook_cursors::first_at);
    let first: Option<Option<At>> = with_conn!(conn, |c| query.first(c).await).optional()?;
    Ok((count, first.flatten().map(|at| at.0)))
}
