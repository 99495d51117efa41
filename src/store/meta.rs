//! The table of what a database knows of itself, a text for each key.

use std::collections::HashMap;

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

/// What must be there, since every opening makes it.
pub(super) async fn read(conn: &mut Conn, key: &str) -> QueryResult<String> {
    let query = meta::table.find(key).select(meta::value);
    with_conn!(conn, |c| query.first(c).await)
}

/// What may not be there yet.
pub(super) async fn find(conn: &mut Conn, key: &str) -> QueryResult<Option<String>> {
    let query = meta::table.find(key).select(meta::value);
    with_conn!(conn, |c| query.first(c).await).optional()
}

/// What must be there, since every opening makes it; and the texts of all keys that begin so, by one statement.
pub(super) async fn read_with(
    conn: &mut Conn,
    key: &str,
    beginning: &str,
) -> QueryResult<(String, HashMap<String, String>)> {
    let query =
        meta::table.filter(meta::key.eq(key).or(meta::key.like(format!("{beginning}%")))).select(meta::all_columns);
    let rows: Vec<(String, String)> = with_conn!(conn, |c| query.load(c).await)?;
    let mut texts: HashMap<String, String> = rows.into_iter().collect();
    let text = texts.remove(key).ok_or(diesel::result::Error::NotFound)?;
    Ok((text, texts))
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
