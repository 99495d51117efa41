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
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::instruction::Instruction;
use crate::domain::message::{Append, Appended, NewMessage, Stored};
use crate::store::attachments::{AttachmentRow, Named, USED, id_bytes};
use crate::store::instructions::{self, AssigneeRow};
use crate::store::kept::Kept;
use crate::store::lists::bytes_of;
use crate::store::messages::{StoredRow, instructed};
use crate::store::schema;
use crate::store::schema::{attachments, channel_members, messages};

/// What each send of the batch takes, by its place.
pub(super) struct Taken {
    rows: Named,
    /// Those of the channels in which somebody is named, ascending.
    members: HashMap<ChannelId, Vec<UserId>>,
    by_send: HashMap<usize, Vec<Attachment>>,
    asked: HashMap<usize, Instruction>,
}

/// What a send takes and asks for.
pub(super) type Told<'a> = (&'a [Attachment], Option<&'a Instruction>);

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
    Ok(Taken {
        rows: Named::new(rows),
        members: members(conn, batch).await?,
        by_send: HashMap::new(),
        asked: HashMap::new(),
    })
}

/// Who is in the channels in which a send names somebody or asks for an answer.
async fn members(conn: &mut AsyncPgConnection, batch: &[Append]) -> QueryResult<HashMap<ChannelId, Vec<UserId>>> {
    let names = |message: &&NewMessage| !message.mention_ids.is_empty() || message.ask.is_some();
    let naming = batch.iter().map(|item| &item.message).filter(names);
    let channels: HashSet<ChannelId> = naming.map(|message| message.channel_id).collect();
    if channels.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(ChannelId, UserId)> = channel_members::table
        .filter(channel_members::channel_id.eq_any(channels))
        .order((channel_members::channel_id, channel_members::user_id))
        .select((channel_members::channel_id, channel_members::user_id))
        .load(conn)
        .await?;
    let mut members = HashMap::<_, Vec<UserId>>::new();
    for (channel, user) in rows {
        members.entry(channel).or_default().push(user);
    }
    Ok(members)
}

impl Taken {
    /// The places of the sends that may be stored, and those that lack something.
    pub(super) fn part(&mut self, batch: &[Append]) -> (Vec<usize>, Lacking) {
        let (mut fine, mut lacking) = (Vec::with_capacity(batch.len()), Vec::new());
        for (at, item) in batch.iter().enumerate() {
            let NewMessage { channel_id, mention_ids, .. } = &item.message;
            let members = self.members.get(channel_id).map_or(&[][..], Vec::as_slice);
            if let Some(user) = mention_ids.iter().find(|user| !members.contains(user)) {
                lacking.push((at, Appended::UnknownMention(*user)));
                continue;
            }
            match instructions::resolved(&item.message, members) {
                Ok(instruction) => self.asked.extend(instruction.map(|instruction| (at, instruction))),
                Err(user) => {
                    lacking.push((at, Appended::UnknownAssignee(user)));
                    continue;
                }
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

    /// What the send at this place takes and asks for.
    pub(super) fn of(&self, at: usize) -> Told<'_> {
        (self.by_send.get(&at).map_or(&[], Vec::as_slice), self.asked.get(&at))
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
            let NewMessage { attachment_ids, mention_ids, ask, .. } = &item.message;
            if attachment_ids.is_empty() && mention_ids.is_empty() && ask.is_none() {
                continue;
            }
            match outcomes.get_mut(&at) {
                Some(Appended::New(stored)) => hang_on(conn, item, stored).await?,
                Some(Appended::Duplicate(stored)) => recall(conn, item, stored).await?,
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
                recall(conn, item, stored).await?;
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

async fn hang_on(conn: &mut AsyncPgConnection, item: &Append, stored: &Stored) -> QueryResult<()> {
    let (message, files) = (&item.message, &stored.attachments);
    for (position, file) in (0..).zip(files) {
        let used = diesel::update(attachments::table.find(file.id)).set((
            attachments::state.eq(USED),
            attachments::message_id.eq(stored.id),
            attachments::position.eq(position),
        ));
        Kept(used).execute(conn).await?;
    }
    let told = diesel::update(messages::table.find(stored.id)).set((
        messages::attachment_ids.eq(id_bytes(files)),
        messages::files_hash.eq(FilesHash::of(files).map(|hash| hash.0.to_vec())),
        messages::mention_ids.eq(bytes_of(message.mention_ids.iter().map(|user| user.0))),
        messages::instruction_hash.eq(instructed(message, stored).map(|hash| hash.0.to_vec())),
    ));
    Kept(told).execute(conn).await?;
    if let Some(instruction) = &stored.instruction {
        let (row, assignees) = instructions::rows_of(message, instruction);
        diesel::insert_into(schema::instructions::table).values(row).execute(conn).await?;
        // One text for any number of them.
        for assignee in assignees {
            diesel::insert_into(schema::instruction_assignees::table).values(assignee).execute(conn).await?;
        }
    }
    Ok(())
}

/// A duplicate may be the first one, whose answer was lost: then it is told to everybody yet, as it is.
async fn recall(conn: &mut AsyncPgConnection, item: &Append, stored: &mut Stored) -> QueryResult<()> {
    if !item.message.attachment_ids.is_empty() {
        let rows: Vec<AttachmentRow> = attachments::table
            .filter(attachments::message_id.eq(stored.id))
            .order(attachments::position)
            .select(AttachmentRow::as_select())
            .load(conn)
            .await?;
        stored.attachments = rows.into_iter().map(Attachment::from).collect();
    }
    if let Some(ask) = &item.message.ask {
        let rows: Vec<AssigneeRow> = schema::instruction_assignees::table
            .filter(schema::instruction_assignees::message_id.eq(stored.id))
            .select(schema::instruction_assignees::all_columns)
            .load(conn)
            .await?;
        stored.instruction = Some(instructions::as_sent(ask, rows));
    }
    Ok(())
}
