//! I22 and I23: reactions, instructions and answers.

use uuid::Uuid;

use super::story::{answer_mut, answer_to, copies, finds, is_ask, nth, record_copies, with};
use crate::checker::Anomaly;
use crate::extras::{Extra, ExtraNo, ReplyKind};
use crate::history::{Answer, Ask, Copy, History, Record};

/// Changes what hangs on the last state of a message, in all final logs.
fn in_the_end(history: &mut History, of: Copy, change: impl Fn(&mut Extra)) {
    let extra = changed(history, of.extra, change);
    for copy in history.finals.iter_mut().flat_map(|log| &mut log.messages) {
        if copy.id == of.id {
            copy.extra = extra;
        }
    }
}

fn changed(history: &mut History, extra: ExtraNo, change: impl Fn(&mut Extra)) -> ExtraNo {
    let mut other = history.extra(extra).clone();
    change(&mut other);
    history.extras.push(other);
    ExtraNo::try_from(history.extras.len() - 1).unwrap()
}

/// As it is in the end.
fn last_with(history: &History, wanted: impl Fn(&Extra) -> bool) -> Copy {
    let mut all = history.finals.iter().flat_map(|log| &log.messages);
    *all.find(|copy| wanted(history.extra(copy.extra))).expect("the day has such a message")
}

fn reacted(history: &History) -> Copy {
    last_with(history, |extra| !extra.reactions.is_empty())
}

/// Of whom two were asked, one of whom has not answered.
fn overdue(history: &History) -> Copy {
    last_with(history, |extra| extra.instruction.as_ref().is_some_and(|of| of.overdue.is_some()))
}

fn all_answered(history: &History) -> Copy {
    last_with(history, |extra| {
        extra.instruction.as_ref().is_some_and(|of| of.overdue.is_none() && !of.answers.is_empty())
    })
}

fn reacts(set_to: bool, of: u8) -> impl Fn(&Record) -> bool {
    move |record| is_ask(record, |ask| matches!(ask, Ask::React { sign, set, .. } if (*sign, *set) == (of, set_to)))
}

fn replies(kind: ReplyKind) -> impl Fn(&Record) -> bool {
    move |record| is_ask(record, |ask| matches!(ask, Ask::Reply { reply, .. } if reply.kind == kind))
}

/// As if it had been refused.
fn refuse(history: &mut History, asked: usize) {
    let answered = answer_to(history, asked, 0);
    *answer_mut(&mut history.records[answered]) = Answer::Refused { code: "forbidden".into(), retryable: false };
}

#[test]
fn a_reaction_that_was_acknowledged_and_is_gone() {
    let verdict = with(|history| {
        let copy = reacted(history);
        in_the_end(history, copy, |extra| extra.reactions.clear());
    });
    finds(&verdict, Anomaly::WrongReaction, "user 1 set reaction 0 on message");
}

#[test]
fn a_reaction_that_was_taken_back_and_is_there() {
    let verdict = with(|history| {
        let copy = reacted(history);
        in_the_end(history, copy, |extra| extra.reactions.push((1, vec![1])));
    });
    finds(&verdict, Anomaly::WrongReaction, "it was taken back or never set");
}

#[test]
fn a_reaction_of_who_never_reacted_or_was_refused() {
    let verdict = with(|history| {
        let of = reacted(history);
        let other = changed(history, of.extra, |extra| extra.reactions[0].1.push(2));
        for copy in copies(history).filter(|copy| copy.id == of.id && copy.extra == of.extra) {
            copy.extra = other;
        }
    });
    finds(&verdict, Anomaly::WrongReaction, "user 2 is said to react with 0");
    let verdict = with(|history| {
        let asked = nth(history, 0, reacts(true, 0));
        refuse(history, asked);
    });
    finds(&verdict, Anomaly::WrongReaction, "user 1 is said to react with 0");
}

#[test]
fn of_unknown_outcome_it_may_be_there_or_not() {
    let verdict = |is_there: bool| {
        with(|history| {
            let copy = reacted(history);
            let asked = nth(history, 0, reacts(true, 0));
            let answered = answer_to(history, asked, 0);
            *answer_mut(&mut history.records[answered]) = Answer::Unknown;
            if !is_there {
                in_the_end(history, copy, |extra| extra.reactions.clear());
            }
        })
    };
    for is_there in [true, false] {
        let found = verdict(is_there).counts.contains_key(&Anomaly::WrongReaction);
        assert!(!found, "there: {is_there}");
    }
}

#[test]
fn two_observers_see_other_reactions_under_one_version() {
    let verdict = with(|history| {
        let of = reacted(history);
        let other = changed(history, of.extra, |extra| extra.reactions.clear());
        let mut shown = history.records.iter_mut().flat_map(|record| record_copies(&mut record.what));
        shown.find(|copy| (copy.id, copy.extra) == (of.id, of.extra)).unwrap().extra = other;
    });
    finds(&verdict, Anomaly::Divergent, "is two different changes");
}

