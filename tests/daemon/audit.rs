//! The audit trail as whoever is asked for proof uses it: a daemon that signs, and the command that judges.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection, SqliteConnection};
use diesel_async::SimpleAsyncConnection as _;

use serde_json::{Value, json};
use tenfour::client::connection::ConnectError;
use tenfour::client::raw::What;
use tenfour::domain::ids::{JournalId, UserId};
use tenfour::domain::trail::Recorded;
use tenfour::store::Reader;

use crate::daemon::{Setup, id_of};
use crate::process::{ProcessDaemon, command};
use crate::socket::{TestSocket, message};

on_each_database!(
    what_a_daemon_did_is_proven_from_its_database_and_its_signed_heads,
    who_came_who_was_refused_and_who_read_is_in_the_journals,
);

/// `tenfour audit …` with the settings of a daemon.
fn audit(database: &str, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = command(database, settings);
    command.arg("audit").args(arguments).stdout(std::process::Stdio::piped());
    command.output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    (output.status.code(), text)
}

fn lines(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.flat_map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// By somebody who owns the database.
pub(crate) async fn by_hand(database: &str, sql: &str) {
    if let Some(path) = database.strip_prefix("sqlite:") {
        // The daemon may be writing.
        let patient = format!("PRAGMA busy_timeout = 5000; {sql}");
        SqliteConnection::establish(path).unwrap().batch_execute(&patient).unwrap();
    } else {
        let mut conn = crate::postgres::connect(database).await;
        conn.batch_execute(&format!("SET search_path = tenfour; {sql}")).await.unwrap();
    }
}

async fn what_a_daemon_did_is_proven_from_its_database_and_its_signed_heads(setup: Setup) {
    let mut daemon = setup.lasting().start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    daemon.stop().await;
    let database = daemon.database();
    let folder = tempfile::tempdir().unwrap();
    let (heads, key) = (folder.path().join("heads"), folder.path().join("key"));
    let (heads_text, key_text) = (heads.to_str().unwrap(), key.to_str().unwrap());
    let settings = [("TENFOUR_AUDIT_HEADS", heads_text), ("TENFOUR_AUDIT_KEY", key_text)];
    for round in 1..=2 {
        let mut process = ProcessDaemon::start(&database, &settings);
        let mut ana = process.connect("ana").await;
        for n in 0..3 {
            ana.send(&message(channel, &format!("round {round}, line {n}"), uuid::Uuid::new_v4())).await;
        }
        for _ in 0..3 {
            ana.expect("ack").await;
        }
        process.terminate();
        assert!(process.wait(Duration::from_secs(10)).await.success());
        assert_eq!(lines(&heads).len(), round, "one line for each that stopped");
    }
    let (code, public) = said(&audit(&database, &[settings[1]], &["key"]));
    assert_eq!((code, public.trim().len()), (Some(0), 64), "{public}");
    let proof = ["verify", "--heads", heads_text, "--public-key", public.trim()];
    let (code, text) = said(&audit(&database, &[], &proof));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 channels, 7 entries, 2 records in journals, 2 lines of signed heads"), "{text}");

    let page = folder.path().join("evidence.html");
    let file = page.to_str().unwrap();
    let channel_text = channel.to_string();
    let export = ["export", "--channel", &channel_text, "--format", "html", "--output", file];
    let (code, text) = said(&audit(&database, &[settings[1]], &export));
    assert_eq!((code, text.as_str()), (Some(0), ""));
    let check = ["check", file, "--heads", heads_text, "--public-key", public.trim()];
    let (code, text) = said(&audit("sqlite:nowhere/at/all.db", &[], &check));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("7 entries, 0 records, sealed by {}", public.trim())), "{text}");
    assert!(text.contains("signed elsewhere up to version 6"), "{text}");
    let (code, text) = said(&audit(&database, &[settings[1]], &export));
    assert!(code == Some(1) && text.contains("evidence.html"), "what is there is not written over: {text}");
    let forged = fs::read_to_string(&page).unwrap().replace("round 1, line 2", "round 1, line 5");
    fs::write(&page, forged).unwrap();
    let (code, text) = said(&audit(&database, &[], &check));
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("version 3 says something else than it did") && text.contains("its seal is broken"),
        "{text}"
    );
    let nowhere = uuid::Uuid::new_v4().to_string();
    let (code, text) = said(&audit(&database, &[], &["export", "--channel", &nowhere]));
    assert!(code == Some(1) && text.contains("there is no such channel"), "{text}");

    // A key that is missing is not made up by who checks.
    let nowhere = folder.path().join("nowhere");
    let (code, text) = said(&audit(
        &database,
        &[("TENFOUR_AUDIT_KEY", nowhere.to_str().unwrap())],
        &["verify", "--heads", heads_text],
    ));
    assert!(code == Some(1) && text.contains("--public-key") && !nowhere.exists(), "{text}");

    // Another key's signature is none.
    let (code, other) =
        said(&audit(&database, &[("TENFOUR_AUDIT_KEY", folder.path().join("other").to_str().unwrap())], &["key"]));
    assert_eq!(code, Some(0));
    let (code, text) = said(&audit(&database, &[], &["verify", "--heads", heads_text, "--public-key", other.trim()]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the signature is not that of this key"), "{text}");

    by_hand(&database, "UPDATE messages SET content = 'round 1, line 7' WHERE content = 'round 1, line 1'").await;
    let (code, text) = said(&audit(&database, &[], &proof));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("channel {channel}, version 2: a message says something else")), "{text}");
}

