//! The one order of each channel: every message and every change, from the final logs and from whatever anybody was shown.
//!
//! The scans compare what each observer saw with it. Where two sources disagree about what it holds, that is a finding
//! (I4) of its own, made here; the first one stays.

use uuid::Uuid;

use super::Anomaly;
use super::evidence;
use super::findings::Findings;
use super::index::{Attempt, Index, NOWHERE, Outcome};
use crate::endings::FinalLog;
use crate::extras::ExtraNo;
use crate::history::{Answer, ChannelNo, Copy, Frame, Handed, History, UserNo, What};

/// Numbers beyond the highest of the final logs by more than this are no history of this run.
const FAR_BEYOND: i64 = 1_000_000;

/// A message, by its `seq`.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: Uuid,
    /// Unknown as long as only its acknowledgement is.
    pub(super) client_id: Option<Uuid>,
    pub(super) sender: UserNo,
    /// Place of the record that told of it first; [`NOWHERE`] for the final log.
    pub(super) by: u32,
    /// The versions that it is known to have had, ascending.
    pub(super) versions: Vec<i64>,
    /// As it is in the end.
    pub(super) last: Option<Copy>,
}

/// What a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nobody saw it: a later change of the same message overtook it, or no observer was there.
    Unseen,
    /// A message as it was sent, known by its acknowledgement.
    Sent {
        seq: i64,
    },
    State {
        seq: i64,
        content: u64,
        edited: bool,
        deleted: bool,
        extra: ExtraNo,
    },
    Roster,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    /// By `seq`, from 1 on.
    messages: Vec<Option<Message>>,
    /// By version, from 1 on, each with the place of the record that told of it first.
    changes: Vec<(Change, u32)>,
}

impl Log {
    pub(super) fn message(&self, seq: i64) -> Option<&Message> {
        self.messages.get(place(seq)?)?.as_ref()
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = (i64, &Message)> {
        (1..).zip(&self.messages).filter_map(|(seq, message)| Some((seq, message.as_ref()?)))
    }

    pub(super) fn change(&self, version: i64) -> Change {
        place(version).and_then(|place| self.changes.get(place)).map_or(Change::Unseen, |(change, _)| *change)
    }

    /// Place of the record that told of it first; [`NOWHERE`] where only the final log does.
    pub(super) fn told_by(&self, version: i64) -> u32 {
        place(version).and_then(|place| self.changes.get(place)).map_or(NOWHERE, |(_, by)| *by)
    }

    /// The highest version that anybody told of.
    pub(super) fn seen_version(&self) -> i64 {
        i64::try_from(self.changes.len()).unwrap_or(i64::MAX)
    }

    /// The message that is known to be in a new state with this version.
    pub(super) fn changed_message(&self, version: i64) -> Option<i64> {
        match self.change(version) {
            Change::Sent { seq } | Change::State { seq, .. } => Some(seq),
            Change::Unseen | Change::Roster => None,
        }
    }
}

impl Message {
    /// The latest version up to this one that it is known to have had.
    pub(super) fn version_at(&self, version: i64) -> Option<i64> {
        let known = self.versions.partition_point(|known| *known <= version);
        self.versions.get(known.checked_sub(1)?).copied()
    }

    /// The version of its deletion, after which nothing else can happen to it.
    pub(super) fn deleted_at(&self) -> Option<i64> {
        self.last.filter(|last| last.deleted).map(|last| last.version)
    }
}

#[derive(Debug)]
pub(super) struct Model<'h> {
    pub(super) index: Index<'h>,
    pub(super) history: &'h History,
    pub(super) logs: Vec<Log>,
}

impl<'h> Model<'h> {
    pub(super) fn of(history: &'h History, found: &mut Findings) -> Self {
        let logs = history.scene.channels.iter().map(|_| Log::default()).collect();
        let mut model = Self { index: Index::of(history), history, logs };
        let head = |log: &FinalLog| log.held.version.max(log.held.last_seq);
        let limit = history.finals.iter().map(head).max().unwrap_or(0).saturating_add(FAR_BEYOND);
        let mut taking = Taking { model: &mut model, limit, found };
        taking.take_finals();
        taking.take_records();
        for log in &mut model.logs {
            log.collect_versions();
        }
        model
    }

