//! A run second by second: what was acknowledged and delivered, how late, how many connections were lost.
//!
//! Made from the history for the plots and for programs. Judges nothing.

use std::collections::HashMap;

use serde::Serialize;

use crate::history::{Answer, Ask, ChannelNo, Copy, Frame, Handed, History, Micros, OpNo, What};

/// A run that is longer has steps of more than a second.
const MOST: u64 = 600;
const SECOND: Micros = 1_000_000;

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Timeline {
    pub(crate) step_seconds: u64,
    pub(crate) points: Vec<Point>,
    pub(crate) memory: Vec<Memory>,
}

/// What happened within one step.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Point {
    pub(crate) second: u64,
    /// Messages, each when it was acknowledged for the first time.
    pub(crate) acknowledged: u64,
    pub(crate) deliveries: u64,
    /// Not ended by the client itself.
    pub(crate) connections_lost: u64,
    /// From a send to its acknowledgement: 50th, 99th and 100th percentile. None where nothing was acknowledged.
    pub(crate) acknowledged_after_us: Option<[Micros; 3]>,
    /// From the acknowledgement to each delivery.
    pub(crate) lag_us: Option<[Micros; 3]>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    pub(crate) at_us: Micros,
    pub(crate) node: u8,
    pub(crate) bytes: u64,
    pub(crate) connections: usize,
}

pub(crate) fn of(history: &History) -> Timeline {
    let step_seconds = history.records.last().map_or(0, |last| last.at) / SECOND / MOST + 1;
    let mut walk = Walk { first: first_acknowledged(history), ..Walk::default() };
    let step = step_seconds * SECOND;
    for record in &history.records {
        while record.at >= (walk.points.len() as u64 + 1) * step {
            walk.turn(step_seconds);
        }
        walk.take(record.at, &record.what);
    }
    walk.turn(step_seconds);
    let memory = history.memory.iter();
    let memory = memory.map(|&(at_us, node, bytes, connections)| Memory { at_us, node, bytes, connections }).collect();
    Timeline { step_seconds, points: walk.points, memory }
}

/// The earliest of each message, since a delivery may be on record before the acknowledgement.
fn first_acknowledged(history: &History) -> HashMap<(ChannelNo, i64), Micros> {
    let mut channels: HashMap<OpNo, ChannelNo> = HashMap::new();
    let mut first = HashMap::new();
    for record in &history.records {
        match &record.what {
            What::Asked { op, ask: Ask::Send { channel, .. } } => drop(channels.insert(*op, *channel)),
            What::Answered { op, answer: Answer::Acked { seq, .. } } => {
                if let Some(channel) = channels.remove(op) {
                    first.entry((channel, *seq)).or_insert(record.at);
                }
            }
            _ => (),
        }
    }
    first
}

#[derive(Default)]
struct Walk {
    first: HashMap<(ChannelNo, i64), Micros>,
    asked: HashMap<OpNo, (Micros, ChannelNo)>,
    points: Vec<Point>,
    now: Point,
    after: Vec<Micros>,
    lag: Vec<Micros>,
}

impl Walk {
    fn take(&mut self, at: Micros, what: &What) {
        match what {
            What::Asked { op, ask: Ask::Send { channel, .. } } => drop(self.asked.insert(*op, (at, *channel))),
            What::Answered { op, answer: Answer::Acked { seq, .. } } => {
                if let Some((asked, channel)) = self.asked.remove(op) {
                    self.after.push(at - asked);
                    self.now.acknowledged += u64::from(self.first.get(&(channel, *seq)) == Some(&at));
                }
            }
            What::Came { frame: Frame::Message { copy, .. } } | What::Handed { event: Handed::Message { copy } } => {
                self.delivered(at, copy);
            }
            What::Came { frame: Frame::Updated { .. } | Frame::Deleted { .. } | Frame::Members { .. } }
            | What::Handed { event: Handed::Updated { .. } | Handed::Deleted { .. } } => self.now.deliveries += 1,
            What::Closed { own: false, .. } | What::Handed { event: Handed::Disconnected } => {
                self.now.connections_lost += 1;
            }
            _ => (),
        }
    }

