//! I21 and I24 to I26: erasure, files, revisions and searches.

use uuid::Uuid;

use super::sim::Fate;
use super::story::{
    answer_mut, answer_to, begin, everybody_reads, finds, is_ask, nothing, nth, record_copies, say, with,
};
use crate::checker::{Anomaly, Verdict, check};
use crate::endings::Received;
use crate::history::{Answer, Ask, Copy, History, Record, hash};

/// User 0 says something, edits it, with a file, and is erased; then they say something again. Channel 1 is held.
fn erased(flaw: impl FnOnce(&mut History)) -> Verdict {
    let mut sim = begin();
    say(&mut sim, 0, 0);
    say(&mut sim, 0, 1);
    sim.change(0, 0, 1, Some(hash("an edit to be erased")), Fate::Fine);
    everybody_reads(&mut sim);
    let file = sim.upload(0);
    sim.send_file(0, 0, file, Fate::Fine);
    everybody_reads(&mut sim);
    sim.erase(0, Fate::Fine);
    everybody_reads(&mut sim);
    sim.history(2, 0, None, None);
    say(&mut sim, 0, 0);
    let mut history = sim.finish();
    nothing(&check(&history));
    flaw(&mut history);
    check(&history)
}

fn first_of(history: &History, channel: u16) -> Copy {
    history.finals.iter().find(|log| log.channel == channel).unwrap().messages[0]
}

fn in_the_end(history: &mut History, id: Uuid, change: impl Fn(&mut Copy)) {
    history.finals.iter_mut().flat_map(|log| &mut log.messages).filter(|copy| copy.id == id).for_each(change);
}

fn is_erase(record: &Record) -> bool {
    is_ask(record, |ask| matches!(ask, Ask::Erase { .. }))
}

#[test]
fn what_was_erased_and_is_shown() {
    let verdict = erased(|history| {
        let id = first_of(history, 0).id;
        in_the_end(history, id, |copy| (copy.deleted, copy.content) = (false, hash("an edit to be erased")));
    });
    finds(&verdict, Anomaly::ErasedShown, "user 0 was erased, and their message");
    let verdict = erased(|history| {
        let asked = nth(history, 0, |record| is_ask(record, |ask| matches!(ask, Ask::History { .. })));
        let page = answer_to(history, asked, 0);
        let mut copies = record_copies(&mut history.records[page].what);
        copies.iter_mut().find(|copy| copy.seq == 1).unwrap().content = 5;
    });
    finds(&verdict, Anomaly::ErasedShown, "\"what\":\"answered\"");
}

#[test]
fn an_erasure_of_unknown_outcome_is_done_or_not() {
    let verdict = erased(|history| {
        let asked = nth(history, 0, is_erase);
        let answered = answer_to(history, asked, 0);
        *answer_mut(&mut history.records[answered]) = Answer::Unknown;
    });
    nothing(&verdict);
}

#[test]
fn what_nobody_asked_to_erase_and_is_gone() {
    let verdict = erased(|history| {
        let asked = nth(history, 0, is_erase);
        let answered = answer_to(history, asked, 0);
        *answer_mut(&mut history.records[answered]) = Answer::Refused { code: "forbidden".into(), retryable: false };
    });
    finds(&verdict, Anomaly::Phantom, "nobody who may asked for version");
}

#[test]
fn what_is_held_and_was_erased() {
    let verdict = erased(|history| {
        let id = first_of(history, 1).id;
        in_the_end(history, id, |copy| (copy.deleted, copy.content) = (true, hash("")));
    });
    finds(&verdict, Anomaly::HeldErased, "channel 1 is held, and message");
}

#[test]
fn what_was_erased_and_is_left_in_revisions_or_exports() {
    let verdict = erased(|history| {
        let id = first_of(history, 0).id;
        let revised = history.endings.revised.iter_mut().find(|it| it.message == id).unwrap();
        revised.revisions.push((1, 5));
    });
    finds(&verdict, Anomaly::ErasedShown, "has revisions");
    let verdict = erased(|history| history.endings.exports[0].contents.push(hash("an edit to be erased")));
    finds(&verdict, Anomaly::ErasedShown, "an export at node 0 has words of their message");
}

/// The revisions of the message that was edited twice.
fn edited_twice(history: &mut History) -> &mut Vec<(i64, u64)> {
    &mut history.endings.revised.iter_mut().find(|it| it.revisions.len() == 3).unwrap().revisions
}

#[test]
fn revisions_that_are_not_what_was_said() {
    let verdict = with(|history| _ = edited_twice(history).remove(0));
    finds(&verdict, Anomaly::WrongRevisions, "its first revision is not what was sent");
    let verdict = with(|history| _ = edited_twice(history).remove(1));
    finds(&verdict, Anomaly::WrongRevisions, "an edit was done, and none of its revisions says so");
    let verdict = with(|history| edited_twice(history)[1].1 = 5);
    finds(&verdict, Anomaly::WrongRevisions, "nobody asked for what it said as of version 4");
    let verdict = with(|history| {
        let revisions = edited_twice(history);
        (revisions[1].1, revisions[2].1) = (revisions[2].1, revisions[1].1);
    });
    finds(&verdict, Anomaly::WrongRevisions, "two edits are kept in another order");
    let verdict = with(|history| edited_twice(history)[1].0 = 1);
    finds(&verdict, Anomaly::WrongRevisions, "revision 1 comes after 1");
    let verdict = with(|history| edited_twice(history)[1].0 = 2);
    finds(&verdict, Anomaly::WrongRevisions, "version 2 is another message's");
    let verdict = with(|history| {
        let revisions = edited_twice(history);
        (revisions[1].0, revisions[2].0) = (5, 1_000);
    });
    finds(&verdict, Anomaly::WrongRevisions, "it was shown with another content under version");
}

