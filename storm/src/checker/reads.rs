//! I10: a page of history is gapless, begins where it was asked to, and shows nothing in an older state than somebody had
//! been shown when it was asked for.

use std::collections::HashMap;

use super::Anomaly;
use super::evidence;
use super::findings::Findings;
use super::index::{ById, NOWHERE, Op};
use super::model::Model;
use crate::history::{Answer, Ask, ChannelNo, Copy, OpNo, What};

pub(super) fn look(model: &Model<'_>, found: &mut Findings) {
    let mut scan = Scan { model, found, edited: HashMap::default(), next: HashMap::new() };
    for (place, record) in (0..).zip(&model.history.records) {
        let What::Answered { op, answer } = &record.what else { continue };
        match (model.index.ask(*op), answer) {
            (Some(Ask::Edit { message, .. }), Answer::Done { .. }) => {
                scan.edited.entry(*message).or_insert(place);
            }
            (
                Some(Ask::History { channel, before, after, .. }),
                Answer::Page { channel: of, messages, has_more, .. },
            ) if channel == of => {
                let Some(asked) = model.index.op(*op) else { continue };
                let from = scan.next.get(op).copied().unwrap_or(match (before, after) {
                    (_, Some(after)) => From::Above(*after),
                    (Some(before), None) => From::Below(*before),
                    (None, None) => From::Below(i64::MAX),
                });
                let page = Page { op: *op, asked, place, channel: *channel, messages, has_more: *has_more };
                scan.page(&page, from);
            }
            _ => {}
        }
    }
}

/// Which way a history is read, and from which `seq`.
#[derive(Debug, Clone, Copy)]
enum From {
    Above(i64),
    Below(i64),
}

struct Page<'a> {
    op: OpNo,
    asked: &'a Op,
    place: u32,
    channel: ChannelNo,
    messages: &'a [Copy],
    has_more: bool,
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    found: &'s mut Findings,
    /// Where an edit of a message was done for the first time.
    edited: ById<uuid::Uuid, u32>,
    /// Where the next page of the same call goes on.
    next: HashMap<OpNo, From>,
}

impl Scan<'_, '_> {
    fn page(&mut self, page: &Page<'_>, from: From) {
        let step = if matches!(from, From::Above(_)) { 1 } else { -1 };
        for pair in page.messages.windows(2) {
            if pair[0].seq + step != pair[1].seq {
                let what = format!("history has seq {} next to {}", pair[0].seq, pair[1].seq);
                self.tell(Anomaly::BadSync, page, what, &[pair[0].seq, pair[1].seq], NOWHERE);
            }
        }
        self.ends(page, from);
        for copy in page.messages {
            self.fresh(page, copy);
        }
        if let Some(last) = page.messages.last() {
            let next = if step > 0 { From::Above(last.seq) } else { From::Below(last.seq) };
            self.next.insert(page.op, next);
        }
    }

    /// Where it begins, and whether there is more beyond its end.
    fn ends(&mut self, page: &Page<'_>, from: From) {
        let known = page.asked.known.seq;
        let first = page.messages.first().map(|copy| copy.seq);
        let last = page.messages.last().map(|copy| copy.seq);
        match from {
            From::Below(before) => {
                // What is newer than what was known may be there or not.
                let newest = known.min(before - 1);
                if first.unwrap_or(0) < newest || first.unwrap_or(0) >= before {
                    let what = format!("history below {before} begins with {first:?}, where seq {known} was known");
                    self.tell(stale(page, first.unwrap_or(0)), page, what, &[], NOWHERE);
                } else if page.has_more != (last.unwrap_or(1) > 1) {
                    let what = format!("history ends with {last:?} and says more: {}", page.has_more);
                    self.tell(Anomaly::BadSync, page, what, &[], NOWHERE);
                }
            }
            From::Above(after) => {
                let after = after.max(0);
                if first.is_some_and(|first| first != after + 1) {
                    let what = format!("history above {after} begins with {first:?}");
                    self.tell(Anomaly::BadSync, page, what, &[], NOWHERE);
                } else if !page.has_more && last.unwrap_or(after) < known {
                    let what = format!("history above {after} ends with {last:?}, where seq {known} was known");
                    self.tell(stale(page, last.unwrap_or(after)), page, what, &[], NOWHERE);
                }
            }
        }
    }

    /// A state that had been shown, or a change that was done, when this was asked for.
    fn fresh(&mut self, page: &Page<'_>, copy: &Copy) {
        let (Some(log), Some(message)) = (self.model.log(page.channel), self.model.message(copy)) else { return };
        let later = message.versions.iter().rev().take_while(|version| **version > copy.version);
        let told = later.map(|version| (*version, log.told_by(*version))).find(|(_, told)| *told < page.asked.asked);
        if let Some((version, told)) = told {
            let what = format!("seq {} was known at version {version} and is shown at {}", copy.seq, copy.version);
            return self.tell(Anomaly::StaleRead, page, what, &[copy.seq], told);
        }
        let edited = self.edited.get(&copy.id).copied().filter(|done| *done < page.asked.asked);
        if let Some(edited) = edited.filter(|_| !copy.edited && !copy.deleted) {
            let what = format!("seq {} was edited and is shown as it was sent", copy.seq);
            self.tell(Anomaly::StaleRead, page, what, &[copy.seq], edited);
        }
    }

    fn tell(&mut self, anomaly: Anomaly, page: &Page<'_>, what: String, seqs: &[i64], told: u32) {
        let model = self.model;
        self.found.add(anomaly, Some(page.channel), model.index.at(page.place), || {
            let mut evidence = vec![
                model.line(page.asked.asked, page.channel),
                evidence::page_line(model.history, page.place, page.channel, seqs),
            ];
            if told != NOWHERE {
                evidence.insert(0, evidence::page_line(model.history, told, page.channel, seqs));
            }
            (what, evidence)
        });
    }
}

/// The same user had been told of more, or only somebody else.
fn stale(page: &Page<'_>, reaches: i64) -> Anomaly {
    if reaches < page.asked.known.own_seq { Anomaly::StaleRead } else { Anomaly::BadSync }
}
