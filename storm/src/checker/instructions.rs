//! I23: what a message asks for is what was sent; an answer that was acknowledged is there, and each is of whom it is said to be; a
//! deadline that passes while somebody is pending is raised once; and what is listed as open is what is open.

use uuid::Uuid;

use super::Anomaly;
use super::evidence::text;
use super::findings::Findings;
use super::index::{IdSet, NOWHERE};
use super::members::Memberships;
use super::model::{Change, Message, Model};
use super::states;
use super::touches::{Touch, Touches, Wish};
use crate::endings::{FinalLog, OpenList};
use crate::extras::{Instruction, Reply, ReplyKind};
use crate::history::{Copy, Micros, UserNo};

/// After its deadline it is raised within some two seconds; whoever does so may have much to do.
const RAISED_WITHIN: i64 = 8_000;
/// What an answer before a deadline has to be before it at least, so that nobody was pending.
const WELL_BEFORE: i64 = 5_000;

pub(super) fn look(model: &Model<'_>, members: &Memberships, touches: &Touches, found: &mut Findings) {
    let mut scan = Scan { model, members, touches, found };
    scan.shown();
    for log in &model.history.finals {
        for copy in log.messages.iter().filter(|copy| !copy.deleted) {
            if let Some(instruction) = &model.history.extra(copy.extra).instruction {
                scan.answers(copy, instruction);
                scan.deadline(copy, instruction);
            }
        }
    }
    scan.raised_once();
    for list in &model.history.endings.lists {
        scan.open(list);
    }
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    members: &'s Memberships,
    touches: &'s Touches,
    found: &'s mut Findings,
}

impl Scan<'_, '_> {
    /// Each state that anybody was shown, and the final ones.
    fn shown(&mut self) {
        for (place, copy) in states::shown(self.model.history) {
            self.state(copy, place);
        }
    }

    fn state(&mut self, copy: &Copy, place: u32) {
        let shown = self.model.history.extra(copy.extra);
        // Of whom nobody sent is told elsewhere.
        let Some(sent) = self.model.index.attempts_of(copy.sender, copy.client_id).next() else { return };
        let sent = self.model.history.extra(sent.extra);
        let fits = match (&sent.instruction, &shown.instruction) {
            (None, None) => true,
            (Some(sent), Some(shown)) => {
                let all = sent.assignees.is_empty() && !shown.assignees.contains(&copy.sender);
                sent.deadline == shown.deadline && (all || sent.assignees == shown.assignees)
            }
            _ => false,
        };
        if !fits {
            return self.tell(copy, place, &[], "another instruction is shown than was sent");
        }
        if let Some(instruction) = &shown.instruction {
            for (user, reply) in &instruction.answers {
                let asked = |touch: &&Touch| {
                    touch.user == *user
                        && touch.wish == Wish::Reply(*reply)
                        && (place == NOWHERE || touch.asked < place)
                };
                if !self.touches.on(copy.id).iter().any(|touch| asked(&touch)) {
                    self.tell(copy, place, &[], &format!("user {user} is said to have answered, and never did so"));
                }
            }
            if instruction.overdue.is_some() && instruction.deadline.is_none() {
                self.tell(copy, place, &[], "without a deadline, and overdue");
            }
        }
    }

    /// Of each user the answer that may have been the last, as with reactions.
    fn answers(&mut self, copy: &Copy, instruction: &Instruction) {
        let replies: Vec<(&Touch, Reply)> = self
            .touches
            .on(copy.id)
            .iter()
            .filter_map(|touch| match touch.wish {
                Wish::Reply(reply) => Some((touch, reply)),
                Wish::React { .. } => None,
            })
            .collect();
        for user in replies.iter().map(|(touch, _)| touch.user).collect::<std::collections::BTreeSet<_>>() {
            let of: Vec<_> = replies.iter().filter(|(touch, _)| touch.user == user).copied().collect();
            let left = instruction.answer_of(user);
            if may_be_left(&of, left) {
                continue;
            }
            let places: Vec<u32> = of.iter().flat_map(|(touch, _)| [touch.asked, touch.over]).collect();
            self.tell(
                copy,
                NOWHERE,
                &places,
                &format!("an answer of user {user} was done, and in the end it is {left:?}"),
            );
        }
    }

    fn deadline(&mut self, copy: &Copy, instruction: &Instruction) {
        let Some(deadline) = instruction.deadline else { return };
        match instruction.overdue {
            None if deadline + RAISED_WITHIN < self.model.history.wall_at_rest => {
                // Who is always in it and has not answered was pending all the time.
                let pending = instruction.assignees.iter().find(|user| {
                    let steady = self.members.is_steady(copy.channel, **user);
                    let always = steady && self.members.was_at_first(copy.channel, **user);
                    always && instruction.answer_of(**user).is_none()
                });
                if let Some(user) = pending.copied() {
                    self.tell(
                        copy,
                        NOWHERE,
                        &[],
                        &format!("its deadline passed, user {user} has not answered, and it was not raised"),
                    );
                }
            }
            Some(raised) if self.nobody_pending(copy, instruction, raised.min(deadline)) => {
                self.tell(copy, NOWHERE, &[], "all had answered before its deadline, and it was raised");
            }
            _ => {}
        }
    }

