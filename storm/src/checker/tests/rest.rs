//! I11, I12, I15, I16, I18 and I19: what holds at rest, for whom, and what is said in time.

use super::sim::{FLOATING, Fate, Sim};
use super::story::{
    add_behind, answer_mut, answer_to, begin, broken, copies, everybody_reads, finds, frame, is_ask, last,
    message_frame, nothing, nth, say, user_of, with,
};
use crate::checker::{Anomaly, check};
use crate::history::{Answer, Ask, Broken, Frame, Handed, Held, History, Kind, Record, What};

#[test]
fn a_connection_that_is_behind_at_rest() {
    let verdict = with(|history| {
        // The last that it was sent, and so no gap.
        let rest = history.rest;
        let at = last(history, |record| record.client == 2 && record.at < rest && message_frame(record, 1).is_some());
        history.records.remove(at);
    });
    finds(&verdict, Anomaly::NotConverged, "of channel 1, which is at");
}

/// The last `hello` of client 2, which it got at rest.
fn hello(history: &History) -> usize {
    last(history, |record| record.client == 2 && matches!(record.what, What::Opened { .. }))
}

fn held(history: &mut History, at: usize) -> &mut Vec<Held> {
    match &mut history.records[at].what {
        What::Opened { channels, .. } => channels,
        other => panic!("{other:?} is no hello"),
    }
}

#[test]
fn a_hello_that_is_wrong_at_rest() {
    let verdict = with(|history| held(history, hello(history))[0].last_seq -= 1);
    finds(&verdict, Anomaly::NotConverged, "at rest hello shows channel 0 otherwise");
    let verdict = with(|history| drop(held(history, hello(history)).remove(0)));
    finds(&verdict, Anomaly::NotConverged, "at rest hello does not list channel 0");
    let verdict = with(|history| {
        let at = hello(history);
        history.records.retain(|record| record.client != 2 || record.at < history.rest);
        assert!(at >= history.records.len() || history.records[at].client != 2);
    });
    finds(&verdict, Anomaly::NotConverged, "client 2 opened no connection at rest");
    let verdict = with(|history| history.finals.retain(|log| log.channel != 1));
    finds(&verdict, Anomaly::NotConverged, "nobody could read channel 1");
}

#[test]
fn the_own_client_is_behind_at_rest() {
    let verdict = with(|history| {
        let at = last(history, |record| {
            record.client == 3 && matches!(record.what, What::Handed { event: Handed::Updated { .. } })
        });
        history.records.remove(at);
    });
    finds(&verdict, Anomaly::NotConverged, "at rest client 3 has not seq 1 of channel 1 as it is");
    let verdict = with(|history| {
        let at = last(history, |record| {
            record.client == 3 && matches!(record.what, What::Handed { event: Handed::Members { .. } })
        });
        let What::Handed { event: Handed::Members { members, .. } } = &mut history.records[at].what else {
            unreachable!()
        };
        members.pop();
    });
    finds(&verdict, Anomaly::NotConverged, "at rest client 3 has other members of channel");
    let verdict = with(|history| {
        let at = last(history, |record| matches!(record.what, What::Handed { event: Handed::Connected { .. } }));
        history.records[at].what = What::Handed { event: Handed::Disconnected };
    });
    finds(&verdict, Anomaly::NotConverged, "is not connected");
}

/// Where the floating user's connection is told of the removal.
fn told_removed(history: &History) -> usize {
    nth(history, 0, |record| frame(record).is_some_and(|frame| matches!(frame, Frame::ChannelRemoved { .. })))
}

#[test]
fn who_is_out_is_told_more() {
    let verdict = with(|history| {
        let at = told_removed(history);
        let content = nth(history, 0, |record| message_frame(record, 0).is_some_and(|copy| copy.version == 8));
        let what = history.records[content].what.clone();
        add_behind(history, at, what);
    });
    finds(&verdict, Anomaly::LeakedAfterRemoval, "user 3 is out of channel 0 and was told of version 8");
    let verdict = with(|history| {
        let at = told_removed(history);
        let members = nth(history, 0, |record| frame(record).is_some_and(|it| matches!(it, Frame::Members { .. })));
        let what = history.records[members].what.clone();
        add_behind(history, at, what);
    });
    finds(&verdict, Anomaly::LeakedAfterRemoval, "was told of version 7");
}

