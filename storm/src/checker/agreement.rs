//! I4, I5: in the end all nodes have the same log, without a hole, and each id is one message.
//!
//! That all observers agree about each `seq` and version is looked at where the [`super::model`] is made.

use std::collections::HashMap;

use super::Anomaly;
use super::erasure::Erasures;
use super::evidence::{final_line, text};
use super::findings::Findings;
use super::index::{Attempt, ById};
use super::model::{Change, Model};
use super::touches::{Touches, asks_until};
use crate::endings::FinalLog;
use crate::history::{Answer, Ask, ChannelNo, Handed, Held, What};

pub(super) fn look(model: &Model<'_>, touches: &Touches, erasures: &Erasures, found: &mut Findings) {
    for channel in (0..).take(model.history.scene.channels.len()) {
        let mut logs = model.history.finals.iter().filter(|log| log.channel == channel);
        let Some(first) = logs.next() else {
            found.add(Anomaly::NotConverged, Some(channel), model.history.rest, || {
                (format!("nobody could read channel {channel} in the end"), Vec::new())
            });
            continue;
        };
        seqs(first, found, model.history.rest);
        for log in logs {
            same(first, log, found, model.history.rest);
        }
    }
    one_id_each(model, found);
    as_sent(model, touches, found);
    versions(model, erasures, found);
}

/// 1, 2, 3 …, up to what the head says.
fn seqs(log: &FinalLog, found: &mut Findings, at: u64) {
    let mut next = 1;
    for copy in &log.messages {
        if copy.seq != next {
            found.add(Anomaly::Hole, Some(log.channel), at, || {
                let what = format!("seq {next} of channel {} is missing in the end", log.channel);
                (what, vec![final_line(log, copy)])
            });
        }
        next = copy.seq + 1;
    }
    let newest = log.messages.iter().map(|copy| copy.version).max().unwrap_or(0);
    if next != log.held.last_seq + 1 || newest > log.held.version {
        found.add(Anomaly::Hole, Some(log.channel), at, || {
            let Held { last_seq, version, .. } = log.held;
            let what = format!(
                "the head of channel {} says seq {last_seq}, version {version}; its messages end with seq {}, version {newest}",
                log.channel,
                next - 1
            );
            (what, vec![format!("final log, node {}: {}", log.node, text(&log.held))])
        });
    }
}

fn same(first: &FinalLog, other: &FinalLog, found: &mut Findings, at: u64) {
    let channel = Some(first.channel);
    let differs = first.messages.iter().zip(&other.messages).find(|(one, other)| one != other);
    if let Some((one, two)) = differs {
        found.add(Anomaly::Divergent, channel, at, || {
            let what = format!("nodes {} and {} have different final logs", first.node, other.node);
            (what, vec![final_line(first, one), final_line(other, two)])
        });
    } else if first.messages.len() != other.messages.len() || !same_head(&first.held, &other.held) {
        found.add(Anomaly::Divergent, channel, at, || {
            let (one, two) = (first.messages.len(), other.messages.len());
            let what = format!("nodes {} and {} end with {one} and {two} messages", first.node, other.node);
            let show = |log: &FinalLog| format!("final log, node {}: {}", log.node, text(&log.held));
            (what, vec![show(first), show(other)])
        });
    }
}

/// What the host has read and who is online is not of the log.
fn same_head(one: &Held, other: &Held) -> bool {
    let sorted = |held: &Held| {
        let mut members = held.members.clone();
        members.sort_unstable();
        members
    };
    (one.version, one.last_seq) == (other.version, other.last_seq) && sorted(one) == sorted(other)
}

fn one_id_each(model: &Model<'_>, found: &mut Findings) {
    let mut ids: ById<uuid::Uuid, (ChannelNo, i64)> = HashMap::default();
    for (channel, log) in (0..).zip(&model.logs) {
        for (seq, message) in log.messages() {
            let Some((other_channel, other)) = ids.insert(message.id, (channel, seq)) else { continue };
            found.add(Anomaly::Duplicate, Some(channel), model.index.at(message.by), || {
                let what =
                    format!("one id is seq {other} of channel {other_channel} and seq {seq} of channel {channel}");
                let first = model.log(other_channel).and_then(|log| log.message(other)).map(|message| message.by);
                let first = model.source(other_channel, other, first.unwrap_or(message.by));
                (what, vec![first, model.source(channel, seq, message.by)])
            });
        }
    }
}

