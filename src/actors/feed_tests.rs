use super::*;
use crate::socket::Limits;
use proptest::prelude::*;
use uuid::Uuid;

const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(1));

fn feed() -> Feed {
    Feed::new(Outbox::without_socket(Limits { bytes: 1 << 20, ..Limits::default() }))
}

fn framed(version: i64) -> Bytes {
    Bytes::from(version.to_string())
}

#[test]
fn what_comes_while_joining_is_passed_above_the_snapshot_only() {
    let feed = feed();
    feed.hold(CHANNEL);
    for version in 4..=7 {
        feed.pass(CHANNEL, version, version, &framed(version));
    }
    feed.release_all(b"hello", &[(CHANNEL, 5)]);
    assert_eq!(feed.outbox().queued().0, 2, "versions 6 and 7");
    assert_eq!(feed.passed(CHANNEL), Some(7));
}

#[test]
fn a_gap_ends_the_socket() {
    let feed = feed();
    feed.hold(CHANNEL);
    feed.release_all(b"hello", &[(CHANNEL, 5)]);
    feed.pass(CHANNEL, 7, 7, &framed(7));
    assert_eq!(feed.outbox().closed_with().map(|(code, _)| code), Some(1001));
}

#[test]
fn a_removal_while_joining_is_told_after_the_announcement() {
    let feed = feed();
    feed.hold(CHANNEL);
    feed.remove(CHANNEL, 6, framed(0));
    feed.pass(CHANNEL, 7, 7, &framed(7));
    feed.release_all(b"hello", &[(CHANNEL, 5)]);
    assert_eq!(feed.outbox().queued().0, 1, "the removal and nothing after it");
    assert!(!feed.has(CHANNEL));
}

#[test]
fn a_removal_that_the_snapshot_is_beyond_is_over() {
    let feed = feed();
    feed.hold(CHANNEL);
    assert!(!feed.remove(CHANNEL, 5, framed(0)), "whether it counts shows with the snapshot");
    feed.pass(CHANNEL, 6, 6, &framed(6));
    feed.release_all(b"hello", &[(CHANNEL, 6)]);
    assert_eq!((feed.outbox().queued().0, feed.passed(CHANNEL)), (0, Some(6)));
    assert!(!feed.remove(CHANNEL, 5, framed(0)), "said again by a room that was started anew");
    assert!(feed.remove(CHANNEL, 7, framed(0)));
}

#[test]
fn of_a_run_everybody_gets_what_comes_next_to_them() {
    for (start, queued, passed) in [(3, 3, Some(6)), (4, 2, Some(6)), (6, 0, Some(6)), (2, 0, Some(2))] {
        let feed = feed();
        feed.hold(CHANNEL);
        feed.release_all(b"hello", &[(CHANNEL, start)]);
        feed.pass_run(CHANNEL, 4, &Run::new((4..=6).map(framed).collect()));
        assert_eq!((feed.outbox().queued().0, feed.passed(CHANNEL)), (queued, passed), "from {start}");
    }
}

/// The ack as it is in turn, or beside the order, which is longer.
fn ack(duplicate: bool) -> Bytes {
    Bytes::from(if duplicate { "a duplicate's ack" } else { "ack" })
}

fn live(version: i64) -> Feed {
    let feed = feed();
    feed.hold(CHANNEL);
    feed.release_all(b"hello", &[(CHANNEL, version)]);
    feed
}

#[test]
fn an_ack_takes_its_place_or_goes_beside_the_order() {
    for (version, is_beside, passed) in [(6, false, 6), (8, true, 5), (5, true, 5), (3, true, 5)] {
        let feed = live(5);
        feed.pass_ack(CHANNEL, version, ack);
        assert_eq!(feed.outbox().queued(), (1, ack(is_beside).len()), "version {version}");
        assert_eq!(feed.passed(CHANNEL), Some(passed), "version {version}");
    }
    // What comes to a channel that the session is not in, or no longer, has no order to stand beside.
    let feed = feed();
    feed.pass_ack(CHANNEL, 6, ack);
    assert_eq!(feed.outbox().queued(), (1, ack(false).len()));
}

#[test]
fn after_an_ack_beside_the_order_that_goes_on_without_a_gap() {
    let feed = live(5);
    feed.pass_ack(CHANNEL, 7, ack);
    feed.pass(CHANNEL, 6, 6, &framed(6));
    feed.pass(CHANNEL, 7, 8, &framed(8));
    assert_eq!((feed.outbox().queued().0, feed.passed(CHANNEL)), (3, Some(8)));
    assert!(!feed.outbox().is_closed());
}