#[test]
fn who_is_out_is_shown_pages() {
    for is_sync in [true, false] {
        let verdict = with(|history| {
            let asked = nth(history, 0, |record| {
                record.client == 4
                    && is_ask(record, |ask| matches!(ask, Ask::Sync { .. }) == is_sync)
                    && is_ask(record, |ask| matches!(ask, Ask::Sync { .. } | Ask::History { .. }))
            });
            let answered = answer_to(history, asked, 0);
            let messages = Vec::new();
            let members = None;
            *answer_mut(&mut history.records[answered]) =
                Answer::Page { channel: 0, messages, version: 0, has_more: false, reset: false, members };
        });
        finds(&verdict, Anomaly::LeakedAfterRemoval, "was shown a page of it");
    }
}

#[test]
fn who_comes_back_is_shown_what_was_in_between() {
    let mut sim = begin();
    sim.membership(false, Fate::Fine, false);
    everybody_reads(&mut sim);
    say(&mut sim, 0, 0);
    sim.membership(true, Fate::Fine, false);
    everybody_reads(&mut sim);
    sim.history(4, 0, None, None);
    nothing(&check(&sim.finish()));
}

#[test]
fn who_is_out_sends() {
    let verdict = with(|history| {
        // What client 2 said meanwhile, as if client 4 had.
        let said = history.finals[0].messages[5];
        let line = history.records[told_removed(history)].line;
        for record in &mut history.records {
            let is_it = match &record.what {
                What::Asked { ask: Ask::Send { client_id, .. }, .. } => *client_id == said.client_id,
                What::Answered { answer: Answer::Acked { message, .. }, .. } => *message == said.id,
                _ => false,
            };
            if is_it {
                (record.client, record.line) = (4, line);
            }
        }
        let user = user_of(history, 4);
        copies(history).filter(|copy| copy.id == said.id).for_each(|copy| copy.sender = user);
    });
    finds(&verdict, Anomaly::ActedAfterRemoval, "user 3 is out of channel 0 and made version 10");
}

#[test]
fn a_hello_with_other_members_than_there_were() {
    let verdict = with(|history| {
        let opened = nth(history, 1, |record| record.client == 1 && matches!(record.what, What::Opened { .. }));
        held(history, opened)[0].members.retain(|user| *user != FLOATING);
    });
    finds(&verdict, Anomaly::Divergent, "user 3 is not listed in channel 0 at version 11 and was in it");
}

#[test]
fn a_member_who_is_told_to_be_out() {
    let verdict = with(|history| drop(held(history, hello(history)).remove(0)));
    finds(&verdict, Anomaly::Divergent, "the list of a member's channels lacks this one");
    let verdict = with(|history| {
        let at = told_removed(history);
        history.records[at].client = 0;
        history.records[at].line = 1;
    });
    finds(&verdict, Anomaly::Divergent, "a member is told to be out of the channel");
    let verdict = with(|history| {
        let asked = nth(history, 0, |it| it.client == 1 && is_ask(it, |ask| matches!(ask, Ask::Sync { .. })));
        let answered = answer_to(history, asked, 0);
        *answer_mut(&mut history.records[answered]) = Answer::NotThere { channel: 0 };
    });
    finds(&verdict, Anomaly::BadSync, "a member is told to be out of the channel");
}

fn reads(record: &Record) -> bool {
    frame(record).is_some_and(|frame| matches!(frame, Frame::Read { .. }))
}

#[test]
fn a_mark_that_goes_back_or_cannot_be() {
    let verdict = with(|history| {
        let (first, second) = (nth(history, 0, reads), last(history, reads));
        let line = history.records[second].line;
        let what = history.records[first].what.clone();
        add_behind(history, second, what);
        assert_eq!(history.records[second + 1].line, line);
    });
    finds(&verdict, Anomaly::ReadMarkBack, "user 0 had read up to 4 of channel 0, and then to 2");
    let verdict = with(|history| {
        let at = last(history, reads);
        let What::Came { frame: Frame::Read { seq, .. } } = &mut history.records[at].what else { unreachable!() };
        *seq = 5;
    });
    finds(&verdict, Anomaly::ReadMarkBack, "is told to have read up to 5 of channel 0, which cannot be");
    let own = |history: &History| last(history, |it| it.client == 1 && matches!(it.what, What::Opened { .. }));
    let verdict = with(|history| held(history, own(history))[0].last_read_seq = 2);
    finds(&verdict, Anomaly::ReadMarkBack, "user 0 had read up to 4 of channel 0, and hello says 2");
    let verdict = with(|history| held(history, own(history))[0].last_read_seq = 1_000);
    finds(&verdict, Anomaly::ReadMarkBack, "which cannot be");
}

