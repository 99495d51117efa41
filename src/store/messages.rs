//! The table of messages: what was sent, and what became of it by edits and deletions.
//!
//! A deleted message keeps its row and its content there; no read gives that content out.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::channels::ChannelRow;
use super::error::{Failure, StoreError};
use super::kept::Kept;
use super::lists::{bytes_of, ids_of};
use super::page::{self, Walk};
use super::revisions;
use super::schema::{channels, messages, users};
use super::sql_types::At;
use super::whole::whole;
use super::{attachments, audit, members};
use crate::domain::audit::{Entry, FilesHash, InstructionHash, TextHash, What};
use crate::domain::change::{By, Change, Changed, Denied};
use crate::domain::content::Content;
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};
use crate::domain::message::{Append, Appended, Message, NewMessage, SendDigest, Stored};
use crate::domain::permission::{Action, Asker, allows};
use crate::domain::sync::{HistoryFrom, PageLimits};
use crate::fault::{self, Sabotage};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = messages)]
pub(super) struct MessageRow {
    id: MessageId,
    client_id: ClientId,
    channel_id: ChannelId,
    sender_id: UserId,
    #[diesel(select_expression = users::name)]
    sender_name: String,
    seq: i64,
    version: i64,
    content: String,
    content_type: String,
    reply_to_id: Option<MessageId>,
    created_at: At,
    updated_at: Option<At>,
    deleted_at: Option<At>,
    /// Of its attachments; none where it has none.
    files_hash: Option<Vec<u8>>,
    touched_version: Option<i64>,
    content_version: Option<i64>,
    mention_ids: Option<Vec<u8>>,
    instruction_hash: Option<Vec<u8>>,
}

impl MessageRow {
    pub(super) fn id(&self) -> MessageId {
        self.id
    }

    /// Whether its attachments are to be looked up.
    pub(super) fn shows_attachments(&self) -> bool {
        self.files_hash.is_some() && self.deleted_at.is_none()
    }

    pub(super) fn shows_reactions(&self) -> bool {
        self.touched_version.is_some() && self.deleted_at.is_none()
    }

    pub(super) fn shows_instruction(&self) -> bool {
        self.instruction_hash.is_some() && self.deleted_at.is_none()
    }

    /// Since which version it says what it says.
    fn says_since(&self) -> i64 {
        let kept = self.content_version.filter(|_| self.touched_version == Some(self.version));
        kept.unwrap_or(self.version)
    }
}

/// Without what hangs on it.
impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        let deleted_at = row.deleted_at.map(|at| at.0).filter(|_| !fault::planted(Sabotage::TombstoneLost));
        let mentions = row.mention_ids.as_deref().filter(|_| deleted_at.is_none());
        Self {
            id: row.id,
            client_id: row.client_id,
            channel_id: row.channel_id,
            sender_id: row.sender_id,
            sender_name: row.sender_name,
            seq: row.seq,
            version: row.version,
            content: if deleted_at.is_some() { String::new() } else { row.content },
            content_type: row.content_type,
            reply_to_id: row.reply_to_id,
            attachments: Vec::new(),
            mention_ids: ids_of(mentions, UserId).unwrap_or_default(),
            reactions: Vec::new(),
            instruction: None,
            touched: row.touched_version.is_some(),
            created_at: row.created_at.0,
            updated_at: row.updated_at.map(|at| at.0),
            deleted_at,
        }
    }
}

/// What a message was stored as, to repeat its ack.
#[derive(Queryable, Selectable)]
#[diesel(table_name = messages)]
pub(super) struct StoredRow {
    id: MessageId,
    channel_id: ChannelId,
    seq: i64,
    first_version: i64,
    created_at: At,
    digest: Vec<u8>,
}

impl StoredRow {
    /// What another send under the same clientId is.
    pub(super) fn judge(self, digest: &SendDigest) -> Appended {
        if self.digest == digest.0 { Appended::Duplicate(self.stored()) } else { Appended::Conflict }
    }

    fn stored(self) -> Stored {
        Stored {
            id: self.id,
            channel_id: self.channel_id,
            seq: self.seq,
            version: self.first_version,
            created_at: self.created_at.0,
            attachments: Vec::new(),
            instruction: None,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = messages)]
pub(super) struct NewRow<'a> {
    id: MessageId,
    channel_id: ChannelId,
    seq: i64,
    version: i64,
    first_version: i64,
    sender_id: UserId,
    client_id: ClientId,
    digest: &'a [u8],
    content: &'a str,
    content_type: &'a str,
    reply_to_id: Option<MessageId>,
    created_at: At,
    attachment_ids: Option<Vec<u8>>,
    files_hash: Option<Vec<u8>>,
    mention_ids: Option<Vec<u8>>,
    instruction_hash: Option<Vec<u8>>,
}

