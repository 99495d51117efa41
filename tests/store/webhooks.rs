//! What is written of webhooks: cursors that one node has at a time, and presence that alternates whoever writes it.

use chrono::TimeDelta;
use tenfour::domain::change::Mark;
use tenfour::domain::channel::Channel;
use tenfour::domain::ids::{ChannelId, EventId, MessageId, WebhookId, WorkerId};
use tenfour::domain::now;
use tenfour::domain::webhook::{
    Claim, Cursor, EventKind, Events, Failing, Failure, Lane, Origin, Place, Rewind, Seen, Settled, SigningSecret,
    Trouble, Webhook, WebhookChange,
};
use tenfour::store::{Ask, Reader, Webhooks, Writer, new_worker};
use uuid::Uuid;

use crate::kit::*;

cases! {
    a_webhook_begins_at_the_present_and_a_new_channel_at_its_beginning,
    a_lane_goes_on_from_where_it_was_settled,
    who_delivers_while_a_lane_is_put_back_does_not_put_it_forth_again,
    marks_come_behind_what_they_go_up_to,
    presence_alternates_and_what_comes_late_is_dropped,
    who_was_online_before_anybody_was_told_is_no_news,
    what_a_removed_webhook_leaves_is_cleared,
    nobody_gets_a_lane_of_a_webhook_that_is_gone_or_disabled,
    a_user_whose_changes_are_gone_is_nothing_to_do,
    who_is_erased_has_never_come_or_gone,
    who_is_seen_before_it_is_known_that_all_begins_anew_is_not_taken_for_new,
    what_was_imported_is_no_event,
}

pub(crate) async fn made(store: &Webhooks, events: Events) -> WebhookId {
    made_as(store, WebhookId(Uuid::now_v7()), events).await
}

pub(crate) async fn made_as(store: &Webhooks, id: WebhookId, events: Events) -> WebhookId {
    let new = Webhook {
        id,
        url: "https://receiver.invalid/".to_owned(),
        events,
        secret: SigningSecret::new(vec![7; 32]).unwrap(),
        previous: None,
        disabled: None,
        origin: Origin::Api,
        created_at: now(),
        paused_until: None,
        failing_since: None,
    };
    store.create(new).await.unwrap().unwrap().id
}

pub(crate) fn ask(webhook: WebhookId, worker: WorkerId, lanes: Vec<Lane>) -> Ask {
    let until = now() + TimeDelta::seconds(30);
    Ask { webhook, lanes, versions: true, reads: true, worker, now: now(), until }
}

pub(crate) async fn claim(store: &Webhooks, webhook: WebhookId, worker: WorkerId, lane: Lane) -> Claim {
    store.claim(ask(webhook, worker, vec![lane])).await.unwrap().pop().unwrap().1
}

pub(crate) fn held(claim: Claim) -> (Cursor, i64) {
    match claim {
        Claim::Held { cursor, rewinds, .. } => (cursor, rewinds),
        other => panic!("{other:?}"),
    }
}

/// Lets go of a lane, with all of it delivered up to there.
pub(crate) fn settled(webhook: WebhookId, lane: Lane, (from, rewinds): (Cursor, i64), cursor: Cursor) -> Settled {
    Settled { webhook, lane, from, rewinds, cursor, failing: None, aside: None, until: None }
}

pub(crate) fn lane(channel: &Channel) -> Lane {
    Lane::Channel(channel.id)
}

async fn kinds(store: &Webhooks, lane: Lane, from: Cursor) -> Vec<EventKind> {
    let page = store.page(lane, from, Events::ALL, 100).await.unwrap().unwrap();
    page.items.into_iter().filter_map(|item| item.event).map(|event| event.kind).collect()
}

async fn a_webhook_begins_at_the_present_and_a_new_channel_at_its_beginning(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    let (old, worker) = (group(&writer, &["ana", "bo"]).await, new_worker());
    send(&writer, &old, "ana", "before").await;
    let webhook = made(&store, Events::ALL).await;
    assert_eq!(claim(&store, webhook, worker, lane(&old)).await, Claim::Idle);
    let new = group(&writer, &["ana"]).await;
    let (cursor, _) = held(claim(&store, webhook, worker, lane(&new)).await);
    assert_eq!(cursor, lane(&new).start());
    assert_eq!(kinds(&store, lane(&new), cursor).await, [EventKind::ChannelCreated]);
    send(&writer, &old, "ana", "after").await;
    let (cursor, _) = held(claim(&store, webhook, worker, lane(&old)).await);
    assert_eq!((cursor.version, cursor.seq), (1, 1));
    assert_eq!(kinds(&store, lane(&old), cursor).await, [EventKind::MessageSent]);
    let nowhere = Lane::Channel(ChannelId(Uuid::now_v7()));
    assert!(store.claim(ask(webhook, worker, vec![nowhere])).await.unwrap().is_empty());
}

