//! From SQLite to PostgreSQL, without anybody noticing but by the address.

use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};

use crate::cli::{done, refused, tenfour};
use crate::daemon::Setup;
use crate::postgres::{Database, connect};
use crate::process::{ProcessDaemon, token};
use crate::socket::number;
use crate::talkers::Talker;

fn transfer(from: &str, to: &str) -> Output {
    tenfour(from, &["migrate-store", "--to", to])
}

#[tokio::test]
async fn every_row_is_taken_along_and_what_clients_hold_stays_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let sqlite = format!("sqlite:{}", path.display());
    let postgres = Database::create().await;
    let mut daemon = Setup::on_sqlite_file().start_on(&sqlite).await;
    let channel = daemon.group(&["ana", "bo"]).await;
    let direct = daemon.direct("ana", "cy").await;
    daemon.stop().await;
    let process = ProcessDaemon::start(&sqlite, &[]);
    let mut ana = process.connect("ana").await;
    let mut bo = process.connect("bo").await;
    // One row and more of every kind, and more of the commonest than go in one statement.
    let talker = Arc::new(Talker::start("ana", &process.url(), token("ana")).await);
    talker.talk(channel, 1_200, Duration::ZERO).await.unwrap();
    let first = ana.send_message(channel, "It's \"here\" \\ Käse 🧀\n\ttab").await;
    let id = &first["serverId"];
    ana.ask_ok(json!({ "type": "edit", "messageId": id, "content": "changed" })).await;
    bo.ask_ok(json!({ "type": "react", "messageId": id, "reaction": "👍" })).await;
    let gone = ana.send_message(channel, "gone").await;
    ana.ask_ok(json!({ "type": "delete", "messageId": gone["serverId"] })).await;
    let seq = number(&gone["seq"]);
    bo.ask_ok(json!({ "type": "read", "channelId": channel, "seq": seq })).await;
    let ask = json!({
        "type": "message", "channelId": channel, "clientId": uuid::Uuid::new_v4(), "content": "go", "instruction": {}
    });
    let asked = ana.ask(ask).await;
    bo.ask_ok(json!({ "type": "answer", "messageId": asked["serverId"], "answer": "accepted", "note": "on my way" }))
        .await;
    ana.send_message(direct, "between us").await;
    let version = number(
        &ana.ask(
            json!({ "type": "message", "channelId": channel, "clientId": uuid::Uuid::new_v4(), "content": "last" }),
        )
        .await["version"],
    );
    let epoch = ana.epoch().to_owned();

    let reason = refused(&transfer(&sqlite, &postgres.url));
    assert!(reason.contains("is open in another process: stop the daemon first"), "{reason}");
    drop(process);
    let output = transfer(&sqlite, &postgres.url);
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("each compared with what it was"), "{told}");
    for arguments in [&["audit", "verify"][..], &["db", "check"]] {
        done(&tenfour(&postgres.url, arguments));
    }
    let reason = refused(&transfer(&sqlite, &postgres.url));
    assert!(reason.contains("the target holds rows in"), "{reason}");

    let process = ProcessDaemon::start(&postgres.url, &[]);
    let mut ana = process.connect("ana").await;
    assert_eq!(ana.epoch(), epoch, "the same history");
    let sync = json!({ "type": "sync", "epoch": epoch, "channels": { channel.to_string(): version - 3 } });
    let pages = ana.sync(sync).await;
    assert!(pages.iter().all(|page| page["reset"] == Value::Null), "{pages:?}");
    assert_eq!(ana.send_message(channel, "on PostgreSQL").await["version"], json!(version + 1));
    drop(process);
    // And another one as soon as it is another.
    done(&tenfour(&postgres.url, &["db", "new-epoch"]));
    let process = ProcessDaemon::start(&postgres.url, &[]);
    assert_ne!(process.connect("ana").await.epoch(), epoch);
    drop(process);
    postgres.drop().await;
}

#[tokio::test]
async fn a_row_that_does_not_fit_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let sqlite = format!("sqlite:{}", path.display());
    let postgres = Database::create().await;
    let mut daemon = Setup::on_sqlite_file().start_on(&sqlite).await;
    let channel = daemon.group(&["ana", "bo"]).await;
    daemon.connect("ana").await.send_message(channel, "one").await;
    daemon.stop().await;
    // What only PostgreSQL would refuse.
    done(&tenfour(&postgres.url, &["db", "migrate"]));
    let rule = "ALTER TABLE tenfour.messages ADD CONSTRAINT odd CHECK (content <> 'one')";
    connect(&postgres.url).await.batch_execute(rule).await.unwrap();
    let reason = refused(&transfer(&sqlite, &postgres.url));
    assert!(reason.contains("messages:") && reason.contains("odd"), "{reason}");
    connect(&postgres.url).await.batch_execute("ALTER TABLE tenfour.messages DROP CONSTRAINT odd").await.unwrap();
    assert!(transfer(&sqlite, &postgres.url).status.success(), "nothing was left there");
    postgres.drop().await;
}
