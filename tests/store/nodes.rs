//! Two nodes that write to one PostgreSQL at the same moment.

use std::sync::Arc;

use diesel_async::SimpleAsyncConnection;
use tenfour::audit::Finding;
use tenfour::audit::heads::Claims;
use tenfour::audit::verify::verify;
use tenfour::domain::channel::Channel;
use tenfour::domain::ids::JournalId;
use tenfour::domain::message::{Append, Appended};
use tenfour::domain::now;
use tenfour::domain::receipt::{Reach, Receipt, Received};
use tenfour::domain::sync::{HistoryFrom, PageLimits};
use tenfour::domain::trail::Recorded;
use tenfour::store::{Reader, Writer};

use crate::kit::*;
use crate::outage::LIMIT;
use crate::postgres::{Database, connect};

async fn two_nodes(database: &Database) -> ((Writer, Reader), Writer) {
    let (one, (two, _)) = tokio::join!(open_at(&database.url), open_at(&database.url));
    (one, two)
}

/// As the DB actor does: again while the error allows that.
async fn append(writer: &Writer, batch: Vec<Append>) -> Vec<Appended> {
    let mut tries = 0..10;
    loop {
        match within(LIMIT, writer.append(batch.clone())).await {
            Ok(outcomes) => return outcomes,
            Err(error) => assert!(error.is_retryable() && tries.next().is_some(), "{error}"),
        }
    }
}

/// The same sends in another order, as they come to another node after a client has changed over.
fn the_other_way(batch: &[Append]) -> Vec<Append> {
    batch.iter().rev().map(again).collect()
}

async fn seqs(reader: &Reader, channel: &Channel) -> Vec<i64> {
    let limits = PageLimits { messages: 10_000, bytes: usize::MAX };
    let (messages, _) = reader.history(channel.id, HistoryFrom::After(0), limits).await.unwrap();
    messages.iter().map(|message| message.seq).collect()
}

