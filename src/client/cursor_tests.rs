//! The cursor, rule by rule.

use std::collections::BTreeMap;
use std::time::Instant;

use uuid::Uuid;

use crate::domain::channel::{ChannelKind, Role};
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};

use super::cursor::{Ask, Cursors};
use super::event::Event;
use super::frames::{Ack, ChannelInfo, Hello, Message, SyncPage, User};
use super::held::{Live, LiveFrame};

pub(super) const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(7));

pub(super) fn message(seq: i64, version: i64) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(seq.unsigned_abs().into())),
        client_id: Some(ClientId(Uuid::from_u128(seq.unsigned_abs().into()))),
        channel_id: CHANNEL,
        sender_id: UserId(Uuid::nil()),
        sender_name: "Ana".into(),
        seq,
        version,
        content: format!("{seq} as of {version}"),
        content_type: "text".into(),
        reply_to_id: None,
        attachments: Vec::new(),
        mention_ids: Vec::new(),
        reactions: Vec::new(),
        instruction: None,
        created_at: crate::domain::now(),
        updated_at: None,
        deleted_at: None,
    }
}

pub(super) fn hello(epoch: &str, version: i64, last_seq: i64) -> Hello {
    let channel = ChannelInfo {
        id: CHANNEL,
        kind: ChannelKind::Group,
        name: Some("all".into()),
        role: Role::Member,
        last_seq,
        version,
        last_read_seq: 0,
        unread: 0,
        member_ids: Vec::new(),
        online: Vec::new(),
        peer: None,
    };
    Hello {
        protocol: 1,
        epoch: epoch.into(),
        session_id: "s".into(),
        user: User { id: UserId(Uuid::nil()), name: "Ana".into() },
        heartbeat_ms: 1000,
        channels: vec![channel],
    }
}

pub(super) fn live(seq: i64, version: i64) -> LiveFrame {
    LiveFrame { since: None, version, what: Live::Message(message(seq, version)) }
}

pub(super) fn page(messages: Vec<Message>, version: i64) -> SyncPage {
    SyncPage { channel_id: CHANNEL, messages, version, has_more: false, reset: false, member_ids: None }
}

pub(super) fn ack(seq: i64, version: i64, duplicate: bool) -> Ack {
    let of = message(seq, version);
    Ack {
        client_id: of.client_id.unwrap(),
        server_id: of.id,
        channel_id: CHANNEL,
        seq,
        version,
        created_at: of.created_at,
        duplicate,
    }
}

fn seqs(events: &[Event]) -> Vec<(char, i64)> {
    let of = |event: &Event| match event {
        Event::Message(m) => ('m', m.seq),
        Event::Updated(m) => ('u', m.seq),
        Event::Deleted(m) => ('d', m.seq),
        Event::Members(m) => ('p', m.version),
        Event::Channel(c) => ('c', c.version),
        Event::Reset(_) => ('r', 0),
        other => panic!("{other:?}"),
    };
    events.iter().map(of).collect()
}

fn asked(cursors: &mut Cursors) -> Option<i64> {
    cursors.next_ask(Instant::now()).map(|ask| ask.channels[&CHANNEL])
}

#[test]
fn a_gap_is_asked_for_and_what_came_early_waits_its_turn() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    assert_eq!(seqs(&cursors.live(CHANNEL, live(6, 6))), [('m', 6)]);
    assert!(cursors.live(CHANNEL, live(6, 6)).is_empty(), "shown before");
    assert!(cursors.is_complete());
    assert!(cursors.live(CHANNEL, live(8, 8)).is_empty() && !cursors.is_complete(), "7 is missing");
    assert_eq!(asked(&mut cursors), Some(6));
    assert_eq!(asked(&mut cursors), None, "one at a time");
    assert!(cursors.live(CHANNEL, live(9, 9)).is_empty());
    assert_eq!(seqs(&cursors.page(page(vec![message(7, 7)], 7))), [('m', 7), ('m', 8), ('m', 9)]);
    cursors.completed(Instant::now());
    assert!(cursors.is_complete());
}

