//! The attachments of an append batch on PostgreSQL. A batch that names none costs no statement here, and any other the same
//! few, however many it names.
//!
//! Looked at after the channels are locked, with the attachments' own rows locked in the order of their ids: two sends that
//! name the same one, on two nodes and in two channels, wait for each other here, and one of them has it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use diesel::prelude::*;
use diesel::sql_types::{Array, Binary, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::append_postgres::{judge, key};
use crate::domain::attachment::Attachment;
use crate::domain::audit::FilesHash;
use crate::domain::ids::{AttachmentId, MessageId};
use crate::domain::message::{Append, Appended};
use crate::store::attachments::{AttachmentRow, Named, id_bytes};
use crate::store::kept::Kept;
use crate::store::schema::attachments;
use crate::store::sql_types::Id;

/// Hangs the attachments $1 on the messages $2 at the places $3, and tells the messages $4 which they are. All are found by
/// arrays and not by joins: a plan that was made for a small table would read it from end to end when it is large.
const HANG: &str = "
WITH used AS (
  UPDATE attachments a SET (state, message_id, position) = (
    SELECT 'used', ($2::uuid[])[at], ($3::integer[])[at] FROM array_position($1::uuid[], a.id) AS at)
  WHERE a.id = ANY ($1::uuid[])
)
UPDATE messages m SET (attachment_ids, files_hash) = (
  SELECT ($5::bytea[])[at], ($6::bytea[])[at] FROM array_position($4::uuid[], m.id) AS at)
WHERE m.id = ANY ($4::uuid[])";

/// What is to be done with a batch, by the places of its sends.
#[derive(Default)]
pub(super) struct Plan {
    /// Those that may be stored.
    pub(super) fine: Vec<usize>,
    takes: HashMap<usize, Vec<Attachment>>,
    /// Those of which it is known already what becomes of them.
    decided: Vec<(usize, Appended)>,
    /// Those under the clientId of one that may be stored, which comes second.
    repeats: Vec<(usize, usize)>,
}

/// Most batches want of each attachment one thing, and can have it. Where they do not, each send is judged first: what is
/// refused, or was stored before, takes nothing from those behind it.
pub(super) async fn plan(conn: &mut AsyncPgConnection, batch: &[Append]) -> QueryResult<Plan> {
    let ids = Named::ids(batch);
    if ids.is_empty() {
        return Ok(Plan { fine: (0..batch.len()).collect(), ..Plan::default() });
    }
    let rows = attachments::table
        .filter(attachments::id.eq_any(ids))
        .order(attachments::id)
        .select(AttachmentRow::as_select())
        .for_update()
        .load(conn)
        .await?;
    let named = Named::new(rows);
    if let Ok(plan) = Plan::plain(named.clone(), batch) {
        return Ok(plan);
    }
    let verdicts = judge(conn, batch).await?;
    Ok(Plan::one_by_one(named, batch, verdicts))
}

impl Plan {
    /// Err: the first attachment that cannot be had.
    fn plain(mut named: Named, batch: &[Append]) -> Result<Self, AttachmentId> {
        let mut plan = Self::default();
        for (at, item) in batch.iter().enumerate() {
            plan.store(at, named.take(item)?);
        }
        Ok(plan)
    }

    fn one_by_one(mut named: Named, batch: &[Append], verdicts: Vec<Option<Appended>>) -> Self {
        let (mut plan, mut firsts) = (Self::default(), HashMap::new());
        for ((at, item), verdict) in batch.iter().enumerate().zip(verdicts) {
            if let Some(verdict) = verdict {
                plan.decided.push((at, verdict));
                continue;
            }
            match firsts.entry(key(item)) {
                Entry::Occupied(first) => plan.repeats.push((at, *first.get())),
                Entry::Vacant(first) => match named.take(item) {
                    Ok(files) => {
                        first.insert(at);
                        plan.store(at, files);
                    }
                    Err(id) => plan.decided.push((at, Appended::UnknownAttachment(id))),
                },
            }
        }
        plan
    }

    fn store(&mut self, at: usize, files: Vec<Attachment>) {
        self.fine.push(at);
        if !files.is_empty() {
            self.takes.insert(at, files);
        }
    }

    /// What the send at this place takes.
    pub(super) fn files_of(&self, at: usize) -> &[Attachment] {
        self.takes.get(&at).map_or(&[], Vec::as_slice)
    }

    /// Hangs on the messages that were stored what they take, and says what became of the rest.
    pub(super) async fn carry_out(
        self,
        conn: &mut AsyncPgConnection,
        batch: &[Append],
        outcomes: &mut HashMap<usize, Appended>,
    ) -> QueryResult<()> {
        if Named::ids(batch).is_empty() {
            return Ok(());
        }
        hang(conn, &self.takes, outcomes).await?;
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

async fn hang(
    conn: &mut AsyncPgConnection,
    takes: &HashMap<usize, Vec<Attachment>>,
    outcomes: &HashMap<usize, Appended>,
) -> QueryResult<()> {
    let (mut ids, mut on, mut positions) = (Vec::new(), Vec::new(), Vec::new());
    let (mut messages, mut lists, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for (at, files) in takes {
        let Some(Appended::New(stored)) = outcomes.get(at) else { continue };
        for (position, file) in (0..).zip(files) {
            ids.push(file.id);
            on.push(stored.id);
            positions.push(position);
        }
        let Some((list, hash)) = id_bytes(files).zip(FilesHash::of(files)) else { continue };
        messages.push(stored.id);
        lists.push(list);
        hashes.push(hash.0.to_vec());
    }
    if messages.is_empty() {
        return Ok(());
    }
    let query = diesel::sql_query(HANG)
        .bind::<Array<Id>, _>(ids)
        .bind::<Array<Id>, _>(on)
        .bind::<Array<Integer>, Vec<i32>>(positions)
        .bind::<Array<Id>, _>(messages)
        .bind::<Array<Binary>, _>(lists)
        .bind::<Array<Binary>, _>(hashes);
    Kept(query).execute(conn).await?;
    Ok(())
}

/// A duplicate may be the first one, whose answer was lost: then it is told to everybody yet, as it is.
async fn show(
    conn: &mut AsyncPgConnection,
    batch: &[Append],
    outcomes: &mut HashMap<usize, Appended>,
) -> QueryResult<()> {
    let mut again = Vec::new();
    for (at, outcome) in outcomes {
        match outcome {
            Appended::Duplicate(stored) if !batch[*at].message.attachment_ids.is_empty() => again.push(stored),
            _ => {}
        }
    }
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
