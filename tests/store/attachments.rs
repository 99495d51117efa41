//! Attachments in the store: which send of a batch has one, what they cost, and what they count for in a page.

use tenfour::domain::channel::Channel;
use tenfour::domain::ids::{AttachmentId, MessageId, new_v7};
use tenfour::domain::message::{Append, Appended};
use tenfour::domain::now;
use tenfour::domain::search::{Query, Search};
use tenfour::domain::sync::{HistoryFrom, PageLimits};
use tenfour::store::{NewUpload, Reader, Uploaded, Writer};

use crate::commits::{at_server, server_of};
use crate::kit::*;
use crate::postgres::Database;
use crate::queries::Counter;

cases! {
    what_a_refused_send_names_another_of_its_batch_may_have,
    repeats_in_a_batch_that_wants_the_same_files_are_judged_one_after_the_other,
    a_page_ends_where_its_files_are_many,
}

/// A file of that user's that is in no message.
pub(crate) async fn file(writer: &Writer, owner: &str, name: &str) -> AttachmentId {
    let id = AttachmentId(new_v7());
    let new = NewUpload {
        id,
        uploader: user(owner).id,
        name: name.to_owned(),
        storage_key: format!("aa/{id}"),
        at_most: 7,
        max_files: i64::MAX,
        max_bytes: i64::MAX,
    };
    writer.begin_upload(new, now()).await.unwrap().unwrap();
    let what = Uploaded {
        content_type: "application/pdf".to_owned(),
        size: 7,
        sha256: "ab".repeat(32),
        width: None,
        height: None,
    };
    writer.finish_upload(id, what).await.unwrap().unwrap();
    id
}

pub(crate) fn with_files(mut item: Append, ids: &[AttachmentId]) -> Append {
    item.message.attachment_ids = ids.to_vec();
    item.digest = item.message.digest();
    item
}

fn ids(outcome: &Appended) -> Vec<AttachmentId> {
    match outcome {
        Appended::New(stored) | Appended::Duplicate(stored) => {
            stored.attachments.iter().map(|attachment| attachment.id).collect()
        }
        other => panic!("{other:?}"),
    }
}

async fn what_a_refused_send_names_another_of_its_batch_may_have(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let (one, two) = (file(&writer, "ana", "one").await, file(&writer, "ana", "two").await);
    let say = |text: &str, files: &[AttachmentId]| with_files(item(&channel, "ana", text), files);
    let mut reply = say("to nothing", &[one]);
    reply.message.reply_to_id = Some(MessageId(new_v7()));
    let mut elsewhere = say("to nobody", &[one]);
    elsewhere.message.channel_id.0 = new_v7();
    let batch = vec![
        reply,
        elsewhere,
        say("has them", &[two, one]),
        say("has none", &[]),
        say("too late", &[one]),
        with_files(item(&channel, "bo", "not his"), &[two]),
        say("the last", &[]),
    ];
    let outcomes = writer.append(batch).await.unwrap();
    assert_eq!(outcomes[..2], [Appended::UnknownReply, Appended::NotMember]);
    assert_eq!(ids(&outcomes[2]), [two, one]);
    assert_eq!(outcomes[4..6], [Appended::UnknownAttachment(one), Appended::UnknownAttachment(two)]);
    let seqs = [&outcomes[2], &outcomes[3], &outcomes[6]].map(|outcome| stored(outcome).seq);
    assert_eq!(seqs, [1, 2, 3], "in the order of the batch");
    let (messages, _) =
        reader.history(channel.id, HistoryFrom::After(0), PageLimits { messages: 9, bytes: 1 << 20 }).await.unwrap();
    let shown: Vec<Vec<AttachmentId>> =
        messages.iter().map(|message| message.attachments.iter().map(|file| file.id).collect()).collect();
    assert_eq!(shown, [vec![two, one], vec![], vec![]]);
}

