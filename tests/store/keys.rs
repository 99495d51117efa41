//! What becomes of messages when the host deletes a channel or a user behind the daemon's back: the same on both databases.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use diesel_async::SimpleAsyncConnection;

use crate::kit::*;
use crate::postgres::{Database, connect};

#[test]
fn a_deleted_channel_takes_its_messages_along_and_who_sent_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    runtime().block_on(async {
        let database = Database::create().await;
        for url in [&file_url(&path), &database.url] {
            let (writer, reader) = open_at(url).await;
            let (gone, kept) = (group(&writer, &["ana", "bo"]).await, group(&writer, &["ana", "bo"]).await);
            let messages = [send(&writer, &gone, "ana", "one").await.id, send(&writer, &kept, "bo", "two").await.id];
            let (bo, cy) = (user("bo").id, writer.upsert_user(user("cy"), "Cy".to_owned()).await.unwrap().unwrap().id);
            let steps = [
                (format!("DELETE FROM channels WHERE id = ID({})", gone.id), true),
                (format!("DELETE FROM channel_members WHERE user_id = ID({bo})"), true),
                (format!("DELETE FROM users WHERE id = ID({bo})"), false),
                (format!("UPDATE users SET id = ID({}) WHERE id = ID({bo})", kept.id), false),
                (format!("UPDATE channels SET id = ID({bo}) WHERE id = ID({})", kept.id), false),
                (format!("UPDATE users SET name = 'B' WHERE id = ID({bo})"), true),
                (format!("DELETE FROM users WHERE id = ID({cy})"), true),
            ];
            for (sql, works) in steps {
                let done =
                    if url.starts_with("sqlite") { on_sqlite(&path, &sql) } else { on_postgres(url, &sql).await };
                assert_eq!(done.is_ok(), works, "{url}: {sql}: {done:?}");
            }
            assert_eq!(reader.message(messages[0]).await.unwrap(), None, "{url}");
            assert_eq!(reader.message(messages[1]).await.unwrap().unwrap().sender_name, "B", "{url}");
        }
        database.drop().await;
    });
}

fn on_sqlite(path: &std::path::Path, sql: &str) -> Result<(), String> {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA foreign_keys = ON").unwrap();
    let bare: String = sql.chars().filter(|letter| *letter != '-').collect();
    conn.batch_execute(&bare.replace("ID(", "x'").replace(')', "'")).map_err(|error| error.to_string())
}

/// As the host's own session, which knows nothing of the daemon's schema.
async fn on_postgres(url: &str, sql: &str) -> Result<(), String> {
    let sql = sql.replace("FROM ", "FROM tenfour.").replace("UPDATE ", "UPDATE tenfour.");
    let sql = sql.replace("ID(", "'").replace(')', "'");
    connect(url).await.batch_execute(&sql).await.map_err(|error| error.to_string())
}
