//! What the host application posts by SQL, in its own transaction, is a message like any other.

use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::json;
use tenfour::audit::heads::Claims;
use tenfour::audit::verify::verify;
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use crate::daemon::{eventually, id_of};
use crate::nodes::Nodes;
use crate::postgres::connect;

#[derive(Debug, Clone, PartialEq, QueryableByName)]
struct Posted {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Bool)]
    duplicate: bool,
}

#[derive(Debug, QueryableByName)]
struct Word {
    #[diesel(sql_type = Nullable<Text>)]
    word: Option<String>,
}

async fn post(conn: &mut AsyncPgConnection, channel: ChannelId, sender: &str, rest: &str) -> QueryResult<Posted> {
    let sql = format!(
        "SELECT message_id::text AS id, seq, version, duplicate FROM tenfour.post_message('{channel}', '{}', {rest})",
        id_of(sender)
    );
    diesel::sql_query(sql).get_result(conn).await
}

async fn word(conn: &mut AsyncPgConnection, sql: &str) -> QueryResult<Option<String>> {
    diesel::sql_query(sql).get_result::<Word>(conn).await.map(|it| it.word)
}

const LISTENERS: &str = "SELECT count(*)::text AS word FROM pg_stat_activity \
     WHERE datname = current_database() AND query = 'LISTEN tenfour'";

