//! I15 and I18: what has to be shown by when, and answered by when.

use super::sim::Fate;
use super::story::{begin, broken, everybody_reads, finds, nothing, nth, say};
use crate::checker::{Anomaly, Verdict, check};
use crate::history::{Answer, Ask, Broken, Handed, History, Micros, What};

/// User 1 reads, this client of theirs comes so much later, and is not told of it.
fn comes_back(client: u16, wait: Micros) -> Verdict {
    let mut sim = begin();
    say(&mut sim, 0, 0);
    say(&mut sim, 0, 0);
    sim.kept_disconnect(3);
    sim.read(2, 0, 2);
    everybody_reads(&mut sim);
    sim.close(2, None);
    sim.wait(wait);
    sim.open(2);
    sim.kept_connect(3);
    let mut history = sim.finish();
    let of_client = |history: &History| {
        nth(history, 1, |record| {
            record.client == client
                && matches!(record.what, What::Opened { .. } | What::Handed { event: Handed::Connected { .. } })
        })
    };
    nothing(&check(&history));
    let at = of_client(&history);
    match &mut history.records[at].what {
        What::Opened { channels, .. } | What::Handed { event: Handed::Connected { channels, .. } } => {
            (channels[0].last_read_seq, channels[0].unread) = (0, 2);
        }
        other => panic!("{other:?} is no hello"),
    }
    check(&history)
}

#[test]
fn a_hello_that_does_not_show_what_was_read_long_before() {
    let back = "user 1 had read up to 2 of channel 0, and hello says 0";
    nothing(&comes_back(2, 9_000_000));
    finds(&comes_back(2, 11_000_000), Anomaly::ReadMarkBack, back);
    nothing(&comes_back(3, 19_000_000));
    finds(&comes_back(3, 21_000_000), Anomaly::ReadMarkBack, back);
}

/// Client 2, on node 1, is answered only after `wait`, and this was in somebody's way.
fn answered_after(wait: Micros, in_the_way: Option<Broken>) -> Verdict {
    let mut sim = begin();
    sim.send(2, 0, Fate::Fine);
    sim.now += wait;
    let mut history = sim.finish();
    assert!(
        history.records.iter().any(|record| record.client == 2 && matches!(record.what, What::Opened { node: 1, .. }))
    );
    history.broken.extend(in_the_way);
    check(&history)
}

#[test]
fn what_holds_up_the_clients_of_another_node_is_no_excuse() {
    let late = "no answer to a send within";
    let held_up = |node| Some(Broken { node, ..broken("clients_stall", 0, 3_000_000) });
    finds(&answered_after(7_000_000, held_up(Some(0))), Anomaly::DishonestAnswer, late);
    nothing(&answered_after(7_000_000, held_up(Some(1))));
    nothing(&answered_after(7_000_000, held_up(None)));
    let restarted = Broken { node: Some(1), slow: false, restarts: true, ..broken("node_kill", 0, 60_000_000) };
    finds(&answered_after(7_000_000, Some(restarted)), Anomaly::DishonestAnswer, late);
    // It counts as held to its time where it was.
    let timed = |in_the_way| answered_after(5_900_000, in_the_way).sums.sends_timed;
    assert_eq!((timed(None), timed(held_up(Some(0))), timed(held_up(Some(1)))), (1, 1, 0));
}

/// The host sends over REST, to node 1, and is answered like this after `wait`.
fn over_rest(wait: Micros, answer: Option<Answer>, paused: Option<u8>) -> Verdict {
    over_rest_beside(wait, answer, paused.map(|node| Broken { node: Some(node), ..broken("node_pause", 0, 3_000_000) }))
}

fn over_rest_beside(wait: Micros, answer: Option<Answer>, in_the_way: Option<Broken>) -> Verdict {
    let mut sim = begin();
    let (client_id, content) = (uuid::Uuid::from_u128(1), 1);
    let op = sim.ask(7, 0, Ask::Send { channel: 0, client_id, content, extra: 0, node: Some(1) });
    sim.now += wait;
    if let Some(answer) = answer {
        sim.note(7, 0, What::Answered { op, answer });
    }
    let mut history = sim.finish();
    history.broken.extend(in_the_way);
    check(&history)
}

#[test]
fn a_send_over_rest_that_is_answered_late() {
    let away = || Some(Answer::Refused { code: "unavailable".into(), retryable: true });
    nothing(&over_rest(5_900_000, away(), None));
    let late = "no answer to a send within";
    finds(&over_rest(7_000_000, away(), None), Anomaly::DishonestAnswer, late);
    finds(&over_rest(7_000_000, away(), Some(0)), Anomaly::DishonestAnswer, late);
    finds(&over_rest(10_000_000, Some(Answer::Unknown), None), Anomaly::DishonestAnswer, late);
    nothing(&over_rest(7_000_000, away(), Some(1)));
    // A node that starts listens before it can answer.
    let restarted =
        |node, until| Broken { node: Some(node), slow: false, restarts: true, ..broken("node_kill", 0, until) };
    nothing(&over_rest_beside(7_000_000, away(), Some(restarted(1, 60_000_000))));
    finds(&over_rest_beside(7_000_000, away(), Some(restarted(0, 60_000_000))), Anomaly::DishonestAnswer, late);
    finds(&over_rest_beside(7_000_000, away(), Some(restarted(1, 0))), Anomaly::DishonestAnswer, late);
    // Who has hung up does not know, nor whose answer is not on record.
    nothing(&over_rest(1_000_000, Some(Answer::Unknown), None));
    nothing(&over_rest(7_000_000, None, None));
}
