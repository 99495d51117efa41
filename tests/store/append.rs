use std::sync::Arc;

use tenfour::domain::change::By;
use tenfour::domain::ids::{ChannelId, UserId, new_v7};
use tenfour::domain::message::Appended;
use tenfour::domain::now;
use tenfour::domain::sync::{HistoryFrom, PageLimits};
use tenfour::store::{Reader, Writer};
use uuid::Uuid;

use crate::kit::*;

cases! {
    messages_are_numbered_in_the_order_of_the_batch,
    numbers_have_no_gap_under_concurrent_batches_and_edits,
    a_retry_is_answered_as_the_first_whatever_happened_since,
    a_repeat_within_a_batch_is_a_duplicate_of_the_first,
    the_same_client_id_with_other_content_is_a_conflict,
    concurrent_sends_of_one_message_store_it_once,
    another_senders_client_id_is_never_looked_at,
    a_stale_roster_still_lets_a_member_send,
    who_was_removed_sends_nothing_more,
    a_reply_needs_a_message_of_the_same_channel,
    a_bad_row_is_rejected_alone,
    a_missing_channel_refuses_only_its_own,
    a_dropped_call_is_carried_out,
}

async fn messages_are_numbered_in_the_order_of_the_batch(writer: Writer, reader: Reader) {
    let (a, b) = (group(&writer, &["ana", "bo"]).await, group(&writer, &["ana"]).await);
    let batch: Vec<_> = (0..20).map(|n| item(if n % 3 == 0 { &b } else { &a }, "ana", &format!("text {n}"))).collect();
    let outcomes = writer.append(batch.clone()).await.unwrap();
    for channel in [&a, &b] {
        let ours = batch.iter().zip(&outcomes).filter(|(item, _)| item.message.channel_id == channel.id);
        for (n, (item, outcome)) in (1..).zip(ours) {
            let stored = stored(outcome);
            assert_eq!((stored.id, stored.seq, stored.version), (item.message.id, n, n));
            let message = reader.message(stored.id).await.unwrap().unwrap();
            assert_eq!((message.seq, message.version, message.content.as_str()), (n, n, item.message.content.as_str()));
            assert_eq!((message.created_at, message.sender_name.as_str()), (item.message.created_at, "ana"));
        }
    }
    let (heads, a_len) = (reader.heads(vec![a.id, b.id]).await.unwrap(), 13);
    assert!(heads.contains(&(a.id, a_len)) && heads.contains(&(b.id, 20 - a_len)));
}

async fn numbers_have_no_gap_under_concurrent_batches_and_edits(writer: Writer, reader: Reader) {
    let channel = Arc::new(group(&writer, &["ana", "bo"]).await);
    let first = send(&writer, &channel, "ana", "first").await;
    let writer = Arc::new(writer);
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (writer, channel) = (Arc::clone(&writer), Arc::clone(&channel));
            tokio::spawn(async move {
                for n in 0..5 {
                    let batch: Vec<_> = (0..7).map(|k| item(&channel, "bo", &format!("{task} {n} {k}"))).collect();
                    let outcomes = writer.append(batch).await.unwrap();
                    assert!(outcomes.iter().all(|outcome| matches!(outcome, Appended::New(_))));
                    writer.edit(by("ana"), first.id, text(&format!("{task} {n}")), now()).await.unwrap().unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (messages, more) = reader
        .history(channel.id, HistoryFrom::After(0), PageLimits { messages: 1000, bytes: usize::MAX })
        .await
        .unwrap();
    assert!(!more);
    assert_eq!(messages.iter().map(|m| m.seq).collect::<Vec<_>>(), (1..=281).collect::<Vec<_>>());
    let channel = reader.channels(vec![channel.id]).await.unwrap().pop().unwrap();
    assert_eq!((channel.last_seq, channel.version), (281, 281 + 40));
}

async fn a_retry_is_answered_as_the_first_whatever_happened_since(writer: Writer, _: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let sent = item(&channel, "bo", "hello");
    let first = stored(&writer.append(vec![sent.clone()]).await.unwrap()[0]);
    writer.edit(by("bo"), first.id, text("changed"), now()).await.unwrap().unwrap();
    writer.delete(by("bo"), first.id, now()).await.unwrap().unwrap();
    writer.remove_member(by("ana"), channel.id, user("bo"), now()).await.unwrap().unwrap();
    let outcomes = writer.append(vec![again(&sent)]).await.unwrap();
    assert_eq!(outcomes, [Appended::Duplicate(first)]);
}

async fn a_repeat_within_a_batch_is_a_duplicate_of_the_first(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let sent = item(&channel, "ana", "hello");
    let other = item(&channel, "ana", "other");
    let batch = vec![sent.clone(), other, again(&sent), with_text(&sent, "else"), again(&sent)];
    let outcomes = writer.append(batch).await.unwrap();
    let first = stored(&outcomes[0]);
    assert_eq!(stored(&outcomes[1]).seq, 2);
    assert_eq!(outcomes[2], Appended::Duplicate(first.clone()));
    assert_eq!(outcomes[3], Appended::Conflict);
    assert_eq!(outcomes[4], Appended::Duplicate(first));
    assert_eq!(reader.heads(vec![channel.id]).await.unwrap(), [(channel.id, 2)]);
}

async fn the_same_client_id_with_other_content_is_a_conflict(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let sent = item(&channel, "ana", "hello");
    let first = stored(&writer.append(vec![sent.clone()]).await.unwrap()[0]);
    let outcomes = writer.append(vec![with_text(&sent, "else"), again(&sent)]).await.unwrap();
    assert_eq!(outcomes, [Appended::Conflict, Appended::Duplicate(first.clone())]);
    let found = reader.find_stored(user("ana").id, sent.message.client_id).await.unwrap();
    assert_eq!(found, Some((first, sent.digest)));
    assert_eq!(reader.find_stored(user("bo").id, sent.message.client_id).await.unwrap(), None);
}

async fn concurrent_sends_of_one_message_store_it_once(writer: Writer, reader: Reader) {
    let (a, b) = (group(&writer, &["ana"]).await, group(&writer, &["ana"]).await);
    for round in 0..10 {
        let sent = item(&a, "ana", &format!("round {round}"));
        // The same clientId in two channels at once, which no row lock of one channel can keep apart.
        let mut elsewhere = again(&sent);
        elsewhere.message.channel_id = b.id;
        elsewhere.digest = elsewhere.message.digest();
        let (one, two, three) = tokio::join!(
            writer.append(vec![again(&sent)]),
            writer.append(vec![again(&sent)]),
            writer.append(vec![elsewhere])
        );
        let outcomes = [one.unwrap(), two.unwrap(), three.unwrap()].concat();
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Appended::New(_))).count(), 1, "{outcomes:?}");
    }
    let heads = reader.heads(vec![a.id, b.id]).await.unwrap();
    assert_eq!(heads.iter().map(|(_, version)| version).sum::<i64>(), 10);
}

