//! The table of members: who is in a channel, in which role, and how far each has read.
//!
//! Every decision is taken on what is read after the channel's row is locked.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::channels::{self, ChannelRow};
use super::error::{Failure, StoreError};
use super::kept::Kept;
use super::schema::{channel_members, channels as channels_table, users as users_table};
use super::sql_types::{self, At};
use super::{MembersToAdd, journal, users};
use crate::domain::change::{By, Change, ChannelChange, Denied, Mark, Marked};
use crate::domain::channel::{Member, Role};
use crate::domain::ids::{ChannelId, JournalId, UserId};
use crate::domain::journal::{Kind, Note, ReadUpTo};
use crate::domain::permission::{Action, Asker, allows};
use crate::domain::user::UserRef;

type Row = (ChannelId, UserId, Option<String>, String, String, i64, At);

/// The members of some channels, ascending by user within each.
pub(super) async fn load(conn: &mut Conn, channels: &[ChannelId]) -> Result<Vec<(ChannelId, Member)>, StoreError> {
    let query = channel_members::table
        .inner_join(users_table::table)
        .filter(channel_members::channel_id.eq_any(channels))
        .order((channel_members::channel_id, channel_members::user_id))
        .select((
            channel_members::channel_id,
            channel_members::user_id,
            users_table::external_id,
            users_table::name,
            channel_members::role,
            channel_members::last_read_seq,
            channel_members::last_read_at,
        ));
    let rows: Vec<Row> = with_conn!(conn, |c| query.load(c).await)?;
    rows.into_iter().map(member).collect()
}

fn member(
    (channel, user_id, external_id, name, role, last_read_seq, at): Row,
) -> Result<(ChannelId, Member), StoreError> {
    let role = parse_role(&role)?;
    Ok((channel, Member { user_id, external_id, name, role, last_read_seq, last_read_at: at.0 }))
}

fn parse_role(word: &str) -> Result<Role, StoreError> {
    sql_types::role(word).map_err(|e| StoreError::Internal(e.to_string()))
}

pub(super) async fn ids(conn: &mut Conn, channel: ChannelId) -> QueryResult<BTreeSet<UserId>> {
    let query = channel_members::table.filter(channel_members::channel_id.eq(channel)).select(channel_members::user_id);
    let ids: Vec<UserId> = with_conn!(conn, |c| query.load(c).await)?;
    Ok(ids.into_iter().collect())
}

/// `None` for who is not in the channel.
pub(super) async fn role(conn: &mut Conn, channel: ChannelId, user: UserId) -> Result<Option<Role>, StoreError> {
    let query = channel_members::table.find((channel, user)).select(channel_members::role);
    let word: Option<String> = with_conn!(conn, |c| query.first(c).await).optional()?;
    word.as_deref().map(parse_role).transpose()
}

/// As whom `by` acts in a channel that is locked; `None` for who is not in it.
pub(super) async fn asker(conn: &mut Conn, by: By, channel: ChannelId) -> Result<Option<Asker>, StoreError> {
    match by {
        By::Host => Ok(Some(Asker::Host)),
        By::User(user) => Ok(role(conn, channel, user).await?.map(Asker::Member)),
    }
}

/// Locks a channel for `by` to change it.
pub(super) async fn enter(conn: &mut Conn, by: By, channel: ChannelId) -> Result<(ChannelRow, Asker), Failure> {
    let row = conn.lock_channel(channel).await?.ok_or(Denied::NoChannel)?;
    let asker = asker(conn, by, channel).await?.ok_or(Denied::NoChannel)?;
    Ok((row, asker))
}

pub(super) async fn insert(
    conn: &mut Conn,
    channel: ChannelId,
    user: UserId,
    role: Role,
    last_read_seq: i64,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    let query = diesel::insert_into(channel_members::table).values((
        channel_members::channel_id.eq(channel),
        channel_members::user_id.eq(user),
        channel_members::role.eq(role.as_str()),
        channel_members::joined_at.eq(At(at)),
        channel_members::last_read_seq.eq(last_read_seq),
        channel_members::last_read_at.eq(At(at)),
    ));
    with_conn!(conn, |c| query.execute(c).await)
}

