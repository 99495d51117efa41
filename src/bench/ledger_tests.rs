//! A daemon that is played: what it does right leaves no finding, and each kind of wrong leaves its own.

use super::super::scan::Kind;
use super::*;

const CHANNEL: &str = "00000000-0000-0000-0000-000000000002";
const OTHER: &str = "00000000-0000-0000-0000-000000000003";
/// The least that a histogram tells of.
const STEP: Duration = Duration::from_millis(10);

/// Two rooms of three; everybody holds version 1.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new([(CHANNEL.to_owned(), 3), (OTHER.to_owned(), 3)]);
    (0..6).for_each(|seat| ledger.starts_at(seat, 1));
    ledger
}

fn frame(kind: Kind, id: &str, version: i64) -> Scanned<'_> {
    Scanned {
        kind,
        client_id: Some(id.as_bytes()),
        channel_id: Some(CHANNEL.as_bytes()),
        version: Some(version),
        ..Scanned::default()
    }
}

struct Played {
    ledger: Ledger,
    begun: Instant,
    ids: Vec<String>,
}

impl Played {
    /// So many messages of the first member.
    fn of(sends: usize) -> Self {
        let (mut ledger, begun) = (ledger(), Instant::now());
        ledger.phase = Phase::Measuring;
        let ids = (0..sends).map(|_| ledger.begin(0, 0, begun, Duration::ZERO).to_string()).collect();
        Self { ledger, begun, ids }
    }

    fn ack(&mut self, send: usize, version: i64) -> Option<usize> {
        let frame = frame(Kind::Ack, &self.ids[send], version);
        self.ledger.acknowledged(0, &frame, self.begun + STEP)
    }

    fn deliver(&mut self, seat: usize, send: usize, version: i64) -> Option<usize> {
        let frame = frame(Kind::Message, &self.ids[send], version);
        self.ledger.delivered(seat, &frame, self.begun + 2 * STEP)
    }

    fn refuse(&mut self, send: usize) -> Option<usize> {
        let code = Some(&b"unavailable"[..]);
        self.ledger.refused(&Scanned { code, version: None, ..frame(Kind::Error, &self.ids[send], 0) })
    }

    /// Every violation by how often it was found, after the end.
    fn found(mut self) -> Vec<(Violation, u64)> {
        self.ledger.settle();
        let findings = &self.ledger.findings;
        assert_eq!(findings.total() > 0, !findings.examples.is_empty());
        Violation::ALL.into_iter().map(|v| (v, findings.count(v))).filter(|(_, count)| *count > 0).collect()
    }
}

#[test]
fn a_send_is_done_when_it_is_acknowledged_and_everybody_has_it() {
    let mut played = Played::of(2);
    assert_eq!(played.deliver(1, 0, 2), None);
    assert_eq!(played.ack(0, 2), None);
    assert_eq!(played.ledger.outstanding(), 2);
    assert_eq!(played.deliver(2, 0, 2), Some(0));
    assert_eq!((played.ack(1, 3), played.deliver(1, 1, 3), played.deliver(2, 1, 3)), (None, None, Some(0)));
    assert_eq!(played.ledger.outstanding(), 0);
    let tally = &played.ledger.tally;
    assert_eq!((tally.sent, tally.acknowledged, tally.delivered), (2, 2, 4));
    assert_eq!((tally.ack.most_ms(), tally.delivery.least_ms()), (Some(10.0), Some(20.0)));
    assert_eq!(played.found(), []);
}

#[test]
fn a_delivery_that_is_doubled_is_found() {
    let mut played = Played::of(1);
    played.ack(0, 2);
    played.deliver(1, 0, 2);
    played.deliver(1, 0, 2);
    played.deliver(2, 0, 2);
    assert_eq!(played.ledger.tally.delivered, 2);
    assert_eq!(played.found(), [(Violation::Doubled, 1)]);
}

