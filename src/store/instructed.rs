//! Lists messages that ask for an answer, newest first: by channel, by whom they are for, and by how they stand.
//!
//! How one stands is judged by who is in the channel at that moment. Keyset pages, by the messages' ids, which are in the order
//! of time.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::backend::{Conn, with_conn};
use super::error::StoreError;
use super::schema::{channel_members, instruction_assignees, instructions};
use super::{instructions as table, messages, search};
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::instruction::{AnswerKind, Listing, Standing};
use crate::domain::message::Message;
use crate::domain::trail::KeptAssignee;

/// Candidates that are read at once.
const CHUNK: usize = 200;

/// `None` where the one channel that is asked for is none that `asker` may see. Within one transaction.
pub(super) async fn list(
    conn: &mut Conn,
    asker: Option<UserId>,
    wanted: Listing,
) -> Result<Option<(Vec<Message>, bool)>, StoreError> {
    let Some(scope) = search::scope(conn, asker, wanted.channel).await? else { return Ok(None) };
    let (mut page, mut bytes) = (Vec::new(), 0);
    let mut before = wanted.before.unwrap_or(MessageId(Uuid::max()));
    loop {
        let candidates = candidates(conn, scope.as_ref(), &wanted, before).await?;
        let is_last = candidates.len() < CHUNK;
        let standing = fitting(conn, &wanted, &candidates).await?;
        let mut there: HashMap<MessageId, Message> =
            messages::load(conn, &standing).await?.into_iter().map(|message| (message.id, message)).collect();
        for id in standing {
            let Some(message) = there.remove(&id).filter(|message| message.deleted_at.is_none()) else { continue };
            if page.len() >= wanted.limit || bytes > wanted.bytes {
                return Ok(Some((page, true)));
            }
            bytes += message.weight();
            page.push(message);
        }
        match candidates.last() {
            Some(last) if !is_last => before = last.id,
            _ => return Ok(Some((page, false))),
        }
    }
}

struct Candidate {
    id: MessageId,
    channel: ChannelId,
}

async fn candidates(
    conn: &mut Conn,
    scope: Option<&BTreeSet<ChannelId>>,
    wanted: &Listing,
    before: MessageId,
) -> QueryResult<Vec<Candidate>> {
    let least = i64::from(wanted.standing != Standing::All);
    let limit = i64::try_from(CHUNK).unwrap_or(i64::MAX);
    let columns = (instructions::message_id, instructions::channel_id);
    let older = instructions::message_id.lt(before).and(instructions::open_count.ge(least));
    let rows: Vec<(MessageId, ChannelId)> = match (wanted.assignee, scope) {
        (Some(user), _) => {
            let query = instruction_assignees::table
                .inner_join(instructions::table)
                .filter(instruction_assignees::user_id.eq(user))
                .filter(instruction_assignees::message_id.lt(before))
                .filter(instructions::open_count.ge(least))
                .order(instruction_assignees::message_id.desc())
                .limit(limit)
                .select(columns);
            with_conn!(conn, |c| query.load(c).await)?
        }
        (None, Some(scope)) => {
            let query = instructions::table
                .filter(older.and(instructions::channel_id.eq_any(scope)))
                .order(instructions::message_id.desc())
                .limit(limit)
                .select(columns);
            with_conn!(conn, |c| query.load(c).await)?
        }
        (None, None) => {
            let query =
                instructions::table.filter(older).order(instructions::message_id.desc()).limit(limit).select(columns);
            with_conn!(conn, |c| query.load(c).await)?
        }
    };
    // Their number is what tells whether there are more: who may see them is looked at later.
    let may_see = |channel: &ChannelId| scope.is_none_or(|scope| scope.contains(channel));
    Ok(rows
        .into_iter()
        .map(|(id, channel)| Candidate { id, channel: if may_see(&channel) { channel } else { UNSEEN } })
        .collect())
}

/// What stands for the channel of a candidate that the asker may not see.
const UNSEEN: ChannelId = ChannelId(Uuid::nil());

/// Those that stand as it is wanted, in their order.
async fn fitting(conn: &mut Conn, wanted: &Listing, candidates: &[Candidate]) -> QueryResult<Vec<MessageId>> {
    let seen: Vec<&Candidate> = candidates.iter().filter(|it| it.channel != UNSEEN).collect();
    let ids: Vec<MessageId> = seen.iter().map(|it| it.id).collect();
    if wanted.standing == Standing::All || ids.is_empty() {
        return Ok(ids);
    }
    let (kept, assignees) = table::rows(conn, &ids).await?;
    let channels: BTreeSet<ChannelId> = seen.iter().map(|it| it.channel).collect();
    let users: BTreeSet<UserId> = assignees.values().flatten().map(|it| it.user).collect();
    let query = channel_members::table
        .filter(channel_members::channel_id.eq_any(channels).and(channel_members::user_id.eq_any(users)))
        .select((channel_members::channel_id, channel_members::user_id));
    let members: Vec<(ChannelId, UserId)> = with_conn!(conn, |c| query.load(c).await)?;
    let members: HashSet<(ChannelId, UserId)> = members.into_iter().collect();
    let is_open = |it: &&Candidate| {
        let keeps_open = |of: &KeptAssignee| {
            let answer = of.answer.as_deref().and_then(|word| word.parse().ok());
            answer.is_none_or(AnswerKind::is_open)
                && wanted.assignee.is_none_or(|user| user == of.user)
                && members.contains(&(it.channel, of.user))
        };
        assignees.get(&it.id).is_some_and(|all| all.iter().any(keeps_open))
    };
    let is_late = |it: &&Candidate| {
        wanted.standing == Standing::Open || kept.get(&it.id).is_some_and(|of| of.overdue_at.is_some())
    };
    Ok(seen.into_iter().filter(is_open).filter(is_late).map(|it| it.id).collect())
}