/// `None` where all of them are members already.
pub(super) async fn add(conn: &mut Conn, add: MembersToAdd, at: DateTime<Utc>) -> Result<Option<Change>, Failure> {
    let (row, asker) = enter(conn, add.by, add.channel_id).await?;
    if !allows(asker, Action::AddMembers, row.kind()?) {
        return Err(Denied::Forbidden("only admins and owners add members, and only to a group").into());
    }
    let present = ids(conn, row.id).await?;
    let mut user_ids = users::resolve(conn, &add.members, add.placeholders, at).await?;
    user_ids.retain(|user| !present.contains(user));
    if user_ids.is_empty() {
        return Ok(None);
    }
    if present.len() + user_ids.len() > add.max_members {
        return Err(Denied::TooManyMembers { max: add.max_members }.into());
    }
    let mut notes = Vec::with_capacity(user_ids.len());
    for &user in &user_ids {
        insert(conn, row.id, user, Role::Member, row.last_seq, at).await?;
        notes.push(mark_noted(Kind::Joined, row.id, user, row.last_seq, at));
    }
    users::count_memberships(conn, &user_ids).await?;
    journal::write(conn, notes).await?;
    channels::record(conn, row, add.by, ChannelChange::MembersAdded { user_ids }, at).await.map(Some)
}

pub(super) async fn remove(
    conn: &mut Conn,
    by: By,
    channel: ChannelId,
    user: &UserRef,
    at: DateTime<Utc>,
) -> Result<Change, Failure> {
    let user = user.id;
    let (row, asker) = enter(conn, by, channel).await?;
    let theirs = role(conn, channel, user).await?.ok_or(Denied::NoMember)?;
    let action = if by == By::User(user) { Action::Leave } else { Action::RemoveMember { role: theirs } };
    if !allows(asker, action, row.kind()?) {
        return Err(Denied::Forbidden(
            "admins remove members, owners remove anybody, and nobody leaves a direct channel",
        )
        .into());
    }
    let heir = if theirs == Role::Owner { heir(conn, channel, user).await? } else { None };
    // Members' rows ascending, as whoever notes marks takes them: then nobody waits for one another in turn.
    let (before, after) = if heir < Some(user) { (heir, None) } else { (None, heir) };
    if let Some(heir) = before {
        write_role(conn, channel, heir, Role::Owner).await?;
    }
    let query = diesel::delete(channel_members::table.find((channel, user)));
    with_conn!(conn, |c| query.execute(c).await)?;
    if let Some(heir) = after {
        write_role(conn, channel, heir, Role::Owner).await?;
    }
    users::count_memberships(conn, &[user]).await?;
    channels::record(conn, row, by, ChannelChange::MemberRemoved { user_id: user, heir }, at).await
}

/// Who becomes the owner where none is left without `going`: the longest-standing admin, else the longest-standing member.
async fn heir(conn: &mut Conn, channel: ChannelId, going: UserId) -> Result<Option<UserId>, Failure> {
    let query = channel_members::table
        .filter(channel_members::channel_id.eq(channel).and(channel_members::user_id.ne(going)))
        .order((channel_members::joined_at, channel_members::user_id))
        .select((channel_members::user_id, channel_members::role));
    let left: Vec<(UserId, String)> = with_conn!(conn, |c| query.load(c).await)?;
    let first = |role: Role| left.iter().find(|(_, word)| word == role.as_str()).map(|(user, _)| *user);
    if first(Role::Owner).is_some() {
        return Ok(None);
    }
    Ok(first(Role::Admin).or_else(|| first(Role::Member)))
}

/// `None` where the member has that role already.
pub(super) async fn set_role(
    conn: &mut Conn,
    by: By,
    channel: ChannelId,
    user: &UserRef,
    role: Role,
    at: DateTime<Utc>,
) -> Result<Option<Change>, Failure> {
    let user = user.id;
    let (row, asker) = enter(conn, by, channel).await?;
    if !allows(asker, Action::ChangeRole, row.kind()?) {
        return Err(Denied::Forbidden("only owners change roles, and only in a group").into());
    }
    let before = self::role(conn, channel, user).await?.ok_or(Denied::NoMember)?;
    if before == role {
        return Ok(None);
    }
    if before == Role::Owner && owners(conn, channel).await? == 1 {
        return Err(Denied::Conflict("the last owner of a group stays one; make somebody else an owner first").into());
    }
    write_role(conn, channel, user, role).await?;
    channels::record(conn, row, by, ChannelChange::RoleChanged { user_id: user, role }, at).await.map(Some)
}

