//! What the sends of an append batch name, on PostgreSQL: attachments, members, and who is asked for an answer. A batch that
//! names none costs no statement here, and any other the same few, however many it names.
//!
//! Looked at after the channels are locked, which holds all changes of their members up, with the attachments' own rows locked in
//! the order of their ids: two sends that name the same one, on two nodes and in two channels, wait for each other here, and
//! one of them has it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{Array, Binary, Integer, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::append_postgres::{judge, key};
use crate::domain::attachment::Attachment;
use crate::domain::audit::FilesHash;
use crate::domain::ids::{AttachmentId, ChannelId, MessageId, UserId};
use crate::domain::instruction::Instruction;
use crate::domain::message::{Append, Appended, NewMessage, Stored};
use crate::store::attachments::{AttachmentRow, Named, id_bytes};
use crate::store::instructions::{self, AssigneeRow};
use crate::store::kept::Kept;
use crate::store::lists::bytes_of;
use crate::store::messages::instructed;
use crate::store::schema;
use crate::store::schema::{attachments, channel_members};
use crate::store::sql_types::Id;

/// Hangs the attachments $1 on the messages $2 at the places $3, and tells the messages $4 what they name. All are found by
/// arrays and not by joins: a plan that was made for a small table would read it from end to end when it is large.
const HANG: &str = "
WITH used AS (
  UPDATE attachments a SET (state, message_id, position) = (
    SELECT 'used', ($2::uuid[])[at], ($3::integer[])[at] FROM array_position($1::uuid[], a.id) AS at)
  WHERE a.id = ANY ($1::uuid[])
)
UPDATE messages m SET (attachment_ids, files_hash, mention_ids, instruction_hash) = (
  SELECT ($5::bytea[])[at], ($6::bytea[])[at], ($7::bytea[])[at], ($8::bytea[])[at]
  FROM array_position($4::uuid[], m.id) AS at)
WHERE m.id = ANY ($4::uuid[])";

/// What may be named, as the database has it.
#[derive(Clone)]
struct Nameable {
    files: Named,
    /// Of the channels in which somebody is named, ascending.
    members: HashMap<ChannelId, Vec<UserId>>,
}

/// What a send takes and asks for.
pub(super) type Told<'a> = (&'a [Attachment], Option<&'a Instruction>);

type Takes = (Vec<Attachment>, Option<Instruction>);

/// What is to be done with a batch, by the places of its sends.
#[derive(Default)]
pub(super) struct Plan {
    /// Those that may be stored.
    pub(super) fine: Vec<usize>,
    takes: HashMap<usize, Takes>,
    /// Those of which it is known already what becomes of them.
    decided: Vec<(usize, Appended)>,
    /// Those under the clientId of one that may be stored, which comes second.
    repeats: Vec<(usize, usize)>,
}

/// Most batches want of each attachment one thing, and can have it. Where they do not, each send is judged first: what is
/// refused, or was stored before, takes nothing from those behind it.
pub(super) async fn plan(conn: &mut AsyncPgConnection, batch: &[Append]) -> QueryResult<Plan> {
    if !batch.iter().any(names) {
        return Ok(Plan { fine: (0..batch.len()).collect(), ..Plan::default() });
    }
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
    let nameable = Nameable { files: Named::new(rows), members: members(conn, batch).await? };
    if let Ok(plan) = Plan::plain(nameable.clone(), batch) {
        return Ok(plan);
    }
    let verdicts = judge(conn, batch).await?;
    Ok(Plan::one_by_one(nameable, batch, verdicts))
}

