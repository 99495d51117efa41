//! The index of words on PostgreSQL: a tsvector of words that come folded, so that no text search configuration of the
//! server and no extension has a say in what is found.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::search::{CandidateRow, Entry, Wanted};
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::search::Position;
use crate::store::kept::Kept;
use crate::store::sql_types::{At, Id, Micros};

const INDEX: &str = "INSERT INTO message_words (message_id, channel_id, created_at, words) \
     SELECT i.message_id, i.channel_id, i.created_at, i.words::tsvector \
     FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[]) AS i (message_id, channel_id, created_at, words) \
     ON CONFLICT (message_id) DO UPDATE SET words = excluded.words";
const DELETE: &str = "DELETE FROM message_words WHERE message_id = ANY ($1::uuid[])";

pub(super) async fn index(conn: &mut AsyncPgConnection, entries: &[Entry]) -> QueryResult<()> {
    let (mut ids, mut channels, mut times, mut words) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut gone: Vec<MessageId> = Vec::new();
    for entry in entries {
        let Some(marks) = entry.marks() else {
            gone.push(entry.id);
            continue;
        };
        ids.push(entry.id);
        channels.push(entry.channel);
        times.push(entry.created_at);
        words.push(marks.iter().map(|mark| format!("'{mark}'")).collect::<Vec<_>>().join(" "));
    }
    if !ids.is_empty() {
        let query = diesel::sql_query(INDEX)
            .bind::<Array<Id>, Vec<MessageId>>(ids)
            .bind::<Array<Id>, Vec<ChannelId>>(channels)
            .bind::<Array<Micros>, Vec<At>>(times)
            .bind::<Array<Text>, Vec<String>>(words);
        Kept(query).execute(conn).await?;
    }
    if !gone.is_empty() {
        Kept(diesel::sql_query(DELETE).bind::<Array<Id>, Vec<MessageId>>(gone)).execute(conn).await?;
    }
    Ok(())
}

/// With a look-up for each, and not with EXISTS, for which the planner may read all messages first.
const CANDIDATES: &str = "SELECT message_id, channel_id, created_at FROM message_words \
     WHERE words @@ $1::tsquery AND created_at >= $2 AND created_at < $3 AND (created_at, message_id) < ($4, $5) \
     AND ($7::boolean IS NULL OR $7 = \
       (SELECT m.files_hash IS NOT NULL FROM messages m WHERE m.id = message_id)) \
     ORDER BY created_at DESC, message_id DESC LIMIT $6";

pub(super) async fn candidates(
    conn: &mut AsyncPgConnection,
    wanted: &Wanted,
    after: Option<Position>,
    limit: i64,
) -> QueryResult<Vec<CandidateRow>> {
    let after = after.unwrap_or(Position { created_at: far(), id: MessageId(Uuid::max()) });
    let query = diesel::sql_query(CANDIDATES)
        .bind::<Text, _>(expression(wanted))
        .bind::<Micros, _>(At(wanted.from.unwrap_or_default()))
        .bind::<Micros, _>(At(wanted.to.unwrap_or_else(far)))
        .bind::<Micros, _>(At(after.created_at))
        .bind::<Id, _>(after.id)
        .bind::<BigInt, _>(limit)
        .bind::<Nullable<Bool>, _>(wanted.has_attachment);
    Kept(query).load(conn).await
}

/// After every message: the year 9999.
fn far() -> DateTime<Utc> {
    DateTime::from_timestamp(253_370_764_800, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// In the language of tsquery, each word a text of its own.
fn expression(wanted: &Wanted) -> String {
    let quoted = |word: &String| format!("'{word}'");
    let channels: Vec<String> = wanted.marks_of_channels().iter().map(quoted).collect();
    let channels = (!channels.is_empty()).then(|| format!("({})", channels.join(" | ")));
    let sender = wanted.mark_of_sender().as_ref().map(quoted);
    let words = wanted.words.iter().map(|(word, begins)| format!("'{word}'{}", if *begins { ":*" } else { "" }));
    channels.into_iter().chain(sender).chain(words).collect::<Vec<_>>().join(" & ")
}
