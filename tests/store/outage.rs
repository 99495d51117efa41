//! PostgreSQL gone, silent, locked or of another mind about a row.

use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use tenfour::domain::channel::Channel;
use tenfour::domain::message::Appended;
use tenfour::domain::now;
use tenfour::store::{Reader, Settings, StoreError, Writer, open};

use crate::commits::line_to;
use crate::kit::*;
use crate::postgres::{Database, Server, connect};

pub(crate) const LIMIT: Duration = Duration::from_secs(4);

async fn all_fail(writer: &Writer, reader: &Reader, channel: &Channel) {
    let sent = item(channel, "ana", "hello");
    let (append, rename, snapshot, ping, epoch) = tokio::join!(
        within(LIMIT, writer.append(vec![sent])),
        within(LIMIT, writer.rename(by("ana"), channel.id, "New".to_owned(), now())),
        within(LIMIT, reader.snapshot(user("ana").id)),
        within(LIMIT, reader.ping()),
        within(LIMIT, reader.epoch()),
    );
    for error in [append.map(drop), rename.map(drop), snapshot.map(drop), ping, epoch.map(drop)]
        .map(|outcome| outcome.unwrap_err())
    {
        assert!(matches!(error, StoreError::Unavailable(_) | StoreError::UnknownOutcome), "{error}");
    }
}

async fn works_again(writer: &Writer, reader: &Reader, channel: &Channel) {
    let mut tries = 0..20;
    loop {
        let sent = within(LIMIT, writer.append(vec![item(channel, "ana", "hello")])).await;
        let read = within(LIMIT, reader.snapshot(user("ana").id)).await;
        match (sent, read) {
            (Ok(outcomes), Ok(views)) => {
                assert!(stored(&outcomes[0]).seq >= 1 && views.len() == 1);
                return;
            }
            other => assert!(tries.next().is_some(), "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[test]
fn with_the_server_gone_or_silent_every_call_ends_within_four_seconds_and_recovers() {
    let mut server = Server::start();
    runtime().block_on(async {
        let (writer, reader) = open_at(&server.url()).await;
        let channel = group(&writer, &["ana"]).await;
        works_again(&writer, &reader, &channel).await;
        for (away, back) in [("stop", "start"), ("pause", "resume")] {
            server.order(away);
            for _ in 0..2 {
                all_fail(&writer, &reader, &channel).await;
            }
            server.order(back);
            works_again(&writer, &reader, &channel).await;
        }
    });
}

#[test]
fn a_locked_channel_is_reported_and_the_others_go_on() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (writer, _) = open_at(&database.url).await;
        let (locked, free) = (group(&writer, &["ana"]).await, group(&writer, &["ana"]).await);
        let mut other = connect(&database.url).await;
        let lock = format!("BEGIN; SELECT 1 FROM tenfour.channels WHERE id = '{}' FOR UPDATE", locked.id);
        other.batch_execute(&lock).await.unwrap();
        let batch = vec![item(&locked, "ana", "waits"), item(&free, "ana", "goes")];
        assert_eq!(within(LIMIT, writer.append(batch.clone())).await, Err(StoreError::Locked));
        assert_eq!(stored(&writer.append(vec![batch[1].clone()]).await.unwrap()[0]).seq, 1);
        other.batch_execute("ROLLBACK").await.unwrap();
        let outcomes = writer.append(batch).await.unwrap();
        assert_eq!(stored(&outcomes[0]).seq, 1);
        assert!(matches!(outcomes[1], Appended::Duplicate(_)));
        database.drop().await;
    });
}

#[test]
fn a_text_that_postgresql_does_not_take_is_rejected_alone() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (writer, reader) = open_at(&database.url).await;
        let channel = group(&writer, &["ana"]).await;
        let mut batch: Vec<_> = (0..9).map(|n| item(&channel, "ana", &format!("text {n}"))).collect();
        batch[4].message.content_type = "a\0b".to_owned();
        let outcomes = writer.append(batch).await.unwrap();
        assert_eq!(outcomes[4], Appended::Rejected);
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Appended::New(_))).count(), 8);
        assert_eq!(reader.heads(vec![channel.id]).await.unwrap(), [(channel.id, 8)]);
        database.drop().await;
    });
}

