//! Power cuts: what of the acknowledged messages is in the copy of the disk that a cut at this moment would leave?

use std::collections::HashSet;

use diesel::sqlite::SqliteConnection;
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query};
use uuid::Uuid;

use super::Rig;
use super::node::sqlite_file;
use super::postgres::Postgres;
use crate::Trouble;
use crate::history::ChannelNo;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Binary)]
    client_id: Vec<u8>,
}

impl Rig {
    /// Freezes who writes, looks at what has been acknowledged, copies the disk, thaws, and starts the database on the
    /// copy. Gives how much was acknowledged, and what of it is missing.
    pub(crate) fn cut_power(
        &self,
        acknowledged: impl FnOnce() -> Vec<(ChannelNo, Uuid)>,
    ) -> Result<(usize, Vec<(ChannelNo, Uuid)>), Trouble> {
        self.freeze(true);
        // An acknowledgement that is on record now was sent before the freeze.
        let promised = acknowledged();
        let copy = self.disk.copy();
        self.freeze(false);
        let mut copy = copy?;
        let folder = copy.mount()?;
        let stored = if self.postgres.is_some() {
            let database = Postgres::wake(&folder.join("pg"), &self.guard)?;
            let rows = database.sql("SELECT client_id FROM tenfour.messages", "storm");
            database.kill();
            rows?.lines().filter_map(|line| line.parse().ok()).collect()
        } else {
            in_sqlite(&sqlite_file(folder).display().to_string())?
        };
        let number = promised.len();
        Ok((number, promised.into_iter().filter(|(_, client_id)| !stored.contains(client_id)).collect()))
    }

    fn freeze(&self, frozen: bool) {
        match &self.postgres {
            Some(postgres) => postgres.pause(frozen),
            None => self.nodes.iter().for_each(|node| node.pause(frozen)),
        }
    }
}

fn in_sqlite(file: &str) -> Result<HashSet<Uuid>, Trouble> {
    let mut connection = SqliteConnection::establish(file)?;
    let rows: Vec<Row> = sql_query("SELECT client_id FROM messages").load(&mut connection)?;
    Ok(rows.into_iter().filter_map(|row| Uuid::from_slice(&row.client_id).ok()).collect())
}