    pub(super) fn log(&self, channel: ChannelNo) -> Option<&Log> {
        self.logs.get(usize::from(channel))
    }

    pub(super) fn message(&self, copy: &Copy) -> Option<&Message> {
        self.log(copy.channel)?.message(copy.seq)
    }

    /// A channel as the first node that was asked has it in the end.
    pub(super) fn last(&self, channel: ChannelNo) -> Option<&'h FinalLog> {
        self.history.finals.iter().find(|log| log.channel == channel)
    }

    pub(super) fn line(&self, place: u32, channel: ChannelNo) -> String {
        evidence::line(self.history, place, Some(channel))
    }

    /// With what hangs on it in words.
    pub(super) fn shown_text(&self, copy: &Copy) -> String {
        format!("{} with {}", evidence::text(copy), evidence::text(self.history.extra(copy.extra)))
    }

    /// Whoever told of it first: a record, or the final log.
    pub(super) fn source(&self, channel: ChannelNo, seq: i64, by: u32) -> String {
        if by != NOWHERE {
            return evidence::page_line(self.history, by, channel, &[seq]);
        }
        let log = self.last(channel);
        let copy = log.and_then(|log| log.messages.iter().find(|copy| copy.seq == seq));
        log.zip(copy).map_or_else(|| "final log".to_owned(), |(log, copy)| evidence::final_line(log, copy))
    }
}

impl Log {
    fn collect_versions(&mut self) {
        for (version, (change, _)) in (1..).zip(&self.changes) {
            if let Change::Sent { seq } | Change::State { seq, .. } = change
                && let Some(message) =
                    place(*seq).and_then(|place| self.messages.get_mut(place)).and_then(Option::as_mut)
            {
                message.versions.push(version);
            }
        }
    }
}

struct Taking<'m, 'h> {
    model: &'m mut Model<'h>,
    limit: i64,
    found: &'m mut Findings,
}

impl Taking<'_, '_> {
    fn take_finals(&mut self) {
        let history = self.model.history;
        for log in &history.finals {
            for copy in &log.messages {
                self.copy(copy, NOWHERE);
                let place = place(copy.seq);
                let log = self.model.logs.get_mut(usize::from(copy.channel));
                let message = log.zip(place).and_then(|(log, place)| log.messages.get_mut(place)?.as_mut());
                if let Some(message) = message {
                    message.last.get_or_insert(*copy);
                }
            }
        }
    }

    fn take_records(&mut self) {
        let history = self.model.history;
        for (by, record) in (0..).zip(&history.records) {
            match &record.what {
                What::Came { frame } => match frame {
                    Frame::Message { copy, .. } | Frame::Updated { copy, .. } | Frame::Deleted { copy, .. } => {
                        self.copy(copy, by);
                    }
                    Frame::Members { channel, version, .. } => self.change(*channel, *version, Change::Roster, by),
                    // One that announces a channel is of no version of its own; and of one that tells of a role or a
                    // name there is no other trace.
                    Frame::Channel { .. }
                    | Frame::ChannelRemoved { .. }
                    | Frame::Presence { .. }
                    | Frame::Read { .. }
                    | Frame::Typing { .. } => {}
                },
                What::Answered { answer: Answer::Page { messages, .. }, .. } => {
                    for copy in messages {
                        self.copy(copy, by);
                    }
                }
                // Its version of members may be that of a page, which is the one of any change.
                What::Handed {
                    event: Handed::Message { copy } | Handed::Updated { copy } | Handed::Deleted { copy },
                } => self.copy(copy, by),
                _ => {}
            }
        }
        for at in 0..self.model.index.attempts.len() {
            let attempt = self.model.index.attempts[at];
            if let Outcome::Acked { message, seq, version, .. } = attempt.outcome {
                self.ack(&attempt, message, seq, version);
            }
        }
    }

