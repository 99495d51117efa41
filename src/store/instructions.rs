//! The tables of instructions: which messages ask for an answer, of whom, and what was answered.
//!
//! Each answer takes a version of the channel, like a reaction, and so does the passing of a deadline. Whatever deletes a
//! message empties its answers (by a trigger); whom it was for stays, as a part of what was sent.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::error::Failure;
use super::kept::Kept;
use super::messages::{self, Entered};
use super::schema::{instruction_assignees, instructions};
use super::sql_types::At;
use super::{audit, members};
use crate::domain::audit::{TextHash, What};
use crate::domain::change::{By, Change, Denied};
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::instruction::{Answer, AnswerKind, Ask, Instruction};
use crate::domain::message::{Message, NewMessage};
use crate::domain::permission::{Action, allows};
use crate::domain::trail::{KeptAssignee, KeptInstruction};
use crate::fault::{self, Sabotage};

/// How many due ones are read at a time.
const SWEEP: i64 = 100;

#[derive(Insertable)]
#[diesel(table_name = instructions)]
pub(super) struct NewRow {
    message_id: MessageId,
    channel_id: ChannelId,
    deadline: Option<At>,
    to_all: bool,
    due_at: Option<At>,
    open_count: i64,
}

#[derive(Insertable)]
#[diesel(table_name = instruction_assignees)]
pub(super) struct NewAssignee {
    message_id: MessageId,
    user_id: UserId,
    position: i32,
}

/// What an append stores of a message that asks for an answer.
pub(super) fn rows_of(message: &NewMessage, of: &Instruction) -> (NewRow, Vec<NewAssignee>) {
    let row = NewRow {
        message_id: message.id,
        channel_id: message.channel_id,
        deadline: of.deadline.map(At),
        to_all: message.ask.as_ref().is_some_and(|ask| ask.assignee_ids.is_none()),
        due_at: of.deadline.map(At),
        open_count: of.open_count(),
    };
    let assignee = |(position, user): (i32, &UserId)| NewAssignee { message_id: message.id, user_id: *user, position };
    (row, (0..).zip(&of.assignee_ids).map(assignee).collect())
}

/// What a new message asks for. `members` are those of its channel, ascending. Err: who is named and is no member.
pub(super) fn resolved(message: &NewMessage, members: &[UserId]) -> Result<Option<Instruction>, UserId> {
    let Some(ask) = &message.ask else { return Ok(None) };
    let assignee_ids = match &ask.assignee_ids {
        None => members.iter().filter(|user| **user != message.sender_id).copied().collect(),
        Some(named) => match named.iter().find(|user| !members.contains(user)) {
            Some(stranger) => return Err(*stranger),
            None => named.clone(),
        },
    };
    Ok(Some(Instruction { deadline: ask.deadline, assignee_ids, overdue_at: None, answers: Vec::new() }))
}

/// `None` where it is the same answer as before.
pub(super) async fn answer(
    conn: &mut Conn,
    by: By,
    id: MessageId,
    kind: AnswerKind,
    note: Option<String>,
    at: DateTime<Utc>,
) -> Result<Option<Change>, Failure> {
    let entered = messages::enter(conn, by, id).await?;
    let By::User(user) = by else { return Err(forbidden()) };
    if entered.message.deleted_at.is_some() {
        return Err(Denied::Conflict("the message is deleted and takes no answers").into());
    }
    let Some(instruction) = &entered.message.instruction else {
        return Err(Denied::Conflict("the message asks for no answer").into());
    };
    let assigned = instruction.assignee_ids.contains(&user);
    if !allows(entered.asker, Action::Answer { assigned }, entered.row.kind()?) {
        return Err(forbidden());
    }
    let before = instruction.answers.iter().find(|it| it.user_id == user);
    if before.is_some_and(|it| it.answer == kind && it.note == note) {
        return Ok(None);
    }
    if before.is_some_and(|it| it.answer.is_final()) {
        return Err(Denied::Conflict("what is done stays done").into());
    }
    let version = messages::next_version(conn, &entered.row).await?;
    let query = Kept(diesel::update(instruction_assignees::table.find((id, user))).set((
        instruction_assignees::answer.eq(kind.as_str()),
        instruction_assignees::note.eq(note.as_deref()),
        instruction_assignees::version.eq(version),
        instruction_assignees::at.eq(At(at)),
    )));
    with_conn!(conn, |c| query.execute(c).await)?;
    let what = What::Answered { message_id: id, answer: TextHash::of(&kind.with_note(note.as_deref())) };
    let change = told(conn, entered, version, at, by, what).await?;
    Ok(Some(change))
}

fn forbidden() -> Failure {
    Denied::Forbidden("only those whom an instruction is for answer it, each for themselves").into()
}

/// Marks one whose deadline has passed and that somebody has not answered; `None` where it is not so, or was marked before.
pub(super) async fn mark_overdue(conn: &mut Conn, id: MessageId, at: DateTime<Utc>) -> Result<Option<Change>, Failure> {
    let entered = messages::enter(conn, By::Host, id).await?;
    let query = instructions::table.find(id).select(instructions::due_at);
    let due: Option<Option<At>> = with_conn!(conn, |c| query.first(c).await).optional()?;
    if due.flatten().is_none_or(|due| due.0 > at) {
        return Ok(None);
    }
    let there = members::ids(conn, entered.row.id).await?;
    let is_pending = |of: &Instruction| {
        let answered = |user: &UserId| of.answers.iter().any(|it| it.user_id == *user);
        of.assignee_ids.iter().any(|user| there.contains(user) && !answered(user))
    };
    let planted = fault::planted(Sabotage::DeadlineUnmarked);
    let pending = !planted && entered.message.instruction.as_ref().is_some_and(is_pending);
    // Looked at once: what is answered stays so.
    let query = Kept(
        diesel::update(instructions::table.find(id))
            .set((instructions::due_at.eq(None::<At>), instructions::overdue_at.eq(pending.then_some(At(at))))),
    );
    with_conn!(conn, |c| query.execute(c).await)?;
    if !pending {
        return Ok(None);
    }
    let version = messages::next_version(conn, &entered.row).await?;
    told(conn, entered, version, at, By::Host, What::Overdue { message_id: id }).await.map(Some)
}

