use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tenfour::store::{OpenError, Reader, Settings, StoreError, Writer, open};
use tokio::runtime::Handle;

use crate::kit::*;
use crate::postgres::Database;

/// The newest migration.
const NEWEST: &str = "0018";

async fn error_of(settings: Settings) -> String {
    let error = open(settings, Handle::current()).await.expect_err("it opened");
    let line = error.to_string();
    assert!(!line.contains('\n') && !line.contains("secret"), "{line}");
    line
}

async fn epoch_after(path: &Path, work: impl AsyncFnOnce(&Writer, &Reader)) -> String {
    let (writer, reader) = open_at(&file_url(path)).await;
    work(&writer, &reader).await;
    let epoch = reader.epoch().await.unwrap();
    writer.close().await.unwrap();
    epoch
}

async fn some_messages(writer: &Writer, _: &Reader) {
    let channel = group(writer, &["ana"]).await;
    for n in 0..3 {
        send(writer, &channel, "ana", &format!("text {n}")).await;
    }
}

/// Copies a database file with its journal.
fn copy(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        fs::remove_file(name(to)).ok();
        if Path::new(&name(from)).exists() {
            fs::copy(name(from), name(to)).unwrap();
        }
    }
    fs::remove_file(format!("{}-shm", to.display())).ok();
}

#[test]
fn a_restored_file_gets_a_new_epoch_and_an_untouched_one_keeps_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("chat.db"), folder.path().join("backup.db"));
    runtime().block_on(async {
        let first = epoch_after(&path, some_messages).await;
        assert_eq!(epoch_after(&path, async |_, _| ()).await, first);
        copy(&path, &backup);
        assert_eq!(epoch_after(&path, some_messages).await, first);
        copy(&backup, &path);
        let restored = epoch_after(&path, async |_, _| ()).await;
        assert_ne!(restored, first);
        assert_eq!(epoch_after(&path, some_messages).await, restored);
    });
}

#[test]
fn a_new_file_and_all_beside_it_are_its_owners_alone_and_an_old_one_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let mode = |suffix: &str| {
        let file = format!("{}{suffix}", path.display());
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    };
    runtime().block_on(async {
        let (writer, reader) = open_at(&file_url(&path)).await;
        some_messages(&writer, &reader).await;
        for suffix in ["", "-wal", "-shm", "-epoch"] {
            assert_eq!(mode(suffix), 0o600, "{suffix}");
        }
        writer.close().await.unwrap();
        drop(reader);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        epoch_after(&path, some_messages).await;
        assert_eq!(mode(""), 0o640);
    });
}

#[test]
fn the_note_is_written_within_a_second_or_so_without_any_close() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        let (writer, reader) = open_at(&file_url(&path)).await;
        let note = || fs::read_to_string(folder.path().join("chat.db-epoch")).unwrap();
        let before = note();
        some_messages(&writer, &reader).await;
        let mut tries = 0..60;
        while note() == before {
            assert!(tries.next().is_some(), "{before}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(note().contains(r#""versions":3,"channels":1"#), "{}", note());
    });
}

#[test]
fn a_file_without_its_note_gets_a_new_epoch_unless_it_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let (path, note) = (folder.path().join("chat.db"), folder.path().join("chat.db-epoch"));
    runtime().block_on(async {
        let empty = epoch_after(&path, async |_, _| ()).await;
        fs::remove_file(&note).unwrap();
        let first = epoch_after(&path, some_messages).await;
        assert_eq!(first, empty);
        fs::remove_file(&note).unwrap();
        assert_ne!(epoch_after(&path, async |_, _| ()).await, first);
    });
}

#[test]
fn a_servers_epoch_names_the_server_and_stays() {
    runtime().block_on(async {
        let database = Database::create().await;
        let ((_, reader), (_, other)) = tokio::join!(open_at(&database.url), open_at(&database.url));
        let epoch = reader.epoch().await.unwrap();
        assert_eq!(other.epoch().await.unwrap(), epoch);
        let parts: Vec<&str> = epoch.split('-').collect();
        assert!(parts.len() == 7 && parts[5].len() > 10 && parts[6] == "00000001", "{epoch}");
        database.drop().await;
    });
}

#[test]
fn every_node_of_a_database_has_its_one_key_and_no_other_database_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| file_url(&folder.path().join(name));
    runtime().block_on(async {
        let (one, two) = (Database::create().await, Database::create().await);
        let mut keys = Vec::new();
        for url in [file("a.db"), file("b.db"), "sqlite::memory:".to_owned(), one.url.clone(), two.url.clone()] {
            let (one, two) = if url.starts_with("postgres") {
                tokio::join!(open_at(&url), open_at(&url))
            } else {
                (open_at(&url).await, open_at(&url).await)
            };
            let mut readers = vec![one.1, two.1, open_at(&url).await.1];
            // A database in memory is another one with each opening.
            readers.truncate(if url.contains("memory") { 1 } else { 3 });
            let mut seen = Vec::new();
            for reader in readers {
                seen.push(reader.cluster_key().await.unwrap());
            }
            seen.dedup();
            assert_eq!(seen.len(), 1, "{url}");
            assert_eq!(format!("{seen:?}"), "[[redacted]]");
            keys.push(*seen[0].expose());
        }
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 5);
        one.drop().await;
        two.drop().await;
    });
}

