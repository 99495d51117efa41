//! I9, I10, I13: a `sync` gives what was missed and nothing else, at least up to what was known when it was asked for, and
//! answers a cursor that does not fit with `reset`.
//!
//! A page is read at one moment, at the head that it names as its version unless it says that there is more. It is
//! compared with what is known of each message up to that version.

use std::collections::HashMap;

use super::Anomaly;
use super::evidence;
use super::findings::Findings;
use super::index::{Known, NOWHERE};
use super::model::{Log, Model};
use crate::history::{Answer, Ask, ChannelNo, Copy, Frame, LineNo, OpNo, Record, What};

pub(super) fn look(model: &Model<'_>, found: &mut Findings) {
    let mut scan = Scan { model, found, answered: HashMap::new(), removed: HashMap::new() };
    for (place, record) in (0..).zip(&model.history.records) {
        match &record.what {
            What::Answered { op, answer } => scan.answer(place, record, *op, answer),
            What::Came { frame: Frame::ChannelRemoved { channel } } => {
                scan.removed.insert((record.line, *channel), place);
            }
            _ => {}
        }
    }
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    found: &'s mut Findings,
    /// The channels that each unfinished `sync` has been answered for.
    answered: HashMap<OpNo, Vec<ChannelNo>>,
    /// Where a connection was told last that its user is out of a channel. It is the same frame, whether a `sync` says it
    /// or the channel.
    removed: HashMap<(LineNo, ChannelNo), u32>,
}

/// A page of a `sync` and what it answers.
#[derive(Clone, Copy)]
struct Page<'h> {
    place: u32,
    asked: u32,
    channel: ChannelNo,
    cursor: i64,
    known: Known,
    /// The client named another history.
    foreign: bool,
    messages: &'h [Copy],
    version: i64,
    has_more: bool,
    reset: bool,
}

