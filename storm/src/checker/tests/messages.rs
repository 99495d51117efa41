//! I1 to I7: what is stored, once, by whom, the same for all, in which order.

use uuid::Uuid;

use super::story::{
    add_behind, answer_mut, answer_to, ask_mut, copies, finds, is_ask, message_frame, move_behind, nth, record_copies,
    with,
};
use crate::checker::{Anomaly, check};
use crate::history::{Answer, Ask, Copy, History, LostAtPowerCut, Record, What, hash};

fn send_in(channel: u16) -> impl Fn(&Record) -> bool {
    move |record| is_ask(record, |ask| matches!(ask, Ask::Send { channel: of, .. } if *of == channel))
}

/// Out of all final logs, as if there had never been more.
fn drop_newest(history: &mut History, channel: u16) -> Copy {
    let mut dropped = None;
    for log in history.finals.iter_mut().filter(|log| log.channel == channel) {
        dropped = log.messages.pop();
        log.held.last_seq -= 1;
    }
    dropped.unwrap()
}

#[test]
fn what_was_acknowledged_and_is_gone() {
    let verdict = with(|history| _ = drop_newest(history, 0));
    finds(&verdict, Anomaly::Lost, "is not in the final log");
}

#[test]
fn an_edit_that_was_done_and_is_gone() {
    let verdict = with(|history| {
        for log in history.finals.iter_mut().filter(|log| log.channel == 0) {
            log.messages[0].edited = false;
        }
    });
    finds(&verdict, Anomaly::Lost, "an edit of message");
}

#[test]
fn an_older_edit_that_is_left() {
    let verdict = with(|history| {
        for log in history.finals.iter_mut().filter(|log| log.channel == 0) {
            log.messages[0].content = hash("edited");
        }
    });
    finds(&verdict, Anomaly::Lost, "an older one is left");
}

#[test]
fn a_deletion_that_was_done_and_is_gone() {
    let verdict = with(|history| {
        for log in history.finals.iter_mut().filter(|log| log.channel == 0) {
            log.messages[1].deleted = false;
        }
    });
    finds(&verdict, Anomaly::Lost, "the deletion of message");
}

#[test]
fn an_addition_that_was_done_and_is_gone() {
    let verdict = with(|history| {
        for log in history.finals.iter_mut().filter(|log| log.channel == 0) {
            log.held.members.retain(|user| *user != 3);
        }
    });
    finds(&verdict, Anomaly::Lost, "the addition to channel 0 of user 3");
}

#[test]
fn what_a_power_cut_loses() {
    let verdict = with(|history| {
        let asked = nth(history, 0, send_in(0));
        let Ask::Send { channel, client_id, .. } = *ask_mut(&mut history.records[asked]) else { unreachable!() };
        history.lost_at_power_cut.push(LostAtPowerCut { at: 5, channel, client_id });
    });
    finds(&verdict, Anomaly::LostAtPowerCut, "acked");
}

#[test]
fn what_was_shown_and_is_not_stored() {
    let verdict = with(|history| {
        let dropped = drop_newest(history, 0);
        for record in &mut history.records {
            // Nobody had an answer.
            if matches!(&record.what, What::Answered { answer: Answer::Acked { message, .. }, .. } if *message == dropped.id)
            {
                *answer_mut(record) = Answer::Unknown;
            }
        }
        history.records.retain(|record| {
            !matches!(&record.what, What::Handed { event: crate::history::Handed::Sent { message, .. } }
                if *message == dropped.id)
        });
    });
    finds(&verdict, Anomaly::Phantom, "was shown and is not in the final log");
}

#[test]
fn what_nobody_sent() {
    let verdict = with(|history| {
        let asked = nth(history, 0, send_in(0));
        let answered = answer_to(history, asked, 0);
        history.records.remove(answered);
        history.records.remove(asked);
    });
    finds(&verdict, Anomaly::Phantom, "never sent message");
}

#[test]
fn another_content_than_was_sent() {
    let verdict = with(|history| {
        let asked = nth(history, 0, send_in(0));
        let Ask::Send { content, .. } = ask_mut(&mut history.records[asked]) else { unreachable!() };
        *content += 1;
    });
    finds(&verdict, Anomaly::Phantom, "nobody who may asked for version 1");
}

#[test]
fn an_edit_by_somebody_else() {
    let verdict = with(|history| {
        let asked = nth(history, 0, |record| is_ask(record, |ask| matches!(ask, Ask::Edit { .. })));
        history.records[asked].client = 2;
    });
    finds(&verdict, Anomaly::Phantom, "nobody who may asked for version 4");
}

