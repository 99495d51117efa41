//! The database from an operator's side: what state it is in, whether it holds together, a copy of it.
//!
//! For `tenfour db` alone. Opens what is there and migrates nothing, on one connection without the daemon's limits of time. Never writes
//! but where it says so.

use std::path::{Path, PathBuf};

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use serde::Serialize;

use super::backend::{Conn, Manager, Place, Tx, with_conn};
use super::epoch;
use super::error::{OpenError, StoreError};
use super::settings::Settings;

/// A database that somebody looks after.
pub struct Care {
    pub(super) conn: Conn,
    file: Option<PathBuf>,
}

/// What state a database is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub kind: &'static str,
    /// The last step of its schema. None: it has none yet.
    pub schema: Option<String>,
    /// Steps that `migrate` or the next start will carry out.
    pub pending: Vec<String>,
    /// Steps of a newer release.
    pub newer: Vec<String>,
    /// None while steps are pending.
    pub contents: Option<Contents>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// The name of its history, as clients see it.
    pub epoch: String,
    /// Of the tables with their indexes.
    pub bytes: i64,
    pub users: i64,
    pub channels: i64,
    /// Deleted ones among them.
    pub messages: i64,
    pub attachments: i64,
    pub attachment_bytes: i64,
    /// Channels with changes that search does not know yet.
    pub unindexed: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

/// What must hold between the tables, as a query that finds one that breaks it; `{text}` stands for the text of an id.
const RULES: &[(&str, &str)] = &[
    (
        "the messages of a channel are not numbered from 1 to what it counts",
        "SELECT {text:c.id} AS word FROM channels c LEFT JOIN (SELECT channel_id, count(*) AS many, min(seq) AS least, \
         max(seq) AS most FROM messages GROUP BY channel_id) m ON m.channel_id = c.id \
         WHERE c.last_seq <> coalesce(m.many, 0) OR c.last_seq <> coalesce(m.most, 0) OR coalesce(m.least, 1) <> 1 LIMIT 1",
    ),
    (
        "a message has a version that its channel has not come to",
        "SELECT {text:m.id} AS word FROM messages m JOIN channels c ON c.id = m.channel_id \
         WHERE m.version > c.version OR m.first_version > m.version LIMIT 1",
    ),
    (
        "a message is in no channel",
        "SELECT {text:m.id} AS word FROM messages m WHERE NOT EXISTS (SELECT 1 FROM channels c WHERE c.id = m.channel_id) LIMIT 1",
    ),
    (
        "a message has no sender",
        "SELECT {text:m.id} AS word FROM messages m WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = m.sender_id) LIMIT 1",
    ),
    (
        "a message answers one of another channel",
        "SELECT {text:m.id} AS word FROM messages m JOIN messages o ON o.id = m.reply_to_id \
         WHERE o.channel_id <> m.channel_id LIMIT 1",
    ),
    (
        "a member has read further than the channel goes",
        "SELECT {text:m.user_id} AS word FROM channel_members m JOIN channels c ON c.id = m.channel_id \
         WHERE m.last_read_seq > c.last_seq LIMIT 1",
    ),
    (
        "a file belongs to a message that is not there",
        "SELECT {text:a.id} AS word FROM attachments a WHERE a.message_id IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = a.message_id) LIMIT 1",
    ),
    (
        "the audit trail of a channel ends elsewhere than the channel",
        "SELECT {text:c.id} AS word FROM channels c WHERE c.audit_version <> c.version LIMIT 1",
    ),
];

impl Care {
    /// Of a database that is there.
    pub async fn open(settings: &Settings) -> Result<Self, OpenError> {
        let manager = Manager::new(settings);
        let file = match &manager.place {
            Place::SqliteFile(path) => Some(path.clone()),
            Place::SqliteMemory | Place::Postgres { .. } => None,
        };
        if let Some(path) = file.as_ref().filter(|path| !path.is_file()) {
            return Err(OpenError::File { path: path.clone(), reason: "there is no such file".to_owned() });
        }
        let mut conn = manager.open_as_is().await?;
        conn.take_time().await.map_err(StoreError::from)?;
        Ok(Self { conn, file })
    }

    pub async fn state(&mut self) -> Result<State, StoreError> {
        let (kind, known) = self.conn.schema_steps()?;
        let applied = self.applied().await?;
        let missing = |of: &[String], from: &[String]| -> Vec<String> {
            of.iter().filter(|step| !from.contains(step)).cloned().collect()
        };
        let pending = missing(&known, &applied);
        let contents = if pending.is_empty() { Some(self.contents().await?) } else { None };
        let newer = missing(&applied, &known);
        Ok(State { kind, schema: applied.last().cloned(), pending, newer, contents })
    }

