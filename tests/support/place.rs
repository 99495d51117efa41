//! Where a test's database is: in memory, in a file, or on the PostgreSQL server, and gone with the value.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use super::postgres::Database;

/// Where the database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Memory,
    File,
    Postgres,
}

/// A database, gone with the value.
#[derive(Debug)]
pub enum Place {
    Memory,
    File(tempfile::TempDir),
    Postgres(OwnDatabase),
    Elsewhere(String),
}

impl Place {
    pub async fn make(kind: Kind) -> Self {
        match kind {
            Kind::Memory => Self::Memory,
            Kind::File => Self::File(tempfile::tempdir().expect("a folder for the database")),
            Kind::Postgres => Self::Postgres(OwnDatabase(Some(Database::create().await))),
        }
    }

    pub fn url(&self) -> String {
        match self {
            Self::Memory => "sqlite::memory:".to_owned(),
            Self::File(folder) => format!("sqlite:{}", folder.path().join("tenfour.db").display()),
            Self::Postgres(OwnDatabase(database)) => database.as_ref().expect("a database").url.clone(),
            Self::Elsewhere(url) => url.clone(),
        }
    }
}

pub struct OwnDatabase(Option<Database>);

impl std::fmt::Debug for OwnDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnDatabase")
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        let Some(database) = self.0.take() else { return };
        // A thread of its own, since a test's runtime cannot wait in here.
        let dropping = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(database.drop());
        });
        drop(dropping.join());
    }
}
