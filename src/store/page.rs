//! A page of messages, bounded in number and in bytes, by `seq` or by `version`.
//!
//! Used by whatever reads pages: `sync` and history. Read in chunks, since content may be long. Decides nothing about who
//! may read.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::messages::MessageRow;
use super::schema::{messages, users};
use super::whole::whole;
use crate::domain::ids::ChannelId;
use crate::domain::message::Message;
use crate::domain::sync::{HistoryFrom, PageLimits};

/// How many messages are read at first.
const CHUNK: usize = 100;
/// More at once where those before were so short that this many will hardly go beyond the page's limit: what a page may
/// hold in memory beyond it.
const MAX_CHUNK: usize = 256;

/// In which order a channel is walked, and from where on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Walk {
    BySeq(HistoryFrom),
    /// Ascending, above this version.
    ByVersion(i64),
}

impl Walk {
    fn beyond(self, message: &Message) -> Self {
        match self {
            Self::BySeq(from) => Self::BySeq(from.beyond(message.seq)),
            Self::ByVersion(_) => Self::ByVersion(message.version),
        }
    }

    async fn chunk(self, conn: &mut Conn, channel: ChannelId, limit: usize) -> QueryResult<Vec<Message>> {
        match self {
            Self::BySeq(from) => by_seq(conn, channel, from, limit).await,
            Self::ByVersion(after) => by_version(conn, channel, after, limit).await,
        }
    }
}

/// A page, and whether there is more in its direction.
pub(super) async fn read(
    conn: &mut Conn,
    channel: ChannelId,
    from: Walk,
    limits: PageLimits,
) -> QueryResult<(Vec<Message>, bool)> {
    let most = limits.messages.max(1);
    let (mut page, mut bytes, mut from, mut most_at_once) = (Vec::new(), 0, from, CHUNK);
    loop {
        // One more than fits tells whether there is more.
        let wanted = (most - page.len() + 1).min(most_at_once);
        let chunk = from.chunk(conn, channel, wanted).await?;
        let is_last = chunk.len() < wanted;
        for message in chunk {
            if page.len() >= most || bytes > limits.bytes {
                return Ok((page, true));
            }
            from = from.beyond(&message);
            bytes += message.weight();
            page.push(message);
        }
        if is_last {
            return Ok((page, false));
        }
        let as_long_fit = limits.bytes.saturating_sub(bytes).saturating_mul(page.len()) / bytes.max(1);
        most_at_once = (as_long_fit / 2).clamp(CHUNK, MAX_CHUNK);
    }
}

async fn by_seq(conn: &mut Conn, channel: ChannelId, from: HistoryFrom, limit: usize) -> QueryResult<Vec<Message>> {
    let (above, below) = match from {
        HistoryFrom::Latest => (0, i64::MAX),
        HistoryFrom::Before(seq) => (0, seq),
        HistoryFrom::After(seq) => (seq, i64::MAX),
    };
    let range = messages::table
        .inner_join(users::table)
        .filter(messages::channel_id.eq(channel).and(messages::seq.gt(above)).and(messages::seq.lt(below)))
        .limit(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<MessageRow> = if let HistoryFrom::After(_) = from {
        let query = range.order(messages::seq.asc());
        with_conn!(conn, |c| query.select(MessageRow::as_select()).load(c).await)?
    } else {
        let query = range.order(messages::seq.desc());
        with_conn!(conn, |c| query.select(MessageRow::as_select()).load(c).await)?
    };
    whole(conn, rows).await
}

pub(super) async fn by_version(
    conn: &mut Conn,
    channel: ChannelId,
    after: i64,
    limit: usize,
) -> QueryResult<Vec<Message>> {
    let query = messages::table
        .inner_join(users::table)
        .filter(messages::channel_id.eq(channel).and(messages::version.gt(after)))
        .order(messages::version.asc())
        .limit(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<MessageRow> = with_conn!(conn, |c| query.select(MessageRow::as_select()).load(c).await)?;
    whole(conn, rows).await
}
