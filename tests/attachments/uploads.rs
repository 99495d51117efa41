//! Uploading: limits, what breaks off, what a file is taken for and what is left out of it.

use std::num::NonZeroU32;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tenfour::auth::mint;
use tenfour::domain::hex::hex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::daemon::{PATIENCE, Setup, eventually};
use crate::pictures::{SECRET, has, jpeg, png};
use crate::yard::{Yard, text};

on_each_database!(
    a_file_is_told_by_name_type_size_and_sum,
    a_user_keeps_so_many_files_and_bytes,
    what_breaks_off_leaves_nothing,
);

async fn a_file_is_told_by_name_type_size_and_sum(yard: Yard) {
    let content = b"%PDF-1.7 and more".repeat(100_000);
    let file = yard.file("ben", "plans/dock/plan\r\n\u{202e}.pdf", &content).await;
    let sum = hex(&Sha256::digest(&content));
    assert_eq!(
        file,
        json!({
            "id": file["id"], "name": "plan.pdf", "contentType": "application/pdf", "size": content.len(),
            "sha256": sum, "width": null, "height": null
        })
    );
    let got = yard.get("ben", &text(&file["id"])).await;
    assert!(got.status == 200 && got.bytes == content);
    assert_eq!(yard.files(), 1);
}

async fn a_user_keeps_so_many_files_and_bytes(yard: Yard) {
    drop(yard);
    for setup in [Setup::on_sqlite_file(), Setup::on_postgres()] {
        let yard = Yard::with(setup, |config| {
            config.limits.max_attachment_bytes = 1000;
            config.limits.max_user_files = 4;
            config.limits.max_user_file_bytes = 2500;
        })
        .await;
        yard.upload("ben", "a", &[7; 1001]).await.refuses(413, "too_large", &["1000"]);
        yard.upload("ben", "a", b"").await.refuses(422, "invalid_frame", &["empty"]);
        let long = "x".repeat(256);
        yard.upload("ben", &long, b"x").await.refuses(422, "invalid_frame", &["name", "255"]);
        let first = text(&yard.file("ben", "a", &[7; 1000]).await["id"]);
        yard.file("ben", "a", &[7; 1000]).await;
        yard.upload("ben", "a", &[7; 501]).await.refuses(413, "too_large", &["500", "2500"]);
        // What is in a message counts, what is gone does not, and others have their own share.
        yard.hang("ben", &[&first]).await;
        yard.upload("ben", "a", &[7; 501]).await.refuses(413, "too_large", &["500"]);
        yard.file("cem", "a", &[7; 1000]).await;
        yard.file("ben", "a", &[7; 1]).await;
        yard.file("ben", "a", &[7; 1]).await;
        yard.upload("ben", "a", &[7; 1]).await.refuses(413, "too_large", &["4"]);
        let last = yard.history("ben").await[0].clone();
        yard.call("ben", "DELETE", &format!("/messages/{}", text(&last["id"])), &[], Vec::new()).await.is(200);
        yard.file("ben", "a", &[7; 1000]).await;
    }
}

#[tokio::test]
async fn uploads_at_once_do_not_share_what_is_left() {
    for setup in [Setup::on_sqlite_file(), Setup::on_postgres()] {
        let yard = Yard::with(setup, |config| config.limits.max_user_files = 2).await;
        let uploads = (0..4).map(|_| yard.upload("ben", "a", b"content"));
        let answers = futures_util::future::join_all(uploads).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 201, 413, 413]);
    }
}

