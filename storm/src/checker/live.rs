//! I8: each connection gets each version of a channel once and in order from `hello` on, without a gap, or is closed.
//!
//! Also where each connection stands when everything has to have been told, for whoever looks at convergence. A channel's
//! `channel_removed` may come from the channel or from a `sync`: only a `channel` frame says where to go on after it.

use super::Anomaly;
use super::findings::Findings;
use super::index::{NOWHERE, Outcome};
use super::model::{Change, Message, Model};
use crate::history::{Answer, Ask, ChannelNo, Frame, LineNo, Record, What};

/// Where a connection stands in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stand {
    /// It was never told of it.
    #[default]
    Outside,
    Inside,
    /// It was told that the user is out of it.
    Removed,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lane {
    pub(super) stand: Stand,
    /// The version up to which everything came.
    pub(super) version: i64,
    /// Place of the record that brought it there.
    pub(super) last: u32,
}

/// The connections that are open when everything has to have been told.
#[derive(Debug, Default)]
pub(super) struct AtRest {
    /// By the place of the channel.
    pub(super) lines: Vec<(LineNo, Vec<Lane>)>,
}

pub(super) fn look(model: &Model<'_>, found: &mut Findings) -> AtRest {
    let channels = model.history.scene.channels.len();
    let mut scan = Scan { model, found, lanes: Vec::new(), channels };
    let mut at_rest = None;
    for (place, record) in (0..).zip(&model.history.records) {
        if record.at >= model.history.rest && at_rest.is_none() {
            at_rest = Some(scan.open_lines());
        }
        scan.take(place, record);
    }
    at_rest.unwrap_or_else(|| scan.open_lines())
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    found: &'s mut Findings,
    /// By the number of the line; empty before it is open and after it is closed.
    lanes: Vec<Vec<Lane>>,
    channels: usize,
}

/// A part of the sequence.
#[derive(Debug, Clone, Copy)]
struct Piece {
    channel: ChannelNo,
    since: i64,
    version: i64,
}

impl Scan<'_, '_> {
    fn take(&mut self, place: u32, record: &Record) {
        match &record.what {
            What::Opened { channels, .. } => {
                let line = record.line as usize;
                if self.lanes.len() <= line {
                    self.lanes.resize(line + 1, Vec::new());
                }
                self.lanes[line] = vec![Lane::default(); self.channels];
                for held in channels {
                    self.start(record.line, held.channel, held.version, place);
                }
            }
            What::Closed { .. } => {
                if let Some(lanes) = self.lanes.get_mut(record.line as usize) {
                    *lanes = Vec::new();
                }
            }
            What::Came { frame } => self.frame(place, record, frame),
            What::Answered { op, answer } => self.answer(place, record, *op, answer),
            What::Asked { .. } | What::Handed { .. } => {}
        }
    }

    fn frame(&mut self, place: u32, record: &Record, frame: &Frame) {
        match frame {
            Frame::Message { copy, since } | Frame::Updated { copy, since } | Frame::Deleted { copy, since } => {
                let piece = Piece { channel: copy.channel, since: *since, version: copy.version };
                self.piece(place, record, piece);
            }
            Frame::Members { channel, version, since, .. } => {
                self.piece(place, record, Piece { channel: *channel, since: *since, version: *version });
            }
            Frame::Channel { held, since } => {
                let Some(lane) = self.lane(record.line, held.channel) else { return };
                if lane.stand != Stand::Inside {
                    self.start(record.line, held.channel, held.version, place);
                } else if held.version != lane.version {
                    // At the same version it only says once more how things are.
                    self.piece(place, record, Piece { channel: held.channel, since: *since, version: held.version });
                }
            }
            Frame::ChannelRemoved { channel } => self.removed(record.line, *channel, place),
            Frame::Presence { .. } | Frame::Read { .. } | Frame::Typing { .. } => {}
        }
    }

    fn answer(&mut self, place: u32, record: &Record, op: u32, answer: &Answer) {
        match answer {
            Answer::Acked { version, duplicate: false, .. } if record.line != 0 => {
                let Some(Ask::Send { channel, .. }) = self.model.index.ask(op) else { return };
                let Some(lane) = self.lane(record.line, *channel) else { return };
                // An ack always answers the send. It has a place in the sequence where the sequence has not passed it: after
                // the message itself came in a frame that fills a hole, or before the user was told of the channel, it only
                // answers.
                let has_place = match lane.stand {
                    Stand::Inside => *version > lane.version,
                    // It may have been a `sync` that told so, ahead of what the channel still has to say.
                    Stand::Removed => *version == lane.version + 1,
                    Stand::Outside => false,
                };
                if has_place {
                    self.piece(place, record, Piece { channel: *channel, since: *version, version: *version });
                }
            }
            Answer::NotThere { channel } => self.removed(record.line, *channel, place),
            _ => {}
        }
    }