    /// The steps that were carried out, ascending.
    async fn applied(&mut self) -> Result<Vec<String>, StoreError> {
        let is_there = self.conn.of_dialect(
            "SELECT count(*) AS n FROM sqlite_master WHERE name = '__diesel_schema_migrations'",
            "SELECT count(*) AS n FROM pg_tables WHERE schemaname = current_schema() \
             AND tablename = '__diesel_schema_migrations'",
        );
        if self.number(is_there).await? == 0 {
            return Ok(Vec::new());
        }
        self.words("SELECT version AS word FROM __diesel_schema_migrations ORDER BY version").await
    }

    async fn contents(&mut self) -> Result<Contents, StoreError> {
        let bytes = self.conn.of_dialect(
            "SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()",
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS n FROM pg_class c \
             JOIN pg_namespace s ON s.oid = c.relnamespace WHERE s.nspname = current_schema() AND c.relkind = 'r'",
        );
        Ok(Contents {
            epoch: epoch::read(&mut self.conn).await?,
            bytes: self.number(bytes).await?,
            users: self.number("SELECT count(*) AS n FROM users").await?,
            channels: self.number("SELECT count(*) AS n FROM channels").await?,
            // None is ever taken away, so that nobody has to count them.
            messages: self.number("SELECT CAST(coalesce(sum(last_seq), 0) AS BIGINT) AS n FROM channels").await?,
            attachments: self.number("SELECT count(*) AS n FROM attachments").await?,
            attachment_bytes: self
                .number("SELECT CAST(coalesce(sum(size), 0) AS BIGINT) AS n FROM attachments")
                .await?,
            unindexed: self
                .number(
                    "SELECT count(*) AS n FROM channels c LEFT JOIN search_progress p ON p.channel_id = c.id \
                     WHERE c.version > coalesce(p.version, 0)",
                )
                .await?,
        })
    }

    /// What does not hold together, a line each. Reads everything; the past is judged by `tenfour audit verify`.
    pub async fn faults(&mut self) -> Result<Vec<String>, StoreError> {
        let mut faults = Vec::new();
        if self.file.is_some() {
            let told = self.words("SELECT integrity_check AS word FROM pragma_integrity_check()").await?;
            faults.extend(
                told.into_iter().filter(|line| line != "ok").map(|line| format!("the file is damaged: {line}")),
            );
            let told = "SELECT DISTINCT \"table\" || ' names what is not in ' || parent AS word FROM pragma_foreign_key_check()";
            faults.extend(self.words(told).await?);
        }
        // Of one moment, whatever a daemon writes meanwhile.
        self.conn.begin(Tx::Snapshot).await?;
        for (fault, rule) in RULES {
            let found = self.words(&self.conn.id_texts(rule)).await?;
            faults.extend(found.into_iter().next().map(|id| format!("{fault}: {id}")));
        }
        self.conn.rollback(Tx::Snapshot).await?;
        Ok(faults)
    }

    /// Writes a copy of an SQLite database to a file that is not there yet, as of one moment, while others go on.
    pub async fn copy_to(&mut self, path: &Path) -> Result<(), StoreError> {
        let Some(path) = path.to_str().filter(|_| self.file.is_some()) else {
            return Err(StoreError::Internal(
                "only an SQLite database is copied to a file with a name in UTF-8".to_owned(),
            ));
        };
        self.conn.batch(&format!("VACUUM INTO '{}'", path.replace('\'', "''"))).await?;
        Ok(())
    }

    /// Whether nobody else has the SQLite file open. Nothing lies beside it then: all is in the file itself.
    pub async fn is_alone(&mut self) -> Result<bool, StoreError> {
        match self.conn.batch("PRAGMA journal_mode = DELETE").await.map_err(StoreError::from) {
            Ok(()) => Ok(self.words("SELECT journal_mode AS word FROM pragma_journal_mode()").await? == ["delete"]),
            Err(StoreError::Busy) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives the history another name: for a database that was restored, so that no client believes it has what it lost.
    pub async fn renew_epoch(&mut self) -> Result<String, StoreError> {
        epoch::renew(&mut self.conn).await?;
        epoch::read(&mut self.conn).await
    }

    pub(super) async fn number(&mut self, sql: &str) -> Result<i64, StoreError> {
        let query = diesel::sql_query(sql);
        let row: Number = with_conn!(self.conn, |c| query.get_result(c).await)?;
        Ok(row.n)
    }

    pub(super) async fn words(&mut self, sql: &str) -> Result<Vec<String>, StoreError> {
        let query = diesel::sql_query(sql);
        let rows: Vec<Word> = with_conn!(self.conn, |c| query.load(c).await)?;
        Ok(rows.into_iter().map(|row| row.word).collect())
    }
}
