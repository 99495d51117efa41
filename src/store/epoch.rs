//! The name of this history. A database that lost a part of it gets a new one, so that an old cursor is answered
//! with a reset and never with a silent hole.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::backend::{Conn, with_conn};
use super::error::StoreError;
use super::schema::{channels, meta};

const KEY: &str = "epoch";

/// How far a history had come at some moment: what a restored backup falls short of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extent {
    pub(super) epoch: String,
    /// The sum of all channels' versions.
    pub(super) versions: i64,
    pub(super) channels: i64,
}

impl Extent {
    /// Whether a database of this extent may be what one of `noted` became.
    pub(super) fn continues(&self, noted: &Self) -> bool {
        self.epoch == noted.epoch && self.versions >= noted.versions && self.channels >= noted.channels
    }

    pub(super) fn is_empty(&self) -> bool {
        self.versions == 0 && self.channels == 0
    }
}

/// Of several that make it at the same time one wins, for all.
pub(super) async fn ensure(conn: &mut Conn) -> Result<(), StoreError> {
    let query = diesel::insert_into(meta::table)
        .values((meta::key.eq(KEY), meta::value.eq(Uuid::new_v4().to_string())))
        .on_conflict(meta::key)
        .do_nothing();
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

/// The database's own part and, on a server, what the server says of itself.
pub(super) async fn read(conn: &mut Conn) -> Result<String, StoreError> {
    let own = own(conn).await?;
    Ok(own + &conn.lineage().await?)
}

async fn own(conn: &mut Conn) -> Result<String, StoreError> {
    let query = meta::table.find(KEY).select(meta::value);
    Ok(with_conn!(conn, |c| query.first(c).await)?)
}

pub(super) async fn renew(conn: &mut Conn) -> Result<(), StoreError> {
    let query = diesel::update(meta::table.find(KEY)).set(meta::value.eq(Uuid::new_v4().to_string()));
    with_conn!(conn, |c| query.execute(c).await)?;
    Ok(())
}

pub(super) async fn extent(conn: &mut Conn) -> Result<Extent, StoreError> {
    let epoch = own(conn).await?;
    let query = channels::table.select(channels::version);
    // Not a SUM, whose type differs between the databases; this is read from files, which have one process.
    let versions: Vec<i64> = with_conn!(conn, |c| query.load(c).await)?;
    Ok(Extent { epoch, versions: versions.iter().sum(), channels: i64::try_from(versions.len()).unwrap_or(i64::MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_goes_on_while_nothing_of_it_is_missing() {
        let extent = |epoch: &str, versions, channels| Extent { epoch: epoch.to_owned(), versions, channels };
        let noted = extent("a", 10, 2);
        assert!(extent("a", 10, 2).continues(&noted) && extent("a", 11, 3).continues(&noted));
        assert!(!extent("a", 9, 2).continues(&noted) && !extent("a", 10, 1).continues(&noted));
        assert!(!extent("b", 10, 2).continues(&noted));
        assert!(extent("a", 0, 0).is_empty() && !noted.is_empty());
    }
}
