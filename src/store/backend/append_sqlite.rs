//! The append batch on SQLite: prepared statements in a loop within one blocking call, one commit.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::select;
use diesel::sqlite::SqliteConnection;

use super::SqliteConn;
use crate::domain::attachment::Attachment;
use crate::domain::audit::Chain;
use crate::domain::ids::{AttachmentId, ChannelId, UserId};
use crate::domain::instruction::Instruction;
use crate::domain::message::{Append, Appended, NewMessage, Stored};
use crate::fault;
use crate::store::attachments::{AttachmentRow, Named, USED};
use crate::store::audit::{ChainRow, Grown};
use crate::store::instructions::{self, AssigneeRow};
use crate::store::kept::Kept;
use crate::store::messages::{NewRow, StoredRow};
use crate::store::planted;
use crate::store::schema;
use crate::store::schema::{attachments, channel_members, channels, messages};

/// A channel's numbers while the batch goes on.
struct Head {
    last_seq: i64,
    version: i64,
    members_version: i64,
    grew: bool,
    /// What its trail comes to.
    chain: Option<Chain>,
}

pub(super) async fn append(
    conn: &mut SqliteConn,
    batch: Arc<[Append]>,
    range: Range<usize>,
) -> QueryResult<Vec<Appended>> {
    conn.spawn_blocking(move |conn| {
        conn.batch_execute("BEGIN IMMEDIATE")?;
        let done = batch_in(conn, &batch[range]).and_then(|outcomes| {
            if planted::told_early(&outcomes) {
                std::thread::sleep(fault::WINDOW);
                if planted::is_cut(&outcomes) {
                    return Err(Error::RollbackTransaction);
                }
            }
            conn.batch_execute("COMMIT")?;
            Ok(outcomes)
        });
        if done.is_err() {
            // The first error is the one to tell.
            let _ = conn.batch_execute("ROLLBACK");
        }
        done
    })
    .await
}

fn batch_in(conn: &mut SqliteConnection, batch: &[Append]) -> QueryResult<Vec<Appended>> {
    let mut heads = HashMap::new();
    let outcomes = batch.iter().map(|item| one(conn, item, &mut heads)).collect::<QueryResult<_>>()?;
    for (id, head) in heads.iter().filter_map(|(id, head)| Some((id, head.as_ref()?))).filter(|(_, head)| head.grew) {
        let moved = diesel::update(channels::table.find(id)).set((
            channels::last_seq.eq(head.last_seq),
            channels::version.eq(head.version),
            channels::audit_since.eq(head.chain.map(|chain| chain.since)),
            channels::audit_version.eq(head.chain.map(|chain| chain.version)),
            channels::audit_head.eq(head.chain.as_ref().map(|chain| chain.head.0.as_slice())),
        ));
        Kept(moved).execute(conn)?;
    }
    Ok(outcomes)
}

fn one(
    conn: &mut SqliteConnection,
    item: &Append,
    heads: &mut HashMap<ChannelId, Option<Head>>,
) -> QueryResult<Appended> {
    let message = &item.message;
    // Before anything that could refuse it: the retry of a stored message is never refused.
    let found: Option<StoredRow> = messages::table
        .filter(messages::sender_id.eq(message.sender_id).and(messages::client_id.eq(message.client_id)))
        .select(StoredRow::as_select())
        .first(conn)
        .optional()?;
    if let Some(found) = found {
        return again(conn, found.judge(&item.digest), item);
    }
    let head = match heads.entry(message.channel_id) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(head(conn, message.channel_id)?),
    };
    let Some(head) = head else { return Ok(Appended::NotMember) };
    if head.members_version != item.members_version {
        let member = channel_members::table.find((message.channel_id, message.sender_id));
        if !select(exists(member)).get_result::<bool>(conn)? {
            return Ok(Appended::NotMember);
        }
    }
    if let Some(reply_to) = message.reply_to_id {
        let original = messages::table.find(reply_to).filter(messages::channel_id.eq(message.channel_id));
        if !select(exists(original)).get_result::<bool>(conn)? {
            return Ok(Appended::UnknownReply);
        }
    }
    if let Some(user) = stranger(conn, message.channel_id, &message.mention_ids)? {
        return Ok(Appended::UnknownMention(user));
    }
    let instruction = match asked(conn, message)? {
        Ok(instruction) => instruction,
        Err(user) => return Ok(Appended::UnknownAssignee(user)),
    };
    let attachments = match take(conn, item)? {
        Ok(attachments) => attachments,
        Err(id) => return Ok(Appended::UnknownAttachment(id)),
    };
    let stored = Stored {
        id: message.id,
        channel_id: message.channel_id,
        seq: head.last_seq + 1,
        version: head.version + 1,
        created_at: message.created_at,
        attachments,
        instruction,
    };
    match diesel::insert_into(messages::table).values(NewRow::new(item, &stored)).execute(conn) {
        Ok(_) => {}
        Err(error) if is_of_the_row(&error) => {
            log::warn!("message {} was refused by the database: {error}", message.id);
            return Ok(Appended::Rejected);
        }
        Err(error) => return Err(error),
    }
    let grown = Grown::by(item, &stored, head.chain);
    for (position, id) in (0..).zip(&message.attachment_ids) {
        let used = diesel::update(attachments::table.find(id)).set((
            attachments::state.eq(USED),
            attachments::message_id.eq(message.id),
            attachments::position.eq(position),
        ));
        Kept(used).execute(conn)?;
    }
    if let Some(instruction) = &stored.instruction {
        let (row, assignees) = instructions::rows_of(message, instruction);
        diesel::insert_into(schema::instructions::table).values(row).execute(conn)?;
        for assignee in assignees {
            diesel::insert_into(schema::instruction_assignees::table).values(assignee).execute(conn)?;
        }
    }
    (head.last_seq, head.version, head.grew, head.chain) =
        (grown.last_seq, grown.chain.version, true, Some(grown.chain));
    Ok(Appended::New(stored))
}