#[test]
fn a_message_that_is_stored_twice_is_found() {
    let mut played = Played::of(1);
    for version in [2, 3] {
        played.deliver(1, 0, version);
        played.deliver(2, 0, version);
        played.ack(0, version);
    }
    // Twice at each recipient, and acknowledged twice.
    assert_eq!(played.found(), [(Violation::Doubled, 3)]);
}

#[test]
fn a_delivery_that_is_missing_is_found_in_the_middle_and_at_the_end() {
    let mut played = Played::of(2);
    played.ack(0, 2);
    played.ack(1, 3);
    played.deliver(1, 1, 3);
    played.deliver(2, 0, 2);
    assert_eq!(played.ledger.outstanding(), 2);
    assert_eq!(played.found(), [(Violation::Missing, 2)]);
}

#[test]
fn deliveries_that_are_swapped_are_found() {
    let mut played = Played::of(2);
    played.ack(0, 2);
    played.ack(1, 3);
    played.deliver(1, 1, 3);
    played.deliver(1, 0, 2);
    played.deliver(2, 0, 2);
    assert_eq!(played.deliver(2, 1, 3), Some(0));
    assert_eq!(played.ledger.outstanding(), 0);
    assert_eq!(played.found(), [(Violation::Disordered, 1)]);
}

#[test]
fn a_send_without_an_answer_is_found() {
    let mut played = Played::of(1);
    played.deliver(1, 0, 2);
    played.deliver(2, 0, 2);
    // Its sender lacks a version, too.
    assert_eq!(played.found(), [(Violation::Missing, 1), (Violation::Unacknowledged, 1)]);
}

#[test]
fn two_versions_of_one_message_and_a_message_of_another_channel_are_found() {
    let mut played = Played::of(1);
    played.ack(0, 2);
    played.deliver(1, 0, 2);
    let other_version = Scanned { since: Some(2), ..frame(Kind::Message, &played.ids[0], 3) };
    played.ledger.delivered(2, &other_version, played.begun);
    played.ledger.delivered(3, &frame(Kind::Message, &played.ids[0], 2), played.begun);
    let found = played.found();
    assert!(found.contains(&(Violation::Altered, 2)), "{found:?}");
}

#[test]
fn a_refused_send_is_not_waited_for_and_may_be_stored_after_all() {
    let mut played = Played::of(1);
    assert_eq!(played.refuse(0), Some(0));
    assert_eq!(played.ledger.outstanding(), 0);
    (0..3).for_each(|seat| assert_eq!(played.deliver(seat, 0, 2), None));
    assert_eq!(played.ledger.tally.refused["unavailable"], 1);
    assert_eq!(played.found(), []);
}

#[test]
fn what_is_sent_in_the_warm_up_is_not_timed_while_measuring() {
    let mut played = Played::of(0);
    played.ledger.phase = Phase::WarmUp;
    let begun = played.begun;
    played.ids = (0..2).map(|_| played.ledger.begin(0, 0, begun, Duration::ZERO).to_string()).collect();
    played.ack(0, 2);
    played.deliver(1, 0, 2);
    assert_eq!(played.ledger.tally.delivery.count(), 1);
    played.ledger.tally.clear();
    played.ledger.phase = Phase::Measuring;
    played.deliver(2, 0, 2);
    played.ack(1, 3);
    played.deliver(1, 1, 3);
    played.deliver(2, 1, 3);
    let tally = &played.ledger.tally;
    assert_eq!((tally.delivered, tally.delivery.count(), tally.ack.count()), (3, 0, 0));
}

#[test]
fn somebody_elses_message_has_its_place_in_the_order_and_is_not_counted() {
    let mut played = Played::of(1);
    let foreign = Uuid::new_v4().to_string();
    for seat in 0..3 {
        assert_eq!(played.ledger.delivered(seat, &frame(Kind::Message, &foreign, 2), played.begun), None);
    }
    played.ack(0, 3);
    played.deliver(1, 0, 3);
    played.deliver(2, 0, 3);
    assert_eq!(played.ledger.tally.delivered, 2);
    assert_eq!(played.found(), []);
}
