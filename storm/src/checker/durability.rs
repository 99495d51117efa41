//! I1: whatever was acknowledged is in the final log, and in what a power cut leaves.

use std::collections::HashMap;

use super::Anomaly;
use super::evidence::{final_line, text};
use super::findings::Findings;
use super::index::{ById, NOWHERE, Outcome};
use super::model::Model;
use crate::history::{Answer, Ask, ChannelNo, Copy, OpNo, UserNo, What};

pub(super) fn look(model: &Model<'_>, found: &mut Findings) {
    sends(model, found);
    power_cuts(model, found);
    changes(model, found);
    shown(model, found);
}

fn sends(model: &Model<'_>, found: &mut Findings) {
    for attempt in &model.index.attempts {
        let Outcome::Acked { message, seq, .. } = attempt.outcome else { continue };
        if model.last(attempt.channel).is_none() {
            continue;
        }
        let last = model.log(attempt.channel).and_then(|log| log.message(seq)).and_then(|message| message.last);
        if !last.is_some_and(|last| last.id == message && last.client_id == attempt.client_id) {
            found.add(Anomaly::Lost, Some(attempt.channel), model.index.at(attempt.answered), || {
                let what = format!(
                    "message {message} was acknowledged as seq {seq} of channel {} and is not in the final log",
                    attempt.channel
                );
                let mut evidence =
                    vec![model.line(attempt.asked, attempt.channel), model.line(attempt.answered, attempt.channel)];
                if let (Some(last), Some(log)) = (last, model.last(attempt.channel)) {
                    evidence.push(final_line(log, &last));
                }
                (what, evidence)
            });
        }
    }
}

fn power_cuts(model: &Model<'_>, found: &mut Findings) {
    for lost in &model.history.lost_at_power_cut {
        found.add(Anomaly::LostAtPowerCut, Some(lost.channel), lost.at, || {
            let what = format!("a message of channel {} was acknowledged and a power cut loses it", lost.channel);
            let acked = model
                .index
                .attempts
                .iter()
                .filter(|attempt| attempt.client_id == lost.client_id && attempt.channel == lost.channel)
                .flat_map(|attempt| [attempt.asked, attempt.answered]);
            let mut evidence: Vec<_> =
                acked.filter(|place| *place != NOWHERE).map(|place| model.line(place, lost.channel)).collect();
            evidence.push(format!("the copy at {}: {}", super::evidence::seconds(lost.at), text(lost)));
            (what, evidence)
        });
    }
}

/// What was done to a message.
#[derive(Debug, Default)]
struct Done {
    /// The version where it is known.
    version: i64,
    deleted: u32,
    edits: Vec<OpNo>,
}

fn changes(model: &Model<'_>, found: &mut Findings) {
    let mut done: ById<uuid::Uuid, (ChannelNo, Done)> = HashMap::default();
    let mut members: HashMap<(ChannelNo, UserNo), Vec<OpNo>> = HashMap::new();
    for record in &model.history.records {
        let What::Asked { op, ask } = &record.what else { continue };
        let answer = model.index.op(*op).and_then(|op| model.index.answer(op));
        match ask {
            Ask::Edit { channel, message, .. } | Ask::Delete { channel, message } => {
                let Some(Answer::Done { version }) = answer else { continue };
                let (_, done) = done.entry(*message).or_insert_with(|| {
                    let nothing = Done { version: 0, deleted: NOWHERE, edits: Vec::new() };
                    (*channel, nothing)
                });
                done.version = done.version.max(version.unwrap_or(0));
                match ask {
                    Ask::Edit { .. } => done.edits.push(*op),
                    _ => done.deleted = *op,
                }
            }
            Ask::Add { channel, user } | Ask::Remove { channel, user } => {
                let refused = matches!(answer, Some(Answer::Refused { retryable: false, .. }));
                if !refused {
                    members.entry((*channel, *user)).or_default().push(*op);
                }
            }
            _ => {}
        }
    }
    for log in &model.history.finals {
        for copy in &log.messages {
            if let Some((_, done)) = done.get(&copy.id)
                && let Some((what, op)) = undone(model, copy, done)
            {
                found.add(Anomaly::Lost, Some(log.channel), model.history.rest, || {
                    let op = model.index.op(op);
                    let places = op.map_or([NOWHERE; 2], |op| [op.asked, op.answered]);
                    let mut evidence: Vec<_> = places.iter().map(|place| model.line(*place, log.channel)).collect();
                    evidence.push(final_line(log, copy));
                    (what, evidence)
                });
            }
        }
    }
    memberships(model, &members, found);
}