fn names(item: &Append) -> bool {
    let NewMessage { attachment_ids, mention_ids, ask, .. } = &item.message;
    !attachment_ids.is_empty() || !mention_ids.is_empty() || ask.is_some()
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

/// What a send names and cannot have.
enum Lacks {
    Mention(UserId),
    Assignee(UserId),
    Attachment(AttachmentId),
}

impl From<Lacks> for Appended {
    fn from(lacks: Lacks) -> Self {
        match lacks {
            Lacks::Mention(user) => Self::UnknownMention(user),
            Lacks::Assignee(user) => Self::UnknownAssignee(user),
            Lacks::Attachment(id) => Self::UnknownAttachment(id),
        }
    }
}

impl Nameable {
    fn take(&mut self, item: &Append) -> Result<Takes, Lacks> {
        let NewMessage { channel_id, mention_ids, .. } = &item.message;
        let members = self.members.get(channel_id).map_or(&[][..], Vec::as_slice);
        if let Some(user) = mention_ids.iter().find(|user| !members.contains(user)) {
            return Err(Lacks::Mention(*user));
        }
        let asked = instructions::resolved(&item.message, members).map_err(Lacks::Assignee)?;
        let files = self.files.take(item).map_err(Lacks::Attachment)?;
        Ok((files, asked))
    }
}

impl Plan {
    fn plain(mut nameable: Nameable, batch: &[Append]) -> Result<Self, Lacks> {
        let mut plan = Self::default();
        for (at, item) in batch.iter().enumerate() {
            plan.store(at, nameable.take(item)?);
        }
        Ok(plan)
    }

    fn one_by_one(mut nameable: Nameable, batch: &[Append], verdicts: Vec<Option<Appended>>) -> Self {
        let (mut plan, mut firsts) = (Self::default(), HashMap::new());
        for ((at, item), verdict) in batch.iter().enumerate().zip(verdicts) {
            if let Some(verdict) = verdict {
                plan.decided.push((at, verdict));
                continue;
            }
            match firsts.entry(key(item)) {
                Entry::Occupied(first) => plan.repeats.push((at, *first.get())),
                Entry::Vacant(first) => match nameable.take(item) {
                    Ok(takes) => {
                        first.insert(at);
                        plan.store(at, takes);
                    }
                    Err(lacks) => plan.decided.push((at, lacks.into())),
                },
            }
        }
        plan
    }

    fn store(&mut self, at: usize, takes: Takes) {
        self.fine.push(at);
        if takes != (Vec::new(), None) {
            self.takes.insert(at, takes);
        }
    }

    /// What the send at this place takes and asks for.
    pub(super) fn of(&self, at: usize) -> Told<'_> {
        self.takes.get(&at).map_or((&[], None), |(files, asked)| (files, asked.as_ref()))
    }

    /// Hangs on the messages that were stored what they name, and says what became of the rest.
    pub(super) async fn carry_out(
        self,
        conn: &mut AsyncPgConnection,
        batch: &[Append],
        outcomes: &mut HashMap<usize, Appended>,
    ) -> QueryResult<()> {
        if !batch.iter().any(names) {
            return Ok(());
        }
        hang(conn, batch, outcomes).await?;
        outcomes.extend(self.decided);
        for (at, first) in self.repeats {
            let same = batch[first].digest == batch[at].digest;
            let outcome = match outcomes.get(&first) {
                Some(Appended::New(stored) | Appended::Duplicate(stored)) if same => {
                    Appended::Duplicate(stored.clone())
                }
                Some(Appended::New(_) | Appended::Duplicate(_)) => Appended::Conflict,
                // Another node was faster with its clientId, or the user was deleted meanwhile: so for its repeat.
                Some(other) => other.clone(),
                None => Appended::Rejected,
            };
            outcomes.insert(at, outcome);
        }
        show(conn, batch, outcomes).await
    }
}

