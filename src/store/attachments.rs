//! The table of attachments: what was uploaded, by whom, and in which message it is.
//!
//! A row is there before its object and until after it: whoever deletes objects finds all of them here. Which message an
//! attachment is in is decided by the append, in the transaction that stores the message.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::{count_star, exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::error::{Failure, StoreError};
use super::kept::Kept;
use super::lists::bytes_of;
use super::members;
use super::schema::{attachments, channel_retention, messages};
use super::sql_types::At;
use crate::domain::attachment::Attachment;
use crate::domain::change::{By, Denied};
use crate::domain::ids::{AttachmentId, ChannelId, MessageId, UserId};
use crate::domain::message::Append;
use crate::fault::{self, Sabotage};

const UPLOADING: &str = "uploading";
pub(super) const UNUSED: &str = "unused";
pub(super) const USED: &str = "used";
const GONE: &str = "gone";
/// How many lost ones are read at a time.
const SWEEP: i64 = 200;

/// An upload that begins: what it may come to counts for the user's totals until it is known.
#[derive(Debug, Clone)]
pub struct NewUpload {
    pub id: AttachmentId,
    pub uploader: UserId,
    pub name: String,
    /// Where its object will be.
    pub storage_key: String,
    pub at_most: i64,
    pub max_files: i64,
    pub max_bytes: i64,
}

/// What an upload turned out to be.
#[derive(Debug, Clone)]
pub struct Uploaded {
    pub content_type: String,
    pub size: i64,
    pub sha256: String,
    pub width: Option<i32>,
    pub height: Option<i32>,
}

/// One that was let go of, whose object is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    pub id: AttachmentId,
    pub storage_key: String,
    pub created_at: DateTime<Utc>,
    /// It was uploaded to its end: no more of it will come.
    pub is_whole: bool,
}

/// An attachment, and where its object is.
#[derive(Debug, Clone)]
pub struct Held {
    pub attachment: Attachment,
    pub storage_key: String,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = attachments)]
pub(super) struct AttachmentRow {
    id: AttachmentId,
    pub(super) uploader_id: UserId,
    pub(super) state: String,
    storage_key: String,
    name: String,
    content_type: String,
    size: i64,
    sha256: String,
    width: Option<i32>,
    height: Option<i32>,
    pub(super) message_id: Option<MessageId>,
}

impl From<AttachmentRow> for Attachment {
    fn from(row: AttachmentRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            content_type: row.content_type,
            size: row.size,
            sha256: row.sha256,
            width: row.width,
            height: row.height,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = attachments)]
struct NewRow<'a> {
    id: AttachmentId,
    uploader_id: UserId,
    state: &'a str,
    storage_key: &'a str,
    name: &'a str,
    content_type: &'a str,
    size: i64,
    sha256: &'a str,
    created_at: At,
    position: i32,
}

