//! The append batch on PostgreSQL: one round trip that locks, one that stores, one that moves the channels' rows and commits.
//!
//! The locks are taken by a statement of their own, because a statement sees the database as it was when it began:
//! one that waited for a lock would judge by members, messages and numbers older than the lock.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::heads_postgres::Heads;
use super::named_postgres::{self, Told};
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};
use crate::domain::message::{Append, Appended, Stored};
use crate::fault::{self, Sabotage};
use crate::store::audit::ChainRow;
use crate::store::kept::Kept;
use crate::store::planted;
use crate::store::sql_types::{At, Id, Micros};

/// What both statements begin with: each item, what is there already, and what is to become of it.
/// The look-up of what was stored before is by the pair (sender, clientId) and beats every other verdict. Each look-up
/// is LATERAL with a LIMIT, which leaves the planner no other way than the index, whatever it believes of the sizes. The
/// plan is kept, and may be older than all that is in the tables: so each names the columns of one index and no others.
macro_rules! judged {
    () => {
        "
WITH input AS MATERIALIZED (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[], $6::text[], $7::text[],
    $8::uuid[], $9::timestamptz[], $10::bigint[]) WITH ORDINALITY AS i
    (id, client_id, channel_id, sender_id, digest, content, content_type, reply_to_id, created_at, members_version, ord)
), judged AS MATERIALIZED (
  SELECT i.*, c.last_seq, c.version, c.audit_since, c.audit_version, c.audit_head,
    s.id AS stored_id, s.channel_id AS stored_channel_id, s.seq AS stored_seq, s.first_version AS stored_version,
    s.created_at AS stored_at,
    CASE
      WHEN s.digest = i.digest THEN 1
      WHEN s.id IS NOT NULL THEN 2
      WHEN c.id IS NULL OR (c.members_version <> i.members_version AND m.user_id IS NULL) THEN 3
      WHEN u.id IS NULL THEN 5
      WHEN i.reply_to_id IS NOT NULL AND r.channel_id IS DISTINCT FROM i.channel_id THEN 4
      ELSE 0
    END AS verdict
  FROM input i
  LEFT JOIN LATERAL (SELECT x.id, x.channel_id, x.seq, x.first_version, x.created_at, x.digest FROM messages x
    WHERE x.sender_id = i.sender_id AND x.client_id = i.client_id LIMIT 1) s ON true
  LEFT JOIN LATERAL (SELECT x.id, x.last_seq, x.version, x.members_version, x.audit_since,
    x.audit_version, x.audit_head FROM channels x
    WHERE x.id = i.channel_id LIMIT 1) c ON true
  LEFT JOIN LATERAL (SELECT x.user_id FROM channel_members x WHERE c.members_version <> i.members_version
    AND x.channel_id = i.channel_id AND x.user_id = i.sender_id LIMIT 1) m ON true
  LEFT JOIN LATERAL (SELECT x.id FROM users x WHERE x.id = i.sender_id LIMIT 1) u ON true
  LEFT JOIN LATERAL (SELECT x.channel_id FROM messages x WHERE x.id = i.reply_to_id LIMIT 1) r ON true
)"
    };
}

/// Judges each item, numbers the new ones per channel in the order given and stores them. What the channels' rows become of
/// it ([`Heads`]) hangs on hashes, and is written with the commit.
///
/// Rows are inserted in the order of the pair that the constraint is on: two nodes that store the same pairs in different
/// channels wait for each other there, and no lock of a channel keeps them apart.
const APPEND: &str = concat!(
    judged!(),
    ", numbered AS MATERIALIZED (
  SELECT *, row_number() OVER (PARTITION BY channel_id, verdict ORDER BY ord) AS n FROM judged
), stored AS (
  INSERT INTO messages (id, channel_id, seq, version, first_version, sender_id, client_id, digest, content,
    content_type, reply_to_id, created_at)
  SELECT id, channel_id, last_seq + n, version + n, version + n, sender_id, client_id, digest, content,
    content_type, reply_to_id, created_at
  FROM numbered WHERE verdict = 0 ORDER BY sender_id, client_id
)
SELECT verdict,
  coalesce(stored_id, id) AS id,
  coalesce(stored_channel_id, channel_id) AS channel_id,
  coalesce(stored_seq, last_seq + n, 0) AS seq,
  coalesce(stored_version, version + n, 0) AS version,
  coalesce(stored_at, created_at) AS created_at,
  CASE WHEN n = 1 THEN audit_since END AS since,
  CASE WHEN n = 1 THEN audit_version END AS chained,
  CASE WHEN n = 1 THEN audit_head END AS head