    fn delivered(&mut self, at: Micros, copy: &Copy) {
        self.now.deliveries += 1;
        if let Some(acknowledged) = self.first.get(&(copy.channel, copy.seq)) {
            self.lag.push(at.saturating_sub(*acknowledged));
        }
    }

    /// The step is over.
    fn turn(&mut self, step_seconds: u64) {
        self.now.second = self.points.len() as u64 * step_seconds;
        self.now.acknowledged_after_us = percentiles(&mut self.after);
        self.now.lag_us = percentiles(&mut self.lag);
        self.points.push(std::mem::take(&mut self.now));
    }
}

/// Of all of them, which are then forgotten.
fn percentiles(times: &mut Vec<Micros>) -> Option<[Micros; 3]> {
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent).div_ceil(100).checked_sub(1)?).copied();
    let all = Some([at(50)?, at(99)?, at(100)?]);
    times.clear();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Record;
    use uuid::Uuid;

    fn record(at: Micros, what: What) -> Record {
        Record { at, client: 0, line: 1, what }
    }

    fn send(at: Micros, op: OpNo) -> Record {
        record(
            at,
            What::Asked {
                op,
                ask: Ask::Send { channel: 0, client_id: Uuid::from_u128(1), content: 0, extra: 0, node: None },
            },
        )
    }

    fn ack(at: Micros, op: OpNo, seq: i64) -> Record {
        record(
            at,
            What::Answered { op, answer: Answer::Acked { message: Uuid::nil(), seq, version: seq, duplicate: false } },
        )
    }

    fn delivery(at: Micros, seq: i64) -> Record {
        let copy = Copy {
            id: Uuid::nil(),
            client_id: Uuid::nil(),
            channel: 0,
            sender: 0,
            seq,
            version: seq,
            content: 0,
            edited: false,
            deleted: false,
            extra: 0,
        };
        record(at, What::Came { frame: Frame::Message { copy, since: seq } })
    }

    fn lost(at: Micros, own: bool) -> Record {
        record(at, What::Closed { code: None, own })
    }

    #[test]
    fn each_thing_is_counted_in_its_second_and_a_retry_once() {
        let history = History {
            records: vec![
                send(100, 1),
                delivery(300, 1),
                ack(500, 1, 1),
                lost(900_000, true),
                send(1_000_000, 2),
                ack(1_000_040, 2, 1),
                delivery(1_000_500, 1),
                lost(3_200_000, false),
            ],
            memory: vec![(7, 2, 1024, 3)],
            ..History::default()
        };
        let point = |second, acknowledged, deliveries, connections_lost, after: Option<u64>, lag: Option<u64>| Point {
            second,
            acknowledged,
            deliveries,
            connections_lost,
            acknowledged_after_us: after.map(|time| [time; 3]),
            lag_us: lag.map(|time| [time; 3]),
        };
        let expected = Timeline {
            step_seconds: 1,
            points: vec![
                point(0, 1, 1, 0, Some(400), Some(0)),
                point(1, 0, 1, 0, Some(40), Some(1_000_000)),
                point(2, 0, 0, 0, None, None),
                point(3, 0, 0, 1, None, None),
            ],
            memory: vec![Memory { at_us: 7, node: 2, bytes: 1024, connections: 3 }],
        };
        assert_eq!(of(&history), expected);
    }

    #[test]
    fn a_long_run_has_no_more_steps_than_can_be_shown() {
        let history = History { records: vec![delivery(7_200 * SECOND, 1)], ..History::default() };
        let timeline = of(&history);
        assert_eq!((timeline.step_seconds, timeline.points.len()), (13, 554));
        assert_eq!(timeline.points.last().map(|point| point.deliveries), Some(1));
    }

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let mut times: Vec<Micros> = (1..=200).rev().collect();
        assert_eq!(percentiles(&mut times), Some([100, 198, 200]));
        assert_eq!(percentiles(&mut times), None);
    }
}