async fn hang(conn: &mut AsyncPgConnection, batch: &[Append], outcomes: &HashMap<usize, Appended>) -> QueryResult<()> {
    let (mut ids, mut on, mut positions) = (Vec::new(), Vec::new(), Vec::new());
    let (mut messages, mut lists, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut mentions, mut asked) = (Vec::new(), Vec::new());
    let (mut asking, mut assignees) = (Vec::new(), Vec::new());
    for (at, item) in batch.iter().enumerate().filter(|(_, item)| names(item)) {
        let Some(Appended::New(stored)) = outcomes.get(&at) else { continue };
        let (message, files) = (&item.message, &stored.attachments);
        for (position, file) in (0..).zip(files) {
            ids.push(file.id);
            on.push(stored.id);
            positions.push(position);
        }
        messages.push(stored.id);
        lists.push(id_bytes(files));
        hashes.push(FilesHash::of(files).map(|hash| hash.0.to_vec()));
        mentions.push(bytes_of(message.mention_ids.iter().map(|user| user.0)));
        asked.push(instructed(message, stored).map(|hash| hash.0.to_vec()));
        if let Some(instruction) = &stored.instruction {
            let (row, rows) = instructions::rows_of(message, instruction);
            asking.push(row);
            assignees.extend(rows);
        }
    }
    if messages.is_empty() {
        return Ok(());
    }
    let query = diesel::sql_query(HANG)
        .bind::<Array<Id>, _>(ids)
        .bind::<Array<Id>, _>(on)
        .bind::<Array<Integer>, Vec<i32>>(positions)
        .bind::<Array<Id>, _>(messages)
        .bind::<Array<Nullable<Binary>>, _>(lists)
        .bind::<Array<Nullable<Binary>>, _>(hashes)
        .bind::<Array<Nullable<Binary>>, _>(mentions)
        .bind::<Array<Nullable<Binary>>, _>(asked);
    Kept(query).execute(conn).await?;
    if !asking.is_empty() {
        diesel::insert_into(schema::instructions::table).values(asking).execute(conn).await?;
        // A statement has 65,535 values at most.
        for part in assignees.chunks(5_000) {
            diesel::insert_into(schema::instruction_assignees::table).values(part).execute(conn).await?;
        }
    }
    Ok(())
}

/// A duplicate may be the first one, whose answer was lost: then it is told to everybody yet, as it is.
async fn show(
    conn: &mut AsyncPgConnection,
    batch: &[Append],
    outcomes: &mut HashMap<usize, Appended>,
) -> QueryResult<()> {
    let again = outcomes.iter_mut().filter_map(|(at, outcome)| match outcome {
        Appended::Duplicate(stored) => Some((&batch[*at].message, stored)),
        _ => None,
    });
    let (mut with_files, mut asking) = (Vec::new(), Vec::new());
    for (message, stored) in again {
        match (&message.ask, message.attachment_ids.is_empty()) {
            (Some(ask), _) => asking.push((ask, stored)),
            (None, false) => with_files.push(stored),
            (None, true) => {}
        }
    }
    let asked: Vec<MessageId> = asking.iter().map(|(_, stored)| stored.id).collect();
    if !asked.is_empty() {
        let rows: Vec<AssigneeRow> = schema::instruction_assignees::table
            .filter(schema::instruction_assignees::message_id.eq_any(&asked))
            .select(schema::instruction_assignees::all_columns)
            .load(conn)
            .await?;
        let mut found = HashMap::<MessageId, Vec<AssigneeRow>>::new();
        for row in rows {
            found.entry(row.0).or_default().push(row);
        }
        for (ask, stored) in asking {
            stored.instruction = Some(instructions::as_sent(ask, found.get(&stored.id).cloned().unwrap_or_default()));
            with_files.push(stored);
        }
    }
    show_files(conn, with_files).await
}

async fn show_files(conn: &mut AsyncPgConnection, again: Vec<&mut Stored>) -> QueryResult<()> {
    if again.is_empty() {
        return Ok(());
    }
    let messages: Vec<MessageId> = again.iter().map(|stored| stored.id).collect();
    let rows: Vec<AttachmentRow> = attachments::table
        .filter(attachments::message_id.eq_any(messages))
        .order((attachments::message_id, attachments::position))
        .select(AttachmentRow::as_select())
        .load(conn)
        .await?;
    let mut found = HashMap::<_, Vec<Attachment>>::new();
    for row in rows {
        found.entry(row.message_id).or_default().push(row.into());
    }
    for stored in again {
        stored.attachments = found.get(&Some(stored.id)).cloned().unwrap_or_default();
    }
    Ok(())
}
