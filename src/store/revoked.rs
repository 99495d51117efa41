//! Of whom tokens were revoked, and up to when. Small, since only those are in it of whom that was ever asked for.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::error::StoreError;
use super::journal;
use super::schema::revoked_tokens;
use super::sql_types::At;
use crate::domain::ids::UserId;
use crate::domain::journal::Note;

/// With the record of who asked for it. Of two moments the later one stays.
pub(super) async fn revoke(
    conn: &mut Conn,
    user: UserId,
    issued_before: DateTime<Utc>,
    note: Note,
) -> Result<(), StoreError> {
    let query = diesel::insert_into(revoked_tokens::table)
        .values((revoked_tokens::user_id.eq(user), revoked_tokens::issued_before.eq(At(issued_before))))
        .on_conflict(revoked_tokens::user_id)
        .do_nothing();
    with_conn!(conn, |c| query.execute(c).await)?;
    let earlier = revoked_tokens::table.find(user).filter(revoked_tokens::issued_before.lt(At(issued_before)));
    let query = diesel::update(earlier).set(revoked_tokens::issued_before.eq(At(issued_before)));
    with_conn!(conn, |c| query.execute(c).await)?;
    journal::write(conn, vec![note]).await
}

/// Those whose moment is this one or later.
pub(super) async fn since(conn: &mut Conn, moment: DateTime<Utc>) -> QueryResult<Vec<(UserId, DateTime<Utc>)>> {
    let query = revoked_tokens::table
        .filter(revoked_tokens::issued_before.ge(At(moment)))
        .select((revoked_tokens::user_id, revoked_tokens::issued_before));
    let rows: Vec<(UserId, At)> = with_conn!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().map(|(user, at)| (user, at.0)).collect())
}
