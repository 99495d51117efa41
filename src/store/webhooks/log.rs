//! Reads what happened in a lane out of the logs that there are anyway: messages by their first version, everything else that
//! takes one in the trail, read marks in the channel's journal, presence in its changes.
//!
//! What an event is about is read as it is now: what was deleted or erased since tells nothing of what it said.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::tell::{Details, EntryRow, ReadRow, Row, SentRow, named, read_up_to};
use super::{presence, start};
use crate::domain::ids::{ChannelId, JournalId, MessageId, UserId};
use crate::domain::journal::Kind;
use crate::domain::message::Message;
use crate::domain::user::User;
use crate::domain::webhook::{About, Cursor, EventKind, Events, Happened, Item, Lane, Place};
use crate::store::backend::{Conn, with_conn};
use crate::store::error::StoreError;
use crate::store::schema::{
    audit_entries, audit_journals, audit_records, channel_changes, channels as channels_table,
    messages as messages_table, presence_changes,
};
use crate::store::sql_types::At;
use crate::store::{channels, messages, users};

/// What comes next in a lane.
#[derive(Debug, Clone)]
pub struct Page {
    /// In their order.
    pub items: Vec<Item>,
    /// Up to where all is delivered once they are. None: there is more.
    pub end: Option<Cursor>,
}

/// `None`: there is no such lane any more. Within one transaction.
pub(super) async fn page(
    conn: &mut Conn,
    lane: Lane,
    from: Cursor,
    wanted: &Events,
    limit: usize,
) -> Result<Option<Page>, StoreError> {
    match lane {
        Lane::Channel(channel) => of_channel(conn, channel, from, wanted, limit).await,
        Lane::User(user) => of_user(conn, user, from, wanted, limit).await.map(Some),
    }
}

/// The one event at this place; `None` where it cannot be told any more.
pub(super) async fn one(
    conn: &mut Conn,
    lane: Lane,
    place: Place,
    kind: EventKind,
) -> Result<Option<Happened>, StoreError> {
    let mut from = Cursor { version: i64::MAX, seq: i64::MAX, record: i64::MAX };
    match place {
        Place::Version(version) => {
            from.version = version - 1;
            if let (Lane::Channel(channel), EventKind::MessageSent) = (lane, kind) {
                from.seq = start::seq_before(conn, channel, version).await?.unwrap_or(i64::MAX);
            }
        }
        Place::Record(record) => from.record = record - 1,
    }
    let page = page(conn, lane, from, &Events::only([kind]), 1).await?;
    let event = page.and_then(|page| page.items.into_iter().next()).and_then(|item| item.event);
    Ok(event.filter(|event| event.place == place))
}

async fn of_user(
    conn: &mut Conn,
    user: UserId,
    from: Cursor,
    wanted: &Events,
    limit: usize,
) -> Result<Page, StoreError> {
    let query = presence_changes::table
        .filter(presence_changes::user_id.eq(user).and(presence_changes::change.gt(from.version)))
        .order(presence_changes::change)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((presence_changes::change, presence_changes::online, presence_changes::at));
    let rows: Vec<(i64, bool, At)> = with_conn!(conn, |c| query.load(c).await)?;
    let users = users::load(conn, &[user]).await?;
    let is_last = rows.len() < limit;
    let mut after = from;
    let item = |(change, online, at): (i64, bool, At)| {
        after.version = change;
        let kind = if online { EventKind::UserOnline } else { EventKind::UserOffline };
        let happened = || Happened {
            kind,
            lane: Lane::User(user),
            place: Place::Version(change),
            at: at.0,
            by: Some(user),
            about: About::Presence,
            users: users.clone(),
        };
        Item { after, event: wanted.wants(kind).then(happened) }
    };
    let items: Vec<Item> = rows.into_iter().map(item).collect();
    // Changes may be gone that nobody was told of in time.
    let version = from.version.max(presence::changes(conn, user).await?);
    Ok(Page { items, end: is_last.then_some(Cursor { version, ..from }) })
}

async fn of_channel(
    conn: &mut Conn,
    channel: ChannelId,
    from: Cursor,
    wanted: &Events,
    limit: usize,
) -> Result<Option<Page>, StoreError> {
    let Some(title) = channels::titles(conn, &[channel]).await?.pop() else { return Ok(None) };
    let head = head(conn, channel).await?;
    let rows = Rows {
        sent: if wanted.wants_sent() { sent(conn, channel, from.seq, limit).await? } else { Vec::new() },
        entries: if wanted.wants_changes() { entries(conn, channel, from.version, limit).await? } else { Vec::new() },
        reads: if wanted.wants_reads() { reads(conn, channel, from.record, limit).await? } else { Vec::new() },
    };
    let is_last = rows.are_last(limit);
    let steps = rows.merged(from, limit);
    let details = details(conn, channel, &steps).await?;
    let ids: BTreeSet<MessageId> = steps.iter().filter_map(|step| step.row.message()).collect();
    let ids: Vec<MessageId> = ids.into_iter().collect();
    let loaded = if ids.is_empty() { Vec::new() } else { messages::load(conn, &ids).await? };
    let there: HashMap<MessageId, Message> = loaded.into_iter().map(|message| (message.id, message)).collect();
    let tell = |step: Step| {
        let event = step.row.tell(&title, &there, &details).filter(|event| wanted.wants(event.kind));
        Item { after: step.after, event }
    };
    let mut items: Vec<Item> = steps.into_iter().map(tell).collect();
    name_users(conn, &mut items).await?;
    Ok(Some(Page { items, end: is_last.then_some(head) }))
}