/// A change that was done and that the final state of the message does not show.
fn undone(model: &Model<'_>, last: &Copy, done: &Done) -> Option<(String, OpNo)> {
    if done.deleted != NOWHERE && !last.deleted {
        return Some((format!("the deletion of message {} was done and is lost", last.id), done.deleted));
    }
    let edit = *done.edits.first()?;
    if !last.edited && !last.deleted {
        return Some((format!("an edit of message {} was done and is lost", last.id), edit));
    }
    if last.version < done.version {
        return Some((format!("message {} is older than its change of version {}", last.id, done.version), edit));
    }
    if last.deleted {
        return None;
    }
    // The content that is left was asked for before an edit with another content even began: that one is lost.
    let content = |op: OpNo| match model.index.ask(op) {
        Some(Ask::Edit { content, .. }) => *content,
        _ => 0,
    };
    let ended = |op: OpNo| model.index.op(op).map_or(NOWHERE, |op| op.answered);
    let begun = |op: OpNo| model.index.op(op).map_or(0, |op| op.asked);
    let left = done.edits.iter().copied().filter(|op| content(*op) == last.content);
    let left_until = left.map(ended).max()?;
    let later = done.edits.iter().copied().find(|op| content(*op) != last.content && begun(*op) > left_until)?;
    // An edit without an answer may have brought the content back.
    let is_asked_elsewhere = unanswered_edit(model, last);
    (!is_asked_elsewhere).then(|| (format!("an edit of message {} was done and an older one is left", last.id), later))
}

fn unanswered_edit(model: &Model<'_>, last: &Copy) -> bool {
    model.index.ops.iter().filter(|op| !matches!(model.index.answer(op), Some(Answer::Done { .. }))).any(|op| {
        let record = model.index.record(op.asked);
        record.is_some_and(|record| {
            matches!(&record.what, What::Asked { ask: Ask::Edit { message, content, .. }, .. }
                if *message == last.id && *content == last.content)
        })
    })
}

/// Who was added or removed last, and then not asked for again, is in or out in the end.
fn memberships(model: &Model<'_>, asked: &HashMap<(ChannelNo, UserNo), Vec<OpNo>>, found: &mut Findings) {
    for ((channel, user), ops) in asked {
        let Some(log) = model.last(*channel) else { continue };
        let done = |op: OpNo| model.index.op(op).and_then(|op| model.index.answer(op));
        // A request without an answer may take effect at any time after it.
        if ops.iter().any(|op| !matches!(done(*op), Some(Answer::Done { .. }))) {
            continue;
        }
        let Some(op) = ops.last().and_then(|op| model.index.op(*op)) else { continue };
        let added =
            matches!(model.index.record(op.asked).map(|it| &it.what), Some(What::Asked { ask: Ask::Add { .. }, .. }));
        if log.held.members.contains(user) != added {
            found.add(Anomaly::Lost, Some(*channel), model.index.at(op.answered), || {
                let change = if added { "addition to" } else { "removal from" };
                let what = format!("the {change} channel {channel} of user {user} was done and is lost");
                let evidence = vec![
                    model.line(op.asked, *channel),
                    model.line(op.answered, *channel),
                    format!("final log, node {}: {}", log.node, text(&log.held)),
                ];
                (what, evidence)
            });
        }
    }
}

/// What anybody was shown was stored before, and so is there in the end.
fn shown(model: &Model<'_>, found: &mut Findings) {
    for (channel, log) in (0..).zip(&model.logs) {
        if model.last(channel).is_none() {
            continue;
        }
        for (seq, message) in log.messages() {
            // Those that were acknowledged are told above.
            if message.last.is_some() || is_acknowledged(model, message.sender, message.client_id) {
                continue;
            }
            found.add(Anomaly::Phantom, Some(channel), model.index.at(message.by), || {
                let what = format!("message {} was shown and is not in the final log", message.id);
                (what, vec![model.source(channel, seq, message.by)])
            });
        }
    }
}

fn is_acknowledged(model: &Model<'_>, sender: UserNo, client_id: Option<uuid::Uuid>) -> bool {
    client_id.is_some_and(|client_id| {
        model.index.attempts_of(sender, client_id).any(|attempt| matches!(attempt.outcome, Outcome::Acked { .. }))
    })
}
