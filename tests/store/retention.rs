//! What is erased is gone from wherever it could be read, and nothing else is.

use chrono::TimeDelta;
use tenfour::audit::Finding;
use tenfour::audit::evidence::form::Format;
use tenfour::audit::heads::Claims;
use tenfour::audit::verify::verify;
use tenfour::domain::change::{By, Changed, Denied};
use tenfour::domain::channel::Role;
use tenfour::domain::ids::ChannelId;
use tenfour::domain::message::{Appended, Message};
use tenfour::domain::now;
use tenfour::domain::retention::{Erase, Erasure, Retention, Which};
use tenfour::domain::sync::{HistoryFrom, PageLimits};
use tenfour::store::{Reader, Writer};
use uuid::Uuid;

use crate::evidence::{all, export};
use crate::kit::*;

cases! {
    what_is_too_old_is_gone_from_everywhere,
    a_hold_keeps_everything,
    of_one_user_everything_is_erased_and_of_others_nothing,
    much_is_erased_part_by_part,
    who_sets_it_is_the_host_alone,
}

/// By a setting of thirty days.
const EXPIRED: Which = Which::Expired { default: Some(30) };

async fn history(reader: &Reader, channel: ChannelId) -> Vec<Message> {
    let limits = PageLimits { messages: 500, bytes: usize::MAX };
    reader.history(channel, HistoryFrom::Latest, limits).await.unwrap().0
}

async fn holds(reader: &Reader) {
    assert_eq!(verify(reader, &Claims::default()).await.unwrap().findings, Vec::<Finding>::new());
}

async fn erased(writer: &Writer, channel: ChannelId, which: Which) -> Erasure {
    writer.erase(Erase { channel, which, after: 0 }, now()).await.unwrap().unwrap()
}

async fn what_is_too_old_is_gone_from_everywhere(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let file = crate::audit::file(&writer, "ana", "secret plan.pdf").await;
    let mut old = item(&channel, "ana", "secret old");
    old.message.created_at = now() - TimeDelta::days(40);
    old.message.attachment_ids = vec![file];
    old.digest = old.message.digest();
    let mut deleted = item(&channel, "bo", "secret deleted");
    deleted.message.created_at = old.message.created_at;
    let outcomes = writer.append(vec![old.clone(), deleted, item(&channel, "bo", "kept new")]).await.unwrap();
    let (old_id, deleted_id) = (stored(&outcomes[0]).id, stored(&outcomes[1]).id);
    writer.edit(by("ana"), old_id, text("secret edited"), now()).await.unwrap().unwrap();
    writer.delete(by("bo"), deleted_id, now()).await.unwrap().unwrap();
    // What is decided while a run is under way counts.
    let set = |days| Retention { days, legal_hold: false };
    writer.set_retention(By::Host, channel.id, set(Some(365)), now()).await.unwrap().unwrap().unwrap();
    assert_eq!(erased(&writer, channel.id, EXPIRED).await.messages, 0);
    writer.set_retention(By::Host, channel.id, set(None), now()).await.unwrap().unwrap().unwrap();
    assert_eq!(erased(&writer, channel.id, EXPIRED).await.messages, 2);
    assert_eq!(erased(&writer, channel.id, EXPIRED).await.messages, 0);

    let told = history(&reader, channel.id).await;
    let contents: Vec<&str> = told.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(contents, ["kept new", "", ""]);
    assert!(told[1..].iter().all(|message| message.deleted_at.is_some() && message.attachments.is_empty()));
    for id in [old_id, deleted_id] {
        let kept = reader.revisions(By::Host, id).await.unwrap().unwrap();
        assert!(kept.revisions.is_empty() && kept.deletion.is_some());
    }
    let lost = reader.lost_attachments(None).await.unwrap();
    assert_eq!(lost.iter().map(|lost| lost.id).collect::<Vec<_>>(), [file], "its object is to be deleted");
    for format in [Format::Ndjson, Format::Html, Format::Csv] {
        let evidence = export(&reader, all(channel.id), format, false).await;
        assert!(evidence.contains("kept new") && !evidence.contains("secret"), "{evidence}");
    }
    // A retry is still one.
    let again = writer.append(vec![again(&old)]).await.unwrap();
    assert!(matches!(again[..], [Appended::Duplicate(_)]));
    holds(&reader).await;
}