async fn repeats_in_a_batch_that_wants_the_same_files_are_judged_one_after_the_other(writer: Writer, _: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let (one, two) = (file(&writer, "ana", "one").await, file(&writer, "ana", "two").await);
    let old = with_files(item(&channel, "ana", "before"), &[file(&writer, "ana", "old").await]);
    let before = writer.append(vec![old.clone()]).await.unwrap().remove(0);
    let first = with_files(item(&channel, "ana", "first"), &[one]);
    let batch = vec![
        again(&old),
        first.clone(),
        again(&first),
        // Other files under its clientId: it keeps none of them from the next one.
        with_files(again(&first), &[two]),
        with_files(item(&channel, "ana", "second"), &[two]),
        with_files(again(&old), &[two]),
        again(&first),
    ];
    let outcomes = writer.append(batch).await.unwrap();
    assert_eq!(outcomes[0], Appended::Duplicate(stored(&before)));
    let first = stored(&outcomes[1]);
    assert_eq!(ids(&outcomes[1]), [one]);
    assert_eq!(outcomes[2], Appended::Duplicate(first.clone()));
    assert_eq!(outcomes[3], Appended::Conflict);
    assert_eq!((ids(&outcomes[4]), stored(&outcomes[4]).seq), (vec![two], 3));
    assert_eq!(outcomes[5..], [Appended::Conflict, Appended::Duplicate(first)]);
}

async fn a_page_ends_where_its_files_are_many(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let mut batch = Vec::new();
    for n in 0..12 {
        let mut files = Vec::new();
        for _ in 0..4 {
            files.push(file(&writer, "ana", &"n".repeat(250)).await);
        }
        batch.push(with_files(item(&channel, "ana", &format!("gate {n}")), &files));
    }
    writer.append(batch).await.unwrap();
    writer.indexer(&reader).catch_up().await.unwrap();
    // Some three messages with their four files each.
    let bytes = 5000;
    let (messages, more) =
        reader.history(channel.id, HistoryFrom::After(0), PageLimits { messages: 100, bytes }).await.unwrap();
    assert!(more && (2..6).contains(&messages.len()), "{}", messages.len());
    let query = Query::parse("gate").unwrap();
    let search = Search {
        query,
        channel: None,
        sender: None,
        from: None,
        to: None,
        has_attachment: None,
        after: None,
        limit: 100,
        bytes,
    };
    let found = reader.search(Some(user("ana").id), search).await.unwrap().unwrap();
    assert!(found.next.is_some() && (2..6).contains(&found.hits.len()), "{}", found.hits.len());
}

/// Under the locks of all the batch's channels each round trip makes everybody wait.
#[test]
fn files_cost_a_batch_the_same_however_many_they_are() {
    runtime().block_on(async {
        let database = Database::create().await;
        let counter = Counter::start(server_of(&database.url).await).await;
        let (writer, _reader) = open_at(&at_server(&database.url, counter.addr)).await;
        let channel = group(&writer, &["ana"]).await;
        let mut costs = Vec::new();
        // The first of each kind prepares.
        for (sends, files) in [(1, 1), (1, 1), (20, 1), (20, 5)] {
            let batch = batch_of(&writer, &channel, sends, files).await;
            let clash = [again(&batch[0]), with_files(item(&channel, "ana", "late"), &batch[0].message.attachment_ids)];
            counter.take();
            let outcomes = writer.append(batch).await.unwrap();
            assert!(outcomes.iter().all(|outcome| ids(outcome).len() == files));
            let plain = counter.take().without(&[]).round_trips;
            let clashing = clash.iter().cycle().take(2 * sends).map(again).collect();
            let outcomes = writer.append(clashing).await.unwrap();
            assert!(outcomes.iter().step_by(2).all(|outcome| ids(outcome).len() == files), "{outcomes:?}");
            let late = outcomes.iter().skip(1).step_by(2);
            assert!(late.into_iter().all(|outcome| matches!(outcome, Appended::UnknownAttachment(_))));
            costs.push((plain, counter.take().without(&[]).round_trips));
        }
        println!("round trips: {costs:?}");
        assert!(costs[1..].iter().all(|cost| *cost == costs[1]), "{costs:?}");
        database.drop().await;
    });
}

async fn batch_of(writer: &Writer, channel: &Channel, sends: usize, files: usize) -> Vec<Append> {
    let mut batch = Vec::new();
    for n in 0..sends {
        let mut ids = Vec::new();
        for _ in 0..files {
            ids.push(file(writer, "ana", "a").await);
        }
        batch.push(with_files(item(channel, "ana", &format!("text {n}")), &ids));
    }
    batch
}