/// A message is as it was sent with its first version, and never again; what reacts to it or answers it leaves its words.
fn as_sent(model: &Model<'_>, touches: &Touches, found: &mut Findings) {
    for (channel, log) in (0..).zip(&model.logs) {
        for (seq, message) in log.messages() {
            let mut later = message.versions.iter().copied().skip(1);
            let touched = touches.may_be_touched(model, message);
            let Some(version) = later.find(|version| {
                let change = log.change(*version);
                match change {
                    Change::Sent { .. } => true,
                    Change::State { edited: false, deleted: false, .. } => !touched,
                    _ => false,
                }
            }) else {
                continue;
            };
            let first = message.versions[0];
            let (by, first_by) = (log.told_by(version), log.told_by(first));
            found.add(Anomaly::Divergent, Some(channel), model.index.at(by), || {
                let what = format!("seq {seq} of channel {channel} is new with version {version}, and with {first}");
                (what, [first_by, by].map(|by| model.source(channel, seq, by)).to_vec())
            });
        }
    }
}

/// Overtaken versions leave no trace, so that holes among them cannot be seen one by one. But each version is a change that
/// somebody asked for: there cannot be more of them, and not fewer than were done.
fn versions(model: &Model<'_>, erasures: &Erasures, found: &mut Findings) {
    let channels = model.history.scene.channels.len();
    let mut first: Vec<Option<(i64, i64)>> = vec![None; channels];
    let (mut most, mut least) = (vec![0_i64; channels], vec![0_i64; channels]);
    for record in &model.history.records {
        match &record.what {
            What::Opened { channels, .. } | What::Handed { event: Handed::Connected { channels, .. } } => {
                for held in channels {
                    if let Some(first) = first.get_mut(usize::from(held.channel)) {
                        first.get_or_insert((held.version, held.last_seq));
                    }
                }
            }
            What::Asked { op, ask } => {
                let (Ask::Edit { channel, .. }
                | Ask::Delete { channel, .. }
                | Ask::Add { channel, .. }
                | Ask::Remove { channel, .. }
                | Ask::React { channel, .. }
                | Ask::Reply { channel, .. }) = ask
                else {
                    continue;
                };
                let channel = usize::from(*channel);
                let answer = model.index.op(*op).and_then(|op| model.index.answer(op));
                let refused = matches!(answer, Some(Answer::Refused { retryable: false, .. }));
                if channel < channels && !refused {
                    most[channel] += 1;
                    // Adding who is there already is done without a change, like reacting and answering as before; deleting
                    // and editing never is.
                    let counts = matches!(ask, Ask::Edit { .. } | Ask::Delete { .. });
                    least[channel] += i64::from(counts && matches!(answer, Some(Answer::Done { .. })));
                }
            }
            _ => {}
        }
    }
    for (channel, deadlines) in (0..).zip(deadlines(model)) {
        most[channel] += deadlines;
    }
    // Each message that may have been erased.
    for log in (0..).take(channels).filter_map(|channel| model.last(channel)) {
        let erased = log.messages.iter().filter(|copy| copy.deleted && erasures.may_be(copy.sender)).count();
        most[usize::from(log.channel)] += i64::try_from(erased).unwrap_or(i64::MAX >> 1);
    }
    for (channel, first) in (0..).zip(first) {
        let (Some((version, seq)), Some(log)) = (first, model.last(channel)) else { continue };
        let sent = log.held.last_seq - seq;
        let changes = log.held.version - version - sent;
        let most = most[usize::from(channel)];
        // What was done before the first look is not in `changes`.
        let least = if version == 0 { least[usize::from(channel)] } else { 0 };
        if changes > most || changes < least {
            found.add(Anomaly::Hole, Some(channel), model.history.rest, || {
                let what = format!(
                    "channel {channel} went from version {version} to {} by {sent} messages and {changes} other changes, \
                     where {least} were done and {most} were asked for",
                    log.held.version
                );
                (what, vec![format!("final log, node {}: {}", log.node, text(&log.held))])
            });
        }
    }
}

/// By channel: how many messages have a deadline, which each may pass once.
fn deadlines(model: &Model<'_>) -> Vec<i64> {
    let mut deadlines = vec![0; model.history.scene.channels.len()];
    let last = |attempt: &&Attempt| {
        model.index.attempts_of(attempt.user, attempt.client_id).next().map(|it| it.op) == Some(attempt.op)
    };
    for attempt in model.index.attempts.iter().filter(last) {
        if asks_until(model, attempt.extra).is_some()
            && let Some(number) = deadlines.get_mut(usize::from(attempt.channel))
        {
            *number += 1;
        }
    }
    deadlines
}
