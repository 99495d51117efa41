//! `tenfour db`, as an operator uses it: beside a daemon at work, and in its place.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};
use tenfour::domain::ids::ChannelId;

use crate::cli::{done, refused, tenfour};
use crate::daemon::Setup;
use crate::postgres::{Database, connect};
use crate::process::{ProcessDaemon, token};
use crate::talkers::Talker;

fn db(database: &str, arguments: &[&str]) -> Output {
    tenfour(database, &[&["db"], arguments].concat())
}

fn status(database: &str) -> Value {
    serde_json::from_str(&done(&db(database, &["status", "--json"]))).unwrap()
}

/// A daemon's file in a folder of its own, with a channel in it.
async fn house() -> (tempfile::TempDir, String, ChannelId) {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("chat.db").display());
    let mut daemon = Setup::on_sqlite_file().start_on(&database).await;
    let channel = daemon.group(&["ana", "bo"]).await;
    daemon.stop().await;
    (folder, database, channel)
}

fn copy_in(backup: &Path) -> String {
    format!("sqlite:{}", backup.join("tenfour.db").display())
}

#[tokio::test]
async fn a_copy_made_while_people_talk_is_whole_and_takes_the_place_of_what_came_later() {
    let (folder, database, channel) = house().await;
    let backup = folder.path().join("backup");
    let to = backup.to_str().unwrap();
    std::fs::create_dir_all(folder.path().join("chat.db.attachments")).unwrap();
    std::fs::write(folder.path().join("chat.db.attachments/photo"), "bytes").unwrap();
    let process = ProcessDaemon::start(&database, &[]);
    let mut ana = Talker::start("ana", &process.url(), token("ana")).await;
    let mut bo = process.connect("bo").await;
    let talk = ana.talk(channel, 200, Duration::from_millis(2));
    ana.said(20).await;
    let told = done(&db(&database, &["backup", to]));
    assert!(told.contains("messages are kept in"), "{told}");
    assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::read(backup.join("attachments/photo")).unwrap(), b"bytes");
    talk.await.unwrap();
    bo.send_message(channel, "last").await;
    done(&db(&copy_in(&backup), &["check"]));
    let (then, now) = (status(&copy_in(&backup)), status(&database));
    let messages = |state: &Value| state["contents"]["messages"].as_i64().unwrap();
    assert!(messages(&then) >= 20 && messages(&then) < messages(&now), "{then} {now}");

    // Nothing is taken from under a daemon.
    let reason = refused(&db(&database, &["restore", to]));
    assert!(reason.contains("is open in another process: stop the daemon first"), "{reason}");
    assert_eq!(messages(&status(&database)), 201);
    let old_epoch = bo.epoch().to_owned();
    drop(process);
    let told = done(&db(&database, &["restore", to]));
    assert!(told.contains("what was there is"), "{told}");
    let restored = status(&database);
    assert_eq!(messages(&restored), messages(&then));
    assert_ne!(restored["contents"]["epoch"], json!(old_epoch), "a history of another name");
    done(&db(&database, &["check"]));
    let process = ProcessDaemon::start(&database, &[]);
    let mut bo = process.connect("bo").await;
    let sync = bo.sync(json!({ "type": "sync", "epoch": old_epoch, "channels": { channel.to_string(): 201 } })).await;
    assert!(sync.iter().any(|frame| frame["reset"] == json!(true)), "{sync:?}");
    // And what was there is not lost.
    let aside = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<PathBuf> = aside.filter(|path| path.to_string_lossy().contains(".before-")).collect();
    assert_eq!(messages(&status(&format!("sqlite:{}", aside[0].display()))), 201);
}

#[tokio::test]
async fn a_backup_that_was_changed_is_not_restored() {
    let (folder, database, _) = house().await;
    let backup = folder.path().join("backup");
    let to = backup.to_str().unwrap();
    done(&db(&database, &["backup", to]));
    let reason = refused(&db(&database, &["backup", to]));
    assert!(reason.contains("cannot make the folder"), "{reason}");
    let whole = std::fs::read(backup.join("tenfour.db")).unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(backup.join("tenfour.db"), &changed).unwrap();
    let reason = refused(&db(&database, &["restore", to]));
    assert!(reason.contains("tenfour.db in") && reason.contains("is not what was backed up"), "{reason}");
    std::fs::remove_file(backup.join("tenfour.db")).unwrap();
    let reason = refused(&db(&database, &["restore", to]));
    assert!(reason.contains("tenfour.db is missing"), "{reason}");
    let reason = refused(&db(&database, &["restore", folder.path().to_str().unwrap()]));
    assert!(reason.contains("is no backup"), "{reason}");
    std::fs::write(backup.join("tenfour.db"), &whole).unwrap();
    // Into an empty place, as on a new machine.
    let elsewhere = format!("sqlite:{}", folder.path().join("new.db").display());
    done(&db(&elsewhere, &["restore", to]));
    done(&db(&elsewhere, &["check"]));
}

