//! PostgreSQL gone, silent, locked or of another mind about a row.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use tenfour::domain::channel::Channel;
use tenfour::domain::message::Appended;
use tenfour::domain::now;
use tenfour::store::{Reader, StoreError, Writer};

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

#[test]
fn two_nodes_that_write_the_same_channels_in_any_order_lose_nothing() {
    runtime().block_on(async {
        let database = Database::create().await;
        let ((one, reader), (two, _)) = tokio::join!(open_at(&database.url), open_at(&database.url));
        let channels = [group(&one, &["ana"]).await, group(&one, &["ana"]).await, group(&one, &["ana"]).await];
        let batches = async |writer: &Writer, turn: usize| {
            for round in 0..20 {
                let batch = (0..30).map(|n| item(&channels[(n + turn + round) % 3], "ana", "text")).collect();
                let outcomes = writer.append(batch).await.unwrap();
                assert!(outcomes.iter().all(|outcome| matches!(outcome, Appended::New(_))));
            }
        };
        tokio::join!(batches(&one, 0), batches(&two, 1), batches(&one, 2));
        let heads = reader.heads(channels.iter().map(|channel| channel.id).collect()).await.unwrap();
        assert_eq!(heads.iter().map(|(_, version)| version).sum::<i64>(), 3 * 20 * 30);
        database.drop().await;
    });
}

#[test]
fn two_nodes_that_move_the_same_users_in_any_order_are_never_in_each_others_way() {
    runtime().block_on(async {
        let database = Database::create().await;
        let ((one, reader), (two, _)) = tokio::join!(open_at(&database.url), open_at(&database.url));
        let names = ["ana", "bo", "cy", "dee", "eve", "flo"];
        let channels = [group(&one, &["ana"]).await, group(&two, &["ana"]).await];
        group(&one, &names).await;
        let moves = async |writer: &Writer, channel: &Channel, backwards: bool| {
            let mut named: Vec<_> = names[1..].iter().map(|name| user(name)).collect();
            if backwards {
                named.reverse();
            }
            for _ in 0..25 {
                writer.add_members(by("ana"), channel.id, named.clone(), false, 50, now()).await.unwrap().unwrap();
                for who in &named {
                    writer.remove_member(by("ana"), channel.id, who.clone(), now()).await.unwrap().unwrap();
                }
            }
        };
        tokio::join!(moves(&one, &channels[0], false), moves(&two, &channels[1], true));
        for name in &names[1..] {
            assert_eq!(reader.listing(user(name).id).await.unwrap().memberships, 1 + 2 * 2 * 25, "{name}");
        }
        database.drop().await;
    });
}

#[test]
fn a_user_whose_membership_is_being_changed_sends_on() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (writer, _) = open_at(&database.url).await;
        let channel = group(&writer, &["ana"]).await;
        let mut other = connect(&database.url).await;
        let lock = "BEGIN; UPDATE tenfour.users SET memberships = memberships + 1";
        other.batch_execute(lock).await.unwrap();
        // A wait would end with the lock's time-out.
        send(&writer, &channel, "ana", "hello").await;
        other.batch_execute("ROLLBACK").await.unwrap();
        database.drop().await;
    });
}
