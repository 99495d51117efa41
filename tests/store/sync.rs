use std::collections::BTreeMap;

use tenfour::domain::change::{By, ChannelChange};
use tenfour::domain::channel::{Channel, Role};
use tenfour::domain::ids::MessageId;
use tenfour::domain::message::Message;
use tenfour::domain::now;
use tenfour::domain::sync::{FilledWhat, HistoryFrom, PageLimits, SyncFrom, SyncPage};
use tenfour::store::{Reader, Writer};

use crate::kit::*;

cases! {
    pages_bring_a_client_to_the_head_from_any_version,
    pages_are_cut_by_bytes,
    a_cursor_beyond_the_head_is_reset_to_the_newest_page,
    a_time_stands_for_what_was_stored_before_it,
    members_are_those_of_the_pages_version,
    who_is_not_a_member_gets_no_page,
    a_hole_is_filled_with_what_was_not_overtaken,
}

const LIMITS: PageLimits = PageLimits { messages: 500, bytes: 256 * 1024 };

async fn page(reader: &Reader, channel: &Channel, from: SyncFrom, limits: PageLimits) -> SyncPage {
    reader.sync_page(user("ana").id, channel.id, from, limits).await.unwrap().unwrap()
}

/// Messages, edits, deletions and other changes, mixed.
async fn lively(writer: &Writer) -> Channel {
    let channel = group(writer, &["ana", "bo"]).await;
    for n in 0..30 {
        let sent = send(writer, &channel, "bo", &format!("text {n}")).await;
        match n % 5 {
            1 => drop(writer.edit(by("bo"), sent.id, text("edited"), now()).await.unwrap().unwrap()),
            2 => drop(writer.delete(by("bo"), sent.id, now()).await.unwrap().unwrap()),
            3 => drop(writer.rename(by("ana"), channel.id, format!("name {n}"), now()).await.unwrap().unwrap()),
            _ => {}
        }
    }
    channel
}

async fn pages_bring_a_client_to_the_head_from_any_version(writer: Writer, reader: Reader) {
    let channel = lively(&writer).await;
    let (all, _) = reader
        .history(channel.id, HistoryFrom::After(0), PageLimits { messages: 1000, bytes: usize::MAX })
        .await
        .unwrap();
    let truth: BTreeMap<MessageId, Message> = all.into_iter().map(|m| (m.id, m)).collect();
    let newest = reader.heads(vec![channel.id]).await.unwrap()[0].1;
    for limit in [1, 7, 500] {
        let (mut held, mut cursor) = (BTreeMap::new(), 0);
        loop {
            let limits = PageLimits { messages: limit, ..LIMITS };
            let page = page(&reader, &channel, SyncFrom::Version(cursor), limits).await;
            assert!(!page.reset && page.messages.len() <= limit);
            assert!(page.messages.is_sorted_by_key(|m| m.version));
            assert!(page.messages.iter().all(|m| m.version > cursor && m.version <= page.version));
            held.extend(page.messages.into_iter().map(|m| (m.id, m)));
            cursor = page.version;
            if !page.has_more {
                break;
            }
        }
        assert_eq!((cursor, &held), (newest, &truth), "by {limit}");
    }
    let nothing = page(&reader, &channel, SyncFrom::Version(newest), LIMITS).await;
    assert!(nothing.messages.is_empty() && !nothing.has_more && nothing.version == newest);
}

async fn pages_are_cut_by_bytes(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let batch = (0..300).map(|_| item(&channel, "ana", &"x".repeat(1000))).collect();
    writer.append(batch).await.unwrap();
    let limits = PageLimits { messages: 500, bytes: 150_000 };
    let first = page(&reader, &channel, SyncFrom::Version(0), limits).await;
    assert_eq!((first.messages.len(), first.version, first.has_more), (151, 151, true));
    let second = page(&reader, &channel, SyncFrom::Version(151), limits).await;
    assert_eq!((second.messages.len(), second.version, second.has_more), (149, 300, false));
    let reset = page(&reader, &channel, SyncFrom::Reset, limits).await;
    assert_eq!((reset.messages.len(), reset.version, reset.has_more, reset.reset), (151, 300, false, true));
}

async fn a_cursor_beyond_the_head_is_reset_to_the_newest_page(writer: Writer, reader: Reader) {
    let channel = lively(&writer).await;
    let head = reader.heads(vec![channel.id]).await.unwrap()[0].1;
    let limits = PageLimits { messages: 10, ..LIMITS };
    for from in [SyncFrom::Version(head + 1), SyncFrom::Reset] {
        let page = page(&reader, &channel, from, limits).await;
        let mut seqs: Vec<_> = page.messages.iter().map(|m| m.seq).collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (21..=30).collect::<Vec<_>>());
        assert!(page.messages.is_sorted_by_key(|m| m.version));
        assert_eq!((page.version, page.has_more, page.reset), (head, false, true));
    }
}

