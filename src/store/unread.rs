//! How many messages a member has not read: what lies above the mark, less the own and the deleted ones there.
//!
//! Both are counted from indexes that hold nothing else; the rest is never touched.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use super::backend::{Conn, with_conn};
use super::kept::Kept;
use super::sql_types::Id;
use crate::domain::channel::Channel;
use crate::domain::ids::{ChannelId, UserId};
use crate::fault::{self, Sabotage};

/// Whose counts are asked for. `$1` and `$2` are the same text to both databases.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    /// One user's, in every channel.
    User(UserId),
    /// Every member's of one channel.
    Channel(ChannelId),
    One(UserId, ChannelId),
}

/// What is not counted, by channel and member.
pub(super) type Discounts = HashMap<(ChannelId, UserId), i64>;

/// Each count is a subquery of its own, which leaves the planner no other way than an index.
macro_rules! discounts {
    ($whose:literal) => {
        concat!(
            "SELECT cm.channel_id, cm.user_id, ",
            "(SELECT COUNT(*) FROM messages m WHERE m.channel_id = cm.channel_id AND m.sender_id = cm.user_id ",
            "AND m.seq > cm.last_read_seq) + ",
            "(SELECT COUNT(*) FROM messages m WHERE m.channel_id = cm.channel_id AND m.deleted_at IS NOT NULL ",
            "AND m.seq > cm.last_read_seq AND m.sender_id <> cm.user_id) AS n ",
            "FROM channel_members cm WHERE ",
            $whose
        )
    };
}

/// A bug on purpose: by when the messages were sent, and when the member read last. Told as what is not counted, like above.
macro_rules! by_time {
    ($whose:literal) => {
        concat!(
            "SELECT cm.channel_id, cm.user_id, ",
            "(SELECT c.last_seq FROM channels c WHERE c.id = cm.channel_id) - cm.last_read_seq - ",
            "(SELECT COUNT(*) FROM messages m WHERE m.channel_id = cm.channel_id AND m.created_at > cm.last_read_at ",
            "AND m.deleted_at IS NULL AND m.sender_id <> cm.user_id) AS n ",
            "FROM channel_members cm WHERE ",
            $whose
        )
    };
}

macro_rules! counted {
    ($whose:literal) => {
        if fault::planted(Sabotage::UnreadByTimestamp) { by_time!($whose) } else { discounts!($whose) }
    };
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Id)]
    channel_id: ChannelId,
    #[diesel(sql_type = Id)]
    user_id: UserId,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

pub(super) async fn discounts(conn: &mut Conn, whose: Whose) -> QueryResult<Discounts> {
    let rows: Vec<Row> = match whose {
        Whose::User(user) => {
            let query = Kept(diesel::sql_query(counted!("cm.user_id = $1")).bind::<Id, _>(user));
            with_conn!(conn, |c| query.load(c).await)?
        }
        Whose::Channel(channel) => {
            let query = Kept(diesel::sql_query(counted!("cm.channel_id = $1")).bind::<Id, _>(channel));
            with_conn!(conn, |c| query.load(c).await)?
        }
        Whose::One(user, channel) => {
            let query = diesel::sql_query(counted!("cm.user_id = $1 AND cm.channel_id = $2"))
                .bind::<Id, _>(user)
                .bind::<Id, _>(channel);
            let query = Kept(query);
            with_conn!(conn, |c| query.load(c).await)?
        }
    };
    Ok(rows.into_iter().map(|row| ((row.channel_id, row.user_id), row.n)).collect())
}

/// The unread count of one member of `channel`; 0 for anybody else.
pub(super) fn count(channel: &Channel, user: UserId, discounts: &Discounts) -> i64 {
    channel.member(user).map_or(0, |member| {
        let discount = discounts.get(&(channel.id, user)).copied().unwrap_or_default();
        channel.last_seq - member.last_read_seq - discount
    })
}
