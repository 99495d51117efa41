//! I8 to I10, I13 and I14: what comes over a connection, what `sync` and history answer.

use super::story::{
    add_behind, answer_mut, answer_to, ask_mut, finds, frame, is_ask, last, last_line, message_frame, move_behind, nth,
    record_copies, with,
};
use crate::checker::Anomaly;
use crate::history::{Answer, Ask, Copy, Frame, Handed, History, What, hash};

/// The frame that brought this version of channel 0 to client 1.
fn brought(history: &History, version: i64) -> usize {
    nth(history, 0, |record| record.client == 1 && message_frame(record, 0).is_some_and(|copy| copy.version == version))
}

#[test]
fn a_frame_that_is_missing() {
    let verdict = with(|history| drop(history.records.remove(brought(history, 4))));
    finds(&verdict, Anomaly::Skipped, "was at version 3 of channel 0 and got 5 to 5");
    finds(&verdict, Anomaly::Skipped, "missed: ");
}

#[test]
fn a_frame_that_says_that_it_covers_what_is_missing() {
    super::story::nothing(&with(|history| {
        history.records.remove(brought(history, 4));
        let next = brought(history, 5);
        let What::Came { frame: Frame::Updated { since, .. } } = &mut history.records[next].what else {
            unreachable!()
        };
        *since = 4;
    }));
}

#[test]
fn an_ack_that_is_missing() {
    let verdict = with(|history| {
        let asked = nth(history, 0, |record| is_ask(record, |ask| matches!(ask, Ask::Send { .. })));
        let answered = answer_to(history, asked, 0);
        let Answer::Acked { duplicate, .. } = answer_mut(&mut history.records[answered]) else { unreachable!() };
        *duplicate = true;
    });
    finds(&verdict, Anomaly::Skipped, "line 1 was at version 0 of channel 0 and got 2 to 2");
}

/// A client that no longer waited for the ack does not know of it.
#[test]
fn an_ack_that_came_too_late_for_its_client() {
    super::story::nothing(&with(|history| {
        let asked = nth(history, 0, |record| is_ask(record, |ask| matches!(ask, Ask::Send { .. })));
        let answered = answer_to(history, asked, 0);
        *answer_mut(&mut history.records[answered]) = Answer::Unknown;
    }));
}

#[test]
fn a_frame_that_comes_twice() {
    let verdict = with(|history| {
        let at = brought(history, 4);
        let what = history.records[at].what.clone();
        add_behind(history, at, what);
    });
    finds(&verdict, Anomaly::Repeated, "was at version 4 of channel 0 and got version 4");
}

#[test]
fn frames_in_the_wrong_order() {
    let verdict = with(|history| {
        let (first, second) = (brought(history, 4), brought(history, 5));
        move_behind(history, first, second);
    });
    finds(&verdict, Anomaly::Skipped, "got 5 to 5");
    finds(&verdict, Anomaly::Repeated, "was at version 5 of channel 0 and got version 4");
}

#[test]
fn a_message_of_a_channel_that_was_not_told_of() {
    let verdict = with(|history| {
        let line = last_line(history, 4);
        let opened = nth(history, 0, |record| record.line == line);
        let what = nth(history, 0, |record| message_frame(record, 1).is_some());
        let What::Came { frame: mut frame @ Frame::Message { .. } } = history.records[what].what.clone() else {
            unreachable!()
        };
        if let Frame::Message { copy, .. } = &mut frame {
            assert_eq!(copy.channel, 1);
        }
        add_behind(history, opened, What::Came { frame });
    });
    finds(&verdict, Anomaly::Skipped, "was not told of channel 1");
}

/// The page of client 1's `sync` after it was away.
fn page(history: &History) -> usize {
    let asked = nth(history, 0, |record| record.client == 1 && is_ask(record, |ask| matches!(ask, Ask::Sync { .. })));
    answer_to(history, asked, 0)
}

fn page_mut(history: &mut History, at: usize) -> (&mut Vec<Copy>, &mut i64, &mut bool) {
    match answer_mut(&mut history.records[at]) {
        Answer::Page { messages, version, has_more, .. } => (messages, version, has_more),
        other => panic!("{other:?} is no page"),
    }
}

#[test]
fn a_page_that_leaves_something_out() {
    let verdict = with(|history| _ = page_mut(history, page(history)).0.remove(1));
    finds(&verdict, Anomaly::BadSync, "leaves out version 9");
}

#[test]
fn a_page_that_gives_what_is_held() {
    let verdict = with(|history| {
        let held = history.finals[0].messages[1];
        page_mut(history, page(history)).0.insert(0, held);
    });
    finds(&verdict, Anomaly::BadSync, "a page from 7 to 11 has version 6 after 7");
}