async fn another_senders_client_id_is_never_looked_at(writer: Writer, _: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let sent = item(&channel, "ana", "hello");
    let mut same = item(&channel, "bo", "other");
    same.message.client_id = sent.message.client_id;
    let outcomes = writer.append(vec![sent, same]).await.unwrap();
    assert_eq!((stored(&outcomes[0]).seq, stored(&outcomes[1]).seq), (1, 2));
}

async fn a_stale_roster_still_lets_a_member_send(writer: Writer, _: Reader) {
    let channel = group(&writer, &["ana", "bo", "cy"]).await;
    writer.remove_member(by("ana"), channel.id, user("cy"), now()).await.unwrap().unwrap();
    let stale = item(&channel, "bo", "hello");
    assert_eq!(stored(&writer.append(vec![stale]).await.unwrap()[0]).version, 2);
}

async fn who_was_removed_sends_nothing_more(writer: Writer, _: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    writer.remove_member(by("ana"), channel.id, user("bo"), now()).await.unwrap().unwrap();
    let batch = ["ana", "bo", "ana"].map(|sender| item(&channel, sender, "hello")).to_vec();
    let outcomes = writer.append(batch).await.unwrap();
    assert_eq!((stored(&outcomes[0]).seq, stored(&outcomes[2]).seq), (1, 2));
    assert_eq!(outcomes[1], Appended::NotMember);
}

async fn a_reply_needs_a_message_of_the_same_channel(writer: Writer, reader: Reader) {
    let (a, b) = (group(&writer, &["ana"]).await, group(&writer, &["ana"]).await);
    let original = send(&writer, &a, "ana", "hello").await;
    let replies = [&a, &b].map(|channel| {
        let mut reply = item(channel, "ana", "re");
        reply.message.reply_to_id = Some(original.id);
        reply.digest = reply.message.digest();
        reply
    });
    let outcomes = writer.append(replies.to_vec()).await.unwrap();
    let reply = reader.message(stored(&outcomes[0]).id).await.unwrap().unwrap();
    assert_eq!(reply.reply_to_id, Some(original.id));
    assert_eq!(outcomes[1], Appended::UnknownReply);
}

async fn a_bad_row_is_rejected_alone(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let mut batch: Vec<_> = (0..40).map(|n| item(&channel, "ana", &format!("text {n}"))).collect();
    // A sender who is in no table, let in by the channel's own roster.
    batch[17] = item_in(channel.id, channel.members_version, UserId(Uuid::new_v4()), "nobody's");
    let outcomes = writer.append(batch).await.unwrap();
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Appended::New(_))).count(), 39);
    assert_eq!(outcomes[17], Appended::Rejected);
    assert_eq!(stored(&outcomes[39]).seq, 39);
    assert_eq!(reader.heads(vec![channel.id]).await.unwrap(), [(channel.id, 39)]);
}

async fn a_missing_channel_refuses_only_its_own(writer: Writer, _: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let lost = item_in(ChannelId(new_v7()), 0, user("ana").id, "into the void");
    let outcomes = writer.append(vec![lost, item(&channel, "ana", "hello")]).await.unwrap();
    assert_eq!(outcomes[0], Appended::NotMember);
    assert_eq!(stored(&outcomes[1]).seq, 1);
    assert!(writer.append(Vec::new()).await.unwrap().is_empty());
    assert!(writer.rename(By::Host, ChannelId(new_v7()), "none".to_owned(), now()).await.unwrap().is_err());
}

async fn a_dropped_call_is_carried_out(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    for n in 0..20 {
        drop(writer.append(vec![item(&channel, "ana", &format!("text {n}"))]));
        drop(reader.snapshot(user("ana").id));
    }
    let mut tries = 0..200;
    while reader.heads(vec![channel.id]).await.unwrap() != [(channel.id, 20)] {
        assert!(tries.next().is_some());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
