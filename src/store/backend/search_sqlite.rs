//! The index of words on SQLite: an FTS5 table that holds no text, whose rows are in the order of the messages' times, so
//! that the newest come first without being sorted.
//!
//! Its tokenizer takes what is ASCII and no letter or digit for the end of a word, and all else for a part of one: folded
//! words pass it unchanged.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use super::SqliteConn;
use super::search::{CandidateRow, Entry, Wanted};
use crate::domain::search::Position;
use crate::store::kept::Kept;
use crate::store::sql_types::{At, Id, Micros};

/// How many messages of one microsecond have a place of their own.
const PLACES: i64 = 2048;
/// Places of later times would be too large for a row's number.
const MAX_MICROS: i64 = i64::MAX / PLACES - 1;

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Nullable<BigInt>)]
    place: Option<i64>,
}

/// The first place of a time.
fn first_place(at: At) -> i64 {
    at.0.timestamp_micros().clamp(0, MAX_MICROS) * PLACES
}

pub(super) async fn index(conn: &mut SqliteConn, entries: Vec<Entry>) -> QueryResult<()> {
    conn.spawn_blocking(move |conn| entries.iter().try_for_each(|entry| one(conn, entry))).await
}

fn one(conn: &mut SqliteConnection, entry: &Entry) -> QueryResult<()> {
    let Some(marks) = entry.marks() else {
        // A trigger takes the words away.
        let query = diesel::sql_query("DELETE FROM message_words WHERE message_id = ?").bind::<Id, _>(entry.id);
        return Kept(query).execute(conn).map(drop);
    };
    let place = match place_of(conn, entry)? {
        Some(place) => place,
        None => new_place(conn, entry)?,
    };
    let query = diesel::sql_query("INSERT OR REPLACE INTO message_index (rowid, words) VALUES (?, ?)")
        .bind::<BigInt, _>(place)
        .bind::<Text, _>(marks.join(" "));
    Kept(query).execute(conn).map(drop)
}

fn place_of(conn: &mut SqliteConnection, entry: &Entry) -> QueryResult<Option<i64>> {
    let query = diesel::sql_query("SELECT place FROM message_words WHERE message_id = ?").bind::<Id, _>(entry.id);
    let found: Option<Place> = Kept(query).get_result(conn).optional()?;
    Ok(found.and_then(|found| found.place))
}

fn new_place(conn: &mut SqliteConnection, entry: &Entry) -> QueryResult<i64> {
    let first = first_place(entry.created_at);
    let query = diesel::sql_query("SELECT max(place) AS place FROM message_words WHERE place >= ? AND place < ?")
        .bind::<BigInt, _>(first)
        .bind::<BigInt, _>(first + PLACES);
    let taken: Place = Kept(query).get_result(conn)?;
    let place = taken.place.map_or(first, |taken| taken + 1);
    let insert = "INSERT INTO message_words (place, message_id, channel_id, created_at) VALUES (?, ?, ?, ?)";
    let query = diesel::sql_query(insert)
        .bind::<BigInt, _>(place)
        .bind::<Id, _>(entry.id)
        .bind::<Id, _>(entry.channel)
        .bind::<Micros, _>(entry.created_at);
    Kept(query).execute(conn)?;
    Ok(place)
}

/// The index decides the order, so that it is read no farther than the limit.
const CANDIDATES: &str = "SELECT w.message_id, w.channel_id, w.created_at FROM message_index \
     CROSS JOIN message_words w ON w.place = message_index.rowid \
     WHERE message_index MATCH ?1 AND message_index.rowid >= ?2 AND message_index.rowid < ?3 \
     AND (?5 IS NULL OR ?5 = \
       (SELECT m.files_hash IS NOT NULL FROM messages m WHERE m.id = w.message_id)) \
     ORDER BY message_index.rowid DESC LIMIT ?4";

pub(super) async fn candidates(
    conn: &mut SqliteConn,
    wanted: &Wanted,
    after: Option<Position>,
    limit: i64,
) -> QueryResult<Vec<CandidateRow>> {
    let expression = expression(wanted);
    let from = wanted.from.map_or(0, |from| first_place(At(from)));
    let to = wanted.to.map_or(i64::MAX, |to| first_place(At(to)));
    let has_attachment = wanted.has_attachment;
    conn.spawn_blocking(move |conn| {
        let before = after.map(|after| place_after(conn, after)).transpose()?.unwrap_or(i64::MAX);
        let query = diesel::sql_query(CANDIDATES)
            .bind::<Text, _>(expression)
            .bind::<BigInt, _>(from)
            .bind::<BigInt, _>(to.min(before))
            .bind::<BigInt, _>(limit)
            .bind::<Nullable<Bool>, _>(has_attachment);
        Kept(query).load(conn)
    })
    .await
}

/// Where a page ended. Of a message that is not there any more its time has to do.
fn place_after(conn: &mut SqliteConnection, after: Position) -> QueryResult<i64> {
    let query = diesel::sql_query("SELECT place FROM message_words WHERE message_id = ?").bind::<Id, _>(after.id);
    let found: Option<Place> = Kept(query).get_result(conn).optional()?;
    Ok(found.and_then(|found| found.place).unwrap_or_else(|| first_place(At(after.created_at))))
}

/// In the language of FTS5, each word a text of its own.
fn expression(wanted: &Wanted) -> String {
    let quoted = |word: &String| format!("\"{word}\"");
    let channels: Vec<String> = wanted.marks_of_channels().iter().map(quoted).collect();
    let channels = (!channels.is_empty()).then(|| format!("({})", channels.join(" OR ")));
    let sender = wanted.mark_of_sender().as_ref().map(quoted);
    let words = wanted.words.iter().map(|(word, begins)| format!("\"{word}\"{}", if *begins { "*" } else { "" }));
    channels.into_iter().chain(sender).chain(words).collect::<Vec<_>>().join(" AND ")
}