    fn lane(&mut self, line: LineNo, channel: ChannelNo) -> Option<&mut Lane> {
        self.lanes.get_mut(line as usize)?.get_mut(usize::from(channel))
    }

    fn start(&mut self, line: LineNo, channel: ChannelNo, version: i64, place: u32) {
        if let Some(lane) = self.lane(line, channel) {
            *lane = Lane { stand: Stand::Inside, version, last: place };
        }
    }

    fn removed(&mut self, line: LineNo, channel: ChannelNo, place: u32) {
        if let Some(lane) = self.lane(line, channel)
            && lane.stand != Stand::Outside
        {
            (lane.stand, lane.last) = (Stand::Removed, place);
        }
    }

    fn piece(&mut self, place: u32, record: &Record, piece: Piece) {
        let Some(lane) = self.lane(record.line, piece.channel) else { return };
        let before = *lane;
        (lane.version, lane.last) = (lane.version.max(piece.version), place);
        match before.stand {
            Stand::Outside => self.tell(Anomaly::Skipped, (place, record), piece, before),
            _ if piece.version <= before.version => self.tell(Anomaly::Repeated, (place, record), piece, before),
            _ if piece.since > before.version + 1
                && !are_late_acks(self.model, (record.line, piece.channel), before.version + 1, piece.since - 1) =>
            {
                self.tell(Anomaly::Skipped, (place, record), piece, before);
            }
            _ => {}
        }
    }

    fn tell(&mut self, anomaly: Anomaly, (place, record): (u32, &Record), piece: Piece, before: Lane) {
        let model = self.model;
        self.found.add(anomaly, Some(piece.channel), record.at, || {
            let Piece { channel, since, version } = piece;
            let what = match (before.stand, anomaly) {
                (Stand::Outside, _) => {
                    format!("line {} was not told of channel {channel} and got version {version} of it", record.line)
                }
                (_, Anomaly::Repeated) => format!(
                    "line {} was at version {} of channel {channel} and got version {version}",
                    record.line, before.version
                ),
                _ => format!(
                    "line {} was at version {} of channel {channel} and got {since} to {version}",
                    record.line, before.version
                ),
            };
            let missing = match (anomaly, before.stand) {
                (Anomaly::Skipped, Stand::Inside | Stand::Removed) => Some(before.version + 1),
                _ => None,
            };
            let missed = missing.and_then(|missing| {
                let log = model.log(channel)?;
                let seq = log.changed_message(missing)?;
                Some(format!("missed: {}", model.source(channel, seq, log.told_by(missing))))
            });
            let hello = model.index.line(record.line).map_or(NOWHERE, |line| line.hello);
            let mut evidence = vec![model.line(hello, channel)];
            if before.last != hello && before.stand != Stand::Outside {
                evidence.push(model.line(before.last, channel));
            }
            evidence.push(model.line(place, channel));
            evidence.extend(missed);
            (what, evidence)
        });
    }

    fn open_lines(&self) -> AtRest {
        let open = (0..).zip(&self.lanes).filter(|(_, lanes)| !lanes.is_empty());
        AtRest { lines: open.map(|(line, lanes)| (line, lanes.clone())).collect() }
    }
}

/// Whether these versions are all sends of this connection for whose answer the client no longer waited: it had it, and it
/// is not on record.
pub(super) fn are_late_acks(model: &Model<'_>, (line, channel): (LineNo, ChannelNo), first: i64, last: i64) -> bool {
    let user = model.index.line(line).and_then(|line| model.index.user(line.client));
    let (Some(log), Some(user)) = (model.log(channel), user) else { return false };
    (first..=last).all(|version| {
        let (Change::Sent { seq } | Change::State { seq, edited: false, deleted: false, .. }) = log.change(version)
        else {
            return false;
        };
        // A reaction leaves it as unedited as it was sent.
        let is_first = |message: &&Message| message.versions.first() == Some(&version);
        let message = log.message(seq).filter(|message| message.sender == user).filter(is_first);
        let client_id = message.and_then(|it| it.client_id);
        client_id.is_some_and(|client_id| {
            let mut attempts = model.index.attempts_of(user, client_id);
            attempts.any(|attempt| attempt.line == line && attempt.outcome == Outcome::Unknown)
        })
    })
}
