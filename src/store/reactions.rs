//! The table of reactions: who says what of a message with a sign or a short word.
//!
//! Each change takes a version of the channel, like an edit, and leaves the content, and when that was edited, alone. Whatever
//! deletes a message deletes its rows here (by a trigger).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::audit;
use super::backend::{Conn, with_conn};
use super::error::Failure;
use super::messages::{self, Entered};
use super::schema::message_reactions;
use super::sql_types::At;
use crate::domain::audit::{TextHash, What};
use crate::domain::change::{By, Change, Denied};
use crate::domain::ids::{MessageId, UserId};
use crate::domain::message::Message;
use crate::domain::permission::{Action, allows};
use crate::domain::reaction::{MAX_REACTIONS, Reacted, Reaction};
use crate::domain::trail::KeptReaction;
use crate::fault::{self, Sabotage};

/// `None` where it is so already.
pub(super) async fn react(
    conn: &mut Conn,
    by: By,
    id: MessageId,
    reaction: Reaction,
    set: bool,
    at: DateTime<Utc>,
) -> Result<Option<Change>, Failure> {
    let entered = messages::enter(conn, by, id).await?;
    let message = &entered.message;
    let By::User(user) = by else { return Err(denied()) };
    if !allows(entered.asker, Action::React, entered.row.kind()?) {
        return Err(denied());
    }
    if message.deleted_at.is_some() {
        return Err(Denied::Conflict("the message is deleted and takes no reactions").into());
    }
    let same = message.reactions.iter().find(|it| it.reaction == reaction.as_str());
    if same.is_some_and(|it| it.user_ids.contains(&user)) == set {
        return Ok(None);
    }
    if set && same.is_none() && message.reactions.len() >= MAX_REACTIONS {
        const FULL: &str = "a message has at most 20 different reactions; take one that is there";
        return Err(Denied::Conflict(FULL).into());
    }
    let version = messages::next_version(conn, &entered.row).await?;
    if set && !fault::planted(Sabotage::ReactionUnstored) {
        let query = diesel::insert_into(message_reactions::table).values((
            message_reactions::message_id.eq(id),
            message_reactions::reaction.eq(reaction.as_str()),
            message_reactions::user_id.eq(user),
            message_reactions::version.eq(version),
            message_reactions::at.eq(At(at)),
        ));
        with_conn!(conn, |c| query.execute(c).await)?;
    } else {
        let query = diesel::delete(message_reactions::table.find((id, reaction.as_str(), user)));
        with_conn!(conn, |c| query.execute(c).await)?;
    }
    messages::touch(conn, &entered, version).await?;
    let what = What::Reacted { message_id: id, reaction: TextHash::of(reaction.as_str()), set };
    audit::note(conn, entered.entry(version, at, by, what)).await?;
    let reactions = of_messages(conn, &[id]).await?.remove(&id).unwrap_or_default();
    let Entered { message, .. } = entered;
    Ok(Some(messages::changed(Message { version, touched: true, reactions, ..message })))
}

fn denied() -> Failure {
    Denied::Forbidden("only members react to a message, each for themselves").into()
}

/// Those of some messages, each reaction where it was first used of all that are there.
pub(super) async fn of_messages(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<HashMap<MessageId, Vec<Reacted>>> {
    let mut found = HashMap::<_, Vec<Reacted>>::new();
    let mut rows: Vec<_> = rows(conn, ids).await?;
    rows.sort_unstable_by_key(|(_, kept)| kept.version);
    for (message, KeptReaction { reaction, by, .. }) in rows {
        let all = found.entry(message).or_default();
        match all.iter_mut().find(|it| it.reaction == reaction) {
            Some(it) => it.user_ids.push(by),
            None => all.push(Reacted { reaction, user_ids: vec![by] }),
        }
    }
    Ok(found)
}

/// As they are kept, for whoever verifies.
pub(super) async fn rows(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<(MessageId, KeptReaction)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = message_reactions::table
        .filter(message_reactions::message_id.eq_any(ids))
        .select(message_reactions::all_columns);
    let rows: Vec<(MessageId, String, UserId, i64, At)> = with_conn!(conn, |c| query.load(c).await)?;
    let kept = |(message, reaction, by, version, at): (MessageId, String, UserId, i64, At)| {
        (message, KeptReaction { reaction, by, version, at: at.0 })
    };
    Ok(rows.into_iter().map(kept).collect())
}