impl<'h> Scan<'_, 'h> {
    fn answer(&mut self, place: u32, record: &'h Record, op: OpNo, answer: &'h Answer) {
        let Some(Ask::Sync { cursors, epoch, .. }) = self.model.index.ask(op) else { return };
        match answer {
            Answer::Page { channel, messages, version, has_more, reset, .. } => {
                let known = self.model.index.known_at_sync(op);
                let cursor = cursors.iter().zip(known).find(|((of, _), _)| of == channel);
                let asked = self.model.index.op(op).map_or(NOWHERE, |op| op.asked);
                let again = self.answered.entry(op).or_default().contains(channel);
                let Some(((_, cursor), known)) = cursor.filter(|_| !again) else {
                    self.found.add(Anomaly::BadSync, Some(*channel), record.at, || {
                        let what = format!("one more page of channel {channel} than a sync asked for");
                        (what, vec![self.model.line(asked, *channel), self.model.line(place, *channel)])
                    });
                    return;
                };
                self.answered.entry(op).or_default().push(*channel);
                let current = self.model.index.line(record.line).map_or(*epoch, |line| line.epoch);
                let page = Page {
                    place,
                    asked,
                    channel: *channel,
                    cursor: *cursor,
                    known: *known,
                    foreign: *epoch != current,
                    messages,
                    version: *version,
                    has_more: *has_more,
                    reset: *reset,
                };
                if let Some(log) = self.model.log(*channel) {
                    self.page(&page, log);
                }
            }
            Answer::NotThere { channel } => self.answered.entry(op).or_default().push(*channel),
            Answer::Complete => self.complete(place, record, op, cursors),
            _ => {}
        }
    }

    fn complete(&mut self, place: u32, record: &Record, op: OpNo, cursors: &[(ChannelNo, i64)]) {
        let answered = self.answered.remove(&op).unwrap_or_default();
        let asked = self.model.index.op(op).map_or(NOWHERE, |op| op.asked);
        for (channel, _) in cursors {
            let removed = self.removed.get(&(record.line, *channel)).is_some_and(|told| *told > asked);
            if !answered.contains(channel) && !removed {
                self.found.add(Anomaly::BadSync, Some(*channel), record.at, || {
                    let what = format!("a sync was completed without a word of channel {channel}");
                    (what, vec![self.model.line(asked, *channel), self.model.line(place, *channel)])
                });
            }
        }
    }

    fn page(&mut self, page: &Page<'_>, log: &Log) {
        let misfit = page.foreign || page.cursor > page.version;
        if misfit != page.reset {
            let anomaly = if misfit { Anomaly::CursorNotReset } else { Anomaly::BadSync };
            let what = match (misfit, page.foreign) {
                (true, true) => "a cursor of another history was taken for one of this".to_owned(),
                (true, false) => {
                    format!("a cursor ahead, {}, was taken with the head at {}", page.cursor, page.version)
                }
                (false, _) => format!("the cursor {} fits and was answered with reset", page.cursor),
            };
            return self.tell(anomaly, page, what, &[]);
        }
        let above = if page.reset { 0 } else { page.cursor };
        self.order(page, above);
        for copy in page.messages {
            let latest = log.message(copy.seq).and_then(|message| message.version_at(page.version));
            if latest.is_some_and(|latest| latest > copy.version) {
                let what =
                    format!("a page of version {} has seq {} as it was at {}", page.version, copy.seq, copy.version);
                self.tell(Anomaly::BadSync, page, what, &[copy.seq]);
            }
        }
        if page.reset {
            self.newest(page);
        } else {
            self.all_there(page, log);
        }
        self.head(page);
    }

    /// Ascending, above the cursor, and not above what the page says of itself.
    fn order(&mut self, page: &Page<'_>, above: i64) {
        let mut last = above;
        for copy in page.messages {
            if copy.version <= last || copy.version > page.version {
                let what = format!("a page from {above} to {} has version {} after {last}", page.version, copy.version);
                return self.tell(Anomaly::BadSync, page, what, &[copy.seq]);
            }
            last = copy.version;
        }
        if page.has_more && page.version <= above && !page.reset {
            let what = format!("a page from {above} leads nowhere and says that there is more");
            self.tell(Anomaly::BadSync, page, what, &[]);
        }
    }

    /// Each message whose latest state lies between the cursor and the page's version.
    fn all_there(&mut self, page: &Page<'_>, log: &Log) {
        let mut seqs: Vec<_> = page.messages.iter().map(|copy| copy.seq).collect();
        seqs.sort_unstable();
        for version in page.cursor.max(0) + 1..=page.version.min(log.seen_version()) {
            let Some(seq) = log.changed_message(version) else { continue };
            let Some(message) = log.message(seq) else { continue };
            let is_latest = message.version_at(page.version) == Some(version);
            // Where there is more, the page was read at a later head: what changed once more by then comes with a later page.
            let may_come_later = page.has_more && message.last.is_none_or(|last| last.version > page.version);
            if is_latest && !may_come_later && seqs.binary_search(&seq).is_err() {
                let what = format!("a sync from {} to {} leaves out version {version}", page.cursor, page.version);
                let missing = format!("missing: {}", self.model.source(page.channel, seq, log.told_by(version)));
                return self.tell_with(Anomaly::BadSync, page, what, &[], Some(missing));
            }
        }
    }

    /// After `reset`: the newest messages, without a gap.
    fn newest(&mut self, page: &Page<'_>) {
        let mut seqs: Vec<_> = page.messages.iter().map(|copy| copy.seq).collect();
        seqs.sort_unstable();
        let newest = seqs.last().copied().unwrap_or(0);
        if newest < page.known.seq {
            let what = format!("seq {} was known and the newest page ends with {newest}", page.known.seq);
            self.tell(Anomaly::BadSync, page, what, &[newest]);
        }
        if let Some(pair) = seqs.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
            let what = format!("the newest page has seq {} next to {}", pair[0], pair[1]);
            self.tell(Anomaly::BadSync, page, what, pair);
        }
    }

    /// What somebody had been told was stored: what is read later has it.
    fn head(&mut self, page: &Page<'_>) {
        let complete = page.reset || !page.has_more;
        if complete && page.version < page.known.version {
            let own = page.version < page.known.own_version;
            let anomaly = if own { Anomaly::StaleRead } else { Anomaly::BadSync };
            let who = if own { "this user" } else { "somebody" };
            let known = if own { page.known.own_version } else { page.known.version };
            let what =
                format!("{who} knew of version {known} when a sync was asked for that ends with {}", page.version);
            self.tell(anomaly, page, what, &[]);
        }
    }

    fn tell(&mut self, anomaly: Anomaly, page: &Page<'_>, what: String, seqs: &[i64]) {
        self.tell_with(anomaly, page, what, seqs, None);
    }

    fn tell_with(&mut self, anomaly: Anomaly, page: &Page<'_>, what: String, seqs: &[i64], more: Option<String>) {
        let model = self.model;
        self.found.add(anomaly, Some(page.channel), model.index.at(page.place), || {
            let mut evidence = vec![
                model.line(page.asked, page.channel),
                evidence::page_line(model.history, page.place, page.channel, seqs),
            ];
            evidence.extend(more);
            (what, evidence)
        });
    }
}