    /// Whether all had answered long before, by clocks that were right.
    fn nobody_pending(&self, copy: &Copy, instruction: &Instruction, at: i64) -> bool {
        let history = self.model.history;
        if history.broken.iter().any(|broken| broken.fault.starts_with("clock")) {
            return false;
        }
        let wall =
            |at: Micros| history.wall_at_rest - i64::try_from(history.rest.saturating_sub(at) / 1_000).unwrap_or(0);
        instruction.assignees.iter().all(|user| {
            self.touches.on(copy.id).iter().any(|touch| {
                let answers = touch.user == *user && touch.is_done() && matches!(touch.wish, Wish::Reply(_));
                answers && wall(self.model.index.at(touch.over)) + WELL_BEFORE < at
            })
        })
    }

    /// Once overdue it stays so, since the same moment.
    fn raised_once(&mut self) {
        for (channel, log) in (0..).zip(&self.model.logs) {
            for (seq, message) in log.messages() {
                let Some((first, later)) = raised_again(self.model, log, message) else { continue };
                let model = self.model;
                self.found.add(Anomaly::WrongInstruction, Some(channel), model.index.at(log.told_by(later)), || {
                    let what = format!("message {} is overdue since another moment than before", message.id);
                    let shown = [first, later].map(|version| model.source(channel, seq, log.told_by(version)));
                    (what, shown.to_vec())
                });
            }
        }
    }

    fn open(&mut self, list: &OpenList) {
        let listed: IdSet<Uuid> = list.messages.iter().copied().collect();
        for log in self.model.history.finals.iter().filter(|log| log.node == list.node) {
            for copy in &log.messages {
                let is_open = self.is_open(log, copy, list);
                if is_open != listed.contains(&copy.id) {
                    self.found.add(Anomaly::WrongOpen, Some(log.channel), self.model.history.rest, || {
                        let whose = list.user.map_or_else(String::new, |user| format!(" for user {user}"));
                        let which = if list.overdue { "overdue" } else { "open" };
                        let what = if is_open {
                            format!("message {} is {which}{whose}, and node {} does not list it", copy.id, list.node)
                        } else {
                            format!("node {} lists message {} as {which}{whose}, and it is not", list.node, copy.id)
                        };
                        (what, vec![self.model.shown_text(copy), format!("members: {}", text(&log.held.members))])
                    });
                }
            }
        }
    }

    fn is_open(&self, log: &FinalLog, copy: &Copy, list: &OpenList) -> bool {
        let Some(of) = self.model.history.extra(copy.extra).instruction.as_ref().filter(|_| !copy.deleted) else {
            return false;
        };
        let keeps_open = |user: &UserNo| {
            let answer = of.answer_of(*user).map(|reply| reply.kind);
            list.user.is_none_or(|wanted| wanted == *user)
                && log.held.members.contains(user)
                && matches!(answer, None | Some(ReplyKind::Accepted))
        };
        of.assignees.iter().any(keeps_open) && (!list.overdue || of.overdue.is_some())
    }

    fn tell(&mut self, copy: &Copy, place: u32, places: &[u32], what: &str) {
        let model = self.model;
        let at = if place == NOWHERE { model.history.rest } else { model.index.at(place) };
        self.found.add(Anomaly::WrongInstruction, Some(copy.channel), at, || {
            let sent = model.index.attempts_of(copy.sender, copy.client_id).next();
            let places = sent.map(|sent| sent.asked).into_iter().chain(places.iter().copied());
            let mut evidence: Vec<_> =
                places.filter(|place| *place != NOWHERE).map(|place| model.line(place, copy.channel)).collect();
            evidence.push(match place {
                NOWHERE => format!("a final log: {}", model.shown_text(copy)),
                place => model.source(copy.channel, copy.seq, place),
            });
            (format!("message {}: {what}", copy.id), evidence)
        });
    }
}

/// Whether this can be what is left: nothing else was done that began after it was over.
fn may_be_left(of: &[(&Touch, Reply)], left: Option<Reply>) -> bool {
    let Some(left) = left else { return !of.iter().any(|(touch, _)| touch.is_done()) };
    let overruled =
        |touch: &Touch| of.iter().any(|(it, reply)| it.is_done() && *reply != left && it.asked > touch.over);
    of.iter().filter(|(_, reply)| *reply == left).any(|(touch, _)| !overruled(touch))
}

/// Two versions of which the later one is overdue otherwise than the first one was.
fn raised_again(model: &Model<'_>, log: &super::model::Log, message: &Message) -> Option<(i64, i64)> {
    let mut raised: Option<(i64, i64)> = None;
    for version in message.versions.iter().copied() {
        let Change::State { deleted: false, extra, .. } = log.change(version) else { continue };
        let overdue = model.history.extra(extra).instruction.as_ref().and_then(|of| of.overdue);
        match (raised, overdue) {
            (None, Some(at)) => raised = Some((version, at)),
            (Some((first, at)), overdue) if overdue != Some(at) => return Some((first, version)),
            _ => {}
        }
    }
    None
}