impl<'a> NewRow<'a> {
    pub(super) fn new(item: &'a Append, stored: &Stored) -> Self {
        let message = &item.message;
        Self {
            id: message.id,
            channel_id: message.channel_id,
            seq: stored.seq,
            version: stored.version,
            first_version: stored.version,
            sender_id: message.sender_id,
            client_id: message.client_id,
            digest: &item.digest.0,
            content: message.content.as_str(),
            content_type: &message.content_type,
            reply_to_id: message.reply_to_id,
            created_at: At(stored.created_at),
            attachment_ids: attachments::id_bytes(&stored.attachments),
            files_hash: FilesHash::of(&stored.attachments).map(|hash| hash.0.to_vec()),
            mention_ids: bytes_of(message.mention_ids.iter().map(|user| user.0)),
            instruction_hash: instructed(message, stored).map(|hash| hash.0.to_vec()),
        }
    }
}

/// What the audit trail has of what a message asks for.
pub(super) fn instructed(message: &NewMessage, stored: &Stored) -> Option<InstructionHash> {
    let to_all = message.ask.as_ref().is_some_and(|ask| ask.assignee_ids.is_none());
    stored.instruction.as_ref().map(|of| InstructionHash::of(of.deadline, to_all, &of.assignee_ids))
}

pub(super) async fn find_stored(
    conn: &mut Conn,
    sender: UserId,
    client_id: ClientId,
) -> QueryResult<Option<(Stored, SendDigest)>> {
    let query = messages::table.filter(messages::sender_id.eq(sender).and(messages::client_id.eq(client_id)));
    let row: Option<StoredRow> =
        with_conn!(conn, |c| query.select(StoredRow::as_select()).first(c).await).optional()?;
    Ok(row.and_then(|row| {
        let digest = SendDigest(row.digest.as_slice().try_into().ok()?);
        Some((row.stored(), digest))
    }))
}

pub(super) async fn find(conn: &mut Conn, id: MessageId) -> QueryResult<Option<Message>> {
    Ok(find_since(conn, id).await?.map(|(message, _)| message))
}

/// The same, and since which version it says what it says.
pub(super) async fn find_since(conn: &mut Conn, id: MessageId) -> QueryResult<Option<(Message, i64)>> {
    let query = messages::table.inner_join(users::table).filter(messages::id.eq(id));
    let row: Option<MessageRow> =
        with_conn!(conn, |c| query.select(MessageRow::as_select()).first(c).await).optional()?;
    let Some(row) = row else { return Ok(None) };
    let since = row.says_since();
    Ok(whole(conn, vec![row]).await?.pop().map(|message| (message, since)))
}

/// In no order; the unknown are missing.
pub(super) async fn load(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<Message>> {
    let query = messages::table.inner_join(users::table).filter(messages::id.eq_any(ids));
    let rows: Vec<MessageRow> = with_conn!(conn, |c| query.select(MessageRow::as_select()).load(c).await)?;
    whole(conn, rows).await
}

/// Those of these that there are.
pub(super) async fn known(conn: &mut Conn, ids: Vec<MessageId>) -> QueryResult<Vec<MessageId>> {
    let query = messages::table.filter(messages::id.eq_any(ids)).select(messages::id);
    with_conn!(conn, |c| query.load(c).await)
}

/// A page of history for a member of the channel; `None` for anybody else.
pub(super) async fn history_for(
    conn: &mut Conn,
    user: UserId,
    channel: ChannelId,
    from: HistoryFrom,
    limits: PageLimits,
) -> Result<Option<(Vec<Message>, bool)>, StoreError> {
    if members::role(conn, channel, user).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(page::read(conn, channel, Walk::BySeq(from), limits).await?))
}

/// Where a message stands for a member of its channel; `None` for anybody else.
pub(super) async fn position_of(
    conn: &mut Conn,
    user: UserId,
    id: MessageId,
) -> Result<Option<(ChannelId, i64, DateTime<Utc>)>, StoreError> {
    // Where it was first stored: what happened before it was edited may not have been seen yet.
    let query = messages::table.find(id).select((messages::channel_id, messages::first_version, messages::created_at));
    let row: Option<(ChannelId, i64, At)> = with_conn!(conn, |c| query.first(c).await).optional()?;
    let Some((channel, version, created_at)) = row else { return Ok(None) };
    let member = members::role(conn, channel, user).await?.is_some();
    Ok(member.then_some((channel, version, created_at.0)))
}