#[test]
fn a_page_out_of_order() {
    let verdict = with(|history| page_mut(history, page(history)).0.swap(0, 1));
    finds(&verdict, Anomaly::BadSync, "has version 8 after 9");
}

#[test]
fn a_page_that_leads_nowhere() {
    let verdict = with(|history| {
        let at = page(history);
        let (messages, version, has_more) = page_mut(history, at);
        messages.clear();
        (*version, *has_more) = (7, true);
    });
    finds(&verdict, Anomaly::BadSync, "leads nowhere");
}

#[test]
fn a_page_of_an_older_head() {
    let verdict = with(|history| {
        let at = page(history);
        let (messages, version, _) = page_mut(history, at);
        messages.pop();
        *version = 9;
    });
    finds(&verdict, Anomaly::StaleRead, "this user knew of version 11");
}

#[test]
fn a_page_with_other_members() {
    let verdict = with(|history| {
        let at = page(history);
        let Answer::Page { members: Some(members), .. } = answer_mut(&mut history.records[at]) else { unreachable!() };
        members.retain(|user| *user != 3);
    });
    finds(&verdict, Anomaly::BadSync, "user 3 is not listed in channel 0 at version 11");
    let verdict = with(|history| {
        let at = page(history);
        let Answer::Page { members: Some(members), .. } = answer_mut(&mut history.records[at]) else { unreachable!() };
        members.retain(|user| *user != 0);
    });
    finds(&verdict, Anomaly::BadSync, "not all who are always in channel 0");
}

#[test]
fn a_page_too_many() {
    let verdict = with(|history| {
        let at = page(history);
        let what = history.records[at].what.clone();
        add_behind(history, at, what);
    });
    finds(&verdict, Anomaly::BadSync, "one more page of channel 0");
}

#[test]
fn a_channel_of_which_sync_says_nothing() {
    let verdict = with(|history| drop(history.records.remove(page(history))));
    finds(&verdict, Anomaly::BadSync, "without a word of channel 0");
}

/// The page for the nth cursor that does not fit: of another history first, then ahead.
fn misfit(history: &History, n: usize) -> usize {
    let asked = nth(history, n, |record| is_ask(record, |ask| matches!(ask, Ask::Sync { forged: true, .. })));
    answer_to(history, asked, 0)
}

#[test]
fn a_cursor_that_does_not_fit_and_is_taken() {
    for (n, shown) in [(0, "of another history was taken"), (1, "a cursor ahead")] {
        let verdict = with(|history| {
            let at = misfit(history, n);
            let Answer::Page { reset, .. } = answer_mut(&mut history.records[at]) else { unreachable!() };
            *reset = false;
        });
        finds(&verdict, Anomaly::CursorNotReset, shown);
    }
}

#[test]
fn a_reset_without_reason() {
    let verdict = with(|history| {
        let at = page(history);
        let Answer::Page { reset, .. } = answer_mut(&mut history.records[at]) else { unreachable!() };
        *reset = true;
    });
    finds(&verdict, Anomaly::BadSync, "the cursor 7 fits and was answered with reset");
}

#[test]
fn a_newest_page_with_a_hole_or_without_the_newest() {
    let verdict = with(|history| _ = page_mut(history, misfit(history, 0)).0.remove(1));
    finds(&verdict, Anomaly::BadSync, "the newest page has seq");
    let verdict = with(|history| _ = page_mut(history, misfit(history, 0)).0.pop());
    finds(&verdict, Anomaly::BadSync, "and the newest page ends with 5");
}

/// The answer to client 2's nth call of history: all of it, below 3, above 4.
fn history_page(history: &History, n: usize) -> usize {
    let asked =
        nth(history, n, |record| record.client == 2 && is_ask(record, |ask| matches!(ask, Ask::History { .. })));
    answer_to(history, asked, 0)
}

#[test]
fn history_with_a_gap() {
    let verdict = with(|history| _ = page_mut(history, history_page(history, 0)).0.remove(1));
    finds(&verdict, Anomaly::BadSync, "history has seq 6 next to 4");
}

#[test]
fn history_that_begins_or_ends_elsewhere() {
    let verdict = with(|history| _ = page_mut(history, history_page(history, 1)).0.remove(0));
    finds(&verdict, Anomaly::StaleRead, "history below 3 begins with Some(1)");
    let verdict = with(|history| _ = page_mut(history, history_page(history, 1)).0.pop());
    finds(&verdict, Anomaly::BadSync, "history ends with Some(2) and says more: false");
    let verdict = with(|history| _ = page_mut(history, history_page(history, 2)).0.remove(0));
    finds(&verdict, Anomaly::BadSync, "history above 4 begins with Some(6)");
    let verdict = with(|history| _ = page_mut(history, history_page(history, 2)).0.pop());
    finds(&verdict, Anomaly::StaleRead, "history above 4 ends with Some(5)");
}

