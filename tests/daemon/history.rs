//! What history a cursor belongs to, and from where it goes on.

use diesel::prelude::*;
use serde_json::json;

use crate::daemon::{Setup, eventually};
use crate::socket::number;

on_each_database!(a_last_message_that_was_edited_hides_nothing_that_came_before_the_edit);

async fn a_last_message_that_was_edited_hides_nothing_that_came_before_the_edit(setup: Setup) {
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let seen = ana.send_message(channel, "seen").await["serverId"].clone();
    for _ in 0..3 {
        ana.send_message(channel, "missed").await;
    }
    ana.ask_ok(json!({"type": "edit", "messageId": seen, "content": "seen, edited"})).await;
    let mut bo = daemon.connect("bo").await;
    let pages = bo.sync(json!({"lastMessageId": seen})).await;
    let got: Vec<_> = pages[0]["messages"].as_array().unwrap().iter().map(|message| number(&message["seq"])).collect();
    assert_eq!(got, [2, 3, 4, 1], "the three that were missed, then the edit");
}

#[actix::test]
async fn another_history_closes_every_session_and_resets_old_cursors() {
    let daemon = Setup::on_sqlite_file().start().await;
    let channel = daemon.direct("ana", "bo").await;
    let mut ana = daemon.connect("ana").await;
    let old = ana.epoch().to_owned();
    ana.send_message(channel, "before").await;
    let file = daemon.database();
    let mut database = SqliteConnection::establish(file.trim_start_matches("sqlite:")).unwrap();
    // The daemon may be writing.
    diesel::sql_query("PRAGMA busy_timeout = 5000").execute(&mut database).unwrap();
    let renamed = diesel::sql_query("UPDATE meta SET value = 'another' WHERE key = 'epoch'").execute(&mut database);
    assert_eq!(renamed.unwrap(), 1);
    ana.expect("goaway").await;
    assert_eq!(ana.expect_close().await.0, Some(1001));
    eventually("the old rooms are gone", async || daemon.parts().directory.is_empty()).await;
    let mut ana = daemon.connect("ana").await;
    assert_eq!(ana.epoch(), "another");
    let pages = ana.sync(json!({"epoch": old, "channels": {channel.to_string(): 1}})).await;
    assert_eq!((&pages[0]["reset"], &pages[0]["version"]), (&json!(true), &json!(1)));
    assert_eq!(number(&ana.send_message(channel, "after").await["version"]), 2);
}
