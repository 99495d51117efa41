//! The tables of the audit trail: each change of a channel leaves its entry in the transaction of the change.
//!
//! Called by whatever gives out a version, with the channel's row locked. Of a new message its own row is the entry, so that
//! a send costs no second row, and what a channel's entries come to stands in the channel's row, which every send writes
//! anyway; the backends' appends carry both over a batch as [`Grown`]. Entries are never changed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::error::StoreError;
use super::journal;
use super::kept::Kept;
use super::messages::{actor, instructed};
use super::schema::{audit_entries, channels};
use super::sql_types::At;
use crate::domain::audit::{Chain, Entry, FilesHash, Head, NamesHash, TextHash, What};
use crate::domain::change::By;
use crate::domain::channel::Channel;
use crate::domain::ids::{JournalId, MessageId};
use crate::domain::message::{Append, Stored};

/// What a channel's row says that its entries come to. All are null where it has no trail.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = channels)]
pub(super) struct ChainRow {
    #[diesel(column_name = audit_since)]
    since: Option<i64>,
    #[diesel(column_name = audit_version)]
    version: Option<i64>,
    #[diesel(column_name = audit_head)]
    head: Option<Vec<u8>>,
}

impl ChainRow {
    pub(super) fn new(since: Option<i64>, version: Option<i64>, head: Option<Vec<u8>>) -> Self {
        Self { since, version, head }
    }

    /// A head of another length than it has to be is no head: what follows shows that to whoever verifies.
    pub(super) fn chain(self) -> Option<Chain> {
        let head = Head(self.head?.try_into().unwrap_or_default());
        Some(Chain { since: self.since?, version: self.version?, head })
    }
}

/// What a channel's row becomes by a batch of sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grown {
    pub(super) last_seq: i64,
    /// Its version is the channel's.
    pub(super) chain: Chain,
}

impl Grown {
    /// By a message that was stored now, with its attachments told; `chain` is what there was before it.
    pub(super) fn by(item: &Append, stored: &Stored, chain: Option<Chain>) -> Self {
        let mut chain = chain.unwrap_or_else(|| Chain::from(stored.version));
        let message = &item.message;
        chain.add(&Entry {
            channel_id: stored.channel_id,
            version: stored.version,
            at: stored.created_at,
            by: Some(message.sender_id),
            what: What::Sent {
                message_id: stored.id,
                client_id: message.client_id,
                seq: stored.seq,
                digest: item.digest,
                files: FilesHash::of(&stored.attachments),
                mentions: NamesHash::of(&message.mention_ids),
                instruction: instructed(message, stored),
            },
        });
        Self { last_seq: stored.seq, chain }
    }
}

/// A new channel begins its trail, and its journal.
pub(super) async fn created(conn: &mut Conn, channel: &Channel, by: By, at: DateTime<Utc>) -> Result<(), StoreError> {
    journal::begin(conn, JournalId::of(channel.id), at).await?;
    let detail = founding(channel);
    let what = What::Created { detail: TextHash::of(&detail) };
    write(conn, Entry { channel_id: channel.id, version: channel.version, at, by: actor(by), what }, Some(detail)).await
}

/// Of what took a version of a channel and is no new message.
pub(super) async fn note(conn: &mut Conn, entry: Entry) -> Result<(), StoreError> {
    write(conn, entry, None).await
}

async fn write(conn: &mut Conn, entry: Entry, detail: Option<String>) -> Result<(), StoreError> {
    let Entry { channel_id, version, at, by, what } = entry;
    let (kind, message, hash) = columns(&what);
    let query = diesel::insert_into(audit_entries::table).values((
        audit_entries::channel_id.eq(channel_id),
        audit_entries::version.eq(version),
        audit_entries::kind.eq(kind),
        audit_entries::message_id.eq(message),
        audit_entries::actor_id.eq(by),
        audit_entries::at.eq(At(at)),
        audit_entries::hash.eq(hash.map(|hash| hash.0.to_vec())),
        audit_entries::detail.eq(detail),
    ));
    with_conn!(conn, |c| query.execute(c).await)?;
    let query = channels::table.find(channel_id);
    let row: Option<ChainRow> = with_conn!(conn, |c| query.select(ChainRow::as_select()).first(c).await).optional()?;
    let mut chain = row.and_then(ChainRow::chain).unwrap_or_else(|| Chain::from(version));
    chain.add(&entry);
    let query = Kept(diesel::update(channels::table.find(channel_id)).set((
        channels::audit_since.eq(chain.since),
        channels::audit_version.eq(chain.version),
        channels::audit_head.eq(chain.head.0.to_vec()),
    )));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// How an entry that is no new message is written down.
fn columns(what: &What) -> (&'static str, Option<MessageId>, Option<TextHash>) {
    match *what {
        What::Created { detail } => ("created", None, Some(detail)),
        What::Edited { message_id, content } => ("edited", Some(message_id), Some(content)),
        What::Deleted { message_id } => ("deleted", Some(message_id), None),
        What::Reacted { message_id, reaction, set: true } => ("reacted", Some(message_id), Some(reaction)),
        What::Reacted { message_id, reaction, set: false } => ("unreacted", Some(message_id), Some(reaction)),
        What::Answered { message_id, answer } => ("answered", Some(message_id), Some(answer)),
        What::Overdue { message_id } => ("overdue", Some(message_id), None),
        What::Changed { detail } => ("changed", None, Some(detail)),
        // The table takes none: its own row is that entry.
        What::Sent { message_id, .. } => ("sent", Some(message_id), None),
    }
}

/// What a channel is when it is made, as one text.
pub(super) fn founding(channel: &Channel) -> String {
    let members: Vec<_> = channel.members.iter().map(|member| (member.user_id, member.role)).collect();
    serde_json::json!({ "type": channel.kind, "name": channel.name, "members": members }).to_string()
}
