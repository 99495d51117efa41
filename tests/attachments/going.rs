//! When a file goes: with its message, after a day in no message, after a crash in the middle.

use std::time::Duration;

use tenfour::actors::db::Order;
use tenfour::domain::ids::{AttachmentId, new_v7};
use tenfour::domain::now;
use tenfour::store::NewUpload;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::daemon::{SECRET, Setup, eventually};
use crate::process::{ProcessDaemon, token};
use crate::yard::{Yard, files, text, user};

on_each_database!(
    a_file_goes_with_its_message,
    what_is_in_no_message_goes_after_a_day,
    a_file_that_comes_after_its_end_goes_as_well,
    one_that_cannot_be_deleted_keeps_no_other,
);

/// Wakes the sweep, and waits until it has gone by.
async fn sweep(yard: &Yard) {
    let before = yard.files();
    let id = yard.id("cem").await;
    yard.call("cem", "DELETE", &format!("/attachments/{id}"), &[], Vec::new()).await.is(204);
    eventually("the sweep has gone by", async || yard.files() <= before).await;
}

/// A store may put an object together after whoever sent it was told that it had failed.
async fn a_file_that_comes_after_its_end_goes_as_well(yard: Yard) {
    let (id, storage_key) = (AttachmentId(new_v7()), "aa/late".to_owned());
    let late = yard.folder.path().join("files/aa/late");
    let (name, limits) = ("a".to_owned(), i64::MAX);
    let new =
        NewUpload { id, uploader: user("ben"), name, storage_key, at_most: 1, max_files: limits, max_bytes: limits };
    yard.daemon.order(Order::BeginUpload(new)).await.unwrap();
    yard.daemon.order(Order::DiscardAttachment { user: user("ben"), id }).await.unwrap();
    sweep(&yard).await;
    std::fs::create_dir_all(late.parent().unwrap()).unwrap();
    std::fs::write(&late, b"late").unwrap();
    // As if it were tomorrow.
    yard.sql(
        "UPDATE attachments SET created_at = created_at - 86400000000",
        "UPDATE tenfour.attachments SET created_at = created_at - interval '1 day'",
    )
    .await;
    sweep(&yard).await;
    eventually("it is deleted", async || !late.exists()).await;
    eventually("no row is left", async || yard.has_no_rows().await).await;
}

async fn one_that_cannot_be_deleted_keeps_no_other(yard: Yard) {
    let stuck = yard.id("ben").await;
    assert_eq!(yard.files(), 1);
    // A folder in its place, with something in it.
    let path = only_file(yard.folder.path());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("inside"), b"").unwrap();
    let other = yard.id("ben").await;
    for id in [&stuck, &other] {
        yard.call("ben", "DELETE", &format!("/attachments/{id}"), &[], Vec::new()).await.is(204);
    }
    eventually("the other is deleted", async || yard.files() == 1).await;
    std::fs::remove_dir_all(&path).unwrap();
    sweep(&yard).await;
    eventually("no row is left", async || yard.has_no_rows().await).await;
}

fn only_file(folder: &std::path::Path) -> std::path::PathBuf {
    let mut path = folder.to_owned();
    while path.is_dir() {
        let mut entries = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        path = entries.find(|path| path.is_file() || files(path) > 0).unwrap();
    }
    path
}

async fn a_file_goes_with_its_message(yard: Yard) {
    let (one, other) = (yard.id("ben").await, yard.id("ben").await);
    let message = yard.hang("ben", &[&one]).await;
    yard.hang("ben", &[&other]).await;
    assert_eq!(yard.files(), 2);
    yard.call("ann", "DELETE", &format!("/messages/{}", text(&message["id"])), &[], Vec::new()).await.is(200);
    assert_eq!(yard.get("ben", &one).await.status, 404, "at once, whatever the store still has");
    // Somebody else's discarding wakes the sweep; otherwise it looks each minute.
    let third = yard.id("ben").await;
    yard.call("ben", "DELETE", &format!("/attachments/{third}"), &[], Vec::new()).await.is(204);
    eventually("one file is left", async || yard.files() == 1).await;
    assert_eq!(yard.get("ann", &other).await.status, 200);
    eventually("no row is left", async || yard.has_no_rows().await).await;
}

