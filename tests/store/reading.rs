use std::collections::BTreeMap;

use tenfour::domain::change::{Denied, Mark};
use tenfour::domain::ids::MessageId;
use tenfour::domain::now;
use tenfour::domain::sync::{HistoryFrom, PageLimits};
use tenfour::domain::user::UserRef;
use tenfour::store::{Reader, Writer};

use crate::kit::*;

cases! {
    marks_go_forward_only_and_not_beyond_the_newest,
    unread_is_exact_whatever_happens,
    the_snapshot_has_every_channel_of_the_user_and_no_other,
    history_goes_in_both_directions,
    a_page_of_history_ends_where_its_content_is_long,
    history_for_a_member_is_for_members_alone,
    all_channels_are_listed_page_by_page,
    a_user_who_is_named_is_the_one_whose_sub_it_is,
}

async fn marks_go_forward_only_and_not_beyond_the_newest(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    for n in 0..3 {
        send(&writer, &channel, "ana", &format!("text {n}")).await;
    }
    let mark = |name: &str, seq| Mark { channel_id: channel.id, user_id: user(name).id, seq };
    let (first, second) = (now(), later(now(), 5));
    let answers =
        writer.mark_read(vec![mark("bo", 2), mark("bo", 1), mark("eve", 1), mark("ana", 99)], first).await.unwrap();
    let marked = |at: usize| answers[at].clone().unwrap();
    assert_eq!((marked(0).seq, marked(0).moved, marked(0).at), (2, true, first));
    assert_eq!((marked(1).seq, marked(1).moved, marked(1).at), (2, false, first));
    assert_eq!(answers[2], Err(Denied::NoChannel));
    assert_eq!((marked(3).seq, marked(3).moved), (3, true));
    let again = writer.mark_read(vec![mark("bo", 1)], second).await.unwrap();
    assert_eq!(again[0].as_ref().map(|m| (m.seq, m.moved, m.at)), Ok((2, false, first)));
    let view = reader.view(user("bo").id, channel.id).await.unwrap().unwrap();
    let bo = view.channel.member(user("bo").id).unwrap();
    assert_eq!((bo.last_read_seq, bo.last_read_at, view.unread), (2, first, 1));
}

/// Compared with a model that counts, through some hundred random steps.
async fn unread_is_exact_whatever_happens(writer: Writer, reader: Reader) {
    #[derive(Clone)]
    struct Sent {
        id: MessageId,
        sender: &'static str,
        deleted: bool,
    }
    let names = ["ana", "bo", "cy"];
    let channel = group(&writer, &names).await;
    let (mut sent, mut read) = (Vec::<Sent>::new(), BTreeMap::from(names.map(|name| (name, 0usize))));
    let mut random = fastrand::Rng::with_seed(7);
    for step in 0..120 {
        let name = names[random.usize(0..3)];
        match random.u8(0..6) {
            0..=2 => {
                let id = send(&writer, &channel, name, "text").await.id;
                sent.push(Sent { id, sender: name, deleted: false });
            }
            3 if !sent.is_empty() => {
                let at = random.usize(0..sent.len());
                let deleted = writer.delete(by("ana"), sent[at].id, now()).await.unwrap();
                assert_eq!(deleted.is_ok(), !sent[at].deleted);
                sent[at].deleted = true;
            }
            4 => {
                let seq = random.usize(0..sent.len() + 3);
                let mark = Mark { channel_id: channel.id, user_id: user(name).id, seq: i64::try_from(seq).unwrap() };
                writer.mark_read(vec![mark], now()).await.unwrap()[0].as_ref().unwrap();
                let mine = read.get_mut(name).unwrap();
                *mine = (*mine).max(seq.min(sent.len()));
            }
            _ if !sent.is_empty() => {
                let one = &sent[random.usize(0..sent.len())];
                let edited = writer.edit(by(one.sender), one.id, text("edited"), now()).await.unwrap();
                assert_eq!(edited.is_ok(), !one.deleted);
            }
            _ => {}
        }
        let state = reader.state(channel.id).await.unwrap().unwrap();
        for name in names {
            let expected = sent[read[name]..].iter().filter(|m| m.sender != name && !m.deleted).count();
            let expected = i64::try_from(expected).unwrap();
            assert_eq!(state.unread[&user(name).id], expected, "{name} after step {step}");
            let view = reader.view(user(name).id, channel.id).await.unwrap().unwrap();
            assert_eq!(view.unread, expected);
        }
    }
}

async fn the_snapshot_has_every_channel_of_the_user_and_no_other(writer: Writer, reader: Reader) {
    let mut expected = Vec::new();
    for n in 0..12 {
        let channel = group(&writer, if n % 3 == 0 { &["ana", "bo"] } else { &["bo", "ana", "cy"] }).await;
        for _ in 0..n {
            send(&writer, &channel, "ana", "text").await;
        }
        expected.push((channel.id, i64::from(n)));
    }
    group(&writer, &["ana"]).await;
    let views = reader.snapshot(user("bo").id).await.unwrap();
    assert_eq!(views.iter().map(|view| (view.channel.id, view.unread)).collect::<Vec<_>>(), expected);
    let channels = reader.channels(views.iter().map(|view| view.channel.id).collect()).await.unwrap();
    assert_eq!(channels, views.into_iter().map(|view| view.channel).collect::<Vec<_>>());
    assert!(reader.snapshot(user("nobody").id).await.unwrap().is_empty());
    reader.ping().await.unwrap();
}

