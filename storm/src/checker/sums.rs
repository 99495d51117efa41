//! How much was looked at, and how long things took.

use std::time::Duration;

use serde::Serialize;
use tenfour::bench::histogram::Histogram;

use super::index::{IdSet, NOWHERE, Outcome};
use super::model::Model;
use crate::history::{Answer, Ask, ChannelNo, Copy, Frame, Handed, Micros, What};

/// What was looked at, so that "nothing found" means something.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Sums {
    /// Messages, however often they were sent.
    pub sends_acknowledged: u64,
    /// Attempts.
    pub sends_refused: u64,
    pub sends_unknown: u64,
    /// Of all attempts, those that a late answer would have been found of.
    pub sends_timed: u64,
    pub retries: u64,
    pub edits: u64,
    pub deletions: u64,
    pub memberships: u64,
    pub reactions: u64,
    pub answers: u64,
    pub uploads: u64,
    pub erasures: u64,
    pub deliveries: u64,
    pub connections: u64,
    pub syncs: u64,
    pub histories: u64,
    /// What nodes were asked for at rest: lists of open instructions, files, revisions of messages, searches, exports.
    pub lists: u64,
    pub files: u64,
    pub revised: u64,
    pub searches: u64,
    pub exports: u64,
    /// Of the audit trail, each of which was held against what is stored.
    pub trail_entries: u64,
    pub power_cuts: u64,
    pub faults: u64,
    /// Microseconds from an acknowledgement to each delivery: 50th, 99th and 100th percentile.
    pub lag: [Micros; 3],
    /// The same from a send to its acknowledgement.
    pub acknowledged_after: [Micros; 3],
}

pub(super) fn of(model: &Model<'_>) -> Sums {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut sums = Sums {
        trail_entries: model.history.trail.entries,
        lists: count(model.history.endings.lists.len()),
        files: count(model.history.endings.files.len()),
        revised: count(model.history.endings.revised.len()),
        searches: count(model.history.endings.searches.len()),
        exports: count(model.history.endings.exports.len()),
        power_cuts: count(model.history.power_cuts),
        faults: count(model.history.broken.len()),
        ..Sums::default()
    };
    let acknowledged = sends(model, &mut sums);
    let mut lag = Histogram::default();
    let mut deliver = |copy: &Copy, at: Micros| {
        let acknowledged = acknowledged.get(usize::from(copy.channel));
        let seq = usize::try_from(copy.seq).ok();
        if let Some(acknowledged) = acknowledged.zip(seq).and_then(|(all, seq)| all.get(seq)).filter(|at| **at != NEVER)
        {
            lag.record(Duration::from_micros(at.saturating_sub(*acknowledged)));
        }
    };
    for record in &model.history.records {
        match &record.what {
            What::Came { frame: Frame::Message { copy, .. } } | What::Handed { event: Handed::Message { copy } } => {
                sums.deliveries += 1;
                deliver(copy, record.at);
            }
            What::Came { frame: Frame::Updated { .. } | Frame::Deleted { .. } | Frame::Members { .. } }
            | What::Handed { event: Handed::Updated { .. } | Handed::Deleted { .. } } => sums.deliveries += 1,
            What::Opened { .. } | What::Handed { event: Handed::Connected { .. } } => sums.connections += 1,
            What::Asked { ask: Ask::Sync { .. }, .. } => sums.syncs += 1,
            What::Asked { ask: Ask::History { .. }, .. } => sums.histories += 1,
            What::Answered { op, answer: Answer::Done { .. } } => match model.index.ask(*op) {
                Some(Ask::Edit { .. }) => sums.edits += 1,
                Some(Ask::Delete { .. }) => sums.deletions += 1,
                Some(Ask::Add { .. } | Ask::Remove { .. }) => sums.memberships += 1,
                Some(Ask::React { .. }) => sums.reactions += 1,
                Some(Ask::Reply { .. }) => sums.answers += 1,
                Some(Ask::Erase { .. }) => sums.erasures += 1,
                _ => {}
            },
            What::Answered { answer: Answer::Uploaded { .. }, .. } => sums.uploads += 1,
            _ => {}
        }
    }
    sums.lag = percentiles(&lag);
    sums
}

/// Of a message that was not acknowledged.
const NEVER: Micros = Micros::MAX;

/// Counts sends. When each message was first acknowledged, by channel and `seq`.
fn sends(model: &Model<'_>, sums: &mut Sums) -> Vec<Vec<Micros>> {
    let mut first: Vec<Vec<Micros>> = model.history.scene.channels.iter().map(|_| Vec::new()).collect();
    let mut messages = IdSet::default();
    let mut after = Histogram::default();
    for attempt in &model.index.attempts {
        sums.retries += u64::from(attempt.before != NOWHERE);
        match attempt.outcome {
            Outcome::Refused { .. } => sums.sends_refused += 1,
            Outcome::Unknown => sums.sends_unknown += 1,
            Outcome::Acked { seq, .. } => {
                let at = model.index.at(attempt.answered);
                after.record(Duration::from_micros(at.saturating_sub(model.index.at(attempt.asked))));
                sums.sends_acknowledged += u64::from(messages.insert((attempt.user, attempt.client_id)));
                note(&mut first, attempt.channel, seq, at, model);
            }
        }
    }
    sums.acknowledged_after = percentiles(&after);
    first
}

fn note(first: &mut [Vec<Micros>], channel: ChannelNo, seq: i64, at: Micros, model: &Model<'_>) {
    // One that is no message of the model has no place here.
    let known = model.log(channel).is_some_and(|log| log.message(seq).is_some());
    let (Some(first), Ok(seq)) = (first.get_mut(usize::from(channel)), usize::try_from(seq)) else { return };
    if known {
        if first.len() <= seq {
            first.resize(seq + 1, NEVER);
        }
        first[seq] = first[seq].min(at);
    }
}

/// 50th, 99th and 100th percentile.
fn percentiles(times: &Histogram) -> [Micros; 3] {
    [times.quantile_ms(0.5), times.quantile_ms(0.99), times.most_ms()].map(|time| micros(time.unwrap_or(0.0)))
}

fn micros(ms: f64) -> Micros {
    u64::try_from(Duration::from_secs_f64(ms / 1_000.0).as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_times() {
        let mut times = Histogram::default();
        assert_eq!(percentiles(&times), [0; 3]);
        for time in 1..=1_000_u64 {
            times.record(Duration::from_micros(time * 7));
        }
        let [half, most, longest] = percentiles(&times);
        assert!(half.abs_diff(3_500) <= 3_500 / 100 && most.abs_diff(6_930) <= 6_930 / 100, "{half}, {most}");
        assert_eq!(longest, 7_000);
    }
}