/// A duplicate may be the first one, whose answer was lost: then it is told to everybody yet, as it is.
fn again(conn: &mut SqliteConnection, outcome: Appended, item: &Append) -> QueryResult<Appended> {
    let Appended::Duplicate(mut stored) = outcome else { return Ok(outcome) };
    if !item.message.attachment_ids.is_empty() {
        let rows: Vec<AttachmentRow> = attachments::table
            .filter(attachments::message_id.eq(stored.id))
            .order(attachments::position)
            .select(AttachmentRow::as_select())
            .load(conn)?;
        stored.attachments = rows.into_iter().map(Attachment::from).collect();
    }
    if let Some(ask) = &item.message.ask {
        let rows: Vec<AssigneeRow> = schema::instruction_assignees::table
            .filter(schema::instruction_assignees::message_id.eq(stored.id))
            .select(schema::instruction_assignees::all_columns)
            .load(conn)?;
        stored.instruction = Some(instructions::as_sent(ask, rows));
    }
    Ok(Appended::Duplicate(stored))
}

/// What a message asks for. Err: who is asked and is not in the channel.
fn asked(conn: &mut SqliteConnection, message: &NewMessage) -> QueryResult<Result<Option<Instruction>, UserId>> {
    if message.ask.is_none() {
        return Ok(Ok(None));
    }
    let members = channel_members::table
        .filter(channel_members::channel_id.eq(message.channel_id))
        .order(channel_members::user_id)
        .select(channel_members::user_id)
        .load(conn)?;
    Ok(instructions::resolved(message, &members))
}

/// The first of these who is not in the channel.
fn stranger(conn: &mut SqliteConnection, channel: ChannelId, users: &[UserId]) -> QueryResult<Option<UserId>> {
    for user in users {
        if !select(exists(channel_members::table.find((channel, user)))).get_result::<bool>(conn)? {
            return Ok(Some(*user));
        }
    }
    Ok(None)
}

fn take(conn: &mut SqliteConnection, item: &Append) -> QueryResult<Result<Vec<Attachment>, AttachmentId>> {
    let ids = &item.message.attachment_ids;
    if ids.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let rows = attachments::table.filter(attachments::id.eq_any(ids)).select(AttachmentRow::as_select()).load(conn)?;
    Ok(Named::new(rows).take(item))
}

fn head(conn: &mut SqliteConnection, id: ChannelId) -> QueryResult<Option<Head>> {
    let row: Option<((i64, i64, i64), ChainRow)> = channels::table
        .find(id)
        .select(((channels::last_seq, channels::version, channels::members_version), ChainRow::as_select()))
        .first(conn)
        .optional()?;
    Ok(row.map(|((last_seq, version, members_version), row)| {
        let burned = planted::burned(id);
        let (last_seq, version) = (last_seq + burned, version + burned);
        Head { last_seq, version, members_version, grew: false, chain: row.chain() }
    }))
}

/// SQLite undoes only the statement then, and the transaction goes on.
fn is_of_the_row(error: &Error) -> bool {
    use DatabaseErrorKind::{CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation};
    matches!(error, Error::DatabaseError(CheckViolation | ForeignKeyViolation | NotNullViolation | UniqueViolation, _))
}
