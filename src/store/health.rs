//! What a database's owner could have set otherwise, and the daemon depends on.
//!
//! For `tenfour doctor` alone. Reads, and changes nothing.

use super::backend::Kind;
use super::care::Care;
use super::error::StoreError;

/// How the database is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Sqlite(SqliteHealth),
    Postgres(PostgresHealth),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteHealth {
    pub journal_mode: String,
    pub bytes: i64,
    /// The first thing that a quick look found damaged. Not looked at where the file is larger than that.
    pub damage: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresHealth {
    /// Such as 150004.
    pub version: i64,
    pub fsync: bool,
    pub full_page_writes: bool,
    /// As it holds for this user.
    pub synchronous_commit: String,
    pub max_connections: i64,
    pub connections: i64,
    pub is_standby: bool,
    pub has_schema: bool,
    /// To make a schema in the database.
    pub may_create_schema: bool,
    /// To make tables in the schema, and use those that are there.
    pub may_create: bool,
    pub may_use: bool,
    /// Tables of the schema that this user may not read and write.
    pub closed_tables: i64,
    /// Its clock, as milliseconds of Unix time.
    pub clock: i64,
}

/// A look at a larger file would take too long.
pub const LOOKED_AT: i64 = 1 << 30;

impl Care {
    pub async fn health(&mut self) -> Result<Health, StoreError> {
        match self.conn.kind {
            Kind::Sqlite(_) => self.sqlite_health().await.map(Health::Sqlite),
            Kind::Postgres(_) => self.postgres_health().await.map(Health::Postgres),
        }
    }

    async fn sqlite_health(&mut self) -> Result<SqliteHealth, StoreError> {
        let journal_mode = self.words("SELECT journal_mode AS word FROM pragma_journal_mode()").await?.concat();
        let bytes = "SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()";
        let bytes = self.number(bytes).await?;
        let told = if bytes > LOOKED_AT {
            Vec::new()
        } else {
            self.words("SELECT quick_check AS word FROM pragma_quick_check() LIMIT 1").await?
        };
        Ok(SqliteHealth { journal_mode, bytes, damage: told.into_iter().find(|line| line != "ok") })
    }

    async fn postgres_health(&mut self) -> Result<PostgresHealth, StoreError> {
        const IS_TABLE: &str = "FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace \
             WHERE s.oid = to_regnamespace(SCHEMA) AND t.relkind = 'r'";
        // What the session was set to, which is there whether the schema is or not.
        const SCHEMA: &str = "current_setting('search_path')";
        let text = |sql: &str| sql.replace("SCHEMA", SCHEMA);
        let setting = |name: &str| format!("SELECT current_setting('{name}') AS word");
        let is_on = |words: Vec<String>| words.concat() == "on";
        let may = |what: &str| {
            text(&format!(
                "SELECT CASE WHEN {what} THEN 1 ELSE 0 END::bigint AS n FROM (SELECT to_regnamespace(SCHEMA) AS it) s"
            ))
        };
        Ok(PostgresHealth {
            version: self.number("SELECT current_setting('server_version_num')::bigint AS n").await?,
            fsync: is_on(self.words(&setting("fsync")).await?),
            full_page_writes: is_on(self.words(&setting("full_page_writes")).await?),
            synchronous_commit: self.words(&setting("synchronous_commit")).await?.concat(),
            max_connections: self.number("SELECT current_setting('max_connections')::bigint AS n").await?,
            connections: self.number("SELECT count(*) AS n FROM pg_stat_activity WHERE datname IS NOT NULL").await?,
            is_standby: self.number(&may("pg_is_in_recovery()")).await? == 1,
            has_schema: self.number(&may("it IS NOT NULL")).await? == 1,
            may_create_schema: self.number(&may("has_database_privilege(current_database(), 'CREATE')")).await? == 1,
            may_create: self.number(&may("has_schema_privilege(it, 'CREATE')")).await? == 1,
            may_use: self.number(&may("has_schema_privilege(it, 'USAGE')")).await? == 1,
            closed_tables: self
                .number(&text(&format!(
                    "SELECT count(*) AS n {IS_TABLE} AND NOT (has_table_privilege(t.oid, 'SELECT') AND \
                     has_table_privilege(t.oid, 'INSERT') AND has_table_privilege(t.oid, 'UPDATE'))"
                )))
                .await?,
            clock: self.number("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS n").await?,
        })
    }
}
