//! What counts as received, and what does not.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tenfour::audit::Finding;
use tenfour::audit::heads::Claims;
use tenfour::audit::verify::verify;
use tenfour::domain::change::By;
use tenfour::domain::channel::Channel;
use tenfour::domain::ids::JournalId;
use tenfour::domain::now;
use tenfour::domain::receipt::{Reach, Receipt};
use tenfour::store::{Reader, Writer};

use crate::kit::*;

cases! {
    what_is_known_never_goes_back_in_time,
    what_is_of_another_history_or_beyond_the_head_does_not_count,
    what_they_had_before_they_came_again_does_not_count,
}

/// Ana and bo, with nine messages.
async fn nine(writer: &Writer) -> Channel {
    let channel = group(writer, &["ana", "bo"]).await;
    let batch = (0..9).map(|n| item(&channel, "ana", &format!("line {n}"))).collect();
    writer.append(batch).await.unwrap();
    channel
}

async fn note(writer: &Writer, channel: &Channel, (after, version): (i64, i64), at: DateTime<Utc>, history: &str) {
    let (reach, history) = (Reach { after, version }, Arc::from(history));
    let receipt = Receipt { channel_id: channel.id, user_id: user("bo").id, reach, at, history };
    assert_eq!(writer.note_received(vec![receipt]).await.unwrap(), []);
}

async fn known(reader: &Reader, channel: &Channel) -> Option<(i64, DateTime<Utc>)> {
    let report = verify(reader, &Claims::default()).await.unwrap();
    assert_eq!(report.findings, Vec::<Finding>::new());
    reader.received(channel.id).await.unwrap().get(&user("bo").id).copied()
}

async fn what_is_known_never_goes_back_in_time(writer: Writer, reader: Reader) {
    let channel = nine(&writer).await;
    let history = reader.epoch().await.unwrap();
    let [early, late] = [1, 2].map(|seconds| later(now(), seconds));
    note(&writer, &channel, (5, 9), late, &history).await;
    // Another device told later what it had earlier.
    note(&writer, &channel, (1, 5), early, &history).await;
    assert_eq!(known(&reader, &channel).await, Some((9, late)));
    let records = reader.records(JournalId::of(channel.id), 0, 9).await.unwrap();
    let told: Vec<String> = records.into_iter().map(|record| record.detail.unwrap()).collect();
    assert_eq!(told, [r#"{"after":5,"version":9}"#, r#"{"after":1,"version":9}"#]);
}

async fn what_is_of_another_history_or_beyond_the_head_does_not_count(writer: Writer, reader: Reader) {
    let channel = nine(&writer).await;
    let history = reader.epoch().await.unwrap();
    note(&writer, &channel, (0, 9), now(), "another").await;
    note(&writer, &channel, (0, 10), now(), &history).await;
    assert_eq!(known(&reader, &channel).await, None);
    let at = now();
    note(&writer, &channel, (0, 9), at, &history).await;
    assert_eq!(known(&reader, &channel).await, Some((9, at)));
}

async fn what_they_had_before_they_came_again_does_not_count(writer: Writer, reader: Reader) {
    let channel = nine(&writer).await;
    let history = reader.epoch().await.unwrap();
    let before = now();
    note(&writer, &channel, (0, 4), before, &history).await;
    writer.remove_member(by("ana"), channel.id, user("bo"), now()).await.unwrap().unwrap();
    note(&writer, &channel, (0, 9), before, &history).await;
    let came = later(now(), 1);
    writer.add_members(By::Host, channel.id, vec![user("bo")], false, 9, came).await.unwrap().unwrap().unwrap();
    note(&writer, &channel, (0, 9), before, &history).await;
    assert_eq!(known(&reader, &channel).await, None);
    note(&writer, &channel, (11, 11), came, &history).await;
    note(&writer, &channel, (9, 11), came, &history).await;
    assert_eq!(known(&reader, &channel).await, Some((11, came)));
}
