use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, SqliteConnection};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tenfour::domain::channel::Role;
use tenfour::domain::now;
use tenfour::store::{OpenError, Reader, Writer, open};
use tokio::runtime::Handle;

use crate::kit::*;
use crate::outage::LIMIT;
use crate::postgres::{Database, connect};

#[derive(QueryableByName, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Column {
    #[diesel(sql_type = Text)]
    place: String,
}

/// But for the index of words, of which each has its own kind, and the views for the application's SQL.
#[test]
fn both_databases_get_the_same_tables_columns_constraints_and_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        let database = Database::create().await;
        drop((open_at(&file_url(&path)).await, open_at(&database.url).await));
        let mut sqlite = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let mut postgres = connect(&database.url).await;
        let ours: Vec<Column> = diesel::RunQueryDsl::load(
            diesel::sql_query(
                "SELECT m.name || '.' || c.cid || '.' || c.name || '.' || c.\"notnull\" AS place \
                 FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' \
                 AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%' \
                 AND m.name NOT LIKE 'message_index%' AND m.name <> 'message_words' \
                 UNION SELECT m.name FROM sqlite_master m WHERE m.type = 'index' AND m.sql IS NOT NULL ORDER BY 1",
            ),
            &mut sqlite,
        )
        .unwrap();
        let theirs: Vec<Column> = diesel::sql_query(
            "SELECT table_name || '.' || (ordinal_position - 1) || '.' || column_name || '.' || \
             CASE is_nullable WHEN 'NO' THEN '1' ELSE '0' END COLLATE \"C\" AS place FROM information_schema.columns \
             WHERE table_schema = 'tenfour' AND table_name NOT LIKE '\\_%' AND table_name <> 'message_words' \
             AND table_name NOT LIKE 'api\\_%' \
             UNION SELECT indexname COLLATE \"C\" FROM pg_indexes \
             WHERE schemaname = 'tenfour' AND indexname LIKE '%\\_ix' ORDER BY 1",
        )
        .load(&mut postgres)
        .await
        .unwrap();
        database.drop().await;
        assert!(ours.len() > 40, "{ours:?}");
        assert_eq!(ours, theirs);
    });
}

/// A connection that names tables as the store does.
async fn inside(url: &str) -> AsyncPgConnection {
    let mut conn = connect(url).await;
    conn.batch_execute("SET search_path = tenfour").await.unwrap();
    conn
}

#[derive(QueryableByName, Debug, PartialEq, Eq)]
struct Runs {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The folders of one database's migrations, by their names.
fn folders(database: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database)).unwrap();
    let mut folders: Vec<PathBuf> = all.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

#[test]
fn of_several_nodes_that_open_an_empty_database_at_once_one_migrates() {
    runtime().block_on(async {
        let database = Database::create().await;
        let nodes: Vec<_> = (0..4)
            .map(|_| {
                let settings = settings(&database.url);
                tokio::spawn(async move { open(settings, Handle::current()).await })
            })
            .collect();
        for node in nodes {
            let (writer, _) = node.await.unwrap().unwrap();
            group(&writer, &["ana"]).await;
        }
        let query = "SELECT version::text, count(*) AS n FROM __diesel_schema_migrations GROUP BY 1 ORDER BY 1";
        let runs: Vec<Runs> = diesel::sql_query(query).load(&mut inside(&database.url).await).await.unwrap();
        let once =
            |folder: PathBuf| Runs { version: folder.file_name().unwrap().to_str().unwrap()[..4].to_owned(), n: 1 };
        assert_eq!(runs, folders("postgres").into_iter().map(once).collect::<Vec<_>>());
        database.drop().await;
    });
}

/// What a later release may do to every table while this one is at work.
const ADDITIONS: &str = "
    ALTER TABLE users ADD COLUMN colour TEXT;
    ALTER TABLE channels ADD COLUMN topic TEXT;
    ALTER TABLE channel_members ADD COLUMN muted_until INTEGER;
    ALTER TABLE messages ADD COLUMN pins INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE channel_changes ADD COLUMN reason TEXT;
    ALTER TABLE meta ADD COLUMN note TEXT;
    CREATE TABLE reactions (message_id TEXT NOT NULL, emoji TEXT NOT NULL);
    INSERT INTO __diesel_schema_migrations (version) VALUES ('0099');";

async fn everything_works(writer: &Writer, reader: &Reader) {
    let channel = group(writer, &["ana", "bo"]).await;
    let first = send(writer, &channel, "ana", "hello").await;
    writer.edit(by("ana"), first.id, text("edited"), now()).await.unwrap().unwrap();
    writer.upsert_user(user("cy"), "Cy".to_owned()).await.unwrap().unwrap();
    writer.add_members(by("ana"), channel.id, vec![user("cy"), user("new")], true, 9, now()).await.unwrap().unwrap();
    writer.set_role(by("ana"), channel.id, user("cy"), Role::Admin, now()).await.unwrap().unwrap();
    writer.remove_member(by("cy"), channel.id, user("bo"), now()).await.unwrap().unwrap();
    assert_eq!(send(writer, &channel, "cy", "there").await.version, 6);
    assert_eq!(reader.view(user("cy").id, channel.id).await.unwrap().unwrap().unread, 0);
    assert_eq!(reader.message(first.id).await.unwrap().unwrap().content, "edited");
}