/// What is wrong with the database itself is no row's fault: nothing is refused for ever, and all may be tried again.
#[test]
fn an_error_of_the_database_blames_no_row() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (writer, reader) = open_at(&database.url).await;
        let channel = group(&writer, &["ana"]).await;
        let mut owner = connect(&database.url).await;
        owner.batch_execute("ALTER TABLE tenfour.messages RENAME TO away").await.unwrap();
        let batch: Vec<_> = (0..4).map(|n| item(&channel, "ana", &format!("text {n}"))).collect();
        let outcome = within(LIMIT, writer.append(batch.clone())).await;
        assert!(matches!(outcome, Err(StoreError::Internal(_))), "{outcome:?}");
        owner.batch_execute("ALTER TABLE tenfour.away RENAME TO messages").await.unwrap();
        let outcomes = writer.append(batch).await.unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Appended::New(_))), "{outcomes:?}");
        assert_eq!(reader.heads(vec![channel.id]).await.unwrap(), [(channel.id, 4)]);
        database.drop().await;
    });
}

/// One connection on which a read takes 200 ms, and many who read at once.
#[test]
fn reads_wait_for_their_turn_and_a_busy_database_is_told_from_one_that_is_away() {
    const READS: usize = 40;
    runtime().block_on(async {
        let database = Database::create().await;
        let (proxy, url) = line_to(&database.url).await;
        let settings = Settings { read_connections: 1, ..settings(&url) };
        let (writer, reader) = open(settings, tokio::runtime::Handle::current()).await.unwrap();
        let channel = group(&writer, &["ana"]).await;
        let ana = user("ana").id;
        reader.user(ana).await.unwrap();
        proxy.delay(Duration::from_millis(100));
        let start = Instant::now();
        let reads: Vec<_> = (0..READS).map(|_| reader.user(ana)).collect();
        let reads: Vec<_> = reads.into_iter().map(|read| async { (read.await, start.elapsed()) }).collect();
        let answers = join_all(reads).await;
        let (served, late): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(outcome, _)| outcome.is_ok());
        assert!(served.len() >= 13 && !late.is_empty(), "{served:?}");
        assert!(served.iter().any(|(_, after)| *after > Duration::from_millis(2500)), "{served:?}");
        for (outcome, after) in &late {
            let error = outcome.as_ref().unwrap_err();
            assert!(error.is_retryable() && error.to_string().starts_with("the database is busy: "), "{error}");
            assert!((Duration::from_secs(4)..Duration::from_millis(4500)).contains(after), "{after:?}");
        }
        proxy.delay(Duration::ZERO);
        assert_eq!(send(&writer, &channel, "ana", "hello").await.seq, 1);
        proxy.refuse();
        proxy.cut();
        // One connection that cannot be made is waited for once, however many wait for it.
        let start = Instant::now();
        let reads: Vec<_> = (0..5).map(|_| within(Duration::from_secs(5), reader.user(ana))).collect();
        for outcome in join_all(reads).await {
            let error = outcome.unwrap_err();
            assert!(error.to_string().starts_with("the database is unavailable: "), "{error}");
        }
        assert!(start.elapsed() < Duration::from_millis(3500), "{:?}", start.elapsed());
        database.drop().await;
    });
}

/// Who waits for the DB actor's answer has less time than a reader.
#[test]
fn writes_that_wait_for_a_connection_are_told_in_two_seconds() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (proxy, url) = line_to(&database.url).await;
        let (writer, _) = open_at(&url).await;
        let channel = group(&writer, &["ana"]).await;
        let writes = || (0..20).map(|_| writer.append(vec![item(&channel, "ana", "hello")])).collect::<Vec<_>>();
        // Until all connections are made.
        proxy.delay(Duration::from_millis(20));
        let limit = Instant::now() + Duration::from_secs(20);
        while !join_all(writes()).await.iter().all(Result::is_ok) {
            assert!(Instant::now() < limit, "the connections are not made");
        }
        proxy.stall();
        let start = Instant::now();
        let answers = within(LIMIT, join_all(writes())).await;
        assert!(answers.iter().all(Result::is_err), "{answers:?}");
        let busy = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Crowded(_)))).count();
        assert!(busy >= 16 && start.elapsed() < LIMIT, "{answers:?}");
        database.drop().await;
    });
}
