//! The table of channels and the log of their changes.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::backend::{Conn, with_conn};
use super::error::{Failure, StoreError};
use super::kept::Kept;
use super::schema::{channel_changes, channel_members, channels, users as users_table};
use super::sql_types::{self, At};
use super::unread::{self, Whose};
use super::{NewGroup, audit, members, messages, users};
use crate::domain::audit::{Entry, TextHash, What};
use crate::domain::change::{By, Change, Changed, ChannelChange, Denied};
use crate::domain::channel::{
    Audience, Channel, ChannelKind, ChannelState, ChannelView, Listing, Member, Role, Title, UnknownWord,
};
use crate::domain::ids::{ChannelId, UserId, new_v7};
use crate::domain::permission::{Action, allows};
use crate::domain::user::UserRef;

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = channels)]
pub(super) struct ChannelRow {
    pub(super) id: ChannelId,
    kind: String,
    name: Option<String>,
    pub(super) last_seq: i64,
    pub(super) version: i64,
    members_version: i64,
    revisions_visible_to: String,
}

impl ChannelRow {
    pub(super) fn kind(&self) -> Result<ChannelKind, StoreError> {
        sql_types::kind(&self.kind).map_err(|e| StoreError::Internal(e.to_string()))
    }

    pub(super) fn revisions_visible_to(&self) -> Result<Audience, StoreError> {
        self.revisions_visible_to.parse().map_err(|e: UnknownWord| StoreError::Internal(e.to_string()))
    }

    fn with(self, members: Vec<Member>) -> Result<Channel, StoreError> {
        Ok(Channel {
            revisions_visible_to: self.revisions_visible_to()?,
            kind: self.kind()?,
            id: self.id,
            name: self.name,
            last_seq: self.last_seq,
            version: self.version,
            members_version: self.members_version,
            members,
        })
    }
}

/// With all members, ascending by id; the unknown are missing.
pub(super) async fn load(conn: &mut Conn, ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = channels::table.filter(channels::id.eq_any(ids)).order(channels::id);
    let rows: Vec<ChannelRow> = with_conn!(conn, |c| query.select(ChannelRow::as_select()).load(c).await)?;
    let mut members = HashMap::<_, Vec<_>>::with_capacity(rows.len());
    for (channel, member) in members::load(conn, ids).await? {
        members.entry(channel).or_default().push(member);
    }
    rows.into_iter()
        .map(|row| (members.remove(&row.id).unwrap_or_default(), row))
        .map(|(members, row)| row.with(members))
        .collect()
}

pub(super) async fn row(conn: &mut Conn, id: ChannelId) -> QueryResult<Option<ChannelRow>> {
    let query = channels::table.find(id);
    with_conn!(conn, |c| query.select(ChannelRow::as_select()).first(c).await).optional()
}

/// By one statement, which sees one moment.
pub(super) async fn listing(conn: &mut Conn, user: UserId) -> QueryResult<Listing> {
    let query = users_table::table
        .left_join(channel_members::table)
        .filter(users_table::id.eq(user))
        .order(channel_members::channel_id)
        .select((users_table::memberships, channel_members::channel_id.nullable()));
    let rows: Vec<(i64, Option<ChannelId>)> = with_conn!(conn, |c| query.load(c).await)?;
    let memberships = rows.iter().map(|(memberships, _)| *memberships).next().unwrap_or_default();
    Ok(Listing { memberships, channels: rows.into_iter().filter_map(|(_, channel)| channel).collect() })
}

pub(super) async fn ids_of(conn: &mut Conn, user: UserId) -> QueryResult<Vec<ChannelId>> {
    let query = channel_members::table
        .filter(channel_members::user_id.eq(user))
        .order(channel_members::channel_id)
        .select(channel_members::channel_id);
    with_conn!(conn, |c| query.load(c).await)
}

pub(super) async fn heads(conn: &mut Conn, ids: &[ChannelId]) -> QueryResult<Vec<(ChannelId, i64)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query =
        channels::table.filter(channels::id.eq_any(ids)).order(channels::id).select((channels::id, channels::version));
    with_conn!(conn, |c| query.load(c).await)
}

/// What people call them, without whom they belong to.
pub(super) async fn titles(conn: &mut Conn, ids: &[ChannelId]) -> Result<Vec<Title>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = channels::table.filter(channels::id.eq_any(ids)).order(channels::id);
    let rows: Vec<ChannelRow> = with_conn!(conn, |c| query.select(ChannelRow::as_select()).load(c).await)?;
    rows.into_iter().map(|row| Ok(Title { kind: row.kind()?, id: row.id, name: row.name })).collect()
}