#[test]
fn since_covers_what_a_later_change_has_overtaken() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    let frame = LiveFrame { since: Some(6), ..live(6, 8) };
    assert_eq!(seqs(&cursors.live(CHANNEL, frame)), [('m', 6)]);
    assert!(cursors.is_complete());
}

#[test]
fn an_own_message_is_not_shown_again_by_a_page_but_its_edit_is() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    assert!(cursors.stored(&ack(7, 7, false)).is_empty());
    assert_eq!(asked(&mut cursors), Some(5), "6 is missing");
    assert_eq!(seqs(&cursors.page(page(vec![message(6, 6), message(7, 8)], 8))), [('m', 6), ('u', 7)]);
}

#[test]
fn a_duplicates_ack_is_no_step_of_the_sequence() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    cursors.stored(&ack(3, 3, true));
    assert!(cursors.is_complete());
    cursors.stored(&ack(6, 6, true));
    assert_eq!(asked(&mut cursors), Some(5), "there is a version that is not held");
    assert!(cursors.page(page(vec![message(6, 6)], 6)).is_empty(), "known by its ack");
    assert!(cursors.is_complete());
}

#[test]
fn another_history_starts_over() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("old", 50, 50));
    cursors.hello(&hello("new", 9, 9));
    assert!(cursors.live(CHANNEL, live(10, 10)).is_empty(), "10 of the new history says nothing about the old");
    let ask = cursors.next_ask(Instant::now()).expect("a sync");
    assert_eq!(ask, Ask { channels: BTreeMap::from([(CHANNEL, 50)]), epoch: "old".into() });
    let newest = SyncPage { reset: true, ..page(vec![message(8, 8), message(9, 9)], 9) };
    assert_eq!(seqs(&cursors.page(newest)), [('r', 0), ('m', 8), ('m', 9)]);
    cursors.completed(Instant::now());
    let ask = cursors.next_ask(Instant::now()).expect("10 was dropped with the rest");
    assert_eq!(ask, Ask { channels: BTreeMap::from([(CHANNEL, 9)]), epoch: "new".into() });
}

#[test]
fn a_cursor_ahead_of_the_channel_is_asked_about() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 50, 50));
    cursors.hello(&hello("e", 9, 9));
    assert_eq!(asked(&mut cursors), Some(50));
    let newest = SyncPage { reset: true, ..page(vec![message(9, 9)], 9) };
    assert_eq!(seqs(&cursors.page(newest)), [('r', 0), ('m', 9)]);
    assert!(cursors.is_complete());
}

#[test]
fn a_new_name_is_told_though_a_page_passes_it() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    let renamed = hello("e", 7, 6).channels.remove(0);
    cursors.live(CHANNEL, LiveFrame { since: None, version: 7, what: Live::Channel(renamed) });
    assert_eq!(asked(&mut cursors), Some(5));
    assert_eq!(seqs(&cursors.page(page(vec![message(6, 6)], 8))), [('c', 7), ('m', 6)]);
}

#[test]
fn a_new_name_that_a_page_reaches_is_told_too() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    let renamed = hello("e", 8, 6).channels.remove(0);
    cursors.live(CHANNEL, LiveFrame { since: None, version: 8, what: Live::Channel(renamed) });
    assert_eq!(asked(&mut cursors), Some(5));
    assert_eq!(seqs(&cursors.page(page(vec![message(6, 7)], 8))), [('c', 8), ('m', 6)]);
}

#[test]
fn what_came_while_a_page_was_under_way_is_not_shown_again_by_it() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    cursors.live(CHANNEL, live(7, 7));
    assert_eq!(asked(&mut cursors), Some(5));
    assert_eq!(seqs(&cursors.live(CHANNEL, live(6, 6))), [('m', 6), ('m', 7)]);
    let all = (6..9).map(|number| message(number, number)).collect();
    assert_eq!(seqs(&cursors.page(page(all, 8))), [('m', 8)]);
}