/// Where the channel is itself.
async fn head(conn: &mut Conn, channel: ChannelId) -> QueryResult<Cursor> {
    let query = channels_table::table.find(channel).select((channels_table::version, channels_table::last_seq));
    let (version, seq): (i64, i64) = with_conn!(conn, |c| query.first(c).await)?;
    let query = audit_journals::table.find(JournalId::of(channel)).select(audit_journals::number);
    let record: Option<i64> = with_conn!(conn, |c| query.first(c).await).optional()?;
    Ok(Cursor { version, seq, record: record.unwrap_or_default() })
}

async fn sent(conn: &mut Conn, channel: ChannelId, after: i64, limit: usize) -> QueryResult<Vec<SentRow>> {
    let query = messages_table::table
        .filter(messages_table::channel_id.eq(channel).and(messages_table::seq.gt(after)))
        .order(messages_table::seq)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((
            messages_table::id,
            messages_table::seq,
            messages_table::first_version,
            messages_table::sender_id,
            messages_table::created_at,
        ));
    with_conn!(conn, |c| query.load(c).await)
}

async fn entries(conn: &mut Conn, channel: ChannelId, after: i64, limit: usize) -> QueryResult<Vec<EntryRow>> {
    let query = audit_entries::table
        .filter(audit_entries::channel_id.eq(channel).and(audit_entries::version.gt(after)))
        .order(audit_entries::version)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((
            audit_entries::version,
            audit_entries::kind,
            audit_entries::message_id,
            audit_entries::actor_id,
            audit_entries::at,
            audit_entries::hash,
            audit_entries::detail,
        ));
    with_conn!(conn, |c| query.load(c).await)
}

async fn reads(conn: &mut Conn, channel: ChannelId, after: i64, limit: usize) -> QueryResult<Vec<ReadRow>> {
    let query = audit_records::table
        .filter(audit_records::journal_id.eq(JournalId::of(channel)).and(audit_records::number.gt(after)))
        .filter(audit_records::kind.eq(Kind::Read.as_str()))
        .order(audit_records::number)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((audit_records::number, audit_records::actor_id, audit_records::at, audit_records::detail));
    with_conn!(conn, |c| query.load(c).await)
}

struct Step {
    row: Row,
    after: Cursor,
}

struct Rows {
    sent: Vec<SentRow>,
    entries: Vec<EntryRow>,
    reads: Vec<ReadRow>,
}

impl Rows {
    /// Whether there is no more in any of them than was read, and all of that is told.
    fn are_last(&self, limit: usize) -> bool {
        self.sent.len() + self.entries.len() + self.reads.len() <= limit
            && [self.sent.len(), self.entries.len(), self.reads.len()].iter().all(|len| *len < limit)
    }

    /// By version; a read mark where it was moved, but behind the message that it goes up to.
    fn merged(self, from: Cursor, limit: usize) -> Vec<Step> {
        let (mut sent, mut entries, mut reads) =
            (self.sent.into_iter().peekable(), self.entries.into_iter().peekable(), self.reads.into_iter().peekable());
        let (mut steps, mut after) = (Vec::new(), from);
        while steps.len() < limit {
            let message = sent.peek().map(|row| (row.2, row.4));
            let entry = entries.peek().map(|row| (row.0, row.4));
            let next = [message, entry].into_iter().flatten().min_by_key(|(version, _)| *version);
            let read_first = reads.peek().is_some_and(|read| {
                let unread = sent.peek().is_some_and(|row| read_up_to(read).is_some_and(|seq| seq >= row.1));
                !unread && next.is_none_or(|(_, at)| read.2 <= at)
            });
            let row = if read_first {
                reads.next().map(Row::Read)
            } else if next.is_some() && next == message {
                sent.next().map(Row::Sent)
            } else {
                entries.next().map(Row::Entry)
            };
            let Some(row) = row else { break };
            match &row {
                Row::Sent(row) => (after.seq, after.version) = (row.1, after.version.max(row.2)),
                Row::Entry(row) => after.version = after.version.max(row.0),
                Row::Read(row) => after.record = row.0,
            }
            steps.push(Step { row, after });
        }
        steps
    }
}

/// What changed of the channel itself, by version.
async fn details(conn: &mut Conn, channel: ChannelId, steps: &[Step]) -> QueryResult<Details> {
    let changed = |step: &Step| match &step.row {
        Row::Entry(row) if row.1 == "changed" => Some(row.0),
        _ => None,
    };
    let versions: Vec<i64> = steps.iter().filter_map(changed).collect();
    if versions.is_empty() {
        return Ok(Details::new());
    }
    let query = channel_changes::table
        .filter(channel_changes::channel_id.eq(channel).and(channel_changes::version.eq_any(versions)))
        .select((channel_changes::version, channel_changes::detail));
    let rows: Vec<(i64, String)> = with_conn!(conn, |c| query.load(c).await)?;
    Ok(rows.into_iter().filter_map(|(version, text)| Some((version, serde_json::from_str(&text).ok()?))).collect())
}

/// The host knows its users by ids of its own.
async fn name_users(conn: &mut Conn, items: &mut [Item]) -> QueryResult<()> {
    let events = || items.iter().filter_map(|item| item.event.as_ref());
    let all: BTreeSet<UserId> = events().flat_map(named).collect();
    if all.is_empty() {
        return Ok(());
    }
    let all: Vec<UserId> = all.into_iter().collect();
    let known: HashMap<UserId, User> = users::load(conn, &all).await?.into_iter().map(|user| (user.id, user)).collect();
    for event in items.iter_mut().filter_map(|item| item.event.as_mut()) {
        event.users = named(event).iter().filter_map(|id| known.get(id).cloned()).collect();
    }
    Ok(())
}
