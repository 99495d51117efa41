//! The tables of the audit trail: each change of a channel leaves its entry in the transaction of the change.
//!
//! Called by whatever gives out a version, with the channel's row locked. Of a new message its own row is the entry, so that
//! a send costs no second row; the backends' appends carry the chain over a batch by [`Chains`]. Entries are never changed.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::error::StoreError;
use super::journal;
use super::kept::Kept;
use super::messages::{actor, instructed};
use super::schema::{audit_entries, audit_heads};
use super::sql_types::At;
use crate::domain::audit::{Chain, Entry, FilesHash, Head, NamesHash, TextHash, What};
use crate::domain::change::By;
use crate::domain::channel::Channel;
use crate::domain::hex::hex;
use crate::domain::ids::{ChannelId, JournalId, MessageId};
use crate::domain::message::{Append, Stored};

/// The statement that moves a channel's head, whatever connection runs it.
macro_rules! moved {
    ($channel:expr, $chain:expr) => {{
        let (channel, chain) = ($channel, $chain);
        diesel::insert_into(audit_heads::table)
            .values((
                audit_heads::channel_id.eq(channel),
                audit_heads::since.eq(chain.since),
                audit_heads::version.eq(chain.version),
                audit_heads::head.eq(chain.head.0.to_vec()),
            ))
            .on_conflict(audit_heads::channel_id)
            .do_update()
            .set((audit_heads::version.eq(chain.version), audit_heads::head.eq(chain.head.0.to_vec())))
    }};
}
pub(super) use moved;

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_heads)]
pub(super) struct ChainRow {
    since: i64,
    version: i64,
    head: Vec<u8>,
}

impl ChainRow {
    pub(super) fn new(since: i64, version: i64, head: Vec<u8>) -> Self {
        Self { since, version, head }
    }

    /// A head of another length than it has to be is no head: what follows shows that to whoever verifies.
    pub(super) fn chain(self) -> Chain {
        let head = Head(self.head.try_into().unwrap_or_default());
        Chain { since: self.since, version: self.version, head }
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
    let query = audit_heads::table.find(channel_id);
    let row: Option<ChainRow> = with_conn!(conn, |c| query.select(ChainRow::as_select()).first(c).await).optional()?;
    let mut chain = row.map_or_else(|| Chain::from(version), ChainRow::chain);
    chain.add(&entry);
    let query = Kept(moved!(channel_id, chain));
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

/// The chains of the channels of one batch of sends.
#[derive(Debug, Default)]
pub(super) struct Chains(BTreeMap<ChannelId, Chain>);

impl Chains {
    /// A message was stored now, with its attachments told. `known` is what the database has of its channel's chain.
    pub(super) fn add(&mut self, item: &Append, stored: &Stored, known: impl FnOnce() -> Option<ChainRow>) {
        let message = &item.message;
        let chain = self
            .0
            .entry(stored.channel_id)
            .or_insert_with(|| known().map_or_else(|| Chain::from(stored.version), ChainRow::chain));
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
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ChannelId, &Chain)> {
        self.0.iter()
    }

    /// What moves the heads, as one text without binds, which goes in one message with COMMIT. Empty where nothing was stored.
    pub(super) fn sql(&self) -> String {
        let mut sql = String::new();
        for (channel, Chain { since, version, head }) in &self.0 {
            let start = if sql.is_empty() {
                "INSERT INTO audit_heads (channel_id, since, version, head) VALUES "
            } else {
                ", "
            };
            // Writing into a String cannot fail.
            let _ = write!(sql, "{start}('{channel}', {since}, {version}, '\\x{}')", hex(&head.0));
        }
        if !sql.is_empty() {
            sql.push_str(" ON CONFLICT (channel_id) DO UPDATE SET version = excluded.version, head = excluded.head; ");
        }
        sql
    }
}