#[test]
fn a_fruitless_sync_is_not_repeated_at_once() {
    let (mut cursors, now) = (Cursors::default(), Instant::now());
    cursors.hello(&hello("e", 5, 5));
    cursors.live(CHANNEL, live(7, 7));
    assert!(cursors.next_ask(now).is_some());
    cursors.completed(now);
    assert!(cursors.next_ask(now).is_none());
    let due = cursors.next_due().expect("a time");
    assert!(cursors.next_ask(due).is_some());
}

#[test]
fn a_page_without_news_is_fruitful_where_it_moves_the_cursor() {
    let now = Instant::now();
    for (version, is_fruitful) in [(5, false), (6, true)] {
        let mut cursors = Cursors::default();
        cursors.hello(&hello("e", 5, 5));
        assert!(cursors.live(CHANNEL, live(8, 8)).is_empty());
        assert!(cursors.next_ask(now).is_some());
        assert!(cursors.page(page(Vec::new(), version)).is_empty());
        cursors.completed(now);
        assert_eq!(cursors.next_ask(now).is_some(), is_fruitful, "up to {version}");
    }
}

#[test]
fn a_channel_that_is_left_is_told_of_once_and_not_asked_for() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    cursors.live(CHANNEL, live(8, 8));
    assert_eq!(cursors.removed(CHANNEL), [Event::ChannelRemoved(CHANNEL)]);
    assert!(cursors.removed(CHANNEL).is_empty() && asked(&mut cursors).is_none());
}

#[test]
fn the_newest_state_of_a_channel_is_told_again_and_no_older_one() {
    let mut cursors = Cursors::default();
    let hello = hello("e", 5, 5);
    cursors.hello(&hello);
    let state = |version| {
        let info = ChannelInfo { version, ..hello.channels[0].clone() };
        LiveFrame { since: None, version, what: Live::Channel(info) }
    };
    assert_eq!(seqs(&cursors.live(CHANNEL, state(5))), [('c', 5)]);
    assert!(cursors.live(CHANNEL, state(4)).is_empty());
}

#[test]
fn what_comes_while_the_cursor_is_ahead_waits_for_the_page() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    cursors.hello(&hello("e", 3, 3));
    assert!(cursors.live(CHANNEL, live(6, 6)).is_empty(), "6 of which history?");
    assert_eq!(asked(&mut cursors), Some(5));
}

#[test]
fn a_replay_hands_the_last_changes_out_again() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    assert_eq!(seqs(&cursors.replay(CHANNEL, 2)), [('r', 0)]);
    assert_eq!(asked(&mut cursors), Some(3));
    assert!(cursors.live(CHANNEL, live(6, 6)).is_empty());
    assert_eq!(seqs(&cursors.page(page(vec![message(4, 4), message(5, 5)], 5))), [('m', 4), ('m', 5), ('m', 6)]);
}

#[test]
fn a_kept_frame_that_a_later_one_covers_is_not_shown_after_it() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    assert!(cursors.live(CHANNEL, live(6, 7)).is_empty());
    assert_eq!(seqs(&cursors.live(CHANNEL, LiveFrame { since: Some(6), ..live(6, 8) })), [('m', 6)]);
    assert_eq!(seqs(&cursors.live(CHANNEL, live(7, 9))), [('m', 7)], "the cursor did not go back");
}

#[test]
fn where_there_is_more_the_next_page_is_asked_for() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    cursors.live(CHANNEL, live(7, 7));
    assert_eq!(asked(&mut cursors), Some(5));
    cursors.page(SyncPage { has_more: true, ..page(vec![message(6, 6)], 7) });
    cursors.completed(Instant::now());
    assert_eq!(asked(&mut cursors), Some(7));
}

#[test]
fn a_page_that_was_asked_for_before_a_replay_leaves_no_hole() {
    let mut cursors = Cursors::default();
    cursors.hello(&hello("e", 5, 5));
    cursors.live(CHANNEL, live(7, 7));
    assert_eq!(asked(&mut cursors), Some(5));
    cursors.replay(CHANNEL, 3);
    assert!(cursors.page(page(vec![message(6, 6), message(7, 7)], 7)).is_empty(), "3 to 5 are missing");
    cursors.refused(Instant::now());
    assert_eq!(asked(&mut cursors), Some(2));
}
