//! I3: one message for each sender and `clientId`, one acknowledgement of it however often it is sent, and never a refusal
//! once it is stored.

use std::collections::HashMap;

use uuid::Uuid;

use super::Anomaly;
use super::findings::Findings;
use super::index::{Attempt, ById, NOWHERE, Outcome};
use super::model::{Message, Model};
use crate::history::{Answer, ChannelNo, Kind, UserNo, What};

/// Where the message of a sender and `clientId` is.
type Stored = ById<(UserNo, Uuid), (ChannelNo, i64)>;

pub(super) fn look(model: &Model<'_>, found: &mut Findings) {
    let stored = once(model, found);
    for attempt in &model.index.attempts {
        match attempt.outcome {
            Outcome::Acked { .. } => same_ack(model, attempt, found),
            Outcome::Refused { retryable: false, conflict } => refused(model, &stored, attempt, conflict, found),
            // Whether it is stored is looked up before the rate is; only a store that is away or busy cannot tell.
            Outcome::Refused { .. } if code(model, attempt) == "rate_limited" => {
                _ = retry_refused(model, &stored, attempt, found);
            }
            Outcome::Refused { .. } | Outcome::Unknown => {}
        }
    }
}

fn once(model: &Model<'_>, found: &mut Findings) -> Stored {
    let mut stored: Stored = HashMap::default();
    for (channel, log) in (0..).zip(&model.logs) {
        for (seq, message) in log.messages() {
            let Some(client_id) = message.client_id else { continue };
            let Some((other_channel, other)) = stored.insert((message.sender, client_id), (channel, seq)) else {
                continue;
            };
            found.add(Anomaly::Duplicate, Some(channel), model.index.at(message.by), || {
                let what = format!(
                    "one clientId is seq {other} of channel {other_channel} and seq {seq} of channel {channel}"
                );
                let first = model.log(other_channel).and_then(|log| log.message(other)).map_or(NOWHERE, |it| it.by);
                let mut evidence = asks(model, message);
                evidence.push(model.source(other_channel, other, first));
                evidence.push(model.source(channel, seq, message.by));
                (what, evidence)
            });
        }
    }
    stored
}

/// All its acks are the same, and are of what was asked for.
fn same_ack(model: &Model<'_>, attempt: &Attempt, found: &mut Findings) {
    let same = |other: &Attempt| match (attempt.outcome, other.outcome) {
        (
            Outcome::Acked { message, seq, version, .. },
            Outcome::Acked { message: other_message, seq: other_seq, version: other_version, .. },
        ) => {
            // The project's own client may tell the version in which it saw its message again.
            let any_version =
                attempt.kind == Kind::Kept || other.kind == Kind::Kept || version == 0 || other_version == 0;
            (message, seq) == (other_message, other_seq) && (any_version || version == other_version)
        }
        _ => true,
    };
    // Each pair once: with those before.
    let earlier = model.index.attempts_of(attempt.user, attempt.client_id).skip_while(|it| it.op != attempt.op).skip(1);
    let mut pairs = earlier;
    if let Some(other) = pairs.find(|other| !same(other) || (is_acked(other) && !is_same_send(attempt, other))) {
        found.add(Anomaly::Duplicate, Some(attempt.channel), model.index.at(attempt.answered), || {
            let what = if is_same_send(attempt, other) {
                "one send has two different acks".to_owned()
            } else {
                "two different sends under one clientId were both acknowledged".to_owned()
            };
            let places = [other.asked, attempt.asked, other.answered, attempt.answered];
            (what, places.map(|place| model.line(place, attempt.channel)).to_vec())
        });
    }
}

fn is_acked(attempt: &Attempt) -> bool {
    matches!(attempt.outcome, Outcome::Acked { .. })
}

fn is_same_send(one: &Attempt, other: &Attempt) -> bool {
    (one.channel, one.content, one.extra) == (other.channel, other.content, other.extra)
}