async fn a_lane_goes_on_from_where_it_was_settled(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    let worker = new_worker();
    let webhook = made(&store, Events::ALL).await;
    let channel = group(&writer, &["ana"]).await;
    for round in 0..5 {
        send(&writer, &channel, "ana", &format!("{round}")).await;
    }
    let first = held(claim(&store, webhook, worker, lane(&channel)).await);
    let page = store.page(lane(&channel), first.0, Events::ALL, 3).await.unwrap().unwrap();
    assert_eq!((page.items.len(), page.end), (3, None));
    let at = page.items[2].after;
    let done = store.settle(worker, vec![settled(webhook, lane(&channel), first, at)]).await.unwrap();
    assert_eq!(done, [(webhook, lane(&channel), true)]);
    // Whoever knew it otherwise is wrong.
    let late = store.settle(worker, vec![settled(webhook, lane(&channel), first, at)]).await.unwrap();
    assert_eq!(late, [(webhook, lane(&channel), false)]);
    let next = held(claim(&store, webhook, worker, lane(&channel)).await);
    assert_eq!(next.0, at);
    let page = store.page(lane(&channel), at, Events::ALL, 3).await.unwrap().unwrap();
    let rest: Vec<Place> = page.items.iter().filter_map(|item| item.event.as_ref()).map(|event| event.place).collect();
    assert_eq!(rest, [Place::Version(3), Place::Version(4), Place::Version(5)]);
    let page = store.page(lane(&channel), page.items[2].after, Events::ALL, 3).await.unwrap().unwrap();
    assert_eq!(page.items, []);
    let end = page.end.unwrap();
    store.settle(worker, vec![settled(webhook, lane(&channel), next, end)]).await.unwrap();
    assert_eq!(claim(&store, webhook, worker, lane(&channel)).await, Claim::Idle);
}

async fn who_delivers_while_a_lane_is_put_back_does_not_put_it_forth_again(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    let worker = new_worker();
    let webhook = made(&store, Events::ALL).await;
    let channel = group(&writer, &["ana"]).await;
    for round in 0..5 {
        send(&writer, &channel, "ana", &format!("{round}")).await;
    }
    // Nothing of what is delivered is written yet, so that there is nothing to be put back.
    let first = held(claim(&store, webhook, worker, lane(&channel)).await);
    let again = Rewind::From { channel: channel.id, version: 2 };
    assert_eq!(store.rewind(webhook, again).await.unwrap().unwrap(), 1);
    let end = Cursor { version: 5, seq: 5, record: 0 };
    let lost = store.settle(worker, vec![settled(webhook, lane(&channel), first, end)]).await.unwrap();
    assert_eq!(lost, [(webhook, lane(&channel), false)]);
    let next = held(claim(&store, webhook, worker, lane(&channel)).await);
    assert_eq!(next.0, first.0, "from the beginning, which is before what was asked for");
    store.settle(worker, vec![settled(webhook, lane(&channel), next, end)]).await.unwrap();
    store.rewind(webhook, again).await.unwrap().unwrap();
    let (cursor, rewinds) = held(claim(&store, webhook, worker, lane(&channel)).await);
    assert_eq!((cursor.version, cursor.seq, rewinds), (1, 1, 2));
    let versions = store.page(lane(&channel), cursor, Events::ALL, 9).await.unwrap().unwrap().items;
    assert_eq!(versions.len(), 4);
}

async fn marks_come_behind_what_they_go_up_to(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    let channel = group(&writer, &["ana", "bo"]).await;
    let bo = user("bo").id;
    // By clocks that do not agree, the marks were moved before anything was said.
    let early = now() - TimeDelta::hours(1);
    for round in 1..=3 {
        send(&writer, &channel, "ana", &format!("{round}")).await;
        let mark = Mark { channel_id: channel.id, user_id: bo, seq: round };
        writer.mark_read(vec![mark], early).await.unwrap();
    }
    let told = kinds(&store, lane(&channel), lane(&channel).start()).await;
    let (sent, read) = (EventKind::MessageSent, EventKind::ChannelRead);
    assert_eq!(told, [EventKind::ChannelCreated, sent, read, sent, read, sent, read]);
    // In pages of any size the same.
    for size in 1..=4 {
        let (mut cursor, mut all) = (lane(&channel).start(), Vec::new());
        loop {
            let page = store.page(lane(&channel), cursor, Events::ALL, size).await.unwrap().unwrap();
            all.extend(page.items.iter().filter_map(|item| item.event.as_ref()).map(|event| event.kind));
            cursor = page.items.last().map_or(cursor, |item| item.after);
            if page.end.is_some() {
                break;
            }
        }
        assert_eq!(all, told, "{size}");
    }
}

