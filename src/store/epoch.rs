//! The name of this history. A database that lost a part of it gets a new one, so that an old cursor is answered
//! with a reset and never with a silent hole.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::backend::{Conn, with_conn};
use super::error::StoreError;
use super::meta;
use super::schema::channels;

const KEY: &str = "epoch";
/// Begins the key of a name that a history has from elsewhere, before what it would be called.
const NAMED: &str = "epoch of ";

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

pub(super) async fn ensure(conn: &mut Conn) -> Result<(), StoreError> {
    Ok(meta::ensure(conn, KEY, &Uuid::new_v4().to_string()).await?)
}

/// The database's own part and, on a server, what the server says of itself; or the name that exactly this history was given.
pub(super) async fn read(conn: &mut Conn) -> Result<String, StoreError> {
    if let Some(both) = conn.history(KEY, NAMED).await? {
        return Ok(both);
    }
    let (own, mut names) = meta::read_with(conn, KEY, NAMED).await?;
    let made = own + &conn.lineage().await?;
    Ok(names.remove(&format!("{NAMED}{made}")).unwrap_or(made))
}

/// What the history of this database is called from now on, until it is another one: by a new epoch, a restore, a failover.
pub(super) async fn keep_name(conn: &mut Conn, name: &str) -> Result<(), StoreError> {
    let made = meta::read(conn, KEY).await? + &conn.lineage().await?;
    Ok(meta::put(conn, &format!("{NAMED}{made}"), name).await?)
}

pub(super) async fn renew(conn: &mut Conn) -> Result<(), StoreError> {
    Ok(meta::replace(conn, KEY, &Uuid::new_v4().to_string()).await?)
}

pub(super) async fn extent(conn: &mut Conn) -> Result<Extent, StoreError> {
    let epoch = meta::read(conn, KEY).await?;
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