FROM numbered ORDER BY ord"
);

/// Judges each item by what is there, and stores none.
const JUDGE: &str = concat!(
    judged!(),
    "
SELECT verdict,
  coalesce(stored_id, id) AS id,
  coalesce(stored_channel_id, channel_id) AS channel_id,
  coalesce(stored_seq, 0) AS seq,
  coalesce(stored_version, 0) AS version,
  coalesce(stored_at, created_at) AS created_at,
  audit_since AS since, audit_version AS chained, audit_head AS head
FROM judged ORDER BY ord"
);

#[derive(QueryableByName)]
struct Judged {
    #[diesel(sql_type = Integer)]
    verdict: i32,
    #[diesel(sql_type = Id)]
    id: MessageId,
    #[diesel(sql_type = Id)]
    channel_id: ChannelId,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Micros)]
    created_at: At,
    #[diesel(sql_type = Nullable<BigInt>)]
    since: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    chained: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    head: Option<Vec<u8>>,
}

impl From<Judged> for Appended {
    fn from(row: Judged) -> Self {
        let stored = Stored {
            id: row.id,
            channel_id: row.channel_id,
            seq: row.seq,
            version: row.version,
            created_at: row.created_at.0,
            attachments: Vec::new(),
            instruction: None,
        };
        match row.verdict {
            0 => Self::New(stored),
            1 => Self::Duplicate(stored),
            2 => Self::Conflict,
            3 => Self::NotMember,
            4 => Self::UnknownReply,
            // A sender who is in no table: the host has deleted the user behind the daemon's back.
            _ => Self::Rejected,
        }
    }
}

/// The outcomes, and the text that moves the channels' rows, which has to be carried out in the transaction.
pub(super) async fn append(conn: &mut AsyncPgConnection, batch: &[Append]) -> QueryResult<(Vec<Appended>, String)> {
    lock(conn, batch).await?;
    let mut outcomes = HashMap::with_capacity(batch.len());
    let mut plan = named_postgres::plan(conn, batch).await?;
    let (mut rest, mut heads) = (std::mem::take(&mut plan.fine), Heads::default());
    // One round, unless the same sender used the same clientId twice in this batch.
    while !rest.is_empty() {
        let (now, later) = first_of_each(batch, &rest);
        let items: Vec<&Append> = now.iter().map(|&at| &batch[at]).collect();
        let told: Vec<Told> = now.iter().map(|&at| plan.of(at)).collect();
        outcomes.extend(now.iter().copied().zip(statement(conn, &items, &told, &mut heads).await?));
        rest = echo(batch, &now, later, &mut outcomes);
        if !rest.is_empty() {
            // The next round numbers by what the rows say.
            conn.batch_execute(&heads.sql()).await?;
        }
    }
    plan.carry_out(conn, batch, &mut outcomes).await?;
    let mut outcomes: Vec<Appended> = (0..batch.len()).filter_map(|at| outcomes.remove(&at)).collect();
    if fault::planted(Sabotage::SequenceInsteadOfLock) {
        conn.batch_execute(&std::mem::take(&mut heads).sql()).await?;
        leave_holes(conn, &mut outcomes).await?;
    }
    if planted::told_early(&outcomes) {
        tokio::time::sleep(fault::WINDOW).await;
        if planted::is_cut(&outcomes) {
            return Err(diesel::result::Error::RollbackTransaction);
        }
    }
    if fault::planted(Sabotage::AuditOutsideTransaction) {
        let [numbers, trail] = heads.apart();
        conn.batch_execute(&numbers).await?;
        return Ok((outcomes, trail));
    }
    Ok((outcomes, heads.sql()))
}

/// A bug on purpose: the last new message of a channel gets its number after those that were taken for nothing.
async fn leave_holes(conn: &mut AsyncPgConnection, outcomes: &mut [Appended]) -> QueryResult<()> {
    for outcome in outcomes.iter_mut().rev() {
        let Appended::New(Stored { id, channel_id, seq, version, .. }) = outcome else { continue };
        let n = planted::burned(*channel_id);
        if n > 0 {
            let (message, channel) = (&*id, &*channel_id);
            conn.batch_execute(&format!(
                "UPDATE messages SET seq = seq + {n}, version = version + {n}, first_version = first_version + {n} \
                 WHERE id = '{message}'; \
                 UPDATE channels SET last_seq = last_seq + {n}, version = version + {n} WHERE id = '{channel}'"
            ))
            .await?;
            (*seq, *version) = (*seq + n, *version + n);
        }
    }
    Ok(())
}

