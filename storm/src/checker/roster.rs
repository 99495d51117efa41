//! I4, I9: the members that a channel is said to have at a version are those that it had, and who is always in it is never
//! told otherwise.

use super::Anomaly;
use super::findings::Findings;
use super::members::Memberships;
use super::model::Model;
use crate::history::{Answer, Ask, ChannelNo, Frame, Handed, Held, Record, UserNo, What};

pub(super) fn look(model: &Model<'_>, members: &Memberships, found: &mut Findings) {
    let channels = (0..).take(model.history.scene.channels.len());
    let steady = channels.map(|channel| {
        let first = model.history.scene.members.get(usize::from(channel)).map_or(&[][..], Vec::as_slice);
        first.iter().filter(|user| members.is_steady(channel, **user)).count()
    });
    let floating = (0..).take(model.history.scene.channels.len()).map(|channel| members.floating(channel).collect());
    let mut scan = Scan { model, members, found, steady: steady.collect(), floating: floating.collect() };
    for (place, record) in (0..).zip(&model.history.records) {
        match &record.what {
            What::Opened { channels, .. } | What::Handed { event: Handed::Connected { channels, .. } } => {
                scan.lists_all(place, record, channels);
                for held in channels {
                    scan.exact(Anomaly::Divergent, place, held.channel, held.version, &held.members);
                }
            }
            What::Came { frame: Frame::ChannelRemoved { channel } }
            | What::Handed { event: Handed::ChannelRemoved { channel } }
            | What::Answered { answer: Answer::NotThere { channel }, .. } => scan.said_out(place, record, *channel),
            What::Came { frame: Frame::Members { channel, version, members, .. } } => {
                scan.at_least(place, *channel, *version, members);
            }
            What::Answered { op, answer: Answer::Page { channel, version, members: Some(members), .. } }
                if matches!(model.index.ask(*op), Some(Ask::Sync { .. })) =>
            {
                scan.exact(Anomaly::BadSync, place, *channel, *version, members);
            }
            _ => {}
        }
    }
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    members: &'s Memberships,
    found: &'s mut Findings,
    /// By channel: how many are members all the time.
    steady: Vec<usize>,
    floating: Vec<Vec<UserNo>>,
}

impl Scan<'_, '_> {
    fn is_always_in(&self, record: &Record, channel: ChannelNo) -> bool {
        let user = self.model.index.user(record.client);
        user.is_some_and(|user| self.members.is_steady(channel, user) && self.members.was_at_first(channel, user))
    }

    fn lists_all(&mut self, place: u32, record: &Record, channels: &[Held]) {
        for channel in (0..).take(self.steady.len()) {
            if self.is_always_in(record, channel) && !channels.iter().any(|held| held.channel == channel) {
                self.tell(Anomaly::Divergent, (place, channel), "the list of a member's channels lacks this one", None);
            }
        }
    }

    fn said_out(&mut self, place: u32, record: &Record, channel: ChannelNo) {
        if self.is_always_in(record, channel) {
            let is_sync = matches!(record.what, What::Answered { .. });
            let anomaly = if is_sync { Anomaly::BadSync } else { Anomaly::Divergent };
            self.tell(anomaly, (place, channel), "a member is told to be out of the channel", None);
        }
    }

    fn tell(&mut self, anomaly: Anomaly, (place, channel): (u32, ChannelNo), what: &str, told: Option<u32>) {
        let model = self.model;
        self.found.add(anomaly, Some(channel), model.index.at(place), || {
            let places = told.into_iter().chain([place]);
            (what.to_owned(), places.map(|place| model.line(place, channel)).collect())
        });
    }

    /// Read at this version.
    fn exact(&mut self, anomaly: Anomaly, place: u32, channel: ChannelNo, version: i64, listed: &[UserNo]) {
        self.compare(anomaly, (place, channel, version), listed, |_| true);
    }

    /// The room that says so may have been started anew at a later version, so that it knows already who comes and goes
    /// after this one; the frames of these changes follow.
    fn at_least(&mut self, place: u32, channel: ChannelNo, version: i64, listed: &[UserNo]) {
        let members = self.members;
        let counts = |user: UserNo| !members.changes_after(channel, user, version);
        self.compare(Anomaly::Divergent, (place, channel, version), listed, counts);
    }

    fn compare(
        &mut self,
        anomaly: Anomaly,
        (place, channel, version): (u32, ChannelNo, i64),
        listed: &[UserNo],
        counts: impl Fn(UserNo) -> bool,
    ) {
        let Some(floating) = self.floating.get(usize::from(channel)) else { return };
        let is_steady = |user: &&UserNo| self.members.is_steady(channel, **user);
        let strange = listed.iter().filter(is_steady).find(|user| !self.members.was_at_first(channel, **user));
        let steady = listed.iter().filter(is_steady).count();
        let wrong = floating.iter().find(|user| {
            let wrong = if listed.contains(user) { Memberships::was_out } else { Memberships::was_in };
            counts(**user) && wrong(self.members, channel, **user, version)
        });
        if strange.is_none() && wrong.is_none() && steady == self.steady[usize::from(channel)] {
            return;
        }
        let user = strange.or(wrong).copied();
        let told = user.map(|user| self.members.told_by(channel, user, version));
        let what = match user {
            Some(user) if listed.contains(&user) => {
                format!("user {user} is listed in channel {channel} at version {version} and was not in it")
            }
            Some(user) => format!("user {user} is not listed in channel {channel} at version {version} and was in it"),
            None => format!("not all who are always in channel {channel} are listed at version {version}"),
        };
        self.tell(anomaly, (place, channel), &what, told);
    }
}