#[test]
fn who_is_out_has_reacted() {
    let verdict = with(|history| {
        let asked = nth(history, 0, |record| {
            record.client == 4 && is_ask(record, |ask| matches!(ask, Ask::Send { channel: 0, .. }))
        });
        // The second one is refused, since they are out.
        let asked = asked
            + 1
            + history.records[asked + 1..]
                .iter()
                .position(|record| {
                    record.client == 4 && is_ask(record, |ask| matches!(ask, Ask::Send { channel: 0, .. }))
                })
                .unwrap();
        let answered = answer_to(history, asked, 0);
        let message = history.finals[0].messages[0].id;
        *super::story::ask_mut(&mut history.records[asked]) = Ask::React { channel: 0, message, sign: 0, set: false };
        *answer_mut(&mut history.records[answered]) = Answer::Done { version: None };
    });
    finds(&verdict, Anomaly::ActedAfterRemoval, "reacted to or answered message");
}

#[test]
fn an_answer_that_was_acknowledged_and_is_gone() {
    let verdict = with(|history| {
        let copy = overdue(history);
        in_the_end(history, copy, |extra| extra.instruction.as_mut().unwrap().answers.clear());
    });
    finds(&verdict, Anomaly::WrongInstruction, "an answer of user 1 was done, and in the end it is None");
    let verdict = with(|history| {
        let copy = overdue(history);
        in_the_end(history, copy, |extra| {
            extra.instruction.as_mut().unwrap().answers[0].1 = super::sim_record::ACCEPTED;
        });
    });
    finds(&verdict, Anomaly::WrongInstruction, "in the end it is Some(Reply { kind: Accepted");
}

#[test]
fn an_answer_that_nobody_gave() {
    let verdict = with(|history| {
        let asked = nth(history, 0, replies(ReplyKind::Done));
        refuse(history, asked);
    });
    finds(&verdict, Anomaly::WrongInstruction, "user 1 is said to have answered, and never did so");
}

#[test]
fn another_instruction_than_was_sent() {
    for change in [
        |extra: &mut Extra| extra.instruction.as_mut().unwrap().assignees.push(0),
        |extra: &mut Extra| extra.instruction.as_mut().unwrap().deadline = Some(1),
        |extra: &mut Extra| extra.instruction = None,
    ] {
        let verdict = with(|history| {
            let copy = overdue(history);
            in_the_end(history, copy, change);
        });
        finds(&verdict, Anomaly::WrongInstruction, "another instruction is shown than was sent");
    }
}

#[test]
fn a_deadline_that_passed_and_was_not_raised() {
    let verdict = with(|history| {
        let copy = overdue(history);
        in_the_end(history, copy, |extra| extra.instruction.as_mut().unwrap().overdue = None);
    });
    finds(&verdict, Anomaly::WrongInstruction, "user 2 has not answered, and it was not raised");
}

#[test]
fn a_deadline_that_was_raised_for_nobody() {
    let verdict = with(|history| {
        let copy = all_answered(history);
        let late = history.wall_at_rest;
        in_the_end(history, copy, |extra| {
            let of = extra.instruction.as_mut().unwrap();
            (of.deadline, of.overdue) = (Some(late), Some(late));
        });
    });
    finds(&verdict, Anomaly::WrongInstruction, "all had answered before its deadline, and it was raised");
}

#[test]
fn a_deadline_that_was_raised_again() {
    let verdict = with(|history| {
        let of = overdue(history);
        let other =
            changed(history, of.extra, |extra| *extra.instruction.as_mut().unwrap().overdue.as_mut().unwrap() += 1);
        let asked = nth(history, 0, replies(ReplyKind::Accepted));
        let place = history.records.len() - 1;
        let mut late = history.records[asked].clone();
        late.at = history.records[place].at;
        late.what = crate::history::What::Answered {
            op: 0,
            answer: Answer::Page {
                channel: of.channel,
                messages: vec![Copy { version: of.version + 100, extra: other, ..of }],
                version: 0,
                has_more: false,
                reset: false,
                members: None,
            },
        };
        history.records.push(late);
    });
    finds(&verdict, Anomaly::WrongInstruction, "is overdue since another moment than before");
}

#[test]
fn a_list_of_what_is_open_that_lacks_something_or_has_too_much() {
    let verdict = with(|history| {
        let id = overdue(history).id;
        let list = history.endings.lists.iter_mut().find(|list| list.messages.contains(&id)).unwrap();
        list.messages.retain(|it| *it != id);
    });
    finds(&verdict, Anomaly::WrongOpen, "does not list it");
    let verdict = with(|history| {
        let id: Uuid = reacted(history).id;
        history.endings.lists[0].messages.push(id);
    });
    finds(&verdict, Anomaly::WrongOpen, "as open, and it is not");
}