#[test]
fn a_count_of_unread_that_is_wrong() {
    for more in [1, -1] {
        let verdict = with(|history| held(history, hello(history))[0].unread += more);
        finds(&verdict, Anomaly::WrongUnread, "unread messages in channel 0");
    }
}

#[test]
fn somebody_connected_who_is_shown_offline() {
    let offline = |history: &mut History| {
        // In the quiet of half a minute, of a user who is there.
        let closed = nth(history, 0, |record| frame(record).is_some_and(is_offline));
        let frame = Frame::Presence { channel: 0, user: 0, online: false };
        add_behind(history, closed, What::Came { frame });
        history.records[closed + 1].at
    };
    let verdict = with(|history| _ = offline(history));
    finds(&verdict, Anomaly::FalseOffline, "user 0 is shown offline in channel 0");
    // Where something was broken that may be.
    nothing(&with(|history| {
        let at = offline(history);
        // And is put right.
        let shown = nth(history, 0, |record| record.at == at);
        let frame = Frame::Presence { channel: 0, user: 0, online: true };
        add_behind(history, shown, What::Came { frame });
        history.broken.push(broken("redis_kill", at - 30_000_000, at - 29_000_000));
    }));
    // Of that which was broken then, nothing takes so long.
    let verdict = with(|history| {
        let at = offline(history);
        history.broken.push(broken("node_kill", at - 30_000_000, at - 29_000_000));
    });
    finds(&verdict, Anomaly::FalseOffline, "user 0 is shown offline in channel 0");
}

/// One that does not read does not answer pings: the server ends it, and its client hears of that much later.
#[test]
fn somebody_who_does_not_read_may_be_shown_offline() {
    let mut sim = begin();
    sim.kept_disconnect(5);
    sim.wait(30_000_000);
    say(&mut sim, 0, 0);
    let mut history = sim.finish();
    let said = nth(&history, 0, |record| record.client == 0 && matches!(record.what, What::Answered { .. }));
    for (behind, online) in [(said, false), (said + 1, true)] {
        add_behind(&mut history, behind, What::Came { frame: Frame::Presence { channel: 0, user: 2, online } });
    }
    nothing(&check(&history));
}

fn is_offline(frame: &Frame) -> bool {
    matches!(frame, Frame::Presence { user: FLOATING, online: false, .. })
}

#[test]
fn somebody_gone_who_is_shown_online_at_rest() {
    let mut sim = begin();
    say(&mut sim, 0, 0);
    sim.close(4, None);
    everybody_reads(&mut sim);
    let mut history = sim.finish();
    // Nobody of user 3 came back.
    let rest = history.rest;
    history.records.retain(|record| record.client != 4 || record.at < rest);
    history.scene.clients[4].kind = Kind::Deaf;
    history.records.retain(|record| {
        !matches!(&record.what,
        What::Came { frame: Frame::Presence { user: FLOATING, online: true, .. } }
        | What::Handed { event: Handed::Presence { user: FLOATING, online: true, .. } } if record.at >= rest)
    });
    for record in &mut history.records {
        if let What::Opened { channels, .. } = &mut record.what
            && record.at >= rest
        {
            for held in channels {
                held.online.retain(|user| *user != FLOATING);
            }
        }
    }
    nothing(&check(&history));
    let opened = last(&history, |record| record.client == 2 && matches!(record.what, What::Opened { .. }));
    held(&mut history, opened)[0].online.push(FLOATING);
    finds(&check(&history), Anomaly::GhostPresence, "user 3 is shown online in channel 0, and is not");
}

#[test]
fn somebody_connected_whom_hello_shows_offline_at_rest() {
    let verdict = with(|history| held(history, hello(history))[0].online.retain(|user| *user != 0));
    finds(&verdict, Anomaly::FalseOffline, "user 0 is shown offline in channel 0");
    let verdict = with(|history| held(history, hello(history))[0].online.retain(|user| *user != 1));
    finds(&verdict, Anomaly::FalseOffline, "user 1 is shown offline in channel 0");
}

/// A send that is answered only after `micros`.
fn slow(micros: u64) -> Sim {
    let mut sim = begin();
    sim.send(0, 0, Fate::Fine);
    sim.now += micros;
    sim
}