#[test]
fn this_release_works_on_what_a_later_one_added_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        let database = Database::create().await;
        // One that is open already meets the additions at work.
        let (writer, reader) = open_at(&database.url).await;
        everything_works(&writer, &reader).await;
        inside(&database.url).await.batch_execute(ADDITIONS).await.unwrap();
        everything_works(&writer, &reader).await;
        drop(open_at(&file_url(&path)).await);
        SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(ADDITIONS).unwrap();
        for url in [&file_url(&path), &database.url] {
            let (writer, reader) = open_at(url).await;
            everything_works(&writer, &reader).await;
        }
        database.drop().await;
    });
}

#[test]
fn this_release_works_on_what_an_earlier_one_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let ana = user("ana").id;
    runtime().block_on(async {
        let database = Database::create().await;
        drop((open_at(&database.url).await, open_at(&file_url(&path)).await));
        // A user as the first release makes one.
        let insert = "INSERT INTO users (id, external_id, sub, name, created_at, updated_at) VALUES";
        let theirs = format!("{insert} ('{ana}', 'ana', 'ana', 'ana', now(), now())");
        inside(&database.url).await.batch_execute(&theirs).await.unwrap();
        let ours = format!("{insert} (x'{}', 'ana', 'ana', 'ana', 0, 0)", ana.0.simple());
        SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(&ours).unwrap();
        for url in [&file_url(&path), &database.url] {
            let (writer, reader) = open_at(url).await;
            assert_eq!(reader.memberships(vec![ana]).await.unwrap(), [(ana, 0)], "{url}");
            everything_works(&writer, &reader).await;
        }
        database.drop().await;
    });
}

#[test]
fn a_migration_that_would_hold_up_the_nodes_at_work_gives_up_and_succeeds_later() {
    runtime().block_on(async {
        let database = Database::create().await;
        drop(open_at(&database.url).await);
        let mut dump = inside(&database.url).await;
        let steps = folders("postgres").into_iter().skip(1).rev();
        let undo: Vec<String> = steps.map(|step| fs::read_to_string(step.join("down.sql")).unwrap()).collect();
        dump.batch_execute(&undo.concat()).await.unwrap();
        dump.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version >= '0002'").await.unwrap();
        dump.batch_execute("BEGIN; LOCK TABLE users IN ACCESS SHARE MODE").await.unwrap();
        let refused = within(LIMIT, open(settings(&database.url), Handle::current())).await;
        assert!(
            matches!(&refused, Err(OpenError::Migration(reason)) if reason.contains("lock timeout")),
            "{refused:?}"
        );
        dump.batch_execute("COMMIT").await.unwrap();
        let (writer, reader) = within(Duration::from_secs(9), open_at(&database.url)).await;
        everything_works(&writer, &reader).await;
        database.drop().await;
    });
}

/// A node that edits has read messages when it locks the channel; the migration takes them the other way round.
#[test]
fn a_migration_and_a_node_that_are_in_each_others_way_both_come_through() {
    runtime().block_on(async {
        let database = Database::create().await;
        drop(open_at(&database.url).await);
        let mut node = inside(&database.url).await;
        let step = folders("postgres").into_iter().find(|step| step.to_string_lossy().contains("0003")).unwrap();
        node.batch_execute(&fs::read_to_string(step.join("down.sql")).unwrap()).await.unwrap();
        node.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version = '0003'").await.unwrap();
        node.batch_execute("BEGIN; LOCK TABLE messages IN ACCESS SHARE MODE").await.unwrap();
        let opening = tokio::spawn(open(settings(&database.url), Handle::current()));
        let mut watch = inside(&database.url).await;
        let waits = "SELECT count(*) AS n, '' AS version FROM pg_locks WHERE NOT granted";
        let limit = std::time::Instant::now() + LIMIT;
        while diesel::sql_query(waits).get_result::<Runs>(&mut watch).await.unwrap().n == 0 {
            assert!(std::time::Instant::now() < limit, "the migration waits for nothing");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Of the two the migration has waited for longer, and is the one that PostgreSQL ends.
        node.batch_execute("LOCK TABLE channels IN ROW SHARE MODE; COMMIT").await.unwrap();
        let (writer, reader) = within(LIMIT, opening).await.unwrap().unwrap();
        everything_works(&writer, &reader).await;
        database.drop().await;
    });
}

/// The rule of docs/architecture.md, as far as a text can be judged.
#[test]
fn a_migration_only_adds_or_says_which_binaries_may_stay() {
    for file in ["postgres", "sqlite"].iter().flat_map(|database| folders(database)).map(|path| path.join("up.sql")) {
        let sql = fs::read_to_string(&file).unwrap();
        let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
        let code: String = lines.collect::<Vec<_>>().join(" ").to_uppercase();
        for statement in code.split(';') {
            let takes = ["DROP ", "RENAME ", "SET NOT NULL", "ALTER COLUMN"]
                .iter()
                // Where less is demanded of a row, older binaries write what they always have.
                .any(|word| statement.replace("DROP CONSTRAINT", "").contains(word));
            assert!(!takes || code.contains("'OLDEST_SCHEMA'"), "{}: {statement}", file.display());
            let bare =
                statement.contains("ADD COLUMN") && statement.contains("NOT NULL") && !statement.contains("DEFAULT");
            assert!(!bare, "{}: {statement}: older binaries insert without it", file.display());
        }
    }
}