/// Writes the version on the message, notes the change, and gives the message as it is then.
async fn told(
    conn: &mut Conn,
    entered: Entered,
    version: i64,
    at: DateTime<Utc>,
    by: By,
    what: What,
) -> Result<Change, Failure> {
    let id = entered.message.id;
    messages::touch(conn, &entered, version).await?;
    audit::note(conn, entered.entry(version, at, by, what)).await?;
    let instruction = of_messages(conn, &[id]).await?.remove(&id);
    let open = instruction.as_ref().map_or(0, Instruction::open_count);
    let query = Kept(diesel::update(instructions::table.find(id)).set(instructions::open_count.eq(open)));
    with_conn!(conn, |c| query.execute(c).await)?;
    let Entered { message, .. } = entered;
    Ok(messages::changed(Message { version, touched: true, instruction, ..message }))
}

/// Some of those whose deadline has passed and that nobody has looked at since.
pub(super) async fn due(conn: &mut Conn, now: DateTime<Utc>) -> QueryResult<Vec<MessageId>> {
    let query = instructions::table
        .filter(instructions::due_at.le(At(now)))
        .order(instructions::due_at)
        .limit(SWEEP)
        .select(instructions::message_id);
    with_conn!(conn, |c| query.load(c).await)
}

/// Those of some messages.
pub(super) async fn of_messages(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<HashMap<MessageId, Instruction>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let (kept, mut assignees) = rows(conn, ids).await?;
    let whole = |(id, of): (MessageId, KeptInstruction)| (id, whole(&of, assignees.remove(&id).unwrap_or_default()));
    Ok(kept.into_iter().map(whole).collect())
}

/// As it is told.
pub(super) fn whole(of: &KeptInstruction, mut assignees: Vec<KeptAssignee>) -> Instruction {
    assignees.sort_unstable_by_key(|it| it.position);
    let assignee_ids = assignees.iter().map(|it| it.user).collect();
    assignees.sort_unstable_by_key(|it| it.version);
    let answer = |it: KeptAssignee| {
        let answer = it.answer.as_deref()?.parse().ok()?;
        Some(Answer { user_id: it.user, answer, note: it.note, at: it.at? })
    };
    Instruction {
        deadline: of.deadline,
        assignee_ids,
        overdue_at: of.overdue_at,
        answers: assignees.into_iter().filter_map(answer).collect(),
    }
}

type Rows = (HashMap<MessageId, KeptInstruction>, HashMap<MessageId, Vec<KeptAssignee>>);
type InstructionRow = (MessageId, ChannelId, Option<At>, bool, Option<At>, Option<At>, i64);
pub(super) type AssigneeRow = (MessageId, UserId, i32, Option<String>, Option<String>, Option<i64>, Option<At>);

/// As they are kept, for whoever verifies too: two queries.
pub(super) async fn rows(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Rows> {
    if ids.is_empty() {
        return Ok(Rows::default());
    }
    let query = instructions::table.filter(instructions::message_id.eq_any(ids)).select(instructions::all_columns);
    let kept: Vec<InstructionRow> = with_conn!(conn, |c| query.load(c).await)?;
    let kept = kept.into_iter().map(|(id, channel, deadline, to_all, _, overdue_at, open_count)| {
        let (deadline, overdue_at) = (deadline.map(|at| at.0), overdue_at.map(|at| at.0));
        (id, KeptInstruction { channel, deadline, to_all, overdue_at, open_count })
    });
    let kept = kept.collect();
    Ok((kept, assignees(conn, ids).await?))
}

/// Of whom answers are asked, and what they were.
pub(super) async fn assignees(
    conn: &mut Conn,
    ids: &[MessageId],
) -> QueryResult<HashMap<MessageId, Vec<KeptAssignee>>> {
    let query = instruction_assignees::table
        .filter(instruction_assignees::message_id.eq_any(ids))
        .select(instruction_assignees::all_columns);
    let rows: Vec<AssigneeRow> = with_conn!(conn, |c| query.load(c).await)?;
    let mut found = HashMap::<_, Vec<KeptAssignee>>::new();
    for row in rows {
        found.entry(row.0).or_default().push(kept_assignee(row));
    }
    Ok(found)
}

pub(super) fn kept_assignee((_, user, position, answer, note, version, at): AssigneeRow) -> KeptAssignee {
    KeptAssignee { user, position, answer, note, version, at: at.map(|at| at.0) }
}

/// As it was sent, of a repeat of the same send.
pub(super) fn as_sent(ask: &Ask, mut rows: Vec<AssigneeRow>) -> Instruction {
    rows.sort_unstable_by_key(|row| row.2);
    let assignee_ids = rows.into_iter().map(|row| row.1).collect();
    Instruction { deadline: ask.deadline, assignee_ids, overdue_at: None, answers: Vec::new() }
}