#[test]
fn history_in_an_older_state() {
    let verdict = with(|history| {
        let at = history_page(history, 1);
        let edited = history.finals[0].messages[0];
        let first = page_mut(history, at).0.pop().unwrap();
        assert_eq!((first, first.version), (edited, 5));
        page_mut(history, at).0.push(Copy { version: 4, content: hash("edited"), ..first });
    });
    finds(&verdict, Anomaly::StaleRead, "seq 1 was known at version 5 and is shown at 4");
}

/// Nobody saw the edit yet, but it was done.
#[test]
fn history_without_an_edit_that_was_done() {
    let verdict = with(|history| {
        let asked = nth(history, 0, |record| is_ask(record, |ask| matches!(ask, Ask::Send { .. })));
        let Ask::Send { content, .. } = *ask_mut(&mut history.records[asked]) else { unreachable!() };
        let at = history_page(history, 1);
        let first = page_mut(history, at).0.last_mut().unwrap();
        (first.version, first.content, first.edited) = (1, content, false);
        history.records.retain_mut(|record| {
            matches!(record.what, What::Answered { .. })
                || !record_copies(&mut record.what).iter().any(|copy| copy.edited)
        });
    });
    finds(&verdict, Anomaly::StaleRead, "seq 1 was edited and is shown as it was sent");
}

#[test]
fn a_deleted_message_that_is_shown() {
    let show = |copy: &mut Copy| (copy.deleted, copy.content) = (false, hash("once more"));
    // Asked for after it was deleted.
    let verdict = with(|history| show(&mut page_mut(history, history_page(history, 1)).0[0]));
    finds(&verdict, Anomaly::DeletedShown, "was deleted and its content is shown");
    // In a frame of a later version.
    let verdict = with(|history| {
        let at = brought(history, 6);
        let What::Came { frame: Frame::Deleted { copy, .. } } = history.records[at].what.clone() else {
            unreachable!()
        };
        let copy = Copy { version: 7, deleted: false, edited: true, ..copy };
        add_behind(history, at, What::Came { frame: Frame::Updated { copy, since: 7 } });
    });
    finds(&verdict, Anomaly::DeletedShown, "was deleted and its content is shown");
    // Said to be deleted, and shown all the same.
    let verdict = with(|history| {
        let at = brought(history, 6);
        record_copies(&mut history.records[at].what)[0].content = hash("still there");
    });
    finds(&verdict, Anomaly::DeletedShown, "deleted, with a content");
    let verdict = with(|history| history.finals[2].messages[1].content = hash("still there"));
    finds(&verdict, Anomaly::DeletedShown, "deleted, with a content");
}

/// What was sent before the deletion and is still on its way is no finding.
#[test]
fn a_message_that_arrives_after_its_deletion_was_done() {
    let mut sim = super::story::begin();
    sim.send(0, 0, super::sim::Fate::Fine);
    sim.deliver(0, usize::MAX);
    sim.change(0, 0, 1, None, super::sim::Fate::Fine);
    sim.deliver(0, usize::MAX);
    sim.deliver(2, usize::MAX);
    let history = sim.finish();
    let late = last(&history, |record| {
        record.client == 2 && frame(record).is_some_and(|frame| matches!(frame, Frame::Message { .. }))
    });
    let done = nth(&history, 0, |record| matches!(record.what, What::Answered { answer: Answer::Done { .. }, .. }));
    assert!(late > done);
    super::story::nothing(&crate::checker::check(&history));
}

#[test]
fn the_own_client_hands_out_twice() {
    let handed = |history: &History| {
        nth(history, 0, |record| matches!(&record.what, What::Handed { event: Handed::Message { .. } }))
    };
    let verdict = with(|history| {
        let at = handed(history);
        let what = history.records[at].what.clone();
        add_behind(history, at, what);
    });
    finds(&verdict, Anomaly::Repeated, "client 3 handed out version 1 after 1");
    let verdict = with(|history| {
        // Its edit, as if it were new.
        let at = nth(history, 0, |record| matches!(&record.what, What::Handed { event: Handed::Updated { .. } }));
        let copy = *record_copies(&mut history.records[at].what)[0];
        history.records[at].what = What::Handed { event: Handed::Message { copy } };
    });
    finds(&verdict, Anomaly::Repeated, "handed out seq 1 as new, which it has");
    let verdict = with(|history| {
        let at = nth(history, 0, |record| matches!(&record.what, What::Handed { event: Handed::Sent { .. } }));
        let what = history.records[at].what.clone();
        add_behind(history, at, what);
    });
    finds(&verdict, Anomaly::Repeated, "as sent, which it has");
}