#[test]
fn a_damaged_cluster_key_is_told_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        let (_, reader) = open_at(&file_url(&path)).await;
        let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        other.batch_execute("UPDATE meta SET value = 'c0ffee' WHERE key = 'cluster_key'").unwrap();
        let line = reader.cluster_key().await.unwrap_err().to_string();
        assert!(line.contains("cluster_key") && !line.contains("c0ffee"), "{line}");
    });
}

#[test]
fn a_schema_may_have_any_name() {
    runtime().block_on(async {
        let database = Database::create().await;
        let mut settings = settings(&database.url);
        settings.pg_schema = r#"it's "ours"; \"#.to_owned();
        let (writer, reader) = open(settings, Handle::current()).await.unwrap();
        some_messages(&writer, &reader).await;
        database.drop().await;
    });
}

#[test]
fn a_newer_database_is_refused_only_if_it_needs_a_newer_binary() {
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9998'), ('9999')";
    let oldest = |version: &str| {
        format!("DELETE FROM meta WHERE key = 'oldest_schema'; INSERT INTO meta VALUES ('oldest_schema', '{version}')")
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        epoch_after(&path, async |_, _| ()).await;
        let database = Database::create().await;
        drop(open_at(&database.url).await);
        let mut ours = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let mut theirs = crate::postgres::connect(&database.url).await;
        diesel_async::SimpleAsyncConnection::batch_execute(&mut theirs, "SET search_path = tenfour").await.unwrap();
        let mut both = async |sql: &str| {
            ours.batch_execute(sql).unwrap();
            diesel_async::SimpleAsyncConnection::batch_execute(&mut theirs, sql).await.unwrap();
        };
        both(newer).await;
        let urls = [file_url(&path), database.url.clone()];
        for fine in [None, Some("0001"), Some(NEWEST)] {
            if let Some(version) = fine {
                both(&oldest(version)).await;
            }
            for url in &urls {
                let (writer, reader) = open_at(url).await;
                some_messages(&writer, &reader).await;
            }
        }
        both(&oldest("9998")).await;
        for url in &urls {
            let line = error_of(settings(url)).await;
            assert!(["9999", "9998", NEWEST].iter().all(|version| line.contains(version)), "{line}");
        }
        database.drop().await;
    });
}

#[test]
fn what_cannot_be_opened_is_named_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "no database at all, but long enough to be taken for a header of one").unwrap();
    runtime().block_on(async {
        let line = error_of(settings(&file_url(&folder.path().join("lost/chat.db")))).await;
        assert!(line.contains("does not exist") && line.contains("lost"), "{line}");
        let line = error_of(settings(&file_url(&text))).await;
        assert!(line.contains("notes.txt is no SQLite database"), "{line}");
        let line = error_of(settings(&file_url(folder.path()))).await;
        assert!(line.contains("cannot open") && line.contains("may be written"), "{line}");
        let line = error_of(settings("postgres://ana:secret@127.0.0.1:1/chat")).await;
        assert!(line.contains("cannot reach PostgreSQL at postgres://ana@127.0.0.1:1/chat"), "{line}");
        let database = Database::create().await;
        let strange = database.url.replacen("postgres://postgres", "postgres://nobody_here:secret", 1);
        if strange != database.url {
            let line = error_of(settings(&strange)).await;
            assert!(line.contains("nobody_here") && line.contains("refused"), "{line}");
        }
        let missing = format!("{}_missing", database.url);
        assert!(matches!(open(settings(&missing), Handle::current()).await, Err(OpenError::Refused { .. })));
        database.drop().await;
    });
}

#[test]
fn every_sqlite_connection_writes_through_to_the_disk() {
    // Asserted at the opening of each connection; a database that cannot is refused. Here: that a journal is there.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        let (writer, reader) = open_at(&file_url(&path)).await;
        some_messages(&writer, &reader).await;
        assert!(folder.path().join("chat.db-wal").metadata().unwrap().len() > 0);
    });
}

#[test]
fn a_file_that_another_process_writes_is_waited_for_and_then_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        let mut settings = settings(&file_url(&path));
        settings.timeouts.busy = std::time::Duration::from_millis(100);
        let (writer, reader) = open(settings, Handle::current()).await.unwrap();
        let channel = group(&writer, &["ana"]).await;
        let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        other.batch_execute("BEGIN IMMEDIATE").unwrap();
        let sent = item(&channel, "ana", "hello");
        assert_eq!(writer.append(vec![sent.clone()]).await, Err(StoreError::Busy));
        assert_eq!(reader.heads(vec![channel.id]).await.unwrap(), [(channel.id, 0)]);
        other.batch_execute("ROLLBACK").unwrap();
        assert_eq!(stored(&writer.append(vec![sent]).await.unwrap()[0]).seq, 1);
    });
}