/// A page of all channels, ascending by id, and whether there are more.
pub(super) async fn list(
    conn: &mut Conn,
    after: Option<ChannelId>,
    limit: usize,
) -> Result<(Vec<Channel>, bool), StoreError> {
    // No channel has the least id of all: theirs are made from the time or, when imported, from a text.
    let after = after.unwrap_or(ChannelId(Uuid::nil()));
    let one_more = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let query = channels::table.filter(channels::id.gt(after)).order(channels::id).limit(one_more).select(channels::id);
    let mut ids: Vec<ChannelId> = with_conn!(conn, |c| query.load(c).await)?;
    let has_more = ids.len() > limit;
    ids.truncate(limit);
    Ok((load(conn, &ids).await?, has_more))
}

/// Every channel of a user, by as many queries whether they are in one or in a thousand.
pub(super) async fn snapshot(conn: &mut Conn, user: UserId) -> Result<Vec<ChannelView>, StoreError> {
    let ids = ids_of(conn, user).await?;
    let discounts = unread::discounts(conn, Whose::User(user)).await?;
    let view = |channel: Channel| ChannelView { unread: unread::count(&channel, user, &discounts), channel };
    Ok(load(conn, &ids).await?.into_iter().map(view).collect())
}

pub(super) async fn view(conn: &mut Conn, user: UserId, id: ChannelId) -> Result<Option<ChannelView>, StoreError> {
    let Some(channel) = load(conn, &[id]).await?.pop().filter(|channel| channel.member(user).is_some()) else {
        return Ok(None);
    };
    let discounts = unread::discounts(conn, Whose::One(user, id)).await?;
    Ok(Some(ChannelView { unread: unread::count(&channel, user, &discounts), channel }))
}

pub(super) async fn state(conn: &mut Conn, id: ChannelId) -> Result<Option<ChannelState>, StoreError> {
    let Some(channel) = load(conn, &[id]).await?.pop() else { return Ok(None) };
    let discounts = unread::discounts(conn, Whose::Channel(id)).await?;
    let count = |user| (user, unread::count(&channel, user, &discounts));
    let unread: BTreeMap<_, _> = channel.member_ids().into_iter().map(count).collect();
    Ok(Some(ChannelState { channel, unread }))
}

pub(super) async fn create_group(
    conn: &mut Conn,
    id: ChannelId,
    new: NewGroup,
    at: DateTime<Utc>,
) -> Result<Channel, Failure> {
    let mut ids = users::resolve(conn, &new.members, new.placeholders, at).await?;
    let creator = messages::actor(new.by);
    if let Some(creator) = creator.filter(|creator| !ids.contains(creator)) {
        ids.push(creator);
    }
    if ids.len() > new.max_members {
        return Err(Denied::TooManyMembers { max: new.max_members }.into());
    }
    insert(conn, id, ChannelKind::Group, Some(&new.name), None, at).await?;
    for &user in &ids {
        let role = if creator == Some(user) { Role::Owner } else { Role::Member };
        members::insert(conn, id, user, role, 0, at).await?;
    }
    users::count_memberships(conn, &ids).await?;
    let channel = made(conn, id).await?;
    audit::created(conn, &channel, new.by, at).await?;
    Ok(channel)
}

/// The channel of the two, and whether it is new. There is one a pair, whoever asks at the same time.
pub(super) async fn create_direct(
    conn: &mut Conn,
    by: By,
    pair: [UserRef; 2],
    placeholders: bool,
    at: DateTime<Utc>,
) -> Result<(Channel, bool), Failure> {
    let mut ids = users::resolve(conn, &pair, placeholders, at).await?;
    if ids.len() != 2 {
        return Err(Denied::Conflict("a direct channel is between two different users").into());
    }
    ids.sort_unstable();
    let key = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(":");
    let id = ChannelId(new_v7());
    if insert(conn, id, ChannelKind::Direct, None, Some(&key), at).await? == 0 {
        let query = channels::table.filter(channels::direct_key.eq(key)).select(channels::id);
        let id = with_conn!(conn, |c| query.first(c).await)?;
        return Ok((made(conn, id).await?, false));
    }
    for &user in &ids {
        members::insert(conn, id, user, Role::Member, 0, at).await?;
    }
    users::count_memberships(conn, &ids).await?;
    let channel = made(conn, id).await?;
    audit::created(conn, &channel, by, at).await?;
    Ok((channel, true))
}