#[test]
fn a_message_that_two_nodes_store_at_the_same_moment_is_stored_once() {
    const TASKS: usize = 4;
    const ROUNDS: usize = 500;
    runtime().block_on(async {
        let database = Database::create().await;
        let ((one, reader), two) = two_nodes(&database).await;
        let mut channels = Vec::new();
        for _ in 0..3 {
            channels.push(group(&one, &["ana"]).await);
        }
        let (one, two, all) = (Arc::new(one), Arc::new(two), Arc::new(channels.clone()));
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (one, two, channels) = (Arc::clone(&one), Arc::clone(&two), Arc::clone(&all));
                tokio::spawn(async move {
                    for round in 0..ROUNDS {
                        let batch: Vec<_> =
                            (0..3).map(|n| item(&channels[(n + task + round) % 3], "ana", "text")).collect();
                        let others = the_other_way(&batch);
                        let (first, second) = tokio::join!(append(&one, batch), append(&two, others));
                        for (ours, theirs) in first.iter().zip(second.iter().rev()) {
                            match (ours, theirs) {
                                (Appended::New(new), Appended::Duplicate(found))
                                | (Appended::Duplicate(found), Appended::New(new)) => assert_eq!(new, found),
                                other => panic!("{other:?}"),
                            }
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        for channel in &channels {
            let every: Vec<i64> = (1..).take(TASKS * ROUNDS).collect();
            assert_eq!(seqs(&reader, channel).await, every);
            let head = reader.heads(vec![channel.id]).await.unwrap();
            assert_eq!(head, [(channel.id, i64::try_from(TASKS * ROUNDS).unwrap())]);
        }
        database.drop().await;
    });
}

#[test]
fn a_client_id_that_two_nodes_store_in_two_channels_is_stored_in_one() {
    runtime().block_on(async {
        let database = Database::create().await;
        let ((one, reader), two) = two_nodes(&database).await;
        let (a, b) = (group(&one, &["ana"]).await, group(&one, &["ana"]).await);
        let mut elsewhere = 0;
        for _ in 0..100 {
            let batch: Vec<_> = (0..5).map(|_| item(&a, "ana", "text")).collect();
            let mut others = the_other_way(&batch);
            for other in &mut others {
                other.message.channel_id = b.id;
                other.digest = other.message.digest();
            }
            // In one order, so that neither waits for the other in turn; who was overtaken is not told.
            let (first, second) = tokio::join!(one.append(batch), two.append(others));
            let (first, second) = (first.unwrap(), second.unwrap());
            for outcomes in first.iter().zip(second.iter().rev()) {
                match outcomes {
                    (Appended::New(_), Appended::Conflict) => {}
                    (Appended::Conflict, Appended::New(_)) => elsewhere += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(seqs(&reader, &a).await, (1..=500 - elsewhere).collect::<Vec<_>>());
        assert_eq!(seqs(&reader, &b).await, (1..=elsewhere).collect::<Vec<_>>());
        database.drop().await;
    });
}

/// What another node, between its look-up and its commit, has inserted under a clientId.
fn insert_of(item: &Append, channel: &Channel, seq: i64) -> String {
    format!(
        "INSERT INTO tenfour.messages (id, channel_id, seq, version, first_version, sender_id, client_id, digest, \
         content, content_type, created_at) VALUES (gen_random_uuid(), '{}', {seq}, {seq}, {seq}, '{}', '{}', '', '', \
         'text', now())",
        channel.id, item.message.sender_id, item.message.client_id
    )
}

#[test]
fn who_is_overtaken_by_another_node_looks_again() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (writer, _) = open_at(&database.url).await;
        let (ours, theirs) = (group(&writer, &["ana"]).await, group(&writer, &["ana"]).await);
        let batch = vec![item(&ours, "ana", "first"), item(&ours, "ana", "second")];
        let mut other = connect(&database.url).await;
        other.batch_execute(&format!("BEGIN; {}", insert_of(&batch[1], &theirs, 1))).await.unwrap();
        let appended = writer.append(batch);
        wait_for_a_waiter(&mut connect(&database.url).await).await;
        other.batch_execute("COMMIT").await.unwrap();
        let outcomes = within(LIMIT, appended).await.unwrap();
        assert_eq!((stored(&outcomes[0]).seq, &outcomes[1]), (1, &Appended::Conflict));
        database.drop().await;
    });
}

/// Usually told as a lock that took too long: both are looked for after a second.
#[test]
fn a_deadlock_with_another_node_is_tried_again() {
    runtime().block_on(async {
        let database = Database::create().await;
        let (writer, _) = open_at(&database.url).await;
        let (ours, theirs) = (group(&writer, &["ana"]).await, group(&writer, &["ana"]).await);
        let batch = vec![item(&ours, "ana", "first"), item(&ours, "ana", "second")];
        let mut other = connect(&database.url).await;
        // It waits longest, so that the store is the one to give way.
        other.batch_execute("SET deadlock_timeout = '1min'").await.unwrap();
        other.batch_execute(&format!("BEGIN; {}", insert_of(&batch[1], &theirs, 1))).await.unwrap();
        let appended = append(&writer, batch.clone());
        let overtaking = async {
            wait_for_a_waiter(&mut connect(&database.url).await).await;
            let second = format!("{}; COMMIT", insert_of(&batch[0], &theirs, 2));
            other.batch_execute(&second).await.unwrap();
        };
        let (outcomes, ()) = tokio::join!(appended, overtaking);
        assert_eq!(outcomes, [Appended::Conflict, Appended::Conflict]);
        database.drop().await;
    });
}

/// Until somebody on this database waits for another's transaction.
async fn wait_for_a_waiter(conn: &mut diesel_async::AsyncPgConnection) {
    use diesel_async::RunQueryDsl;
    let query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut tries = 0..400;
    while diesel::sql_query(query).execute(conn).await.unwrap() == 0 {
        assert!(tries.next().is_some(), "nobody waits");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[test]
fn two_nodes_that_write_the_same_channels_in_any_order_lose_nothing() {
    runtime().block_on(async {
        let database = Database::create().await;
        let ((one, reader), two) = two_nodes(&database).await;
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
        let ((one, reader), two) = two_nodes(&database).await;
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

#[test]
fn what_two_nodes_are_told_of_one_member_at_the_same_moment_is_all_noted() {
    const ROUNDS: i64 = 150;
    runtime().block_on(async {
        let database = Database::create().await;
        let ((one, reader), two) = two_nodes(&database).await;
        let mut channels = Vec::new();
        for _ in 0..3 {
            let channel = group(&one, &["ana", "bo"]).await;
            let batch = (0..ROUNDS).map(|n| item(&channel, "ana", &format!("line {n}"))).collect();
            append(&one, batch).await;
            channels.push(channel.id);
        }
        // One device has the even versions, the other the odd ones: together they have all.
        let note = |writer: Writer, odd: i64| {
            let channels = channels.clone();
            tokio::spawn(async move {
                for version in (1..=ROUNDS).filter(|version| version % 2 == odd) {
                    let what = Received::Confirmed(Reach { after: version - 1, version });
                    let receipt = |channel_id| Receipt { channel_id, user_id: user("bo").id, what, at: now() };
                    let mut left: Vec<_> = channels.iter().copied().map(receipt).collect();
                    while !left.is_empty() {
                        left = within(LIMIT, writer.note_received(left.clone())).await.unwrap_or(left);
                    }
                }
            })
        };
        let (first, second) = tokio::join!(note(one, 1), note(two, 0));
        first.unwrap();
        second.unwrap();
        let report = verify(&reader, &Claims::default()).await.unwrap();
        assert_eq!(report.findings, Vec::<Finding>::new());
        for channel in channels {
            let told = reader.records(JournalId::of(channel), 0, 10 * ROUNDS).await.unwrap();
            let reach = |it: Recorded| serde_json::from_str::<Reach>(&it.detail.unwrap()).unwrap();
            let reaches: Vec<Reach> = told.into_iter().map(reach).collect();
            assert!((1..=ROUNDS).all(|version| reaches.iter().any(|reach| reach.covers(version))));
        }
    });
}