async fn history_goes_in_both_directions(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let batch = (0..25).map(|n| item(&channel, "ana", &format!("text {n}"))).collect();
    writer.append(batch).await.unwrap();
    let page = |from, limit| {
        let page = reader.history(channel.id, from, page_of(limit));
        async move {
            let (messages, more) = page.await.unwrap();
            (messages.into_iter().map(|m| m.seq).collect::<Vec<_>>(), more)
        }
    };
    assert_eq!(page(HistoryFrom::Latest, 3).await, (vec![25, 24, 23], true));
    assert_eq!(page(HistoryFrom::Before(23), 20).await, ((3..=22).rev().collect(), true));
    assert_eq!(page(HistoryFrom::Before(3), 20).await, (vec![2, 1], false));
    assert_eq!(page(HistoryFrom::Before(1), 20).await, (vec![], false));
    assert_eq!(page(HistoryFrom::After(0), 2).await, (vec![1, 2], true));
    assert_eq!(page(HistoryFrom::After(23), 2).await, (vec![24, 25], false));
    assert_eq!(page(HistoryFrom::After(25), 2).await, (vec![], false));
}

async fn a_page_of_history_ends_where_its_content_is_long(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let long = "x".repeat(1000);
    // More than are read at once, and one that is longer alone than a page may be.
    let mut batch: Vec<_> = (0..250).map(|_| item(&channel, "ana", &long)).collect();
    batch[100] = item(&channel, "ana", &"x".repeat(16_000));
    writer.append(batch).await.unwrap();
    for bytes in [0, 999, 9_999, 150_000] {
        for mut from in [HistoryFrom::Latest, HistoryFrom::After(0)] {
            let mut seqs = Vec::new();
            loop {
                let limits = PageLimits { messages: 200, bytes };
                let (messages, more) = reader.history(channel.id, from, limits).await.unwrap();
                let before_last: usize = messages.iter().rev().skip(1).map(|message| message.content.len()).sum();
                assert!(
                    !messages.is_empty() && before_last <= bytes && messages.len() <= 200,
                    "{from:?}: {before_last}"
                );
                seqs.extend(messages.iter().map(|message| message.seq));
                from = from.beyond(*seqs.last().unwrap());
                if !more {
                    break;
                }
            }
            let ascending = matches!(from, HistoryFrom::After(_));
            let expected: Vec<i64> = if ascending { (1..=250).collect() } else { (1..=250).rev().collect() };
            assert_eq!(seqs, expected, "{bytes}");
        }
    }
}

async fn history_for_a_member_is_for_members_alone(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    send(&writer, &channel, "ana", "text").await;
    let page = |name: &str| reader.history_for(user(name).id, channel.id, HistoryFrom::Latest, page_of(10));
    let all = reader.history(channel.id, HistoryFrom::Latest, page_of(10)).await.unwrap();
    assert_eq!(page("bo").await.unwrap(), Some(all));
    assert_eq!(page("eve").await.unwrap(), None);
    writer.remove_member(by("ana"), channel.id, user("bo"), now()).await.unwrap().unwrap();
    assert_eq!(page("bo").await.unwrap(), None);
}

async fn all_channels_are_listed_page_by_page(writer: Writer, reader: Reader) {
    let mut channels = Vec::new();
    for _ in 0..3 {
        channels.push(group(&writer, &["ana", "bo"]).await);
    }
    channels.sort_unstable_by_key(|channel| channel.id);
    let after = Some(channels[1].id);
    assert_eq!(reader.list_channels(None, 2).await.unwrap(), (channels[..2].to_vec(), true));
    assert_eq!(reader.list_channels(after, 2).await.unwrap(), (channels[2..].to_vec(), false));
    assert_eq!(reader.list_channels(None, 3).await.unwrap(), (channels, false));
}

async fn a_user_who_is_named_is_the_one_whose_sub_it_is(writer: Writer, reader: Reader) {
    let (ana, bo) = (user("ana"), user("bo"));
    let uuid = |who: &UserRef| UserRef::new(&who.id.to_string());
    writer.upsert_user(ana.clone(), "Ana".to_owned()).await.unwrap().unwrap();
    writer.upsert_user(uuid(&bo), "Thief".to_owned()).await.unwrap().unwrap();
    let name = async |who: UserRef| reader.named(who).await.unwrap().map(|user| user.name);
    assert_eq!(name(ana.clone()).await.as_deref(), Some("Ana"));
    assert_eq!(name(uuid(&ana)).await.as_deref(), Some("Ana"));
    assert_eq!(name(uuid(&bo)).await.as_deref(), Some("Thief"));
    assert_eq!(name(bo).await, None);
    assert_eq!(name(UserRef::new("nobody")).await, None);
}

/// Without a limit in bytes.
fn page_of(messages: usize) -> PageLimits {
    PageLimits { messages, bytes: usize::MAX }
}
