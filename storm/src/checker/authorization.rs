//! I12: nobody is told what happened after they were removed, on any surface, or does anything in the channel.
//!
//! Membership cuts by version. Who is added again is shown also what happened in between: whatever somebody is shown before
//! anybody asked to add them again has to be from before their removal.

use super::Anomaly;
use super::evidence;
use super::findings::Findings;
use super::members::Memberships;
use super::model::{Change, Model};
use super::touches::Touches;
use crate::history::{Answer, Ask, ChannelNo, Copy, Frame, Handed, Held, OpNo, Record, UserNo, What};

pub(super) fn look(model: &Model<'_>, members: &Memberships, touches: &Touches, found: &mut Findings) {
    let mut scan = Scan { model, members, touches, found };
    for (place, record) in (0..).zip(&model.history.records) {
        if let Some(user) = model.index.user(record.client) {
            scan.take(place, record, user);
        }
    }
    scan.acted();
    scan.touched();
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    members: &'s Memberships,
    touches: &'s Touches,
    found: &'s mut Findings,
}

impl Scan<'_, '_> {
    fn take(&mut self, place: u32, record: &Record, user: UserNo) {
        match &record.what {
            What::Opened { channels, .. } | What::Handed { event: Handed::Connected { channels, .. } } => {
                for held in channels {
                    self.held(place, user, held);
                }
            }
            What::Came { frame } => match frame {
                Frame::Message { copy, .. } | Frame::Updated { copy, .. } | Frame::Deleted { copy, .. } => {
                    self.live(place, user, copy.channel, copy.version);
                }
                Frame::Members { channel, version, .. } => self.live(place, user, *channel, *version),
                Frame::Channel { held, .. } => self.held(place, user, held),
                // These have no version that would say whether they were too late.
                Frame::ChannelRemoved { .. } | Frame::Presence { .. } | Frame::Read { .. } | Frame::Typing { .. } => {}
            },
            What::Handed { event } => match event {
                // They may come from a page that was read after the user had been added again.
                Handed::Message { copy } | Handed::Updated { copy } | Handed::Deleted { copy } => {
                    self.shown(place, user, copy);
                }
                Handed::Channel { held } => self.held(place, user, held),
                _ => {}
            },
            What::Answered { op, answer: Answer::Page { channel, messages, version, has_more, .. } } => {
                self.page(place, user, *op, (*channel, messages));
                let is_sync = matches!(self.model.index.ask(*op), Some(Ask::Sync { .. }));
                if is_sync && !has_more {
                    // Read at this very version.
                    self.live(place, user, *channel, *version);
                }
            }
            _ => {}
        }
    }

    fn held(&mut self, place: u32, user: UserNo, held: &Held) {
        self.live(place, user, held.channel, held.version);
    }

    /// What is given to members of this very version.
    fn live(&mut self, place: u32, user: UserNo, channel: ChannelNo, version: i64) {
        if self.members.is_steady(channel, user) && self.members.was_at_first(channel, user) {
            return;
        }
        if self.members.was_out(channel, user, version) {
            self.tell(place, user, channel, version, &[]);
        }
    }

    fn shown(&mut self, place: u32, user: UserNo, copy: &Copy) {
        if self.members.is_steady(copy.channel, user) && self.members.was_at_first(copy.channel, user) {
            return;
        }
        if self.members.is_out_until(copy.channel, user, copy.version, place) {
            self.tell(place, user, copy.channel, copy.version, &[copy.seq]);
        }
    }

    fn page(&mut self, place: u32, user: UserNo, op: OpNo, (channel, messages): (ChannelNo, &[Copy])) {
        if self.members.is_steady(channel, user) && self.members.was_at_first(channel, user) {
            return;
        }
        let Some(asked) = self.model.index.op(op).map(|op| op.asked) else { return };
        if let Some(removed) = self.members.is_out_between(channel, user, asked, place) {
            self.found.add(Anomaly::LeakedAfterRemoval, Some(channel), self.model.index.at(place), || {
                let what = format!("user {user} is out of channel {channel} and was shown a page of it");
                let places = [removed, asked, place];
                (what, places.map(|place| self.model.line(place, channel)).to_vec())
            });
            return;
        }
        if let Some(copy) = messages.iter().find(|it| self.members.is_out_until(channel, user, it.version, place)) {
            self.tell(place, user, channel, copy.version, &[copy.seq]);
        }
    }

    fn tell(&mut self, place: u32, user: UserNo, channel: ChannelNo, version: i64, seqs: &[i64]) {
        let removed = self.members.told_by(channel, user, version);
        self.found.add(Anomaly::LeakedAfterRemoval, Some(channel), self.model.index.at(place), || {
            let what = format!("user {user} is out of channel {channel} and was told of version {version}");
            let evidence =
                vec![self.model.line(removed, channel), evidence::page_line(self.model.history, place, channel, seqs)];
            (what, evidence)
        });
    }

    /// What is stored was sent and edited by members.
    fn acted(&mut self) {
        for (channel, log) in (0..).zip(&self.model.logs) {
            for (seq, message) in log.messages() {
                let user = message.sender;
                if self.members.is_steady(channel, user) && self.members.was_at_first(channel, user) {
                    continue;
                }
                // Who deletes it may be somebody else, and so may who reacts to it, which shows its words once more.
                let certain = if self.touches.may_be_touched(self.model, message) { 1 } else { usize::MAX };
                let by_sender = message.versions.iter().copied().take(certain).find(|version| {
                    let change = log.change(*version);
                    let is_theirs = matches!(change, Change::Sent { .. } | Change::State { deleted: false, .. });
                    is_theirs && self.members.was_out(channel, user, *version)
                });
                let Some(version) = by_sender else { continue };
                let (removed, by) = (self.members.told_by(channel, user, version), log.told_by(version));
                self.found.add(Anomaly::ActedAfterRemoval, Some(channel), self.model.index.at(by), || {
                    let what = format!("user {user} is out of channel {channel} and made version {version} of it");
                    (what, vec![self.model.line(removed, channel), self.model.source(channel, seq, by)])
                });
            }
        }
    }

    /// Who had been told to be out before they asked, and was not added again, has reacted to or answered nothing.
    fn touched(&mut self) {
        for (message, touch) in self.touches.all().filter(|(_, touch)| touch.is_done()) {
            let (channel, user) = (touch.channel, touch.user);
            let Some(removed) = self.members.is_out_between(channel, user, touch.asked, touch.over) else { continue };
            self.found.add(Anomaly::ActedAfterRemoval, Some(channel), self.model.index.at(touch.over), || {
                let what =
                    format!("user {user} is out of channel {channel} and reacted to or answered message {message}");
                let places = [removed, touch.asked, touch.over];
                (what, places.map(|place| self.model.line(place, channel)).to_vec())
            });
        }
    }
}