#[tokio::test]
async fn a_message_is_posted_in_the_application_s_own_transaction() {
    let nodes = Nodes::start(2).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let other = nodes.node(1).group(&["ana", "bo"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let mut bo = nodes.node(1).connect("bo").await;
    ana.send_message(channel, "one").await;
    bo.expect_text("one").await;
    let mut app = connect(&nodes.database()).await;
    app.batch_execute("BEGIN").await.unwrap();
    let first = post(&mut app, channel, "ana", "'two'").await.unwrap();
    assert_eq!((first.seq, first.version, first.duplicate), (2, 2, false));
    // Not before it is committed, and in nobody's way who is in another channel.
    let mut cy = nodes.node(1).connect("bo").await;
    cy.send_message(other, "meanwhile").await;
    ana.expect_text("meanwhile").await;
    bo.expect_text("meanwhile").await;
    bo.expect_none_before_pong(&["message"]).await;
    app.batch_execute("COMMIT").await.unwrap();
    for socket in [&mut ana, &mut bo] {
        let message = socket.expect_text("two").await;
        let told = (&message["seq"], &message["version"], &message["senderId"], &message["id"]);
        assert_eq!(told, (&json!(2), &json!(2), &json!(id_of("ana")), &json!(first.id)), "{message}");
    }
    // What is rolled back never was, and leaves no hole.
    app.batch_execute("BEGIN").await.unwrap();
    post(&mut app, channel, "ana", "'never'").await.unwrap();
    app.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(bo.send_message(channel, "three").await["seq"], json!(3));
    assert_eq!(ana.expect_text("three").await["version"], json!(3));
    let report = verify(&nodes.node(0).parts().reader, &Claims::default()).await.unwrap();
    assert_eq!(report.findings, Vec::new());
}

#[tokio::test]
async fn it_is_stored_once_however_often_and_whichever_way_it_is_sent() {
    let nodes = Nodes::start(1).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let mut app = connect(&nodes.database()).await;
    let (here, there) = (Uuid::new_v4(), Uuid::new_v4());
    let posted = post(&mut app, channel, "ana", &format!("'Käse 🧀', '{here}'")).await.unwrap();
    let again = post(&mut app, channel, "ana", &format!("'Käse 🧀', '{here}'")).await.unwrap();
    assert_eq!(again, Posted { duplicate: true, ..posted.clone() });
    // The daemon takes it for the same, and it a message of the daemon's.
    let ack = ana.send_as(channel, "Käse 🧀", here).await;
    assert_eq!((&ack["serverId"], &ack["seq"]), (&json!(posted.id), &json!(1)));
    let ack = ana.send_as(channel, "hello", there).await;
    let again = post(&mut app, channel, "ana", &format!("'hello', '{there}'")).await.unwrap();
    assert_eq!((json!(again.id), again.seq, again.duplicate), (ack["serverId"].clone(), 2, true));
    let error = post(&mut app, channel, "ana", &format!("'other', '{there}'")).await.unwrap_err();
    assert!(error.to_string().contains("was used by this sender for another message"), "{error}");
    let report = verify(&nodes.node(0).parts().reader, &Claims::default()).await.unwrap();
    assert_eq!((report.findings, report.entries), (Vec::new(), 3));
}

#[tokio::test]
async fn what_no_session_could_send_is_refused_with_a_reason() {
    let nodes = Nodes::start_with(1, |config| config.limits.max_content_bytes = 100).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let other = nodes.node(0).group(&["ana", "bo"]).await;
    nodes.node(0).user("cy").await;
    let mut app = connect(&nodes.database()).await;
    let elsewhere = post(&mut app, other, "ana", "'elsewhere'").await.unwrap();
    let long = "x".repeat(101);
    for (sender, rest, reason) in [
        ("cy", "'hi'", "is in no channel"),
        ("nobody", "'hi'", "is in no channel"),
        ("ana", "''", "content is 0 bytes long; it must be 1 to 100"),
        ("ana", &format!("'{long}'"), "content is 101 bytes long; it must be 1 to 100"),
        ("ana", "NULL", "must not be null"),
        ("ana", "'hi', NULL", "must not be null"),
        ("ana", "'hi', content_type => ''", "content_type is 0 bytes long"),
        ("ana", &format!("'hi', reply_to_id => '{}'", elsewhere.id), "is not in this channel"),
    ] {
        let error = post(&mut app, channel, sender, rest).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{rest}: {error}");
    }
    let fine = post(&mut app, channel, "ana", "'hi', content_type => 'location'").await.unwrap();
    assert_eq!((fine.seq, fine.version), (1, 1));
    let reply = post(&mut app, channel, "bo", &format!("'re', reply_to_id => '{}'", fine.id)).await.unwrap();
    assert_eq!(reply.seq, 2);
}

/// The application's own role may do what it was given, and nothing else.
#[tokio::test]
async fn a_role_of_the_application_needs_no_table_of_the_daemon() {
    let nodes = Nodes::start(1).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let gone = ana.send_message(channel, "secret").await;
    ana.ask_ok(json!({ "type": "delete", "messageId": gone["serverId"] })).await;
    let mut owner = connect(&nodes.database()).await;
    let role = format!("app_{}", Uuid::new_v4().simple());
    owner.batch_execute(&format!("CREATE ROLE {role}; SET ROLE {role}")).await.unwrap();
    let refused = post(&mut owner, channel, "ana", "'hi'").await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    owner
        .batch_execute(&format!(
            "RESET ROLE; GRANT USAGE ON SCHEMA tenfour TO {role}; \
             GRANT EXECUTE ON FUNCTION tenfour.post_message TO {role}; \
             GRANT SELECT ON tenfour.api_users, tenfour.api_channels, tenfour.api_members, tenfour.api_messages TO {role}; \
             SET ROLE {role}; SET search_path = pg_temp, public; \
             CREATE TEMP TABLE channel_members (channel_id uuid, user_id uuid)"
        ))
        .await
        .unwrap();
    // A table of the caller's own, which everybody may make, says nothing of who is a member.
    let stranger = format!("INSERT INTO channel_members VALUES ('{channel}', '{}')", id_of("cy"));
    owner.batch_execute(&stranger).await.unwrap();
    let refused = post(&mut owner, channel, "cy", "'let me in'").await.unwrap_err();
    assert!(refused.to_string().contains("is in no channel"), "{refused}");
    assert_eq!(post(&mut owner, channel, "ana", "'hi'").await.unwrap().seq, 2);
    ana.expect_text("hi").await;
    let said = "SELECT string_agg(coalesce(content, '-'), ',' ORDER BY seq) AS word FROM tenfour.api_messages";
    assert_eq!(word(&mut owner, said).await.unwrap().as_deref(), Some("-,hi"));
    let external = "SELECT u.name AS word FROM tenfour.api_members m JOIN tenfour.api_users u ON u.id = m.user_id \
         WHERE m.role IS NOT NULL ORDER BY 1 LIMIT 1";
    assert!(word(&mut owner, external).await.unwrap().is_some());
    for table in ["messages", "channels", "users", "meta"] {
        let refused = word(&mut owner, &format!("SELECT count(*)::text AS word FROM tenfour.{table}")).await;
        assert!(refused.is_err(), "{table}");
    }
    owner.batch_execute(&format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test]
async fn it_is_told_at_once_again_after_the_line_was_cut() {
    let nodes = Nodes::start(1).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let mut app = connect(&nodes.database()).await;
    word(&mut app, LISTENERS).await.unwrap();
    let cut = LISTENERS.replace("count(*)::text", "bool_and(pg_terminate_backend(pid))::text");
    assert_eq!(word(&mut app, &cut).await.unwrap().as_deref(), Some("true"));
    // Posted while nobody listens.
    post(&mut app, channel, "bo", "'unheard'").await.unwrap();
    ana.expect_text("unheard").await;
    let before = Instant::now();
    eventually("somebody listens", async || {
        let mut app = connect(&nodes.database()).await;
        word(&mut app, LISTENERS).await.unwrap().as_deref() == Some("1")
    })
    .await;
    assert!(before.elapsed() < Duration::from_secs(20));
    post(&mut app, channel, "bo", "'heard'").await.unwrap();
    ana.expect_text("heard").await;
}

#[tokio::test]
async fn what_is_posted_without_end_is_told_at_once_all_the_time() {
    const COUNT: usize = 80;
    let nodes = Nodes::start(1).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    let mut app = connect(&nodes.database()).await;
    let posting = tokio::spawn(async move {
        let mut commits = Vec::new();
        for round in 0..COUNT {
            post(&mut app, channel, "bo", &format!("'posted {round}'")).await.unwrap();
            commits.push(Instant::now());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        commits
    });
    let mut told = Vec::new();
    for round in 0..COUNT {
        ana.expect_text(&format!("posted {round}")).await;
        told.push(Instant::now());
    }
    let commits = posting.await.unwrap();
    let mut late: Vec<Duration> =
        told.iter().zip(&commits).map(|(told, commit)| told.saturating_duration_since(*commit)).collect();
    late.sort_unstable();
    // Whoever waits for the next look, which comes twice a second, is told after a quarter of one.
    assert!(late[COUNT / 2] < Duration::from_millis(200), "{late:?}");
}

/// Any role of the database may say so.
#[tokio::test]
async fn a_number_that_no_channel_has_come_to_keeps_nobody_asking() {
    let nodes = Nodes::start(1).await;
    let channel = nodes.node(0).group(&["ana", "bo"]).await;
    let mut ana = nodes.node(0).connect("ana").await;
    ana.send_message(channel, "before").await;
    let mut app = connect(&nodes.database()).await;
    let lie = format!("NOTIFY tenfour, '{channel} {} tenfour'", i64::MAX);
    app.batch_execute(&lie).await.unwrap();
    // It is heard behind that.
    post(&mut app, channel, "bo", "'after'").await.unwrap();
    ana.expect_text("after").await;
    eventually("nothing is missing any more", async || {
        let room = nodes.node(0).parts().directory.room(channel).unwrap();
        !room.send(tenfour::actors::room::Inspect).await.unwrap().filling
    })
    .await;
    post(&mut app, channel, "bo", "'later'").await.unwrap();
    ana.expect_text("later").await;
    ana.send_message(channel, "as ever").await;
}