async fn what_is_in_no_message_goes_after_a_day(mut yard: Yard) {
    let (used, unused) = (yard.id("ben").await, yard.id("ben").await);
    yard.hang("ben", &[&used]).await;
    // An upload that came to nothing on a node that died, a day ago and just now.
    let begin = |id| {
        let storage_key = format!("aa/{}", uuid::Uuid::new_v4().simple());
        let (name, limits) = ("a".to_owned(), i64::MAX);
        NewUpload { id, uploader: user("ben"), name, storage_key, at_most: 1, max_files: limits, max_bytes: limits }
    };
    let dead = AttachmentId(new_v7());
    yard.daemon.order(Order::BeginUpload(begin(dead))).await.unwrap();
    yard.daemon.restart().await;
    assert_eq!(yard.get("ben", &unused).await.status, 200, "not before its time");
    let reader = &yard.daemon.parts().reader;
    assert!(reader.lost_attachments(None).await.unwrap().is_empty());
    assert!(!reader.has_old_attachments(now() - chrono::TimeDelta::hours(24)).await.unwrap());
    // As if it were tomorrow.
    yard.daemon.order(Order::ExpireAttachments { before: now() }).await.unwrap();
    assert_eq!(yard.get("ben", &unused).await.status, 404);
    yard.send("ben", &crate::yard::message(&[&unused])).await.refuses(422, "invalid_frame", &["attachmentIds"]);
    yard.daemon.restart().await;
    eventually("the used one is left", async || yard.files() == 1).await;
    assert_eq!(yard.get("ann", &used).await.status, 200);
}

/// Killed while a file comes in, and after it has come: what was answered is there, and what was not is no message's.
#[tokio::test]
async fn a_killed_daemon_keeps_what_it_has_answered() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("t.db").display());
    let files = || files(&folder.path().join("t.db.attachments"));
    let mut process = ProcessDaemon::start(&database, &[]);
    let http = reqwest::Client::new();
    let url = |process: &ProcessDaemon, path: &str| format!("http://{}/api/v1{path}", process.addr);
    let upload = http.post(url(&process, "/attachments?name=a")).bearer_auth(token("ben")).body("whole");
    let answer = upload.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201);
    let id = text(&serde_json::from_str::<serde_json::Value>(&answer.text().await.unwrap()).unwrap()["id"]);
    let mut stream = TcpStream::connect(process.addr).await.unwrap();
    let head = format!(
        "POST /api/v1/attachments?name=b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 2000000\r\n\r\n",
        token("ben")
    );
    stream.write_all(&[head.as_bytes(), &vec![7; 900_000]].concat()).await.unwrap();
    eventually("a file and a draft", async || files() == 2).await;
    process.kill();
    drop(process);

    let daemon = Setup::on_sqlite_file().start_on(&database).await;
    let get = http.get(format!("http://{}/api/v1/attachments/{id}", daemon.addr())).bearer_auth(
        tenfour::auth::mint(
            &tenfour::config::AuthSettings::with_secret(SECRET),
            "ben",
            "Ben",
            None,
            Duration::from_secs(600),
        )
        .unwrap(),
    );
    assert_eq!(get.send().await.unwrap().text().await.unwrap(), "whole");
    assert_eq!(files(), 2, "the draft waits for its day");
    daemon.order(Order::ExpireAttachments { before: now() }).await.unwrap();
    drop(daemon);
    let daemon = Setup::on_sqlite_file().start_on(&database).await;
    eventually("nothing is left, the draft neither", async || files() == 0).await;
    drop(daemon);
}
