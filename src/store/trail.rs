//! Reads what the audit trail is judged by: every table as it is, without believing any of it.
//!
//! For `tenfour audit` and the export of heads; nothing else reads entries.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::audit::ChainRow;
use super::backend::{Conn, with_conn};
use super::channels;
use super::error::StoreError;
use super::lists::ids_of;
use super::retention;
use super::schema::{
    audit_entries, channel_changes, channel_members, channels as channels_table, message_revisions, messages,
};
use super::sql_types::At;
use super::{attachments, instructions, reactions};
use crate::domain::audit::{Chain, Entry, TextHash, What};
use crate::domain::ids::{AttachmentId, ChannelId, ClientId, MessageId, UserId};
use crate::domain::trail::{ChannelTrail, KeptReaction, LoggedChange, MessageTrail, Noted};

/// Every channel that there is, or of which the trail says that there was.
pub(super) async fn channels(conn: &mut Conn) -> QueryResult<Vec<ChannelId>> {
    let query = channels_table::table.select(channels_table::id);
    let there: Vec<ChannelId> = with_conn!(conn, |c| query.load(c).await)?;
    let query = audit_entries::table.select(audit_entries::channel_id).distinct();
    let noted: Vec<ChannelId> = with_conn!(conn, |c| query.load(c).await)?;
    let all: BTreeSet<ChannelId> = there.into_iter().chain(noted).collect();
    Ok(all.into_iter().collect())
}

pub(super) async fn heads(conn: &mut Conn) -> QueryResult<Vec<(ChannelId, Chain)>> {
    let query = channels_table::table.order(channels_table::id);
    let rows: Vec<(ChannelId, ChainRow)> =
        with_conn!(conn, |c| query.select((channels_table::id, ChainRow::as_select())).load(c).await)?;
    Ok(rows.into_iter().filter_map(|(channel, row)| Some((channel, row.chain()?))).collect())
}

pub(super) async fn channel(conn: &mut Conn, id: ChannelId) -> Result<ChannelTrail, StoreError> {
    let channel = channels::load(conn, &[id]).await?.pop();
    let query = channels_table::table.find(id).select(channels_table::created_at);
    let created_at: Option<At> = with_conn!(conn, |c| query.first(c).await).optional()?;
    let query = channel_members::table
        .filter(channel_members::channel_id.eq(id))
        .order(channel_members::user_id)
        .select((channel_members::user_id, channel_members::joined_at));
    let joined: Vec<(UserId, At)> = with_conn!(conn, |c| query.load(c).await)?;
    let query = channels_table::table.find(id);
    let chain: Option<ChainRow> =
        with_conn!(conn, |c| query.select(ChainRow::as_select()).first(c).await).optional()?;
    Ok(ChannelTrail {
        id,
        channel,
        created_at: created_at.map(|at| at.0),
        joined: joined.into_iter().map(|(user, at)| (user, at.0)).collect(),
        retention: retention::of(conn, id).await?.unwrap_or_default(),
        chain: chain.and_then(ChainRow::chain),
        entries: entries(conn, id).await?,
        changes: changes(conn, id).await?,
    })
}

type EntryRow = (i64, String, Option<MessageId>, Option<UserId>, At, Option<Vec<u8>>, Option<String>);

async fn entries(conn: &mut Conn, id: ChannelId) -> QueryResult<Vec<Noted>> {
    let query = audit_entries::table.filter(audit_entries::channel_id.eq(id)).order(audit_entries::version).select((
        audit_entries::version,
        audit_entries::kind,
        audit_entries::message_id,
        audit_entries::actor_id,
        audit_entries::at,
        audit_entries::hash,
        audit_entries::detail,
    ));
    let rows: Vec<EntryRow> = with_conn!(conn, |c| query.load(c).await)?;
    let noted = |(version, kind, message, by, at, hash, detail): EntryRow| {
        let entry = what(&kind, message, hash).map(|what| Entry { channel_id: id, version, at: at.0, by, what });
        Noted { version, entry, detail }
    };
    Ok(rows.into_iter().map(noted).collect())
}

fn what(kind: &str, message: Option<MessageId>, hash: Option<Vec<u8>>) -> Option<What> {
    let hash = hash.map(|bytes| bytes.try_into().map(TextHash)).transpose().ok()?;
    Some(match (kind, message, hash) {
        ("created", None, Some(detail)) => What::Created { detail },
        ("edited", Some(message_id), Some(content)) => What::Edited { message_id, content },
        ("deleted", Some(message_id), None) => What::Deleted { message_id },
        ("reacted", Some(message_id), Some(reaction)) => What::Reacted { message_id, reaction, set: true },
        ("unreacted", Some(message_id), Some(reaction)) => What::Reacted { message_id, reaction, set: false },
        ("answered", Some(message_id), Some(answer)) => What::Answered { message_id, answer },
        ("overdue", Some(message_id), None) => What::Overdue { message_id },
        ("changed", None, Some(detail)) => What::Changed { detail },
        _ => return None,
    })
}