#[test]
fn a_deletion_that_nobody_asked_for() {
    let verdict = with(|history| {
        let asked = nth(history, 0, |record| is_ask(record, |ask| matches!(ask, Ask::Delete { .. })));
        let answered = answer_to(history, asked, 0);
        *answer_mut(&mut history.records[answered]) = Answer::Refused { code: "forbidden".into(), retryable: false };
    });
    finds(&verdict, Anomaly::Phantom, "nobody who may asked for version 6");
}

#[test]
fn one_client_id_stored_twice() {
    let verdict = with(|history| {
        let of = |record: &mut Record| match *ask_mut(record) {
            Ask::Send { client_id, .. } => client_id,
            _ => Uuid::nil(),
        };
        // Both of client 0.
        let (first, second) = (nth(history, 0, send_in(0)), nth(history, 3, send_in(0)));
        let (first, second) = (of(&mut history.records[first]), of(&mut history.records[second]));
        copies(history).filter(|copy| copy.client_id == second).for_each(|copy| copy.client_id = first);
    });
    finds(&verdict, Anomaly::Duplicate, "one clientId is seq 1 of channel 0 and seq 4");
}

#[test]
fn one_id_for_two_messages() {
    let verdict = with(|history| {
        let ids: Vec<_> = history.finals[0].messages.iter().map(|copy| copy.id).collect();
        copies(history).filter(|copy| copy.id == ids[1]).for_each(|copy| copy.id = ids[0]);
    });
    finds(&verdict, Anomaly::Duplicate, "one id is seq 1 of channel 0 and seq 2");
}

/// Where the one send that is tried twice is asked for the second time.
fn retry(history: &History) -> usize {
    let mut seen = std::collections::HashSet::new();
    let again = |record: &Record| match &record.what {
        What::Asked { ask: Ask::Send { client_id, .. }, .. } => !seen.insert(*client_id),
        _ => false,
    };
    history.records.iter().position(again).expect("one is tried twice")
}

#[test]
fn two_different_acks_of_one_send() {
    let verdict = with(|history| {
        let asked = retry(history);
        let op = answer_to(history, asked, 0);
        let first = nth(history, 0, |record| is_ask(record, |ask| same_send(ask, &history.records[asked])));
        let first = answer_to(history, first, 0);
        let acked = answer_mut(&mut history.records[op]).clone();
        *answer_mut(&mut history.records[first]) = acked;
        let Answer::Acked { version, .. } = answer_mut(&mut history.records[op]) else { unreachable!() };
        *version += 1;
    });
    finds(&verdict, Anomaly::Duplicate, "one send has two different acks");
}

fn same_send(ask: &Ask, other: &Record) -> bool {
    matches!(&other.what, What::Asked { ask: other, .. } if ask == other)
}

#[test]
fn two_sends_acknowledged_under_one_client_id() {
    let verdict = with(|history| {
        let asked = retry(history);
        let op = answer_to(history, asked, 0);
        let first = nth(history, 0, |record| is_ask(record, |ask| same_send(ask, &history.records[asked])));
        let first = answer_to(history, first, 0);
        *answer_mut(&mut history.records[first]) = answer_mut(&mut history.records[op]).clone();
        let Ask::Send { content, .. } = ask_mut(&mut history.records[asked]) else { unreachable!() };
        *content += 1;
    });
    finds(&verdict, Anomaly::Duplicate, "two different sends under one clientId");
}

#[test]
fn the_refusal_of_a_retry() {
    for code in ["not_found", "conflict"] {
        let verdict = with(|history| {
            let asked = retry(history);
            let answered = answer_to(history, asked, 0);
            *answer_mut(&mut history.records[answered]) = Answer::Refused { code: code.into(), retryable: false };
        });
        finds(&verdict, Anomaly::RetryRefused, code);
    }
}

/// The first try had no answer, but somebody had been shown the message.
#[test]
fn the_refusal_of_a_retry_of_what_was_shown() {
    for (code, retryable) in [("not_found", false), ("rate_limited", true)] {
        let verdict = with(|history| {
            let asked = retry(history);
            let answered = answer_to(history, asked, 0);
            *answer_mut(&mut history.records[answered]) = Answer::Refused { code: code.into(), retryable };
        });
        finds(&verdict, Anomaly::RetryRefused, "handed");
    }
}

#[test]
fn the_refusal_of_a_retry_for_now_is_none() {
    super::story::nothing(&with(|history| {
        let asked = retry(history);
        let answered = answer_to(history, asked, 0);
        *answer_mut(&mut history.records[answered]) = Answer::Refused { code: "unavailable".into(), retryable: true };
    }));
}

#[test]
fn a_conflict_of_another_content_is_right() {
    super::story::nothing(&with(|history| {
        let asked = retry(history);
        let answered = answer_to(history, asked, 0);
        let Ask::Send { content, .. } = ask_mut(&mut history.records[asked]) else { unreachable!() };
        *content += 1;
        *answer_mut(&mut history.records[answered]) = Answer::Refused { code: "conflict".into(), retryable: false };
    }));
}

