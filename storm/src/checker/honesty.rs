//! I18, I19: a send is answered in time whatever the store does, and no node takes more memory than promised. Also I20 and what
//! is wrong in itself, as the trail's verification, clients and logs tell it.

use super::Anomaly;
use super::evidence;
use super::findings::Findings;
use super::index::{Attempt, NOWHERE};
use super::model::Model;
use crate::history::{Answer, Broken, Frame, Kind, Micros, Record, What};

/// The contract gives 5 s when the store is away; the rest is the way there and back.
const ANSWER_WITHIN: Micros = 6_000_000;
/// Whatever waited behind a fault on the way is through so long after it.
const BACKLOG: Micros = 6_000_000;
const MEMORY: u64 = 64 << 20;
const MEMORY_OF_CONNECTION: u64 = 48 << 10;

/// How many sends were held to their time: had their answer come late, or not at all, it would have been found.
pub(super) fn look(model: &Model<'_>, found: &mut Findings) -> u64 {
    // What else is broken lies behind the node, which still owes its answers.
    let mut in_the_way: Vec<_> = model.history.broken.iter().filter(|broken| broken.slow || broken.restarts).collect();
    in_the_way.sort_by_key(|broken| broken.from);
    let mut timed = 0;
    for attempt in &model.index.attempts {
        if is_timed(model, attempt, &in_the_way) {
            timed += 1;
            answered(model, attempt, found);
        }
    }
    for (at, node, bytes, connections) in &model.history.memory {
        let most = MEMORY + MEMORY_OF_CONNECTION * u64::try_from(*connections).unwrap_or(u64::MAX >> 17);
        if *bytes > most {
            found.add(Anomaly::Memory, None, *at, || {
                let what =
                    format!("node {node} took {bytes} bytes with {connections} connections; {most} are promised");
                (what, Vec::new())
            });
        }
    }
    for fault in &model.history.trail.faults {
        found.add(Anomaly::BrokenTrail, None, 0, || ("the audit trail does not hold".to_owned(), vec![fault.clone()]));
    }
    for alarm in &model.history.alarms {
        found.add(Anomaly::Alarm, None, 0, || ("something is wrong in itself".to_owned(), vec![alarm.clone()]));
    }
    timed
}

/// Whether an answer was due within the time, and could be seen to come late.
fn is_timed(model: &Model<'_>, attempt: &Attempt, in_the_way: &[&Broken]) -> bool {
    // One that does not read is not answered; the project's own client says nothing of its connections.
    if matches!(attempt.kind, Kind::Deaf | Kind::Kept) {
        return false;
    }
    let asked = model.index.at(attempt.asked);
    let limit = asked + ANSWER_WITHIN;
    let record = model.index.record(answer_to(model, attempt));
    if attempt.line == 0 {
        // Over REST whoever asks waits for as long as they like.
        if record.is_none() {
            return false;
        }
    } else {
        let Some(line) = model.index.line(attempt.line) else { return false };
        let end = model.history.records.last().map_or(0, |record| record.at);
        if line.closed.unwrap_or(end) < limit {
            return false;
        }
    }
    // Who waits for less time does not know.
    if record.is_some_and(|record| record.at < limit && is_given_up(record)) {
        return false;
    }
    let hits = |broken: &Broken| {
        let is_there = broken.node.is_none() || attempt.node.is_none() || broken.node == attempt.node;
        // A restart ends connections, and a new one begins with `hello`.
        is_there && (broken.slow || attempt.line == 0)
    };
    let mut in_its_way = in_the_way.iter().take_while(|broken| broken.from <= limit).filter(|broken| hits(broken));
    let over = |broken: &Broken| broken.until.saturating_add(if broken.slow { BACKLOG } else { 0 });
    !in_its_way.any(|broken| over(broken) >= asked)
}

/// The place of what settled it, or else of the end of the wait.
fn answer_to(model: &Model<'_>, attempt: &Attempt) -> u32 {
    let given_up = || model.index.op(attempt.op).map_or(NOWHERE, |op| op.answered);
    if attempt.answered == NOWHERE { given_up() } else { attempt.answered }
}

fn is_given_up(record: &Record) -> bool {
    matches!(record.what, What::Answered { answer: Answer::Unknown, .. })
}

fn answered(model: &Model<'_>, attempt: &Attempt, found: &mut Findings) {
    let asked = model.index.at(attempt.asked);
    let limit = asked + ANSWER_WITHIN;
    let answered = answer_to(model, attempt);
    let record = model.index.record(answered);
    let in_time = record.is_some_and(|record| record.at <= limit && !is_given_up(record));
    if !in_time && !is_shown(model, attempt, limit) {
        found.add(Anomaly::DishonestAnswer, Some(attempt.channel), asked, || {
            let what = format!("no answer to a send within {}", evidence::seconds(ANSWER_WITHIN));
            let mut evidence = vec![model.line(attempt.asked, attempt.channel)];
            if record.is_some() {
                evidence.push(model.line(answered, attempt.channel));
            }
            (what, evidence)
        });
    }
}

/// Whether the message itself came over the connection, which counts as the ack.
fn is_shown(model: &Model<'_>, attempt: &Attempt, limit: Micros) -> bool {
    let records = model.history.records.get(attempt.asked as usize..).unwrap_or_default();
    records.iter().take_while(|record| record.at <= limit).filter(|record| record.line == attempt.line).any(|record| {
        let What::Came {
            frame: Frame::Message { copy, .. } | Frame::Updated { copy, .. } | Frame::Deleted { copy, .. },
        } = &record.what
        else {
            return false;
        };
        (copy.sender, copy.client_id) == (attempt.user, attempt.client_id)
    })
}