async fn changes(conn: &mut Conn, id: ChannelId) -> QueryResult<Vec<LoggedChange>> {
    let query = channel_changes::table
        .filter(channel_changes::channel_id.eq(id))
        .order(channel_changes::version)
        .select((channel_changes::version, channel_changes::detail, channel_changes::actor_id, channel_changes::at));
    let rows: Vec<(i64, String, Option<UserId>, At)> = with_conn!(conn, |c| query.load(c).await)?;
    let logged = |(version, detail, by, at): (i64, String, Option<UserId>, At)| {
        let change = serde_json::from_str(&detail).ok();
        LoggedChange { version, detail, change, by, at: at.0 }
    };
    Ok(rows.into_iter().map(logged).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = messages)]
struct Row {
    id: MessageId,
    client_id: ClientId,
    sender_id: UserId,
    seq: i64,
    version: i64,
    first_version: i64,
    digest: Vec<u8>,
    content: String,
    content_type: String,
    reply_to_id: Option<MessageId>,
    created_at: At,
    updated_at: Option<At>,
    updated_by: Option<UserId>,
    deleted_at: Option<At>,
    deleted_by: Option<UserId>,
    erased_at: Option<At>,
    attachment_ids: Option<Vec<u8>>,
    files_hash: Option<Vec<u8>>,
    touched_version: Option<i64>,
    content_version: Option<i64>,
    mention_ids: Option<Vec<u8>>,
    instruction_hash: Option<Vec<u8>>,
}

/// Those after `seq`, ascending, `limit` at most.
pub(super) async fn messages(
    conn: &mut Conn,
    channel: ChannelId,
    seq: i64,
    limit: i64,
) -> QueryResult<Vec<MessageTrail>> {
    let query = messages::table
        .filter(messages::channel_id.eq(channel).and(messages::seq.gt(seq)))
        .order(messages::seq)
        .limit(limit);
    let rows: Vec<Row> = with_conn!(conn, |c| query.select(Row::as_select()).load(c).await)?;
    // Of those, too, that are said to be as they were sent: what was slipped in has to be seen.
    let all: Vec<MessageId> = rows.iter().map(|row| row.id).collect();
    let mut revisions = revisions(conn, &all).await?;
    let mut reacted = HashMap::<MessageId, Vec<KeptReaction>>::new();
    for (message, kept) in reactions::rows(conn, &all).await? {
        reacted.entry(message).or_default().push(kept);
    }
    let (mut asked, mut assignees) = instructions::rows(conn, &all).await?;
    let mut files = attachments::of_messages(conn, all).await?;
    let whole = |row: Row| MessageTrail {
        revisions: revisions.remove(&row.id).unwrap_or_default(),
        attachments: files.remove(&row.id).unwrap_or_default(),
        reactions: reacted.remove(&row.id).unwrap_or_default(),
        instruction: asked.remove(&row.id),
        assignees: assignees.remove(&row.id).unwrap_or_default(),
        ..row.into()
    };
    Ok(rows.into_iter().map(whole).collect())
}

type Revisions = HashMap<MessageId, Vec<(i64, String, chrono::DateTime<chrono::Utc>)>>;

async fn revisions(conn: &mut Conn, of: &[MessageId]) -> QueryResult<Revisions> {
    let mut found = Revisions::new();
    if of.is_empty() {
        return Ok(found);
    }
    let query = message_revisions::table
        .filter(message_revisions::message_id.eq_any(of))
        .order((message_revisions::message_id, message_revisions::version))
        .select(message_revisions::all_columns);
    let rows: Vec<(MessageId, i64, String, At)> = with_conn!(conn, |c| query.load(c).await)?;
    for (message, version, content, at) in rows {
        found.entry(message).or_default().push((version, content, at.0));
    }
    Ok(found)
}

impl From<Row> for MessageTrail {
    fn from(row: Row) -> Self {
        Self {
            revisions: Vec::new(),
            attachments: Vec::new(),
            reactions: Vec::new(),
            instruction: None,
            assignees: Vec::new(),
            instruction_hash: row.instruction_hash,
            attachment_ids: ids_of(row.attachment_ids.as_deref(), AttachmentId),
            files_hash: row.files_hash,
            mention_ids: ids_of(row.mention_ids.as_deref(), UserId),
            touched_version: row.touched_version,
            content_version: row.content_version,
            id: row.id,
            client_id: row.client_id,
            sender_id: row.sender_id,
            seq: row.seq,
            version: row.version,
            first_version: row.first_version,
            digest: row.digest,
            content: row.content,
            content_type: row.content_type,
            reply_to_id: row.reply_to_id,
            created_at: row.created_at.0,
            updated_at: row.updated_at.map(|at| at.0),
            updated_by: row.updated_by,
            deleted_at: row.deleted_at.map(|at| at.0),
            deleted_by: row.deleted_by,
            erased_at: row.erased_at.map(|at| at.0),
        }
    }
}