async fn who_came_who_was_refused_and_who_read_is_in_the_journals(setup: Setup) {
    let mut daemon = setup.lasting().start().await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    for n in 0..3 {
        ana.send(&message(channel, &format!("line {n}"), uuid::Uuid::new_v4())).await;
        bo.expect("message").await;
    }
    for seq in [1, 1, 3, 2] {
        bo.send(&json!({ "type": "read", "channelId": channel, "seq": seq })).await;
        bo.expect("ok").await;
    }
    for _ in 0..3 {
        let refused = TestSocket::try_connect("nobody", &daemon.url(), "no.token.atall").await;
        let refused = refused.err().unwrap().what;
        assert!(matches!(refused, What::Connect(ConnectError::Refused { status: 401, .. })), "{refused:?}");
    }
    let sessions: Vec<_> = [&ana, &bo].map(|socket| socket.hello["sessionId"].clone()).into();
    // As another daemon finds it.
    daemon.restart().await;
    let reader = &daemon.parts().reader;
    let told = records(reader, JournalId::of(channel)).await;
    let read = |seq| ("read".to_owned(), Some(id_of("bo")), json!({ "seq": seq }));
    assert_eq!(told, [read(1), read(3)]);
    let told = records(reader, JournalId::DAEMON).await;
    let came = |who, at: usize| {
        ("signed_in".to_owned(), Some(id_of(who)), json!({ "session": sessions[at], "address": "127.0.0.1" }))
    };
    assert_eq!(told[..2], [came("ana", 0), came("bo", 1)]);
    let (kind, by, detail) = &told[2];
    let reason = (&detail["address"], &detail["reason"], &detail["count"]);
    assert_eq!((kind.as_str(), by, told.len()), ("refused", &None, 3));
    assert_eq!(reason, (&json!("127.0.0.1"), &json!("malformed"), &json!(3)));
    daemon.stop().await;
}

pub(crate) type Record = (String, Option<UserId>, Value);

pub(crate) async fn records(reader: &Reader, journal: JournalId) -> Vec<Record> {
    let all = reader.records(journal, 0, 100).await.unwrap();
    let told = |it: Recorded| {
        let record = it.record.unwrap();
        (record.kind.as_str().to_owned(), record.by, serde_json::from_str(&it.detail.unwrap()).unwrap())
    };
    all.into_iter().map(told).collect()
}

#[test]
fn a_database_that_is_not_there_is_neither_judged_nor_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no.db");
    let (code, text) = said(&audit(&format!("sqlite:{}", path.display()), &[], &["verify"]));
    assert_eq!(code, Some(1));
    assert!(text.contains("there is no database"), "{text}");
    assert!(!path.exists());
}