#[test]
fn an_ack_that_comes_while_joining_is_passed_whatever_becomes_of_that() {
    // Released: in its place above the snapshot, else beside the order.
    for (version, is_beside, passed) in [(6, false, 6), (5, true, 5), (8, true, 5)] {
        let feed = feed();
        feed.hold(CHANNEL);
        feed.pass_ack(CHANNEL, version, ack);
        assert_eq!(feed.outbox().queued(), (0, 0));
        feed.release(CHANNEL, framed(5), 5);
        assert_eq!(feed.outbox().queued(), (2, 1 + ack(is_beside).len()), "version {version}");
        assert_eq!(feed.passed(CHANNEL), Some(passed), "version {version}");
    }
    // Given up.
    let given_up = feed();
    given_up.hold(CHANNEL);
    given_up.pass_ack(CHANNEL, 6, ack);
    given_up.forget_held(CHANNEL);
    assert_eq!((given_up.outbox().queued(), given_up.has(CHANNEL)), ((1, ack(false).len()), false));
    // Removed, and added again.
    let removed = feed();
    removed.hold(CHANNEL);
    removed.remove(CHANNEL, 6, framed(6));
    removed.pass_ack(CHANNEL, 8, ack);
    removed.release(CHANNEL, framed(5), 5);
    assert_eq!((removed.outbox().queued(), removed.has(CHANNEL)), ((3, 2 + ack(false).len()), false));
}

proptest! {
    /// However a room repeats itself, a session sees each version once and in order.
    #[test]
    fn repeated_changes_are_passed_once(start in 0_i64..5, offered in proptest::collection::vec(1_i64..12, 0..40)) {
        let feed = feed();
        feed.hold(CHANNEL);
        feed.release_all(b"hello", &[(CHANNEL, start)]);
        let mut last = start;
        for version in offered {
            if version > last + 1 {
                continue;
            }
            feed.pass(CHANNEL, version, version, &framed(version));
            last = last.max(version);
            prop_assert_eq!(feed.passed(CHANNEL), Some(last));
        }
        prop_assert_eq!(i64::try_from(feed.outbox().queued().0).unwrap(), last - start);
    }
}

fn given(after: i64, version: i64) -> Vec<Given> {
    vec![Given { channel: CHANNEL, reach: Reach { after, version } }]
}

#[test]
fn what_was_passed_is_unconfirmed_until_it_is_confirmed() {
    let feed = feed();
    feed.hold(CHANNEL);
    assert_eq!(feed.unconfirmed(), []);
    feed.pass(CHANNEL, 6, 6, &framed(6));
    feed.release_all(b"hello", &[(CHANNEL, 5)]);
    feed.pass_ack(CHANNEL, 7, |_| framed(7));
    let asked = feed.unconfirmed();
    assert_eq!(asked, given(5, 7), "what the snapshot had is not counted");
    feed.pass(CHANNEL, 8, 8, &framed(8));
    feed.confirm(&asked);
    assert_eq!(feed.unconfirmed(), given(7, 8));
    feed.confirm(&asked);
    feed.confirm(&given(7, 8));
    assert_eq!(feed.unconfirmed(), []);
}

#[test]
fn pages_count_when_they_have_come_to_where_the_session_began() {
    let feed = feed();
    let page = |after, version| feed.gave_page(CHANNEL, Reach { after, version });
    page(0, 9);
    feed.hold(CHANNEL);
    page(0, 9);
    feed.release_all(b"hello", &[(CHANNEL, 9)]);
    page(1, 4);
    page(4, 7);
    feed.pass(CHANNEL, 10, 10, &framed(10));
    assert_eq!(feed.unconfirmed(), given(9, 10), "there is a gap between the two");
    // Newer than what was passed on.
    page(7, 11);
    let asked = feed.unconfirmed();
    assert_eq!(asked, given(1, 11));
    feed.pass(CHANNEL, 11, 11, &framed(11));
    feed.pass(CHANNEL, 12, 12, &framed(12));
    feed.confirm(&asked);
    assert_eq!(feed.unconfirmed(), given(11, 12));
    page(8, 12);
    assert_eq!(feed.unconfirmed(), given(8, 12));
    page(0, 5);
    page(2, 8);
    page(8, 12);
    assert_eq!(feed.unconfirmed(), given(2, 12), "a page that does not follow begins anew");
}

#[test]
fn what_was_given_before_a_removal_confirms_nothing_after_it() {
    let feed = feed();
    feed.hold(CHANNEL);
    feed.release_all(b"hello", &[(CHANNEL, 5)]);
    feed.pass(CHANNEL, 6, 6, &framed(6));
    feed.gave_page(CHANNEL, Reach { after: 0, version: 5 });
    let asked = feed.unconfirmed();
    feed.remove(CHANNEL, 7, framed(7));
    feed.confirm(&asked);
    assert_eq!(feed.unconfirmed(), []);
    feed.hold(CHANNEL);
    feed.release(CHANNEL, framed(9), 9);
    feed.pass(CHANNEL, 10, 10, &framed(10));
    feed.confirm(&asked);
    assert_eq!(feed.unconfirmed(), given(9, 10));
}