async fn owners(conn: &mut Conn, channel: ChannelId) -> QueryResult<i64> {
    let query = channel_members::table
        .filter(channel_members::channel_id.eq(channel).and(channel_members::role.eq(Role::Owner.as_str())))
        .count();
    with_conn!(conn, |c| query.get_result(c).await)
}

async fn write_role(conn: &mut Conn, channel: ChannelId, user: UserId, role: Role) -> QueryResult<usize> {
    let query =
        Kept(diesel::update(channel_members::table.find((channel, user))).set(channel_members::role.eq(role.as_str())));
    with_conn!(conn, |c| query.execute(c).await)
}

/// Where a reader's mark stands, and how far it could go.
struct Standing {
    seq: i64,
    at: DateTime<Utc>,
    last_seq: i64,
}

/// Moves marks forward, never back and never beyond the channel's newest message. One answer a wish, in its order.
pub(super) async fn mark_read(
    conn: &mut Conn,
    marks: Vec<Mark>,
    at: DateTime<Utc>,
) -> Result<Vec<Result<Marked, Denied>>, StoreError> {
    let mut standings = standings(conn, &marks).await?;
    let mut goals = HashMap::new();
    let mut answers = Vec::with_capacity(marks.len());
    for mark in &marks {
        let key = (mark.channel_id, mark.user_id);
        answers.push(standings.get_mut(&key).ok_or(Denied::NoChannel).map(|standing| {
            let seq = mark.seq.min(standing.last_seq);
            let moved = seq > standing.seq;
            if moved {
                (standing.seq, standing.at) = (seq, at);
                goals.insert(key, seq);
            }
            Marked { seq: standing.seq, at: standing.at, moved }
        }));
    }
    let mut goals: Vec<_> = goals.into_iter().collect();
    // In one order for all, so that two transactions never wait for each other.
    goals.sort_unstable();
    let mut notes = Vec::with_capacity(goals.len());
    for ((channel, user), seq) in goals {
        let behind = channel_members::table.find((channel, user)).filter(channel_members::last_read_seq.lt(seq));
        let query = Kept(
            diesel::update(behind)
                .set((channel_members::last_read_seq.eq(seq), channel_members::last_read_at.eq(At(at)))),
        );
        // None: another node was there first.
        if with_conn!(conn, |c| query.execute(c).await)? > 0 {
            notes.push(mark_noted(Kind::Read, channel, user, seq, at));
        }
    }
    journal::write(conn, notes).await?;
    Ok(answers)
}

/// What the channel's journal has of a mark.
fn mark_noted(kind: Kind, channel: ChannelId, user: UserId, seq: i64, at: DateTime<Utc>) -> Note {
    journal::note(JournalId::of(channel), kind, Some(user), at, &ReadUpTo { seq })
}

async fn standings(conn: &mut Conn, marks: &[Mark]) -> QueryResult<HashMap<(ChannelId, UserId), Standing>> {
    let channels: BTreeSet<ChannelId> = marks.iter().map(|mark| mark.channel_id).collect();
    let users: BTreeSet<UserId> = marks.iter().map(|mark| mark.user_id).collect();
    let query = channel_members::table
        .inner_join(channels_table::table)
        .filter(channel_members::channel_id.eq_any(channels).and(channel_members::user_id.eq_any(users)))
        .select((
            channel_members::channel_id,
            channel_members::user_id,
            channel_members::last_read_seq,
            channel_members::last_read_at,
            channels_table::last_seq,
        ));
    let rows: Vec<(ChannelId, UserId, i64, At, i64)> = with_conn!(conn, |c| query.load(c).await)?;
    let standing =
        |(channel, user, seq, at, last_seq): (_, _, _, At, _)| ((channel, user), Standing { seq, at: at.0, last_seq });
    Ok(rows.into_iter().map(standing).collect())
}