#[tokio::test]
async fn what_does_not_hold_together_is_told() {
    let (folder, database, channel) = house().await;
    let process = ProcessDaemon::start(&database, &[]);
    let mut ana = process.connect("ana").await;
    for text in ["one", "two", "three"] {
        ana.send_message(channel, text).await;
    }
    done(&db(&database, &["check"]));
    drop(process);
    let mut hand = SqliteConnection::establish(folder.path().join("chat.db").to_str().unwrap()).unwrap();
    for (change, back, fault) in [
        ("UPDATE channels SET last_seq = 4", "UPDATE channels SET last_seq = 3", "are not numbered from 1"),
        (
            "UPDATE messages SET seq = 9 WHERE seq = 3",
            "UPDATE messages SET seq = 3 WHERE seq = 9",
            "are not numbered from 1",
        ),
        (
            "UPDATE messages SET version = 9 WHERE seq = 3",
            "UPDATE messages SET version = 3 WHERE seq = 3",
            "not come to",
        ),
        (
            "UPDATE channel_members SET last_read_seq = 9",
            "UPDATE channel_members SET last_read_seq = 0",
            "has read further",
        ),
        ("UPDATE channels SET audit_version = 1", "UPDATE channels SET audit_version = 3", "ends elsewhere"),
        (
            "PRAGMA foreign_keys = OFF; UPDATE messages SET sender_id = x'00' WHERE seq = 3",
            "UPDATE messages SET sender_id = (SELECT sender_id FROM messages WHERE seq = 1) WHERE seq = 3",
            "names what is not in users",
        ),
    ] {
        hand.batch_execute(change).unwrap();
        let told = refused(&db(&database, &["check"]));
        assert!(told.contains(fault), "{change}: {told}");
        hand.batch_execute(back).unwrap();
        done(&db(&database, &["check"]));
    }
}

#[tokio::test]
async fn a_schema_is_shown_before_it_is_made_and_made_without_a_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let sqlite = format!("sqlite:{}", path.display());
    let reason = refused(&db(&sqlite, &["status"]));
    assert!(reason.contains("there is no such file"), "{reason}");
    std::fs::write(&path, "").unwrap();
    let postgres = Database::create().await;
    let schema = "CREATE SCHEMA tenfour";
    connect(&postgres.url).await.batch_execute(schema).await.unwrap();
    for database in [&sqlite, &postgres.url] {
        let before = status(database);
        assert_eq!((&before["schema"], &before["contents"]), (&Value::Null, &Value::Null));
        assert_eq!(before["pending"][0], "0001");
        let reason = refused(&db(database, &["check"]));
        assert!(reason.contains("tenfour db migrate"), "{reason}");
        done(&db(database, &["migrate"]));
        let after = status(database);
        assert_eq!(after["pending"], json!([]), "{after}");
        assert_eq!(after["contents"]["messages"], json!(0));
        done(&db(database, &["check"]));
        let text = done(&db(database, &["status"]));
        assert!(text.contains("schema            0") && text.contains("messages          0"), "{text}");
    }
    let reason = refused(&db(&postgres.url, &["backup", "/nowhere"]));
    assert!(reason.contains("pg_dump"), "{reason}");
    let renamed = done(&db(&postgres.url, &["new-epoch"]));
    assert!(renamed.contains(status(&postgres.url)["contents"]["epoch"].as_str().unwrap()), "{renamed}");
    postgres.drop().await;
}

#[tokio::test]
async fn a_dump_of_postgresql_comes_back_as_another_history_with_all_that_was_in_it() {
    let postgres = Database::create().await;
    let mut daemon = Setup::on_postgres().start_on(&postgres.url).await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let mut ana = daemon.connect("ana").await;
    let old_epoch = ana.epoch().to_owned();
    ana.send_message(channel, "kept").await;
    let dump = tempfile::NamedTempFile::new().unwrap();
    let tool = |name: &str, arguments: &[&str]| {
        let output = std::process::Command::new(name).args(arguments).output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
    };
    let file = dump.path().to_str().unwrap();
    tool("pg_dump", &["--schema=tenfour", "--format=custom", "--file", file, &postgres.url]);
    ana.send_message(channel, "lost").await;
    daemon.stop().await;
    connect(&postgres.url).await.batch_execute("DROP SCHEMA tenfour CASCADE").await.unwrap();
    tool("pg_restore", &["--dbname", &postgres.url, file]);
    done(&db(&postgres.url, &["new-epoch"]));
    done(&db(&postgres.url, &["check"]));
    let process = ProcessDaemon::start(&postgres.url, &[]);
    let mut ana = process.connect("ana").await;
    let sync = ana.sync(json!({ "type": "sync", "epoch": old_epoch, "channels": { channel.to_string(): 2 } })).await;
    assert!(sync.iter().any(|frame| frame["reset"] == json!(true) && frame["version"] == json!(1)), "{sync:?}");
    assert_eq!(ana.send_message(channel, "new").await["seq"], json!(2));
    drop(process);
    postgres.drop().await;
}