/// The head of an upload of so many bytes, and as many of them as are given.
async fn begin(yard: &Yard, who: &str, length: &str, content: &[u8]) -> TcpStream {
    let token = mint(&yard.daemon.config.auth, who, "Ben", None, Duration::from_secs(600)).unwrap();
    let mut stream = TcpStream::connect(yard.daemon.addr()).await.unwrap();
    let head = format!(
        "POST /api/v1/attachments?name=a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(content).await.unwrap();
    stream
}

async fn what_breaks_off_leaves_nothing(yard: Yard) {
    let stream = begin(&yard, "ben", "Content-Length: 2000000", &vec![7; 700_000]).await;
    eventually("a draft", async || yard.files() == 1).await;
    drop(stream);
    eventually("nothing", async || yard.files() == 0).await;
    // What says nothing of its length is cut off where it is too long.
    let chunk = [format!("{:x}\r\n", 1 << 20).into_bytes(), vec![7; 1 << 20], b"\r\n".to_vec()].concat();
    let mut stream = begin(&yard, "ben", "Transfer-Encoding: chunked", &chunk).await;
    for _ in 0..10 {
        // The daemon may end it before all is written.
        let _ = stream.write_all(&chunk).await;
    }
    let mut answer = vec![0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
    eventually("nothing", async || yard.files() == 0).await;
    eventually("nothing that counts", async || yard.has_nothing_loose().await).await;
    yard.file("ben", "a", b"goes on").await;
}

/// Whoever goes away while the database is slow has begun nothing that counts for a day.
#[tokio::test]
async fn what_is_given_up_before_it_has_begun_leaves_no_row() {
    let yard = Yard::on_sqlite().await;
    // From here on he is known, and costs no order.
    yard.history("ben").await;
    let file = yard.daemon.database().trim_start_matches("sqlite:").to_owned();
    let mut other = SqliteConnection::establish(&file).unwrap();
    other.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").unwrap();
    let parts = yard.daemon.parts();
    let waiting = async || parts.db.actor().send(tenfour::actors::db::Inspect).await.unwrap().waiting_orders;
    let stream = begin(&yard, "ben", "Content-Length: 1000", b"some").await;
    eventually("the upload waits for the database", async || waiting().await == 1).await;
    // Ended at once, and not by what has been sent.
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    eventually("its end waits as well", async || waiting().await == 2).await;
    other.batch_execute("ROLLBACK").unwrap();
    eventually("both are carried out", async || waiting().await == 0).await;
    assert!(yard.has_nothing_loose().await, "what never came counts for ben");
}

#[tokio::test]
async fn a_user_has_so_many_uploads_at_once() {
    let yard = Yard::on_sqlite().await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(begin(&yard, "ben", "Content-Length: 1000000", &vec![7; 300_000]).await);
    }
    eventually("four drafts", async || yard.files() == 4).await;
    yard.upload("ben", "a", b"a fifth").await.refuses(503, "unavailable", &["uploads"]);
    yard.file("cem", "a", b"another's first").await;
    drop(held);
    eventually("room", async || yard.upload("ben", "a", b"again").await.status == 201).await;
}

#[tokio::test]
async fn uploads_have_a_rate_of_their_own() {
    let yard = Yard::with(Setup::on_sqlite_file(), |config| config.limits.rate_limit = NonZeroU32::new(1)).await;
    // Refused for its name each, which takes no time, until there have been too many.
    let name = "x".repeat(256);
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(yard.upload("ben", &name, b"content").await);
    }
    answers[0].refuses(422, "invalid_frame", &["name"]);
    answers[7].refuses(429, "rate_limited", &[]);
    yard.hang("ben", &[]).await;
}

#[tokio::test]
async fn positions_and_texts_are_left_out_of_pictures() {
    let yard = Yard::on_sqlite().await;
    for (name, picture, kind, size) in
        [("a.png", png(7, 9), "image/png", (7, 9)), ("b.jpg", jpeg(), "image/jpeg", (40, 30))]
    {
        assert!(has(&picture, SECRET));
        let file = yard.file("ben", name, &picture).await;
        assert_eq!((file["width"].as_i64(), file["height"].as_i64()), (Some(size.0), Some(size.1)));
        assert_eq!(file["contentType"], kind);
        let got = yard.get("ben", &text(&file["id"])).await;
        assert!(!has(&got.bytes, SECRET), "{name}");
        assert_eq!(file["size"], got.bytes.len());
        let sum = hex(&Sha256::digest(&got.bytes));
        assert_eq!(file["sha256"], sum, "of what is stored");
    }
    for entry in walk(yard.folder.path()) {
        assert!(!has(&std::fs::read(&entry).unwrap(), SECRET), "{entry:?}");
        let name = entry.file_name().unwrap().to_str().unwrap();
        assert!(name.len() == 32 && name.chars().all(|c| c.is_ascii_hexdigit()), "a name of the daemon's own: {name}");
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn what_might_run_has_no_type_and_is_never_shown() {
    let yard = Yard::on_sqlite().await;
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    let huge = png(8000, 6000);
    let files: [(&str, Vec<u8>); 6] = [
        ("a.png", b"<!DOCTYPE html><script>alert(1)</script>".to_vec()),
        ("a.svg", svg.as_bytes().to_vec()),
        ("a.svg", format!("<?xml version=\"1.0\"?>{svg}").into_bytes()),
        ("a.gif", b"\n\nGIF89a".to_vec()),
        ("a.txt", "only words".as_bytes().to_vec()),
        ("huge.png", huge),
    ];
    for (name, content) in files {
        let file = yard.file("ben", name, &content).await;
        assert_eq!(
            (&file["contentType"], &file["width"]),
            (&json!("application/octet-stream"), &Value::Null),
            "{name}"
        );
        let got = yard.get("ben", &text(&file["id"])).await;
        assert!(got.header("content-disposition").starts_with("attachment;"), "{name}");
        assert_eq!(got.header("content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
    }
    // A picture that is something else as well is only a picture afterwards.
    let polyglot = [png(7, 9), b"<script>alert(1)</script>".to_vec()].concat();
    let file = yard.file("ben", "a.html", &polyglot).await;
    let got = yard.get("ben", &text(&file["id"])).await;
    assert!(got.header("content-type") == "image/png" && !has(&got.bytes, "script"));
}
