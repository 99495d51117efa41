//! The audit trail of a run that is over, judged as `tenfour audit verify` judges it: from the database and from the heads
//! that the nodes signed and carried away, past every fault.

use std::fs;
use std::path::{Path, PathBuf};

use tenfour::audit::SigningKey;
use tenfour::audit::heads::Claims;
use tenfour::audit::verify::verify;
use tenfour::store::{self, DatabaseUrl};
use tokio::runtime::Handle;

use super::Rig;
use super::node::sqlite_file;
use super::postgres::Postgres;
use crate::Trouble;
use crate::endings::Trail;

impl Rig {
    /// When the nodes have ended, and signed their last heads.
    pub(crate) async fn trail(&self) -> Result<Trail, Trouble> {
        let url = match &self.postgres {
            Some(postgres) => Postgres::url(postgres.addr),
            None => format!("sqlite:{}", sqlite_file(self.disk.folder()).display()),
        };
        let key = SigningKey::of(&fs::read_to_string(key_file(&self.folder))?)?;
        let claims = Claims::read(&heads_folder(&self.folder), &key.public())?;
        let settings = store::Settings::new(url.parse::<DatabaseUrl>()?);
        let (_writer, reader) = store::open(settings, Handle::current()).await?;
        let report = verify(&reader, &claims).await?;
        let found = report.findings.iter().map(ToString::to_string);
        let older = report.younger.iter().map(|(channel, since)| (channel, *since));
        let older = older.chain(report.without.iter().map(|channel| (channel, 0)));
        let older = older.map(|(channel, since)| format!("channel {channel} has no trail before version {since}"));
        let mut faults: Vec<String> = claims.faults.iter().cloned().chain(found).chain(older).collect();
        if claims.lines == 0 {
            faults.push("no node has signed a head".to_owned());
        }
        Ok(Trail { entries: u64::try_from(report.entries)?, faults })
    }
}

/// Where nodes carry their signed heads.
pub(super) fn heads_folder(folder: &Path) -> PathBuf {
    folder.join("heads")
}

pub(super) fn key_file(folder: &Path) -> PathBuf {
    folder.join("audit.key")
}