async fn a_hold_keeps_everything(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    writer.append(vec![item(&channel, "ana", "under a hold")]).await.unwrap();
    let hold = |legal_hold| Retention { days: Some(1), legal_hold };
    let change = writer.set_retention(By::Host, channel.id, hold(true), now()).await.unwrap().unwrap().unwrap();
    assert!(matches!(change.what, Changed::Channel { .. }));
    assert_eq!(writer.set_retention(By::Host, channel.id, hold(true), now()).await.unwrap().unwrap(), None);
    assert_eq!(reader.retention(channel.id).await.unwrap(), Some(hold(true)));
    for which in [EXPIRED, Which::Of(user("ana").id)] {
        assert_eq!(erased(&writer, channel.id, which).await, Erasure { held: true, ..Erasure::default() });
    }
    assert_eq!(history(&reader, channel.id).await[0].content, "under a hold");
    let file = crate::audit::file(&writer, "bo", "proof.pdf").await;
    let mut with_file = item(&channel, "bo", "see the file");
    with_file.message.attachment_ids = vec![file];
    with_file.digest = with_file.message.digest();
    let sent = stored(&writer.append(vec![with_file]).await.unwrap()[0]).id;
    writer.delete(by("bo"), sent, now()).await.unwrap().unwrap();
    let lost = async || reader.lost_attachments(None).await.unwrap().into_iter().map(|it| it.id).collect::<Vec<_>>();
    assert_eq!(lost().await, [], "a file is kept though its message was deleted");
    writer.set_retention(By::Host, channel.id, hold(false), now()).await.unwrap().unwrap().unwrap();
    assert_eq!(lost().await, [file]);
    assert_eq!(erased(&writer, channel.id, Which::Of(user("ana").id)).await.messages, 1);
    assert_eq!(reader.retention(ChannelId(Uuid::now_v7())).await.unwrap(), None);
    holds(&reader).await;
}

async fn of_one_user_everything_is_erased_and_of_others_nothing(writer: Writer, reader: Reader) {
    let (one, other) = (group(&writer, &["ana", "bo"]).await, group(&writer, &["ana", "bo"]).await);
    let lines = ["first", "second", "third"];
    for channel in [&one, &other] {
        let batch = ["ana", "bo", "ana"].iter().zip(lines).map(|(who, line)| item(channel, who, line)).collect();
        writer.append(batch).await.unwrap();
    }
    let mut spoken = reader.spoken_in(user("ana").id).await.unwrap();
    spoken.sort_unstable();
    assert_eq!(spoken, [one.id, other.id]);
    for channel in spoken {
        assert_eq!(erased(&writer, channel, Which::Of(user("ana").id)).await.messages, 2);
    }
    writer.forget_user(user("ana").id).await.unwrap();
    assert_eq!(reader.spoken_in(user("ana").id).await.unwrap(), []);
    for channel in [one.id, other.id] {
        let told = history(&reader, channel).await;
        assert_eq!(told.iter().map(|it| it.content.as_str()).collect::<Vec<_>>(), ["", "second", ""]);
        assert_eq!(told[0].sender_name, "Erased user");
    }
    holds(&reader).await;
}

async fn much_is_erased_part_by_part(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    for part in 0..3 {
        let old = |n: usize| {
            let mut item = item(&channel, ["ana", "bo"][n % 2], &format!("line {part} {n}"));
            item.message.created_at = now() - TimeDelta::days(31);
            item
        };
        let batch = (0..150).map(old).collect();
        writer.append(batch).await.unwrap();
    }
    let mut wish = Erase { channel: channel.id, which: EXPIRED, after: 0 };
    let mut parts = Vec::new();
    loop {
        let erasure = writer.erase(wish, now()).await.unwrap().unwrap();
        parts.push(erasure.messages);
        let Some(next) = erasure.next else { break };
        wish.after = next;
    }
    assert_eq!((&parts[..9], &parts[9..]), (&[50; 9][..], &[0][..]));
    assert_eq!(reader.heads(vec![channel.id]).await.unwrap()[0].1, 900, "each took a version");
    let swept: Vec<_> = reader.retentions(ChannelId(Uuid::nil()), 9).await.unwrap();
    assert_eq!(swept, [(channel.id, Retention::default(), 450)]);
    holds(&reader).await;
}

async fn who_sets_it_is_the_host_alone(writer: Writer, _reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    writer.set_role(by("ana"), channel.id, user("bo"), Role::Admin, now()).await.unwrap().unwrap();
    for who in ["ana", "bo"] {
        let to = Retention { days: Some(1), legal_hold: false };
        let denied = writer.set_retention(by(who), channel.id, to, now()).await.unwrap();
        assert!(matches!(denied, Err(Denied::Forbidden(_))));
    }
}