    fn copy(&mut self, copy: &Copy, by: u32) {
        if !self.is_near(copy.channel, copy.seq, copy.version, by) {
            return;
        }
        self.message(copy.channel, copy.seq, copy.id, Some(copy.client_id), copy.sender, by);
        let Copy { seq, content, edited, deleted, extra, .. } = *copy;
        self.change(copy.channel, copy.version, Change::State { seq, content, edited, deleted, extra }, by);
    }

    fn ack(&mut self, attempt: &Attempt, id: Uuid, seq: i64, version: i64) {
        let by = attempt.answered;
        if version == 0 {
            // Over REST, which does not tell it.
            return self.message(attempt.channel, seq, id, Some(attempt.client_id), attempt.user, by);
        }
        // Of a project's own client it may be the state that it was in when it was first seen again.
        let is_first = attempt.kind != crate::history::Kind::Kept;
        if self.is_near(attempt.channel, seq, version, by) {
            self.message(attempt.channel, seq, id, Some(attempt.client_id), attempt.user, by);
            if is_first {
                self.change(attempt.channel, version, Change::Sent { seq }, by);
            }
        }
    }

    /// Whether these can be numbers of this run at all.
    fn is_near(&mut self, channel: ChannelNo, seq: i64, version: i64, by: u32) -> bool {
        let near = (1..=self.limit).contains(&seq)
            && (1..=self.limit).contains(&version)
            && usize::from(channel) < self.model.logs.len();
        if !near {
            let (model, at) = (&self.model, self.model.index.at(by));
            self.found.add(Anomaly::Divergent, Some(channel), at, || {
                let what = format!("seq {seq}, version {version} of channel {channel}: no such message can exist");
                (what, vec![model.source(channel, seq, by)])
            });
        }
        near
    }

    fn message(&mut self, channel: ChannelNo, seq: i64, id: Uuid, client_id: Option<Uuid>, sender: UserNo, by: u32) {
        let Some(at) = place(seq) else { return };
        let log = &mut self.model.logs[usize::from(channel)];
        if log.messages.len() <= at {
            log.messages.resize(at + 1, None);
        }
        let Some(known) = &mut log.messages[at] else {
            log.messages[at] = Some(Message { id, client_id, sender, by, versions: Vec::new(), last: None });
            return;
        };
        if known.by == NOWHERE {
            // As for changes: a record that tells it is worth more.
            known.by = by;
        }
        if (known.id, known.client_id, known.sender) != (id, client_id, sender) {
            let first = known.by;
            let model = &self.model;
            self.found.add(Anomaly::Divergent, Some(channel), self.model.index.at(by), || {
                let what = format!("seq {seq} of channel {channel} is two different messages");
                (what, vec![model.source(channel, seq, first), model.source(channel, seq, by)])
            });
        }
    }

    fn change(&mut self, channel: ChannelNo, version: i64, change: Change, by: u32) {
        let Some(at) = place(version).filter(|_| version <= self.limit) else { return };
        let Some(log) = self.model.logs.get_mut(usize::from(channel)) else { return };
        if log.changes.len() <= at {
            log.changes.resize(at + 1, (Change::Unseen, NOWHERE));
        }
        let (known, first) = log.changes[at];
        if first == NOWHERE {
            // When it was told is worth more than that the final log has it too.
            log.changes[at].1 = by;
        }
        match (known, change) {
            (Change::Unseen, _) => log.changes[at] = (change, by),
            (Change::State { seq: known, edited: false, deleted: false, .. }, Change::Sent { seq }) if known == seq => {
            }
            (known, change) if known == change => {}
            _ => self.differ(channel, version, (known, first), (change, by)),
        }
    }

    fn differ(&mut self, channel: ChannelNo, version: i64, known: (Change, u32), other: (Change, u32)) {
        let model = &self.model;
        self.found.add(Anomaly::Divergent, Some(channel), model.index.at(other.1), || {
            let what = format!("version {version} of channel {channel} is two different changes");
            let show = |(change, by): (Change, u32)| match change {
                Change::Sent { seq } | Change::State { seq, .. } => model.source(channel, seq, by),
                Change::Unseen | Change::Roster => model.line(by, channel),
            };
            (what, vec![show(known), show(other)])
        });
    }
}

fn place(number: i64) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}