fn seen(name: &str, online: bool, number: i64) -> Seen {
    Seen { user: user(name).id, online, number, at: now(), silent: false }
}

/// By who knows that all began anew when the webhook was made.
async fn record(store: &Webhooks, seen: Vec<Seen>) {
    assert!(store.seen(store.beginning().await.unwrap(), seen).await.unwrap());
}

async fn told_of(store: &Webhooks, name: &str) -> Vec<(i64, bool)> {
    let lane = Lane::User(user(name).id);
    let page = store.page(lane, lane.start(), Events::ALL, 100).await.unwrap().unwrap();
    let events = page.items.into_iter().filter_map(|item| item.event);
    events.map(|event| (event.place.number(), event.kind == EventKind::UserOnline)).collect()
}

async fn presence_alternates_and_what_comes_late_is_dropped(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    made(&store, Events::ALL).await;
    let at = now().timestamp_micros();
    record(&store, vec![seen("ana", true, at), seen("bo", false, at), seen("ana", true, at + 2)]).await;
    // Another node has found her lease ended before she came there.
    record(&store, vec![seen("ana", false, at + 1)]).await;
    record(&store, vec![seen("ana", false, at + 3), seen("ana", true, at + 4)]).await;
    assert_eq!(told_of(&store, "ana").await, [(1, true), (2, false), (3, true)]);
    assert_eq!(told_of(&store, "bo").await, [], "who was never there has not gone");
    assert_eq!(store.online(tenfour::domain::ids::UserId(Uuid::nil()), 9).await.unwrap(), [user("ana").id]);
    // A clock that was far ahead is no reason to be deaf for ever.
    record(&store, vec![seen("ana", false, at + 3_600_000_000)]).await;
    record(&store, vec![seen("ana", true, at + 5)]).await;
    assert_eq!(told_of(&store, "ana").await.last(), Some(&(5, true)));
}

async fn who_was_online_before_anybody_was_told_is_no_news(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    let at = now().timestamp_micros();
    let first = made(&store, Events::ALL).await;
    record(&store, vec![Seen { silent: true, ..seen("ana", true, at) }, seen("bo", true, at)]).await;
    assert_eq!((told_of(&store, "ana").await, told_of(&store, "bo").await), (vec![], vec![(1, true)]));
    record(&store, vec![seen("ana", false, at + 1)]).await;
    assert_eq!(told_of(&store, "ana").await, [(1, false)]);
    // Nobody is told any more; the next one is told of what comes then.
    store.remove(first).await.unwrap().unwrap();
    made(&store, Events::only([EventKind::UserOffline])).await;
    assert_eq!(store.online(tenfour::domain::ids::UserId(Uuid::nil()), 9).await.unwrap(), []);
}

/// A lane that fails, with one event of it set aside.
async fn fails(store: &Webhooks, worker: WorkerId, webhook: WebhookId, lane: Lane) {
    let (from, rewinds) = held(claim(store, webhook, worker, lane).await);
    let trouble = Trouble { error: "answered 500".to_owned(), unreachable: false };
    let event_id = EventId(Uuid::now_v7());
    let event = EventKind::MessageSent.as_str().to_owned();
    let failing = Failing {
        event_id,
        event: event.clone(),
        attempts: 2,
        first_at: now(),
        next_at: now(),
        trouble: trouble.clone(),
    };
    let aside = Failure {
        event_id,
        event,
        lane,
        place: Place::Version(1),
        at: now(),
        first_at: now(),
        failed_at: now(),
        attempts: 3,
        error: trouble.error,
        wanted: false,
    };
    let settled =
        Settled { failing: Some(failing), aside: Some(aside), ..settled(webhook, lane, (from, rewinds), from) };
    assert!(store.settle(worker, vec![settled]).await.unwrap()[0].2);
}

async fn what_a_removed_webhook_leaves_is_cleared(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    let (webhook, worker) = (made(&store, Events::ALL).await, new_worker());
    let channel = group(&writer, &["ana"]).await;
    fails(&store, worker, webhook, lane(&channel)).await;
    let (failing, aside) = store.troubles(webhook, 9).await.unwrap();
    assert_eq!((failing.len(), aside.len(), store.extent().await.unwrap().failing), (1, 1, 1));
    assert_eq!(store.due(now(), vec![webhook]).await.unwrap(), [(webhook, lane(&channel))]);
    store.remove(webhook).await.unwrap().unwrap();
    assert_eq!(store.list().await.unwrap(), []);
    assert_eq!(store.troubles(webhook, 9).await.unwrap(), (vec![], vec![]));
    assert_eq!(store.extent().await.unwrap().failing, 0);
    assert!(store.rewind(webhook, Rewind::Failed).await.unwrap().is_err());
}

