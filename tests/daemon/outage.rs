//! The database goes away and comes back.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};
use tenfour::domain::ids::ChannelId;
use uuid::Uuid;

use crate::daemon::{Setup, TestDaemon, eventually};
use crate::postgres::{Database, Server};
use crate::socket::{TestSocket, message, number};
use crate::wire;

/// The longest that anybody waits for an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Sends while the database is away: each send is answered in time and may be tried again.
async fn send_in_vain(socket: &mut TestSocket, channel: ChannelId, texts: &[&str]) -> Vec<Uuid> {
    let start = Instant::now();
    let sent: Vec<Uuid> = texts.iter().map(|_| Uuid::new_v4()).collect();
    for (client_id, text) in sent.iter().zip(texts) {
        socket.send(&message(channel, text, *client_id)).await;
    }
    for _ in &sent {
        let refused = socket.expect("error").await;
        assert_eq!((&refused["code"], &refused["retryable"]), (&json!("unavailable"), &json!(true)), "{refused}");
    }
    assert!(start.elapsed() < ANSWER + Duration::from_millis(500), "{:?}", start.elapsed());
    sent
}

/// Says it again until it is stored.
async fn insist(socket: &mut TestSocket, channel: ChannelId, text: &str, client_id: Uuid) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = socket.ask(message(channel, text, client_id)).await;
        if answer["type"] == "ack" {
            return answer;
        }
        assert_eq!(answer["code"], "unavailable", "{answer}");
        assert!(Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn ready(daemon: &TestDaemon) -> u16 {
    wire::request(daemon.addr(), "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await.1.status
}

/// What was said in vain is said again; it is there once, and every session has gone on without a gap.
async fn say_again(ana: &mut TestSocket, bo: &mut TestSocket, channel: ChannelId, texts: &[&str], sent: &[Uuid]) {
    for (text, client_id) in texts.iter().zip(sent) {
        insist(ana, channel, text, *client_id).await;
    }
    let log = bo.catch_up(channel, 0).await;
    let mut numbers: Vec<_> = log.iter().map(|it| number(&it["seq"])).collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(1..=i64::try_from(numbers.len()).unwrap()));
    for text in texts {
        assert_eq!(log.iter().filter(|it| it["content"] == **text).count(), 1, "{text}");
    }
    ana.send_message(channel, "all is well").await;
    bo.expect_text("all is well").await;
}

#[tokio::test]
async fn postgres_stopped_and_started_again_costs_nothing_but_time() {
    let mut server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let database = Database::create_on(&server.url()).await;
    // Few at a time, so that a place which is not given back would be missed.
    let setup = Setup::on_postgres().with(|config| config.limits.room_in_flight = 4);
    let daemon = setup.start_on(&database.url).await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send_message(channel, "before").await;
    for round in 0..2 {
        assert_eq!(ready(&daemon).await, 200);
        server = order(server, "stop").await;
        let texts = ["one", "two", "three", "four", "five", "six"].map(|text| format!("{text} {round}"));
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let sent = send_in_vain(&mut ana, channel, &texts).await;
        let start = Instant::now();
        bo.ask_refused(json!({"type": "read", "channelId": channel, "seq": 1}), "unavailable").await;
        bo.ask_refused(json!({"type": "delete", "messageId": Uuid::new_v4()}), "unavailable").await;
        bo.ask_refused(json!({"type": "sync", "channels": {channel.to_string(): 0}}), "unavailable").await;
        assert!(start.elapsed() < 3 * ANSWER);
        assert_eq!(ready(&daemon).await, 503);
        server = order(server, "start").await;
        say_again(&mut ana, &mut bo, channel, &texts, &sent).await;
    }
}

#[tokio::test]
async fn a_postgres_that_hangs_is_as_good_as_one_that_is_gone() {
    let mut server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let database = Database::create_on(&server.url()).await;
    let daemon = Setup::on_postgres().start_on(&database.url).await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send_message(channel, "before").await;
    server = order(server, "pause").await;
    let texts = ["one", "two", "three"];
    let sent = send_in_vain(&mut ana, channel, &texts).await;
    let server = order(server, "resume").await;
    say_again(&mut ana, &mut bo, channel, &texts, &sent).await;
    drop(server);
}

/// The server's shell answers when it is done, which blocks.
async fn order(mut server: Server, order: &'static str) -> Server {
    tokio::task::spawn_blocking(move || {
        server.order(order);
        server
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_sqlite_file_that_another_process_has_locked_costs_nothing_but_time() {
    let setup = Setup::on_sqlite_file().with(|config| config.limits.room_in_flight = 4);
    let daemon = setup.start().await;
    let channel = daemon.direct("ana", "bo").await;
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    ana.send_message(channel, "before").await;
    let file = daemon.database().trim_start_matches("sqlite:").to_owned();
    let mut other = SqliteConnection::establish(&file).unwrap();
    other.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").unwrap();
    let texts = ["one", "two", "three", "four", "five", "six"];
    let sent = send_in_vain(&mut ana, channel, &texts).await;
    // Reading goes on.
    assert_eq!(bo.catch_up(channel, 0).await.len(), 1);
    other.batch_execute("ROLLBACK").unwrap();
    say_again(&mut ana, &mut bo, channel, &texts, &sent).await;
    eventually("no place is kept", async || {
        let room = daemon.parts().directory.room(channel).unwrap();
        room.send(tenfour::actors::room::Inspect).await.unwrap().in_flight == 0
    })
    .await;
}

#[tokio::test]
async fn a_channel_whose_row_somebody_holds_waits_alone() {
    use diesel_async::SimpleAsyncConnection;
    let daemon = Setup::on_postgres().start().await;
    let (held, free) = (daemon.direct("ana", "bo").await, daemon.group(&["ana", "bo"]).await);
    let (mut ana, mut bo) = (daemon.connect("ana").await, daemon.connect("bo").await);
    let mut other = crate::postgres::connect(&daemon.database()).await;
    let lock = format!("BEGIN; SELECT 1 FROM tenfour.channels WHERE id = '{held}' FOR UPDATE");
    other.batch_execute(&lock).await.unwrap();
    let client_id = Uuid::new_v4();
    ana.send(&message(held, "waits", client_id)).await;
    for text in ["a", "b", "c"] {
        let start = Instant::now();
        bo.send_message(free, text).await;
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
    other.batch_execute("ROLLBACK").await.unwrap();
    insist(&mut ana, held, "waits", client_id).await;
    bo.expect_text("waits").await;
    bo.expect_none_before_pong(&["message"]).await;
}