#[test]
fn observers_that_disagree() {
    let verdict = with(|history| {
        let at = nth(history, 0, |record| message_frame(record, 0).is_some_and(|copy| copy.edited));
        record_copies(&mut history.records[at].what)[0].content = hash("something else");
    });
    finds(&verdict, Anomaly::Divergent, "version 4 of channel 0 is two different changes");
    let verdict = with(|history| {
        let at = nth(history, 0, |record| message_frame(record, 0).is_some());
        record_copies(&mut history.records[at].what)[0].id = Uuid::from_u128(1);
    });
    finds(&verdict, Anomaly::Divergent, "seq 1 of channel 0 is two different messages");
    let verdict = with(|history| {
        let at = nth(history, 0, |record| message_frame(record, 0).is_some());
        record_copies(&mut history.records[at].what)[0].seq = i64::MAX;
    });
    finds(&verdict, Anomaly::Divergent, "no such message can exist");
}

#[test]
fn nodes_that_disagree() {
    let verdict = with(|history| history.finals[2].messages[2].version += 100);
    finds(&verdict, Anomaly::Divergent, "nodes 0 and 1 have different final logs");
    let verdict = with(|history| history.finals[2].held.members.clear());
    finds(&verdict, Anomaly::Divergent, "nodes 0 and 1 end with");
}

#[test]
fn holes_in_the_end() {
    let verdict = with(|history| {
        for log in history.finals.iter_mut().filter(|log| log.channel == 0) {
            log.messages.remove(2);
        }
    });
    finds(&verdict, Anomaly::Hole, "seq 3 of channel 0 is missing");
    let verdict = with(|history| {
        for log in history.finals.iter_mut().filter(|log| log.channel == 0) {
            log.held.last_seq += 1;
        }
    });
    finds(&verdict, Anomaly::Hole, "the head of channel 0 says");
    let verdict = with(|history| {
        for log in history.finals.iter_mut().filter(|log| log.channel == 0) {
            log.held.version += 1;
        }
    });
    finds(&verdict, Anomaly::Hole, "were asked for");
}

#[test]
fn a_message_before_what_was_known() {
    let verdict = with(|history| {
        // The first message is asked for when the second has been told.
        let later = nth(history, 0, |record| message_frame(record, 0).is_some_and(|copy| copy.seq == 2));
        let asked = nth(history, 0, send_in(0));
        let answered = answer_to(history, asked, 0);
        move_behind(history, answered, later);
        move_behind(history, asked, later - 1);
    });
    finds(&verdict, Anomaly::Reordered, "was known before seq 1 was asked for");
}

#[test]
fn messages_of_one_connection_in_another_order() {
    let verdict = with(|history| {
        let (first, second) = (nth(history, 3, send_in(0)), nth(history, 4, send_in(0)));
        assert_eq!(history.records[first].line, history.records[second].line);
        let what = history.records[first].what.clone();
        history.records[first].what = std::mem::replace(&mut history.records[second].what, what);
    });
    finds(&verdict, Anomaly::Reordered, "seq 5 of channel 0 was asked for before seq 4");
}

#[test]
fn messages_of_the_own_client_in_another_order() {
    let mut sim = super::story::begin();
    sim.kept_send(3, 0, false);
    sim.kept_send(3, 0, false);
    let mut history = sim.finish();
    super::story::nothing(&check(&history));
    // As if the second had been asked for first, and both before any answer.
    let (first, second) = (nth(&history, 0, send_in(0)), nth(&history, 1, send_in(0)));
    move_behind(&mut history, second, first);
    let what = history.records[first].what.clone();
    history.records[first].what = std::mem::replace(&mut history.records[first + 1].what, what);
    finds(&check(&history), Anomaly::Reordered, "on client 3 seq 2 of channel 0 was asked for before seq 1");
}

#[test]
fn of_many_findings_some_are_kept_and_all_are_counted() {
    let verdict = with(|history| history.alarms.extend((0..25).map(|number| format!("alarm {number}"))));
    let kept = verdict.findings.iter().filter(|finding| finding.anomaly == Anomaly::Alarm).count();
    assert_eq!((kept, verdict.counts[&Anomaly::Alarm]), (20, 25));
}

#[test]
fn a_frame_of_a_message_that_the_sender_had_acknowledged_already() {
    let verdict = with(|history| {
        let asked = nth(history, 0, send_in(0));
        let answered = answer_to(history, asked, 0);
        let told = nth(history, 0, |record| message_frame(record, 0).is_some_and(|copy| copy.seq == 1));
        let what = history.records[told].what.clone();
        add_behind(history, answered, what);
    });
    finds(&verdict, Anomaly::Repeated, "line 1 was at version 1 of channel 0 and got version 1");
}