#[test]
fn a_send_without_an_answer_in_time() {
    nothing(&check(&slow(5_900_000).finish()));
    finds(&check(&slow(7_000_000).finish()), Anomaly::DishonestAnswer, "no answer to a send within");
    // Behind the node something is broken: it owes its answer all the same.
    let mut history = slow(7_000_000).finish();
    history.broken.push(Broken { slow: false, ..broken("postgres_pause", 0, 10_000_000) });
    finds(&check(&history), Anomaly::DishonestAnswer, "no answer to a send within");
    // The node itself was held up.
    let mut history = slow(7_000_000).finish();
    history.broken.push(broken("node_pause", 0, 3_000_000));
    nothing(&check(&history));
}

#[test]
fn a_send_that_is_never_answered_on_a_connection_that_stays_open() {
    let silent = |micros: u64| {
        let mut sim = begin();
        let line = sim.open_line(0).unwrap();
        sim.ask(
            0,
            line,
            Ask::Send { channel: 0, client_id: uuid::Uuid::from_u128(1), content: 1, extra: 0, node: None },
        );
        sim.now += micros;
        // It gives up and comes back.
        sim.close(0, None);
        sim.open(0);
        sim.finish()
    };
    nothing(&check(&silent(5_900_000)));
    finds(&check(&silent(7_000_000)), Anomaly::DishonestAnswer, "no answer to a send within");
    // It waits to the end.
    let mut history = silent(7_000_000);
    history.records.retain(|record| !matches!(record.what, What::Answered { answer: Answer::Unknown, .. }));
    finds(&check(&history), Anomaly::DishonestAnswer, "no answer to a send within");
}

#[test]
fn a_send_that_failed_for_good_and_is_stored() {
    let verdict = with(|history| {
        let asked = nth(history, 0, |record| is_ask(record, |ask| matches!(ask, Ask::Send { .. })));
        let answered = answer_to(history, asked, 0);
        *answer_mut(&mut history.records[answered]) =
            Answer::Refused { code: "invalid_frame".into(), retryable: false };
    });
    finds(&verdict, Anomaly::DishonestAnswer, "said to have failed for good, and stored");
    // The project's own client that gave up does not know.
    nothing(&with(|history| given_up(history, false)));
    finds(&with(|history| given_up(history, true)), Anomaly::DishonestAnswer, "said to have failed for good");
}

/// What the project's own client told as sent last, as failed.
fn given_up(history: &mut History, refused: bool) {
    let sent = last(history, |record| matches!(record.what, What::Handed { event: Handed::Sent { .. } }));
    let What::Handed { event: Handed::Sent { client_id, channel, seq, .. } } = history.records[sent].what else {
        unreachable!()
    };
    let failed = Handed::Failed { client_id, refused, code: "gone".into() };
    history.records[sent].what = What::Handed { event: failed };
    // It comes as anybody's message then.
    let copy =
        history.finals.iter().find(|log| log.channel == channel).unwrap().messages[usize::try_from(seq).unwrap() - 1];
    add_behind(history, sent, What::Handed { event: Handed::Message { copy } });
}

#[test]
fn a_member_who_is_told_that_they_may_not() {
    let mut sim = begin();
    say(&mut sim, 0, 0);
    let mut history = sim.finish();
    let asked = nth(&history, 0, |record| is_ask(record, |ask| matches!(ask, Ask::Send { .. })));
    let What::Asked { ask: Ask::Send { client_id, .. }, .. } = &mut history.records[asked].what else { unreachable!() };
    // Another one, that is not stored.
    *client_id = uuid::Uuid::from_u128(1);
    let answered = answer_to(&history, asked, 0);
    *answer_mut(&mut history.records[answered]) = Answer::Refused { code: "not_found".into(), retryable: false };
    finds(&check(&history), Anomaly::DishonestAnswer, "a member was told that they may not send");
}

#[test]
fn more_memory_than_promised_and_what_nodes_say() {
    nothing(&with(|history| history.memory.push((1, 0, (64 << 20) + 10 * (48 << 10), 10))));
    let verdict = with(|history| history.memory.push((1, 0, (64 << 20) + 10 * (48 << 10) + 1, 10)));
    finds(&verdict, Anomaly::Memory, "with 10 connections");
    let verdict = with(|history| history.trail.faults.push("channel 1, version 7: an edit has no entry".into()));
    finds(&verdict, Anomaly::BrokenTrail, "the audit trail does not hold");
    let verdict = with(|history| history.alarms.push("a part panicked".into()));
    finds(&verdict, Anomaly::Alarm, "a part panicked");
}
