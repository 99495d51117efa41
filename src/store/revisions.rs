//! The table of revisions: what messages said before they were edited or deleted.
//!
//! Written by [`super::messages`] in the transaction of the change itself, read for who asks what became of a message.
//! Rows are never changed.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::channels;
use super::error::{Failure, StoreError};
use super::members;
use super::messages;
use super::schema::{message_revisions, messages as messages_table, users};
use super::sql_types::At;
use crate::domain::change::{By, Denied};
use crate::domain::channel::Audience;
use crate::domain::ids::{MessageId, UserId};
use crate::domain::message::{Deletion, Message, Revision, Revisions};
use crate::domain::permission::{Action, allows};

/// Keeps what a message says, and has since that version, before it says something else.
pub(super) async fn keep(conn: &mut Conn, message: &Message, version: i64) -> QueryResult<usize> {
    let since = message.updated_at.unwrap_or(message.created_at);
    let query = diesel::insert_into(message_revisions::table).values((
        message_revisions::message_id.eq(message.id),
        message_revisions::version.eq(version),
        message_revisions::content.eq(&message.content),
        message_revisions::at.eq(At(since)),
    ));
    with_conn!(conn, |c| query.execute(c).await)
}

/// All that a message has said, for who may know. Of a deleted one its members are told that and no more.
pub(super) async fn of(conn: &mut Conn, by: By, id: MessageId) -> Result<Revisions, Failure> {
    let (message, says_since) = messages::find_since(conn, id).await?.ok_or(Denied::NoMessage)?;
    let asker = members::asker(conn, by, message.channel_id).await?.ok_or(Denied::NoMessage)?;
    let row = channels::row(conn, message.channel_id).await?.ok_or(Denied::NoMessage)?;
    let open = row.revisions_visible_to()? == Audience::Members;
    if !allows(asker, Action::ReadRevisions { open }, row.kind()?) {
        return Err(Denied::Forbidden("this channel shows revisions to its admins and owners only").into());
    }
    let deletion = deletion(conn, &message).await?;
    let in_full = allows(asker, Action::ReadRevisions { open: false }, row.kind()?);
    if deletion.is_some() && !in_full {
        return Ok(Revisions { revisions: Vec::new(), deletion, message });
    }
    let query = message_revisions::table
        .filter(message_revisions::message_id.eq(id))
        .order(message_revisions::version)
        .select((message_revisions::version, message_revisions::content, message_revisions::at));
    let rows: Vec<(i64, String, At)> = with_conn!(conn, |c| query.load(c).await)?;
    let mut revisions: Vec<Revision> =
        rows.into_iter().map(|(version, content, at)| Revision { version, content, at: at.0 }).collect();
    if deletion.is_none() {
        revisions.push(Revision {
            version: says_since,
            content: message.content.clone(),
            at: message.updated_at.unwrap_or(message.created_at),
        });
    }
    Ok(Revisions { revisions, deletion, message })
}

async fn deletion(conn: &mut Conn, message: &Message) -> Result<Option<Deletion>, StoreError> {
    let Some(at) = message.deleted_at else { return Ok(None) };
    let query = messages_table::table
        .left_join(users::table.on(messages_table::deleted_by.eq(users::id.nullable())))
        .filter(messages_table::id.eq(message.id))
        .select((messages_table::deleted_by, users::name.nullable()));
    let (by, name): (Option<UserId>, Option<String>) = with_conn!(conn, |c| query.first(c).await)?;
    Ok(Some(Deletion { version: message.version, by: by.zip(name), at }))
}
