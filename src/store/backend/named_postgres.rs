//! What the sends of an append batch name, on PostgreSQL: attachments, and members. A batch that names none costs no statement
//! here.
//!
//! Members are looked at after the channels are locked, which holds all changes of them up. Attachments are looked at then too, with the attachments' own rows locked in the order of their ids: two sends that
//! name the same one, on two nodes and in two channels, wait for each other here, and one of them has it.

use std::collections::{HashMap, HashSet};

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::select;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::domain::attachment::Attachment;
use crate::domain::audit::FilesHash;
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::message::{Append, Appended, NewMessage, Stored};
use crate::store::attachments::{AttachmentRow, Named, USED, id_bytes};
use crate::store::kept::Kept;
use crate::store::lists::bytes_of;
use crate::store::messages::StoredRow;
use crate::store::schema::{attachments, channel_members, messages};

/// What each send of the batch takes, by its place.
pub(super) struct Taken {
    rows: Named,
    members: HashSet<(ChannelId, UserId)>,
    by_send: HashMap<usize, Vec<Attachment>>,
}

/// Sends that name what they cannot have, by their places, and what becomes of them unless they are repeats.
pub(super) type Lacking = Vec<(usize, Appended)>;

pub(super) async fn look(conn: &mut AsyncPgConnection, batch: &[Append]) -> QueryResult<Taken> {
    let ids = Named::ids(batch);
    let rows = if ids.is_empty() {
        Vec::new()
    } else {
        attachments::table
            .filter(attachments::id.eq_any(ids))
            .order(attachments::id)
            .select(AttachmentRow::as_select())
            .for_update()
            .load(conn)
            .await?
    };
    Ok(Taken { rows: Named::new(rows), members: members(conn, batch).await?, by_send: HashMap::new() })
}

/// Of those who are named somewhere in the batch, who is in which of its channels.
async fn members(conn: &mut AsyncPgConnection, batch: &[Append]) -> QueryResult<HashSet<(ChannelId, UserId)>> {
    let naming = || batch.iter().map(|item| &item.message).filter(|message| !message.mention_ids.is_empty());
    let channels: HashSet<ChannelId> = naming().map(|message| message.channel_id).collect();
    if channels.is_empty() {
        return Ok(HashSet::new());
    }
    let users: HashSet<UserId> = naming().flat_map(|message| message.mention_ids.iter().copied()).collect();
    let rows: Vec<(ChannelId, UserId)> = channel_members::table
        .filter(channel_members::channel_id.eq_any(channels).and(channel_members::user_id.eq_any(users)))
        .select((channel_members::channel_id, channel_members::user_id))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

impl Taken {
    /// The places of the sends that may be stored, and those that lack something.
    pub(super) fn part(&mut self, batch: &[Append]) -> (Vec<usize>, Lacking) {
        let (mut fine, mut lacking) = (Vec::with_capacity(batch.len()), Vec::new());
        for (at, item) in batch.iter().enumerate() {
            let NewMessage { channel_id, mention_ids, .. } = &item.message;
            if let Some(user) = mention_ids.iter().find(|user| !self.members.contains(&(*channel_id, **user))) {
                lacking.push((at, Appended::UnknownMention(*user)));
                continue;
            }
            if !item.message.attachment_ids.is_empty() {
                match self.rows.take(item) {
                    Ok(attachments) => drop(self.by_send.insert(at, attachments)),
                    Err(id) => {
                        lacking.push((at, Appended::UnknownAttachment(id)));
                        continue;
                    }
                }
            }
            fine.push(at);
        }
        (fine, lacking)
    }

    /// What the send at this place takes.
    pub(super) fn of(&self, at: usize) -> &[Attachment] {
        self.by_send.get(&at).map_or(&[], Vec::as_slice)
    }

    /// Hangs on the messages that were stored what they take, and judges the rest: what lacks something may be the repeat of
    /// a message that has it.
    pub(super) async fn hang(
        self,
        conn: &mut AsyncPgConnection,
        batch: &[Append],
        lacking: Lacking,
        outcomes: &mut HashMap<usize, Appended>,
    ) -> QueryResult<()> {
        for (at, item) in batch.iter().enumerate() {
            let mentions = &item.message.mention_ids;
            let taken = self.by_send.get(&at);
            match outcomes.get_mut(&at) {
                Some(Appended::New(stored)) if taken.is_some() || !mentions.is_empty() => {
                    hang_on(conn, stored.id, taken.map_or(&[], Vec::as_slice), mentions).await?;
                }
                Some(Appended::Duplicate(stored)) if taken.is_some() => stored.attachments = of(conn, stored).await?,
                _ => {}
            }
        }
        for (at, lacks) in lacking {
            let item = &batch[at];
            let (sender, client_id) = (item.message.sender_id, item.message.client_id);
            let found: Option<StoredRow> = messages::table
                .filter(messages::sender_id.eq(sender).and(messages::client_id.eq(client_id)))
                .select(StoredRow::as_select())
                .first(conn)
                .await
                .optional()?;
            let mut outcome = match found {
                Some(found) => found.judge(&item.digest),
                None => refuse(conn, item, lacks).await?,
            };
            if let Appended::Duplicate(stored) = &mut outcome {
                stored.attachments = of(conn, stored).await?;
            }
            outcomes.insert(at, outcome);
        }
        Ok(())
    }
}

/// In the order in which the statement judges: who is not in the channel is told that and nothing else.
async fn refuse(conn: &mut AsyncPgConnection, item: &Append, lacks: Appended) -> QueryResult<Appended> {
    let message = &item.message;
    let member = channel_members::table.find((message.channel_id, message.sender_id));
    if !select(exists(member)).get_result::<bool>(conn).await? {
        return Ok(Appended::NotMember);
    }
    if let Some(reply_to) = message.reply_to_id {
        let original = messages::table.find(reply_to).filter(messages::channel_id.eq(message.channel_id));
        if !select(exists(original)).get_result::<bool>(conn).await? {
            return Ok(Appended::UnknownReply);
        }
    }
    Ok(lacks)
}

async fn hang_on(
    conn: &mut AsyncPgConnection,
    message: MessageId,
    files: &[Attachment],
    mentions: &[UserId],
) -> QueryResult<()> {
    for (position, file) in (0..).zip(files) {
        let used = diesel::update(attachments::table.find(file.id)).set((
            attachments::state.eq(USED),
            attachments::message_id.eq(message),
            attachments::position.eq(position),
        ));
        Kept(used).execute(conn).await?;
    }
    let told = diesel::update(messages::table.find(message)).set((
        messages::attachment_ids.eq(id_bytes(files)),
        messages::files_hash.eq(FilesHash::of(files).map(|hash| hash.0.to_vec())),
        messages::mention_ids.eq(bytes_of(mentions.iter().map(|user| user.0))),
    ));
    Kept(told).execute(conn).await?;
    Ok(())
}

async fn of(conn: &mut AsyncPgConnection, stored: &Stored) -> QueryResult<Vec<Attachment>> {
    let rows: Vec<AttachmentRow> = attachments::table
        .filter(attachments::message_id.eq(stored.id))
        .order(attachments::position)
        .select(AttachmentRow::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(Attachment::from).collect())
}