pub(super) async fn edit(
    conn: &mut Conn,
    by: By,
    id: MessageId,
    content: Content,
    at: DateTime<Utc>,
) -> Result<Change, Failure> {
    let entered = enter(conn, by, id).await?;
    let Entered { row, message, .. } = &entered;
    if !allows(entered.asker, Action::EditMessage { own: is_own(by, message) }, row.kind()?) {
        return Err(Denied::Forbidden("only the sender edits a message").into());
    }
    if message.deleted_at.is_some() {
        return Err(Denied::Conflict("the message is deleted and cannot be edited").into());
    }
    revisions::keep(conn, message, entered.says_since).await?;
    let unnumbered = fault::planted(Sabotage::EditWithoutVersion);
    let version = if unnumbered { message.version } else { next_version(conn, row).await? };
    let query = Kept(diesel::update(messages::table.find(id)).set((
        messages::version.eq(version),
        messages::content.eq(content.as_str()),
        messages::updated_at.eq(At(at)),
        messages::updated_by.eq(actor(by)),
    )));
    with_conn!(conn, |c| query.execute(c).await)?;
    if !unnumbered {
        let what = What::Edited { message_id: id, content: TextHash::of(content.as_str()) };
        audit::note(conn, entered.entry(version, at, by, what)).await?;
    }
    let Entered { message, .. } = entered;
    Ok(changed(Message { version, content: content.into_string(), updated_at: Some(at), ..message }))
}

pub(super) async fn delete(conn: &mut Conn, by: By, id: MessageId, at: DateTime<Utc>) -> Result<Change, Failure> {
    let entered = enter(conn, by, id).await?;
    let Entered { row, message, .. } = &entered;
    if !allows(entered.asker, Action::DeleteMessage { own: is_own(by, message) }, row.kind()?) {
        return Err(Denied::Forbidden("only the sender, admins and owners delete a message").into());
    }
    if message.deleted_at.is_some() {
        return Err(Denied::Conflict("the message is deleted already").into());
    }
    revisions::keep(conn, message, entered.says_since).await?;
    let version = next_version(conn, row).await?;
    let query = Kept(diesel::update(messages::table.find(id)).set((
        messages::version.eq(version),
        messages::deleted_at.eq(At(at)),
        messages::deleted_by.eq(actor(by)),
    )));
    with_conn!(conn, |c| query.execute(c).await)?;
    let what = What::Deleted { message_id: id };
    audit::note(conn, entered.entry(version, at, by, what)).await?;
    let Entered { message, .. } = entered;
    Ok(changed(Message {
        version,
        content: String::new(),
        attachments: Vec::new(),
        mention_ids: Vec::new(),
        reactions: Vec::new(),
        instruction: None,
        deleted_at: Some(at),
        ..message
    }))
}

/// A message that is to be changed: its channel is locked.
pub(super) struct Entered {
    pub(super) row: ChannelRow,
    pub(super) asker: Asker,
    pub(super) message: Message,
    /// Since which version it says what it says.
    says_since: i64,
}

impl Entered {
    /// What the audit trail gets to know of the change.
    pub(super) fn entry(&self, version: i64, at: DateTime<Utc>, by: By, what: What) -> Entry {
        Entry { channel_id: self.row.id, version, at, by: actor(by), what }
    }
}

/// Locks the message's channel for `by` to change the message.
pub(super) async fn enter(conn: &mut Conn, by: By, id: MessageId) -> Result<Entered, Failure> {
    let query = messages::table.find(id).select(messages::channel_id);
    let channel: ChannelId = with_conn!(conn, |c| query.first(c).await).optional()?.ok_or(Denied::NoMessage)?;
    let row = conn.lock_channel(channel).await?.ok_or(Denied::NoMessage)?;
    let asker = members::asker(conn, by, channel).await?.ok_or(Denied::NoMessage)?;
    let (message, says_since) = find_since(conn, id).await?.ok_or(Denied::NoMessage)?;
    Ok(Entered { row, asker, message, says_since })
}

/// Gives the message the version of a change that leaves its content alone.
pub(super) async fn touch(conn: &mut Conn, of: &Entered, version: i64) -> QueryResult<usize> {
    let query = Kept(diesel::update(messages::table.find(of.message.id)).set((
        messages::version.eq(version),
        messages::touched_version.eq(version),
        messages::content_version.eq(of.says_since),
    )));
    with_conn!(conn, |c| query.execute(c).await)
}

pub(super) async fn next_version(conn: &mut Conn, row: &ChannelRow) -> QueryResult<i64> {
    let version = row.version + 1;
    let query = Kept(diesel::update(channels::table.find(row.id)).set(channels::version.eq(version)));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(version)
}

fn is_own(by: By, message: &Message) -> bool {
    by == By::User(message.sender_id)
}

pub(super) fn actor(by: By) -> Option<UserId> {
    match by {
        By::User(user) => Some(user),
        By::Host => None,
    }
}

pub(super) fn changed(message: Message) -> Change {
    Change { channel_id: message.channel_id, version: message.version, what: Changed::Message(Box::new(message)) }
}