async fn insert(
    conn: &mut Conn,
    id: ChannelId,
    kind: ChannelKind,
    name: Option<&str>,
    direct_key: Option<&str>,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    let query = diesel::insert_into(channels::table)
        .values((
            channels::id.eq(id),
            channels::kind.eq(kind.as_str()),
            channels::name.eq(name),
            channels::created_at.eq(At(at)),
            channels::last_seq.eq(0),
            channels::version.eq(0),
            channels::members_version.eq(0),
            channels::direct_key.eq(direct_key),
        ))
        .on_conflict(channels::direct_key)
        .do_nothing();
    with_conn!(conn, |c| query.execute(c).await)
}

async fn made(conn: &mut Conn, id: ChannelId) -> Result<Channel, Failure> {
    let channel = load(conn, &[id]).await?.pop();
    channel.ok_or_else(|| StoreError::Internal("a channel is gone that was just made".to_owned()).into())
}

/// `None` where it has that name already.
pub(super) async fn rename(
    conn: &mut Conn,
    by: By,
    id: ChannelId,
    name: String,
    at: DateTime<Utc>,
) -> Result<Option<Change>, Failure> {
    let (row, asker) = members::enter(conn, by, id).await?;
    if !allows(asker, Action::Rename, row.kind()?) {
        return Err(Denied::Forbidden("only admins and owners rename a group").into());
    }
    if row.name.as_ref() == Some(&name) {
        return Ok(None);
    }
    let query = Kept(diesel::update(channels::table.find(id)).set(channels::name.eq(&name)));
    with_conn!(conn, |c| query.execute(c).await)?;
    record(conn, row, by, ChannelChange::Renamed { name }, at).await.map(Some)
}

/// `None` where it is so already.
pub(super) async fn show_revisions(
    conn: &mut Conn,
    by: By,
    id: ChannelId,
    to: Audience,
    at: DateTime<Utc>,
) -> Result<Option<Change>, Failure> {
    let (row, asker) = members::enter(conn, by, id).await?;
    if !allows(asker, Action::ShowRevisions, row.kind()?) {
        return Err(Denied::Forbidden(
            "only admins and owners of a group, and the application's server, decide who reads revisions",
        )
        .into());
    }
    if row.revisions_visible_to()? == to {
        return Ok(None);
    }
    let query = Kept(diesel::update(channels::table.find(id)).set(channels::revisions_visible_to.eq(to.as_str())));
    with_conn!(conn, |c| query.execute(c).await)?;
    record(conn, row, by, ChannelChange::RevisionsShown { to }, at).await.map(Some)
}

/// Gives a change that was just made its version, and keeps it in the log.
pub(super) async fn record(
    conn: &mut Conn,
    row: ChannelRow,
    by: By,
    change: ChannelChange,
    at: DateTime<Utc>,
) -> Result<Change, Failure> {
    let version = row.version + 1;
    let members_version = match change {
        ChannelChange::Renamed { .. } | ChannelChange::RevisionsShown { .. } | ChannelChange::RetentionSet { .. } => {
            row.members_version
        }
        _ => version,
    };
    let query = Kept(
        diesel::update(channels::table.find(row.id))
            .set((channels::version.eq(version), channels::members_version.eq(members_version))),
    );
    with_conn!(conn, |c| query.execute(c).await)?;
    let detail = serde_json::to_string(&change).map_err(|e| StoreError::Internal(e.to_string()))?;
    let what = What::Changed { detail: TextHash::of(&detail) };
    audit::note(conn, Entry { channel_id: row.id, version, at, by: messages::actor(by), what }).await?;
    let query = diesel::insert_into(channel_changes::table).values((
        channel_changes::channel_id.eq(row.id),
        channel_changes::version.eq(version),
        channel_changes::detail.eq(detail),
        channel_changes::actor_id.eq(messages::actor(by)),
        channel_changes::at.eq(At(at)),
    ));
    with_conn!(conn, |c| query.execute(c).await)?;
    let state = state(conn, row.id).await?.ok_or(Denied::NoChannel)?;
    Ok(Change { channel_id: row.id, version, what: Changed::Channel { change, state: Box::new(state) } })
}