/// Refused although it is stored, which somebody knew when it was asked for.
fn retry_refused(model: &Model<'_>, stored: &Stored, attempt: &Attempt, found: &mut Findings) -> bool {
    let mut others = model.index.attempts_of(attempt.user, attempt.client_id).filter(|other| other.op != attempt.op);
    let acked = others.find(|other| {
        is_acked(other) && is_same_send(attempt, other) && other.answered != NOWHERE && other.answered < attempt.asked
    });
    let known = model.index.op(attempt.op).map_or(0, |op| op.known.seq);
    let shown = message(model, stored, attempt).filter(|(seq, _)| *seq <= known);
    let refused = acked.is_some() || shown.is_some();
    if refused {
        found.add(Anomaly::RetryRefused, Some(attempt.channel), model.index.at(attempt.answered), || {
            let places = acked.map(|acked| [acked.asked, acked.answered]).into_iter().flatten();
            let places = places.chain([attempt.asked, attempt.answered]);
            let mut evidence: Vec<_> = places.map(|place| model.line(place, attempt.channel)).collect();
            if let (Some((seq, message)), None) = (shown, acked) {
                evidence.insert(0, model.source(attempt.channel, seq, message.by));
            }
            ("the retry of a stored message was refused".to_owned(), evidence)
        });
    }
    refused
}

/// What is stored of this very send.
fn message<'m>(model: &'m Model<'_>, stored: &Stored, attempt: &Attempt) -> Option<(i64, &'m Message)> {
    let (channel, seq) = *stored.get(&(attempt.user, attempt.client_id))?;
    let is_same = model.index.attempts_of(attempt.user, attempt.client_id).all(|it| is_same_send(attempt, it));
    let message = model.log(channel)?.message(seq)?;
    (channel == attempt.channel && is_same).then_some((seq, message))
}

/// Refused for good: right unless the message was stored by then, or is stored although nothing else was tried.
fn refused(model: &Model<'_>, stored: &Stored, attempt: &Attempt, conflict: bool, found: &mut Findings) {
    if retry_refused(model, stored, attempt, found) {
        return;
    }
    let others = || model.index.attempts_of(attempt.user, attempt.client_id).filter(|other| other.op != attempt.op);
    let places = [attempt.asked, attempt.answered];
    let at = model.index.at(attempt.answered);
    // A conflict says that something else is stored under the clientId.
    if conflict && others().all(|other| is_same_send(attempt, other)) {
        found.add(Anomaly::RetryRefused, Some(attempt.channel), at, || {
            let evidence = places.map(|place| model.line(place, attempt.channel)).to_vec();
            ("a conflict with itself".to_owned(), evidence)
        });
        return;
    }
    // Another try may be what stored it, as long as nobody can have known.
    if let Some((seq, message)) = message(model, stored, attempt).filter(|_| others().all(Attempt::is_refused_for_good))
    {
        found.add(Anomaly::DishonestAnswer, Some(attempt.channel), at, || {
            let mut evidence = places.map(|place| model.line(place, attempt.channel)).to_vec();
            evidence.push(model.source(attempt.channel, seq, message.by));
            ("said to have failed for good, and stored".to_owned(), evidence)
        });
    }
    refused_member(model, attempt, found);
}

fn code<'h>(model: &Model<'h>, attempt: &Attempt) -> &'h str {
    match model.index.record(attempt.answered).map(|record| &record.what) {
        Some(What::Answered { answer: Answer::Refused { code, .. }, .. }) => code,
        _ => "",
    }
}

/// Who has been a member all the time was told that there is no such channel.
fn refused_member(model: &Model<'_>, attempt: &Attempt, found: &mut Findings) {
    let scene = &model.history.scene;
    let is_member = scene.members.get(usize::from(attempt.channel)).is_some_and(|all| all.contains(&attempt.user));
    let floats = scene.floating.contains(&(attempt.channel, attempt.user));
    // What was not found may be a file, of who was erased since.
    let files = !model.history.extra(attempt.extra).files.is_empty();
    if is_member && !floats && !files && matches!(code(model, attempt), "not_found" | "forbidden") {
        found.add(Anomaly::DishonestAnswer, Some(attempt.channel), model.index.at(attempt.answered), || {
            let evidence = [attempt.asked, attempt.answered].map(|place| model.line(place, attempt.channel)).to_vec();
            ("a member was told that they may not send".to_owned(), evidence)
        });
    }
}

/// The sends of a message and their answers, in order.
pub(super) fn asks(model: &Model<'_>, message: &Message) -> Vec<String> {
    let attempts = message.client_id.map(|client_id| model.index.attempts_of(message.sender, client_id));
    let mut lines: Vec<_> = attempts
        .into_iter()
        .flatten()
        .flat_map(|attempt| [(attempt.answered, attempt.channel), (attempt.asked, attempt.channel)])
        .filter(|(place, _)| *place != NOWHERE)
        .map(|(place, channel)| model.line(place, channel))
        .collect();
    lines.reverse();
    lines
}
