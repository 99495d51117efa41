//! How much was looked at, and how long things took.

use serde::Serialize;

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
    pub retries: u64,
    pub edits: u64,
    pub deletions: u64,
    pub memberships: u64,
    pub deliveries: u64,
    pub connections: u64,
    pub syncs: u64,
    pub histories: u64,
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
        power_cuts: count(model.history.power_cuts),
        faults: count(model.history.broken.len()),
        ..Sums::default()
    };
    let acknowledged = sends(model, &mut sums);
    let mut lag = Times::default();
    let mut deliver = |copy: &Copy, at: Micros| {
        let acknowledged = acknowledged.get(usize::from(copy.channel));
        let seq = usize::try_from(copy.seq).ok();
        if let Some(acknowledged) = acknowledged.zip(seq).and_then(|(all, seq)| all.get(seq)).filter(|at| **at != NEVER)
        {
            lag.add(at.saturating_sub(*acknowledged));
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
                _ => {}
            },
            _ => {}
        }
    }
    sums.lag = lag.percentiles();
    sums
}

/// Of a message that was not acknowledged.
const NEVER: Micros = Micros::MAX;

/// Counts sends. When each message was first acknowledged, by channel and `seq`.
fn sends(model: &Model<'_>, sums: &mut Sums) -> Vec<Vec<Micros>> {
    let mut first: Vec<Vec<Micros>> = model.history.scene.channels.iter().map(|_| Vec::new()).collect();
    let mut messages = IdSet::default();
    let mut after = Times::default();
    for attempt in &model.index.attempts {
        sums.retries += u64::from(attempt.before != NOWHERE);
        match attempt.outcome {
            Outcome::Refused { .. } => sums.sends_refused += 1,
            Outcome::Unknown => sums.sends_unknown += 1,
            Outcome::Acked { seq, .. } => {
                let at = model.index.at(attempt.answered);
                after.add(at.saturating_sub(model.index.at(attempt.asked)));
                sums.sends_acknowledged += u64::from(messages.insert((attempt.user, attempt.client_id)));
                note(&mut first, attempt.channel, seq, at, model);
            }
        }
    }
    sums.acknowledged_after = after.percentiles();
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

/// Times, each with an error of less than 1 in 1,000: as many as there are deliveries would not fit otherwise.
#[derive(Debug, Default)]
struct Times {
    counts: Vec<u64>,
    all: u64,
    longest: Micros,
}

/// Up to here each microsecond is counted for itself; above, the first so many bits are.
const EXACT: u32 = 11;

impl Times {
    fn add(&mut self, time: Micros) {
        let place = Self::place(time);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
        self.all += 1;
        self.longest = self.longest.max(time);
    }

    fn percentiles(&self) -> [Micros; 3] {
        [self.at(50), self.at(99), self.longest]
    }

    /// The least time that this many of a hundred do not exceed.
    fn at(&self, percent: u64) -> Micros {
        let wanted = (self.all * percent).div_ceil(100);
        let mut so_far = 0;
        for (place, count) in self.counts.iter().enumerate() {
            so_far += count;
            if so_far >= wanted && wanted > 0 {
                return Self::most(place).min(self.longest);
            }
        }
        0
    }

    fn place(time: Micros) -> usize {
        let bits = 64 - time.leading_zeros();
        let shift = bits.saturating_sub(EXACT);
        let place = (u64::from(shift) << (EXACT - 1)) + (time >> shift);
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    /// The longest time that is counted in a place.
    fn most(place: usize) -> Micros {
        let half = 1_u64 << (EXACT - 1);
        let place = u64::try_from(place).unwrap_or(u64::MAX);
        let shift = (place / half).saturating_sub(1);
        let start = (place - shift * half) << shift;
        start + (1 << shift) - 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_is_counted_where_it_belongs(time in 0_u64..1 << 40) {
            let most = Times::most(Times::place(time));
            prop_assert!(time <= most && most - time <= time / 1000, "{time} is counted as up to {most}");
        }

        #[test]
        fn percentiles_are_those_of_the_sorted_times(mut times in prop::collection::vec(0_u64..100_000, 1..200)) {
            let mut counted = Times::default();
            for time in &times {
                counted.add(*time);
            }
            times.sort_unstable();
            let exact = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
            let [half, most, longest] = counted.percentiles();
            prop_assert!(half.abs_diff(exact(50)) <= exact(50) / 1000);
            prop_assert!(most.abs_diff(exact(99)) <= exact(99) / 1000);
            prop_assert_eq!(longest, exact(100));
        }
    }

    #[test]
    fn nothing_takes_no_time() {
        assert_eq!(Times::default().percentiles(), [0; 3]);
    }
}