async fn a_time_stands_for_what_was_stored_before_it(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana"]).await;
    let start = now();
    let batch = (0..10).map(|n| {
        let mut item = item(&channel, "ana", &format!("text {n}"));
        item.message.created_at = later(start, n);
        item
    });
    let stored_first = writer.append(batch.collect()).await.unwrap();
    writer.edit(by("ana"), stored(&stored_first[1]).id, text("edited"), later(start, 20)).await.unwrap().unwrap();
    let versions = |page: SyncPage| page.messages.into_iter().map(|m| m.version).collect::<Vec<_>>();
    let from = |seconds| SyncFrom::Time(later(start, seconds));
    assert_eq!(versions(page(&reader, &channel, from(7), LIMITS).await), [8, 9, 10, 11]);
    assert_eq!(versions(page(&reader, &channel, from(0), LIMITS).await), [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(versions(page(&reader, &channel, from(99), LIMITS).await), [11]);
}

async fn members_are_those_of_the_pages_version(writer: Writer, reader: Reader) {
    for name in ["cy", "dee"] {
        writer.upsert_user(user(name), name.to_owned()).await.unwrap().unwrap();
    }
    let channel = group(&writer, &["ana", "bo"]).await;
    let id = channel.id;
    send(&writer, &channel, "ana", "1").await;
    writer.add_members(by("ana"), id, vec![user("cy")], false, 50, now()).await.unwrap().unwrap();
    send(&writer, &channel, "ana", "3").await;
    writer.remove_member(by("ana"), id, user("bo"), now()).await.unwrap().unwrap();
    writer.set_role(by("ana"), id, user("cy"), Role::Owner, now()).await.unwrap().unwrap();
    writer.add_members(By::Host, id, vec![user("dee"), user("bo")], false, 50, now()).await.unwrap().unwrap();
    writer.remove_member(by("cy"), id, user("cy"), now()).await.unwrap().unwrap();
    send(&writer, &channel, "ana", "8").await;
    send(&writer, &channel, "ana", "9").await;
    let limits = PageLimits { messages: 1, ..LIMITS };
    for (from, version, names) in [
        (0, 1, &["ana", "bo"][..]),
        (1, 3, &["ana", "bo", "cy"]),
        (3, 8, &["ana", "bo", "dee"]),
        (8, 9, &["ana", "bo", "dee"]),
    ] {
        let page = page(&reader, &channel, SyncFrom::Version(from), limits).await;
        let mut expected: Vec<_> = names.iter().map(|name| user(name).id).collect();
        expected.sort_unstable();
        assert_eq!((page.version, page.member_ids), (version, expected), "from {from}");
    }
}

async fn who_is_not_a_member_gets_no_page(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    writer.remove_member(by("ana"), channel.id, user("bo"), now()).await.unwrap().unwrap();
    for name in ["bo", "eve"] {
        let page = reader.sync_page(user(name).id, channel.id, SyncFrom::Version(0), LIMITS).await.unwrap();
        assert_eq!(page, None);
    }
}

async fn a_hole_is_filled_with_what_was_not_overtaken(writer: Writer, reader: Reader) {
    let channel = group(&writer, &["ana", "bo"]).await;
    let first = send(&writer, &channel, "ana", "1").await;
    send(&writer, &channel, "ana", "2").await;
    writer.rename(by("ana"), channel.id, "New".to_owned(), now()).await.unwrap().unwrap();
    writer.edit(by("ana"), first.id, text("4"), now()).await.unwrap().unwrap();
    writer.remove_member(by("bo"), channel.id, user("bo"), now()).await.unwrap().unwrap();
    let all = reader.fill(channel.id, 0, 100).await.unwrap();
    let spans: Vec<_> = all.changes.iter().map(|change| (change.since, change.version)).collect();
    assert_eq!(spans, [(1, 2), (3, 3), (4, 4), (5, 5)]);
    assert_eq!(all.changes[1].what, FilledWhat::Channel(ChannelChange::Renamed { name: "New".to_owned() }));
    assert!(matches!(&all.changes[2].what, FilledWhat::Message(message) if message.content == "4"));
    assert_eq!(all.state, reader.state(channel.id).await.unwrap());
    let part = reader.fill(channel.id, 0, 2).await.unwrap();
    assert_eq!((part.changes.as_slice(), part.state), (&all.changes[..2], None));
    let rest = reader.fill(channel.id, 3, 2).await.unwrap();
    assert_eq!((rest.changes.as_slice(), rest.state.is_some()), (&all.changes[2..], true));
    let none = reader.fill(channel.id, 5, 10).await.unwrap();
    assert!(none.changes.is_empty() && none.state.is_some());
}