/// In the order of the ids, so that two nodes never wait for each other.
async fn lock(conn: &mut AsyncPgConnection, batch: &[Append]) -> QueryResult<()> {
    let ids: BTreeSet<ChannelId> = batch.iter().map(|item| item.message.channel_id).collect();
    let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    let lock = if fault::planted(Sabotage::SequenceInsteadOfLock) { "" } else { " FOR UPDATE" };
    // Without binds, so that it goes in one message with BEGIN.
    conn.batch_execute(&format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT 1 FROM channels WHERE id IN ({}) ORDER BY id{lock}",
        ids.join(",")
    ))
    .await
}

async fn judged(conn: &mut AsyncPgConnection, sql: &str, items: &[&Append]) -> QueryResult<Vec<Judged>> {
    fn column<'a, T>(items: &[&'a Append], of: impl Fn(&'a Append) -> T) -> Vec<T> {
        items.iter().map(|item| of(item)).collect()
    }
    let query = diesel::sql_query(sql)
        .bind::<Array<Id>, _>(column(items, |item| item.message.id))
        .bind::<Array<Id>, _>(column(items, |item| item.message.client_id))
        .bind::<Array<Id>, _>(column(items, |item| item.message.channel_id))
        .bind::<Array<Id>, _>(column(items, |item| item.message.sender_id))
        .bind::<Array<Binary>, _>(column(items, |item| item.digest.0.as_slice()))
        .bind::<Array<Text>, _>(column(items, |item| item.message.content.as_str()))
        .bind::<Array<Text>, _>(column(items, |item| item.message.content_type.as_str()))
        .bind::<Array<Nullable<Id>>, _>(column(items, |item| item.message.reply_to_id))
        .bind::<Array<Micros>, _>(column(items, |item| At(item.message.created_at)))
        .bind::<Array<BigInt>, _>(column(items, |item| item.members_version));
    Kept(query).load(conn).await
}

/// What is to become of each, as far as that hangs on nothing that it names; `None` for those that would be stored.
pub(super) async fn judge(conn: &mut AsyncPgConnection, batch: &[Append]) -> QueryResult<Vec<Option<Appended>>> {
    let items: Vec<&Append> = batch.iter().collect();
    let rows = judged(conn, JUDGE, &items).await?;
    Ok(rows.into_iter().map(|row| (row.verdict != 0).then(|| row.into())).collect())
}

/// `told`: what each takes and asks for, if it is stored.
async fn statement(
    conn: &mut AsyncPgConnection,
    items: &[&Append],
    told: &[Told<'_>],
    heads: &mut Heads,
) -> QueryResult<Vec<Appended>> {
    let rows = judged(conn, APPEND, items).await?;
    let outcome = |((mut row, item), (files, asked)): ((Judged, &&Append), &Told<'_>)| {
        let known = ChainRow::new(row.since, row.chained, row.head.take()).chain();
        let mut outcome = Appended::from(row);
        if let Appended::New(stored) = &mut outcome {
            stored.attachments = files.to_vec();
            stored.instruction = asked.cloned();
            heads.grow(item, stored, known);
        }
        outcome
    };
    Ok(rows.into_iter().zip(items).zip(told).map(outcome).collect())
}

pub(super) fn key(item: &Append) -> (UserId, ClientId) {
    (item.message.sender_id, item.message.client_id)
}

/// Of each (sender, clientId) the first; and what is left.
fn first_of_each(batch: &[Append], rest: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut seen = HashSet::with_capacity(rest.len());
    rest.iter().partition(|&&at| seen.insert(key(&batch[at])))
}

/// Answers those that repeat what was just judged; returns the ones that need a round of their own.
fn echo(batch: &[Append], now: &[usize], later: Vec<usize>, outcomes: &mut HashMap<usize, Appended>) -> Vec<usize> {
    if later.is_empty() {
        return later;
    }
    let firsts: HashMap<_, usize> = now.iter().map(|&at| (key(&batch[at]), at)).collect();
    let mut left = Vec::new();
    for at in later {
        let item = &batch[at];
        let first = firsts.get(&key(item)).copied();
        let same = first.is_some_and(|first| batch[first].digest == item.digest);
        let outcome = match first.and_then(|first| outcomes.get(&first)) {
            Some(Appended::New(stored) | Appended::Duplicate(stored)) if same => {
                Some(Appended::Duplicate(stored.clone()))
            }
            Some(Appended::New(_) | Appended::Duplicate(_)) => Some(Appended::Conflict),
            Some(other) if same => Some(other.clone()),
            _ => None,
        };
        match outcome {
            Some(outcome) => drop(outcomes.insert(at, outcome)),
            None => left.push(at),
        }
    }
    left
}
