//! The table of what a database knows of itself, a text for each key.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::schema::meta;

/// Of several that make it at the same time one wins, for all.
pub(super) async fn ensure(conn: &mut Conn, key: &str, value: &str) -> QueryResult<()> {
    let query = diesel::insert_into(meta::table)
        .values((meta::key.eq(key), meta::value.eq(value)))
        .on_conflict(meta::key)
        .do_nothing();
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

pub(super) async fn find(conn: &mut Conn, key: &str) -> QueryResult<Option<String>> {
    let query = meta::table.find(key).select(meta::value);
    with_conn!(conn, |c| query.first(c).await).optional()
}

/// What must be there, since every opening makes it.
pub(super) async fn read(conn: &mut Conn, key: &str) -> QueryResult<String> {
    let query = meta::table.find(key).select(meta::value);
    with_conn!(conn, |c| query.first(c).await)
}

/// Whether it is there yet or not.
pub(super) async fn put(conn: &mut Conn, key: &str, value: &str) -> QueryResult<()> {
    ensure(conn, key, value).await?;
    replace(conn, key, value).await
}

pub(super) async fn replace(conn: &mut Conn, key: &str, value: &str) -> QueryResult<()> {
    let query = diesel::update(meta::table.find(key)).set(meta::value.eq(value));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}