/// A search that finds something, by this user; the second channel is the one that user 3 is not in.
fn found_by(history: &mut History, by: Option<u16>) -> &mut Vec<Uuid> {
    let id = history.finals.iter().find(|log| log.channel == 1).unwrap().messages[1].id;
    let content = history.endings.searches.iter().find(|it| it.hits.contains(&id)).unwrap().content;
    let mut searches = history.endings.searches.iter_mut();
    &mut searches.find(|it| (it.by, it.content) == (by, content)).unwrap().hits
}

#[test]
fn searches_that_find_too_little_or_too_much() {
    for by in [None, Some(0)] {
        let verdict = with(|history| found_by(history, by).clear());
        finds(&verdict, Anomaly::WrongSearch, "who may see it does not find it");
    }
    // Of a node that has not caught up nothing else is let pass.
    let verdict = with(|history| {
        found_by(history, None).clear();
        history.endings.behind = vec![0, 1];
    });
    nothing(&verdict);
    let verdict = with(|history| {
        history.endings.behind = vec![0, 1];
        let hits = found_by(history, None).clone();
        *found_by(history, Some(3)) = hits;
    });
    finds(&verdict, Anomaly::WrongSearch, "a message is found by who may not see it");
    let verdict = with(|history| {
        let other = history.finals[0].messages[0].id;
        found_by(history, None).push(other);
    });
    finds(&verdict, Anomaly::WrongSearch, "a word is found in what does not say it");
    let verdict = with(|history| {
        let id = history.finals[0].messages[0].id;
        let edited = hash("edited");
        history.endings.searches.iter_mut().find(|it| it.content == edited).unwrap().hits.push(id);
    });
    finds(&verdict, Anomaly::WrongSearch, "a message is found by what it does not say any more");
    let verdict = erased(|history| {
        let id = first_of(history, 0).id;
        let edited = hash("an edit to be erased");
        history.endings.searches.iter_mut().find(|it| it.content == edited).unwrap().hits.push(id);
    });
    finds(&verdict, Anomaly::WrongSearch, "a message is found by what it does not say any more");
}

/// Somebody uploads a file and names it in channel 1, or in none.
fn filed(named: bool, flaw: impl FnOnce(&mut History)) -> Verdict {
    let mut sim = begin();
    let file = sim.upload(0);
    say(&mut sim, 0, 1);
    if named {
        sim.send_file(0, 1, file, Fate::Fine);
        // It is in one message.
        sim.send_file(0, 1, file, Fate::Fine);
        everybody_reads(&mut sim);
    }
    let mut history = sim.finish();
    nothing(&check(&history));
    flaw(&mut history);
    check(&history)
}

fn fetched(history: &mut History, by: Option<u16>) -> &mut Option<u64> {
    &mut history.endings.files.iter_mut().find(|it| it.by == by).unwrap().bytes
}

#[test]
fn files_that_are_gone_or_changed_or_everybodys() {
    let verdict = filed(true, |history| *fetched(history, Some(0)) = None);
    finds(&verdict, Anomaly::WrongFile, "a file is not given to who may see its message");
    let verdict = filed(true, |history| *fetched(history, None) = Some(5));
    finds(&verdict, Anomaly::WrongFile, "a file has other bytes than were stored");
    for named in [true, false] {
        let verdict = filed(named, |history| {
            let bytes = fetched(history, Some(0)).unwrap();
            *fetched(history, Some(3)) = Some(bytes);
        });
        finds(&verdict, Anomaly::LeakedFile, "a file is given to who may not have it");
    }
    let verdict = erased(|history| {
        let asked = nth(history, 0, |record| is_ask(record, |ask| matches!(ask, Ask::Upload { .. })));
        let Ask::Upload { bytes } = *super::story::ask_mut(&mut history.records[asked]) else { unreachable!() };
        *fetched(history, Some(0)) = Some(bytes);
    });
    finds(&verdict, Anomaly::LeakedFile, "Gone");
}

#[test]
fn files_of_another_message() {
    let with_file = |history: &History| {
        let mut all = history.finals.iter().flat_map(|log| &log.messages);
        *all.find(|copy| copy.extra != 0).unwrap()
    };
    let verdict = filed(true, |history| {
        let id = with_file(history).id;
        in_the_end(history, id, |copy| copy.extra = 0);
    });
    finds(&verdict, Anomaly::WrongFile, "is shown with other files than it was sent with");
    let verdict = filed(true, |history| {
        let (of, other) = (with_file(history), first_of(history, 1).id);
        in_the_end(history, other, |copy| copy.extra = of.extra);
    });
    finds(&verdict, Anomaly::WrongFile, "is in two messages");
}

#[test]
fn what_is_said_to_be_received_was_given() {
    let received = |beyond: i64| {
        erased(move |history| {
            let version = history.finals.iter().find(|log| log.channel == 0).unwrap().held.version + beyond;
            history.endings.received.push(Received { node: 1, channel: 0, user: 0, version });
        })
    };
    nothing(&received(0));
    finds(&received(1), Anomaly::WrongReceipt, "user 0 is said to have received up to version");
}
