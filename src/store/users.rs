//! The table of users: who a token named, and who was named by others before that.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::error::{Failure, StoreError};
use super::kept::Kept;
use super::schema::{attachments, audit_records, users};
use super::sql_types::At;
use super::webhooks::presence;
use crate::domain::change::Denied;
use crate::domain::ids::UserId;
use crate::domain::user::{User, UserRef};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct UserRow {
    id: UserId,
    external_id: Option<String>,
    sub: Option<String>,
    name: String,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self { id: row.id, external_id: row.external_id, name: row.name }
    }
}

async fn rows(conn: &mut Conn, ids: &[UserId]) -> QueryResult<Vec<UserRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = users::table.filter(users::id.eq_any(ids)).order(users::id);
    with_conn!(conn, |c| query.select(UserRow::as_select()).load(c).await)
}

async fn row(conn: &mut Conn, id: UserId) -> QueryResult<Option<UserRow>> {
    let query = users::table.find(id);
    with_conn!(conn, |c| query.select(UserRow::as_select()).first(c).await).optional()
}

/// Ascending by id; the unknown are missing.
pub(super) async fn load(conn: &mut Conn, ids: &[UserId]) -> QueryResult<Vec<User>> {
    Ok(rows(conn, ids).await?.into_iter().map(User::from).collect())
}

/// Who is meant by the host's id; `None` where nobody is, or where the id belongs to another sub.
pub(super) async fn named(conn: &mut Conn, who: &UserRef) -> QueryResult<Option<User>> {
    let is_meant =
        |row: &UserRow| who.external_id().is_none() || row.sub.as_ref().is_none_or(|sub| *sub == who.external);
    Ok(row(conn, who.id).await?.filter(is_meant).map(User::from))
}

/// The user as the token says, made or renamed where that is news.
pub(super) async fn upsert(conn: &mut Conn, who: &UserRef, name: &str, at: DateTime<Utc>) -> Result<User, Failure> {
    if row(conn, who.id).await?.is_none() {
        insert(conn, who, name, Some(&who.external), at).await?;
    }
    let stored = row(conn, who.id).await?.ok_or(Denied::ForeignSubject)?;
    if stored.sub.as_ref().is_some_and(|sub| *sub != who.external) {
        return Err(Denied::ForeignSubject.into());
    }
    let user = User { id: who.id, external_id: who.external_id().map(str::to_owned), name: name.to_owned() };
    if stored.sub.is_some() && stored.name == name {
        return Ok(user);
    }
    // Another connection may have given it a sub since it was read.
    let free = users::sub.is_null().or(users::sub.eq(&who.external));
    let query = Kept(diesel::update(users::table.find(who.id).filter(free)).set((
        users::sub.eq(&who.external),
        users::external_id.eq(who.external_id()),
        users::name.eq(name),
        users::updated_at.eq(At(at)),
    )));
    match with_conn!(conn, |c| query.execute(c).await)? {
        0 => Err(Denied::ForeignSubject.into()),
        _ => Ok(user),
    }
}

/// The ids of those who were named, each once, in the order given. The unknown are refused, or made with the host's
/// id as their name until a token says better.
pub(super) async fn resolve(
    conn: &mut Conn,
    named: &[UserRef],
    placeholders: bool,
    at: DateTime<Utc>,
) -> Result<Vec<UserId>, Failure> {
    let mut ids = Vec::with_capacity(named.len());
    let mut refs: Vec<&UserRef> = Vec::with_capacity(named.len());
    for who in named {
        if !ids.contains(&who.id) {
            ids.push(who.id);
            refs.push(who);
        }
    }
    let known = rows(conn, &ids).await?;
    let mut unknown = Vec::new();
    let mut foreign = Vec::new();
    for who in refs {
        match known.iter().find(|row| row.id == who.id) {
            None => unknown.push(who),
            // Somebody whose sub is the very UUID that this text maps to: not the one who was named.
            Some(row) if who.external_id().is_some() && row.sub.as_ref().is_some_and(|sub| *sub != who.external) => {
                foreign.push(who.external.clone());
            }
            Some(_) => {}
        }
    }
    if !foreign.is_empty() || (!unknown.is_empty() && !placeholders) {
        foreign.extend(unknown.iter().map(|who| who.external.clone()));
        return Err(Denied::UnknownUsers(foreign).into());
    }
    // In one order for all, so that two transactions never wait for each other.
    unknown.sort_unstable_by_key(|who| who.id);
    for who in unknown {
        // A UUID may also be what another text maps to: whose it is shows with the first token.
        insert(conn, who, &who.external, who.external_id(), at).await?;
    }
    Ok(ids)
}

/// How often the channels of each have changed, ascending by id; the unknown are missing.
pub(super) async fn memberships(conn: &mut Conn, ids: &[UserId]) -> QueryResult<Vec<(UserId, i64)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = users::table.filter(users::id.eq_any(ids)).order(users::id).select((users::id, users::memberships));
    with_conn!(conn, |c| query.load(c).await)
}

/// So many users at a time are moved all day; more are moved when a large group is made.
const FEW: usize = 8;

/// To be called in the transaction that adds these users to a channel, or removes them, after that.
///
/// The order of locks: first the channel's row, then users' rows, in the order of their ids. Nobody who holds a user's
/// row locks a channel's. Sends are not in the way: an append locks channels' rows only.
pub(super) async fn count_memberships(conn: &mut Conn, ids: &[UserId]) -> QueryResult<()> {
    if ids.len() > 1 {
        // One UPDATE of several would take them in the order of its plan.
        conn.lock_users(ids).await?;
    }
    let query =
        diesel::update(users::table.filter(users::id.eq_any(ids))).set(users::memberships.eq(users::memberships + 1));
    // To SQLite each number of ids is another text, which are to stay few.
    if ids.len() <= FEW {
        with_conn!(conn, |c| Kept(query).execute(c).await)?;
    } else {
        with_conn!(conn, |c| query.execute(c).await)?;
    }
    Ok(())
}

async fn insert(
    conn: &mut Conn,
    who: &UserRef,
    name: &str,
    sub: Option<&str>,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    let query = diesel::insert_into(users::table)
        .values((
            users::id.eq(who.id),
            users::external_id.eq(who.external_id()),
            users::sub.eq(sub),
            users::name.eq(name),
            users::created_at.eq(At(at)),
            users::updated_at.eq(At(at)),
        ))
        .on_conflict(users::id)
        .do_nothing();
    with_conn!(conn, |c| query.execute(c).await)
}

/// What a user is called of whom nothing is kept.
const NOBODY: &str = "Erased user";

/// Their name, what they uploaded and put in no message, from where they signed in, and when they came and went. The host's id of them stays, so that nobody else becomes them.
pub(super) async fn forget(conn: &mut Conn, id: UserId) -> Result<(), StoreError> {
    let query = diesel::update(users::table.find(id)).set(users::name.eq(NOBODY));
    with_conn!(conn, |c| query.execute(c).await)?;
    let query =
        diesel::update(attachments::table.filter(attachments::uploader_id.eq(id).and(attachments::state.eq("unused"))))
            .set(attachments::state.eq("gone"));
    with_conn!(conn, |c| query.execute(c).await)?;
    // As a word of the text: an index holds nothing else.
    let signed_in = sql::<Bool>("kind = 'signed_in'");
    let theirs = audit_records::actor_id.eq(id).and(signed_in);
    let query = diesel::update(audit_records::table.filter(theirs)).set(audit_records::detail.eq(None::<String>));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(presence::forget(conn, id).await?)
}