async fn nobody_gets_a_lane_of_a_webhook_that_is_gone_or_disabled(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    let (webhook, worker) = (made(&store, Events::ALL).await, new_worker());
    let channel = group(&writer, &["ana"]).await;
    send(&writer, &channel, "ana", "hello").await;
    let asked = ask(webhook, worker, vec![lane(&channel)]);
    let lanes = |claims: Vec<(Lane, Claim)>| claims.len();
    assert_eq!(lanes(store.claim(asked.clone()).await.unwrap()), 1);
    let state = |active: bool| WebhookChange { active: Some(active), ..WebhookChange::default() };
    store.change(webhook, state(false)).await.unwrap().unwrap();
    assert_eq!(lanes(store.claim(asked.clone()).await.unwrap()), 0, "disabled");
    store.change(webhook, state(true)).await.unwrap().unwrap();
    assert_eq!(lanes(store.claim(asked.clone()).await.unwrap()), 1);
    store.remove(webhook).await.unwrap().unwrap();
    assert_eq!(lanes(store.claim(asked).await.unwrap()), 0, "gone");
}

async fn a_user_whose_changes_are_gone_is_nothing_to_do(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    let (webhook, worker) = (made(&store, Events::ALL).await, new_worker());
    let lane = Lane::User(user("ana").id);
    record(&store, vec![seen("ana", true, now().timestamp_micros())]).await;
    let first = held(claim(&store, webhook, worker, lane).await);
    store.tidy(now() + TimeDelta::seconds(1), now()).await.unwrap();
    let page = store.page(lane, first.0, Events::ALL, 16).await.unwrap().unwrap();
    assert_eq!(page.items, []);
    store.settle(worker, vec![settled(webhook, lane, first, page.end.unwrap())]).await.unwrap();
    assert_eq!(claim(&store, webhook, worker, lane).await, Claim::Idle);
}

async fn who_is_erased_has_never_come_or_gone(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    made(&store, Events::ALL).await;
    let (ana, at) = (user("ana").id, now().timestamp_micros());
    record(&store, vec![seen("ana", true, at), seen("bo", true, at)]).await;
    let kept = reader.presence_changes(ana, 0, 9).await.unwrap();
    assert_eq!(kept.iter().map(|(change, online, _)| (*change, *online)).collect::<Vec<_>>(), [(1, true)]);
    writer.forget_user(ana).await.unwrap();
    assert_eq!(reader.presence_changes(ana, 0, 9).await.unwrap(), []);
    assert_eq!((told_of(&store, "ana").await, told_of(&store, "bo").await), (vec![], vec![(1, true)]));
    // What comes later has not the name of what came before.
    record(&store, vec![seen("ana", false, at + 1)]).await;
    assert_eq!(told_of(&store, "ana").await, [(2, false)]);
}

async fn who_is_seen_before_it_is_known_that_all_begins_anew_is_not_taken_for_new(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    let first = made(&store, Events::ALL).await;
    let began = store.beginning().await.unwrap();
    let at = now().timestamp_micros();
    assert!(store.seen(began, vec![seen("ana", true, at)]).await.unwrap());
    store.remove(first).await.unwrap().unwrap();
    made(&store, Events::ALL).await;
    // Whoever has not heard of that is told to say first who is there.
    assert!(!store.seen(began, vec![seen("ana", false, at + 1)]).await.unwrap());
    let anew = store.beginning().await.unwrap();
    assert!(anew > began);
    let there = Seen { silent: true, ..seen("ana", true, 0) };
    assert!(store.seen(anew, vec![there, seen("ana", false, at + 1)]).await.unwrap());
    assert_eq!(told_of(&store, "ana").await, [(1, true), (2, false)]);
}

async fn what_was_imported_is_no_event(writer: Writer, reader: Reader) {
    let store = writer.webhooks(&reader);
    let channel = group(&writer, &["ana"]).await;
    let mut imported = item(&channel, "ana", "long ago");
    imported.message.id = MessageId::imported(channel.id, "1");
    writer.append(vec![imported]).await.unwrap();
    send(&writer, &channel, "ana", "now").await;
    let start = lane(&channel).start();
    assert_eq!(kinds(&store, lane(&channel), start).await, [EventKind::ChannelCreated, EventKind::MessageSent]);
}