/// Judged with the user's row locked, so that two uploads at once do not both take what is left.
pub(super) async fn begin(conn: &mut Conn, new: NewUpload, at: DateTime<Utc>) -> Result<(), Failure> {
    conn.lock_users(&[new.uploader]).await?;
    let query = attachments::table
        .filter(attachments::uploader_id.eq(new.uploader).and(attachments::state.ne(GONE)))
        .select((count_star(), sql::<BigInt>("CAST(coalesce(sum(size), 0) AS BIGINT)")));
    let (files, bytes): (i64, i64) = with_conn!(conn, |c| query.first(c).await)?;
    if files >= new.max_files {
        return Err(Denied::TooManyFiles { max: new.max_files }.into());
    }
    if bytes.saturating_add(new.at_most) > new.max_bytes {
        return Err(Denied::TooManyBytes { left: (new.max_bytes - bytes).max(0), max: new.max_bytes }.into());
    }
    let row = NewRow {
        id: new.id,
        uploader_id: new.uploader,
        state: UPLOADING,
        storage_key: &new.storage_key,
        name: &new.name,
        content_type: "",
        size: new.at_most,
        sha256: "",
        created_at: At(at),
        position: 0,
    };
    let query = diesel::insert_into(attachments::table).values(row);
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// The object is whole.
pub(super) async fn finish(conn: &mut Conn, id: AttachmentId, what: Uploaded) -> Result<Attachment, Failure> {
    let query = Kept(
        diesel::update(attachments::table.filter(attachments::id.eq(id).and(attachments::state.eq(UPLOADING)))).set((
            attachments::state.eq(UNUSED),
            attachments::content_type.eq(&what.content_type),
            attachments::size.eq(what.size),
            attachments::sha256.eq(&what.sha256),
            attachments::width.eq(what.width),
            attachments::height.eq(what.height),
        )),
    );
    with_conn!(conn, |c| query.execute(c).await)?;
    // Again after an answer that was lost: what was done then is there.
    let row = find(conn, id).await?.filter(|row| row.state == UNUSED);
    Ok(row.ok_or(Denied::NoAttachment)?.into())
}

/// Lets go of one that is in no message, for its uploader.
pub(super) async fn discard(conn: &mut Conn, user: UserId, id: AttachmentId) -> Result<(), Failure> {
    let own = attachments::id.eq(id).and(attachments::uploader_id.eq(user));
    let loose = own.and(attachments::state.eq_any([UPLOADING, UNUSED]));
    let query = Kept(diesel::update(attachments::table.filter(loose)).set(attachments::state.eq(GONE)));
    if with_conn!(conn, |c| query.execute(c).await)? > 0 {
        return Ok(());
    }
    match find(conn, id).await?.filter(|row| row.uploader_id == user && row.state == USED) {
        Some(_) => Err(Denied::Conflict("the attachment is in a message; delete the message").into()),
        None => Err(Denied::NoAttachment.into()),
    }
}

/// Lets go of what has been in no message since `before`.
pub(super) async fn expire(conn: &mut Conn, before: DateTime<Utc>) -> Result<(), StoreError> {
    let old = attachments::state.eq_any([UPLOADING, UNUSED]).and(attachments::created_at.lt(At(before)));
    let query = Kept(diesel::update(attachments::table.filter(old)).set(attachments::state.eq(GONE)));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// Those whose objects are deleted need no row any more.
pub(super) async fn forget(conn: &mut Conn, ids: Vec<AttachmentId>) -> Result<(), StoreError> {
    let query = diesel::delete(attachments::table.filter(attachments::id.eq_any(ids).and(attachments::state.eq(GONE))));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// Whether some are in no message since `before`.
pub(super) async fn has_old(conn: &mut Conn, before: DateTime<Utc>) -> Result<bool, StoreError> {
    let old = attachments::state.eq_any([UPLOADING, UNUSED]).and(attachments::created_at.lt(At(before)));
    let old = attachments::table.filter(old).select(attachments::id);
    let old: Option<AttachmentId> = with_conn!(conn, |c| old.first(c).await).optional()?;
    Ok(old.is_some())
}

/// Some of those that were let go of, the oldest first, behind this one.
pub(super) async fn lost(conn: &mut Conn, after: Option<Lost>) -> Result<Vec<Lost>, StoreError> {
    let (since, id) =
        after.map_or((DateTime::UNIX_EPOCH, AttachmentId(uuid::Uuid::nil())), |it| (it.created_at, it.id));
    let (at, since) = (attachments::created_at, At(since));
    // Of a message that was deleted under a hold: what hung on it is kept, and shown to nobody.
    let held = messages::table
        .inner_join(channel_retention::table.on(channel_retention::channel_id.eq(messages::channel_id)))
        .filter(messages::id.nullable().eq(attachments::message_id).and(channel_retention::legal_hold.eq(true)));
    let query = attachments::table
        .filter(attachments::state.eq(GONE).and(at.ge(since)).and(at.gt(since).or(attachments::id.gt(id))))
        .filter(not(exists(held)))
        .order((attachments::created_at, attachments::id))
        .select((attachments::id, attachments::storage_key, attachments::created_at, attachments::sha256))
        .limit(SWEEP);
    let rows: Vec<(AttachmentId, String, At, String)> = with_conn!(conn, |c| query.load(c).await)?;
    let lost = |(id, storage_key, created_at, sha256): (_, _, At, String)| Lost {
        id,
        storage_key,
        created_at: created_at.0,
        is_whole: !sha256.is_empty(),
    };
    Ok(rows.into_iter().map(lost).collect())
}

async fn find(conn: &mut Conn, id: AttachmentId) -> QueryResult<Option<AttachmentRow>> {
    let query = attachments::table.find(id);
    with_conn!(conn, |c| query.select(AttachmentRow::as_select()).first(c).await).optional()
}

/// One that may be downloaded now: by who is in the channel of its message, or by the uploader while it is in none.
pub(super) async fn find_for(conn: &mut Conn, by: By, id: AttachmentId) -> Result<Option<Held>, StoreError> {
    let Some(row) = find(conn, id).await? else { return Ok(None) };
    let may = match row.state.as_str() {
        UNUSED => by == By::User(row.uploader_id),
        USED => {
            let query = messages::table
                .filter(messages::id.nullable().eq(row.message_id).and(messages::deleted_at.is_null()))
                .select(messages::channel_id);
            let channel: Option<ChannelId> = with_conn!(conn, |c| query.first(c).await).optional()?;
            match channel {
                Some(_) if fault::planted(Sabotage::FileOfAnybody) => true,
                Some(channel) => members::asker(conn, by, channel).await?.is_some(),
                None => false,
            }
        }
        _ => false,
    };
    Ok(may.then(|| Held { storage_key: row.storage_key.clone(), attachment: row.into() }))
}

/// Those that hang on some messages, in their senders' order. Deleted messages have let go of theirs.
pub(super) async fn of_messages(
    conn: &mut Conn,
    ids: Vec<MessageId>,
) -> QueryResult<HashMap<MessageId, Vec<Attachment>>> {
    let mut found = HashMap::<_, Vec<Attachment>>::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let query = attachments::table
        .filter(attachments::message_id.eq_any(ids).and(attachments::state.eq(USED)))
        .order((attachments::message_id, attachments::position));
    let rows: Vec<AttachmentRow> = with_conn!(conn, |c| query.select(AttachmentRow::as_select()).load(c).await)?;
    for row in rows {
        if let Some(message) = row.message_id {
            found.entry(message).or_default().push(row.into());
        }
    }
    Ok(found)
}

/// Which attachments a message has, as its row keeps it, also when they are gone.
pub(super) fn id_bytes(of: &[Attachment]) -> Option<Vec<u8>> {
    bytes_of(of.iter().map(|file| file.id.0))
}

/// What the sends of a batch name, looked at with the rows locked.
#[derive(Debug, Default, Clone)]
pub(super) struct Named(HashMap<AttachmentId, AttachmentRow>);

impl Named {
    pub(super) fn ids<'a>(batch: impl IntoIterator<Item = &'a Append>) -> Vec<AttachmentId> {
        batch.into_iter().flat_map(|item| item.message.attachment_ids.iter().copied()).collect()
    }

    pub(super) fn new(rows: Vec<AttachmentRow>) -> Self {
        Self(rows.into_iter().map(|row| (row.id, row)).collect())
    }

    /// Takes those of one send: an attachment is in one message. Err: the first that cannot be had.
    pub(super) fn take(&mut self, item: &Append) -> Result<Vec<Attachment>, AttachmentId> {
        let sender = item.message.sender_id;
        let free = |row: &AttachmentRow| row.state == UNUSED && row.uploader_id == sender;
        let ids = &item.message.attachment_ids;
        if let Some(id) = ids.iter().find(|id| !self.0.get(id).is_some_and(free)) {
            return Err(*id);
        }
        ids.iter().map(|id| self.0.remove(id).map(Attachment::from).ok_or(*id)).collect()
    }
}
