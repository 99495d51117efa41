//! Who was in a channel at which version, as far as that is certain.
//!
//! A `members` frame names the version of a change. A change that the host asked for and that nobody saw may have taken any
//! version that nobody saw; where that could matter, both answers here are "not certain", and nothing is found.

use std::collections::HashMap;

use super::index::{NOWHERE, Outcome};
use super::model::{Change, Model};
use crate::history::{Answer, Ask, ChannelNo, Frame, UserNo, What};

/// A change that somebody saw.
#[derive(Debug, Clone, Copy)]
struct Seen {
    version: i64,
    added: bool,
    /// Place of the record.
    by: u32,
    /// Place of the request for it.
    asked: u32,
}

/// A change that was asked for and that nobody saw: it may have happened.
#[derive(Debug, Clone, Copy)]
struct Vague {
    added: bool,
    /// The versions between which it was made, if it was.
    least: i64,
    most: i64,
    asked: u32,
    /// From here on it was over; [`NOWHERE`] if it may happen at any time.
    over: u32,
}

/// One user in one channel.
#[derive(Debug, Default)]
struct Way {
    seen: Vec<Seen>,
    vague: Vec<Vague>,
    /// While these periods last the host had been told that the user is out, and had not asked to add them again: from the
    /// place of the answer to that of the request.
    out: Vec<(u32, u32)>,
}

#[derive(Debug)]
pub(super) struct Memberships {
    /// By channel and user.
    at_first: Vec<Vec<bool>>,
    /// Of those alone for whom it ever changed.
    ways: HashMap<(ChannelNo, UserNo), Way>,
    /// By channel and version: how many versions up to this one nobody saw.
    unseen: Vec<Vec<u32>>,
}

impl Memberships {
    pub(super) fn of(model: &Model<'_>) -> Self {
        let scene = &model.history.scene;
        let at_first = scene.members.iter().map(|members| {
            let mut all = vec![false; scene.users.len()];
            for user in members {
                if let Some(member) = all.get_mut(usize::from(*user)) {
                    *member = true;
                }
            }
            all
        });
        let unseen = model.logs.iter().map(|log| {
            let mut count = 0;
            let mut counts = vec![0];
            for version in 1..=log.seen_version() {
                count += u32::from(log.change(version) == Change::Unseen);
                counts.push(count);
            }
            counts
        });
        let mut memberships = Self { at_first: at_first.collect(), ways: HashMap::new(), unseen: unseen.collect() };
        memberships.take_seen(model);
        memberships.take_asked(model);
        memberships
    }

    /// Whether it changes at all.
    pub(super) fn is_steady(&self, channel: ChannelNo, user: UserNo) -> bool {
        !self.ways.contains_key(&(channel, user))
    }

    pub(super) fn floating(&self, channel: ChannelNo) -> impl Iterator<Item = UserNo> {
        self.ways.keys().filter(move |(of, _)| *of == channel).map(|(_, user)| *user)
    }

    pub(super) fn was_at_first(&self, channel: ChannelNo, user: UserNo) -> bool {
        self.at_first.get(usize::from(channel)).and_then(|all| all.get(usize::from(user))).is_some_and(|member| *member)
    }

    /// Certainly not a member at this version.
    pub(super) fn was_out(&self, channel: ChannelNo, user: UserNo, version: i64) -> bool {
        self.was(channel, user, version, false)
    }

    /// Certainly a member at this version.
    pub(super) fn was_in(&self, channel: ChannelNo, user: UserNo, version: i64) -> bool {
        self.was(channel, user, version, true)
    }

    fn was(&self, channel: ChannelNo, user: UserNo, version: i64, member: bool) -> bool {
        let at_first = self.was_at_first(channel, user);
        let Some(way) = self.ways.get(&(channel, user)) else { return at_first == member };
        let last = way.last_seen(version);
        // One that nobody is known to have asked for: whatever was asked for may have come after it.
        let asked = last.map(|seen| seen.asked).filter(|asked| *asked != NOWHERE).unwrap_or(0);
        let (state, since) = last.map_or((at_first, 0), |seen| (seen.added, seen.version));
        // Something that nobody saw may have changed it since: not what was over before the last change was asked for.
        let may =
            |vague: &Vague| vague.added != member && vague.least <= version && vague.most > since && vague.over > asked;
        state == member && (!way.vague.iter().any(may) || self.unseen_between(channel, since, version) == 0)
    }

    fn unseen_between(&self, channel: ChannelNo, after: i64, until: i64) -> u32 {
        let Some(counts) = self.unseen.get(usize::from(channel)) else { return u32::MAX };
        let at = |version: i64| usize::try_from(version).ok().and_then(|version| counts.get(version)).copied();
        match (at(after), at(until)) {
            (Some(before), Some(all)) => all - before,
            _ => u32::MAX,
        }
    }

    /// Certainly not a member at this version, and not asked to be one again before this place of the records. What somebody
    /// who comes back is shown of the time between is theirs to see.
    pub(super) fn is_out_until(&self, channel: ChannelNo, user: UserNo, version: i64, place: u32) -> bool {
        let Some(way) = self.ways.get(&(channel, user)) else { return !self.was_at_first(channel, user) };
        let comes_back = way
            .seen
            .iter()
            .any(|seen| seen.added && seen.version > version && (seen.asked == NOWHERE || seen.asked < place));
        let may_come_back = way.vague.iter().any(|vague| {
            let before = way.last_seen(version).is_some_and(|last| last.asked != NOWHERE && vague.over < last.asked);
            vague.added && vague.asked < place && vague.most > version && !before
        });
        !comes_back && !may_come_back && self.was_out(channel, user, version)
    }

    /// Whether the host had been told before `asked` that the user is out, and had not begun to add them again by `answered`.
    pub(super) fn is_out_between(&self, channel: ChannelNo, user: UserNo, asked: u32, answered: u32) -> Option<u32> {
        let way = self.ways.get(&(channel, user))?;
        way.out.iter().find(|(from, until)| *from < asked && answered < *until).map(|(from, _)| *from)
    }

    /// Whether anything may change it after this version.
    pub(super) fn changes_after(&self, channel: ChannelNo, user: UserNo, version: i64) -> bool {
        let Some(way) = self.ways.get(&(channel, user)) else { return false };
        way.seen.iter().any(|seen| seen.version > version) || !way.vague.is_empty()
    }

    /// Place of the record that tells of the last change up to this version.
    pub(super) fn told_by(&self, channel: ChannelNo, user: UserNo, version: i64) -> u32 {
        let way = self.ways.get(&(channel, user));
        way.and_then(|way| way.last_seen(version)).map_or(NOWHERE, |seen| seen.by)
    }

    fn take_seen(&mut self, model: &Model<'_>) {
        for (by, record) in (0..).zip(&model.history.records) {
            let What::Came { frame: Frame::Members { channel, version, added, removed, .. } } = &record.what else {
                continue;
            };
            // Another change under this version is a finding of its own.
            let known = model.log(*channel).is_some_and(|log| log.change(*version) == Change::Roster);
            for (users, added) in [(added, true), (removed, false)] {
                for user in users.iter().filter(|_| known) {
                    let way = self.ways.entry((*channel, *user)).or_default();
                    if !way.seen.iter().rev().any(|seen| seen.version == *version) {
                        way.seen.push(Seen { version: *version, added, by, asked: NOWHERE });
                    }
                }
            }
        }
        for way in self.ways.values_mut() {
            way.seen.sort_by_key(|seen| seen.version);
        }
    }

    fn take_asked(&mut self, model: &Model<'_>) {
        let limits = Limits::of(model);
        let mut asked: HashMap<(ChannelNo, UserNo), Vec<Vague>> = HashMap::new();
        for record in &model.history.records {
            let What::Asked { op, ask: ask @ (Ask::Add { channel, user } | Ask::Remove { channel, user }) } =
                &record.what
            else {
                continue;
            };
            let Some(op) = model.index.op(*op) else { continue };
            let (most, over) = match model.index.answer(op) {
                Some(Answer::Refused { retryable: false, .. }) => continue,
                Some(Answer::Done { version }) => {
                    let limit = limits.after(*channel, op.answered);
                    (version.map_or(limit, |version| version.min(limit)), op.answered)
                }
                _ => (i64::MAX, NOWHERE),
            };
            let added = matches!(ask, Ask::Add { .. });
            let vague = Vague { added, least: op.known.version + 1, most, asked: op.asked, over };
            asked.entry((*channel, *user)).or_default().push(vague);
        }
        for ((channel, user), asked) in asked {
            let mut way = self.ways.remove(&(channel, user)).unwrap_or_default();
            let last = self.unseen.get(usize::from(channel)).map_or(0, Vec::len).saturating_sub(1);
            let last = i64::try_from(last).unwrap_or(i64::MAX);
            let all_seen = |vague: &Vague| {
                let most = vague.most.min(last);
                vague.least > most || self.unseen_between(channel, vague.least - 1, most) == 0
            };
            way.explain(asked, all_seen);
            self.ways.insert((channel, user), way);
        }
    }
}

/// What a change that was done by a place of the records has at most for a version: anything that was asked for after that
/// has a higher one.
struct Limits {
    /// By channel: the place of a send, and the least version of those from there on.
    sent: Vec<Vec<(u32, i64)>>,
}

impl Limits {
    fn of(model: &Model<'_>) -> Self {
        let mut sent: Vec<Vec<(u32, i64)>> = model.logs.iter().map(|_| Vec::new()).collect();
        for attempt in &model.index.attempts {
            let Outcome::Acked { version, duplicate: false, .. } = attempt.outcome else { continue };
            // One that was tried more than once may be older than the last try.
            let once = model.index.attempts_of(attempt.user, attempt.client_id).nth(1).is_none();
            if let Some(sent) = sent.get_mut(usize::from(attempt.channel))
                && once
            {
                sent.push((attempt.asked, version));
            }
        }
        for sent in &mut sent {
            let mut least = i64::MAX;
            for (_, version) in sent.iter_mut().rev() {
                least = least.min(*version);
                *version = least;
            }
        }
        Self { sent }
    }

    fn after(&self, channel: ChannelNo, place: u32) -> i64 {
        let Some(sent) = self.sent.get(usize::from(channel)) else { return i64::MAX };
        let next = sent.partition_point(|(asked, _)| *asked <= place);
        sent.get(next).map_or(i64::MAX, |(_, version)| version - 1)
    }
}

impl Way {
    fn last_seen(&self, version: i64) -> Option<&Seen> {
        self.seen.iter().rev().find(|seen| seen.version <= version)
    }

    /// Finds out which request made which change. What is not certain stays vague.
    fn explain(&mut self, asked: Vec<Vague>, all_seen: impl Fn(&Vague) -> bool) {
        let mut made: Vec<Option<i64>> = vec![None; asked.len()];
        let fits = |vague: &Vague, seen: &Seen| {
            seen.asked == NOWHERE && seen.added == vague.added && (vague.least..=vague.most).contains(&seen.version)
        };
        // What was done, in a time of which every change was seen, and only one can be it.
        for (made, vague) in made.iter_mut().zip(&asked).filter(|(_, vague)| vague.over != NOWHERE && all_seen(vague)) {
            let mut changes = self.seen.iter_mut().filter(|seen| fits(vague, seen));
            if let (Some(only), None) = (changes.next(), changes.next()) {
                only.asked = vague.asked;
                *made = Some(only.version);
            }
        }
        // A change that only one request is left for.
        for at in 0..self.seen.len() {
            let left = (0..asked.len()).filter(|request| made[*request].is_none());
            let mut requests = left.filter(|request| fits(&asked[*request], &self.seen[at]));
            if let (Some(only), None) = (requests.next(), requests.next()) {
                self.seen[at].asked = asked[only].asked;
                made[only] = Some(self.seen[at].version);
            }
        }
        self.vague = asked.iter().zip(&made).filter(|(_, made)| made.is_none()).map(|(vague, _)| *vague).collect();
        for (vague, made) in asked.into_iter().zip(made) {
            if vague.added {
                self.ends_out(vague.asked);
            } else if let Some(version) = made.filter(|_| vague.over != NOWHERE) {
                self.begins_out(version, vague.asked, vague.over);
            }
        }
    }

    fn ends_out(&mut self, asked: u32) {
        if let Some((_, until)) = self.out.last_mut() {
            *until = (*until).min(asked);
        }
    }

    /// Unless an addition that was asked for before took effect after it, or may have.
    fn begins_out(&mut self, version: i64, asked: u32, over: u32) {
        let may_be_later = self.vague.iter().any(|vague| vague.added && vague.over > asked);
        let is_later = self
            .seen
            .iter()
            .any(|seen| seen.added && seen.version > version && (seen.asked == NOWHERE || seen.asked < asked));
        if !may_be_later && !is_later {
            self.out.push((over, NOWHERE));
        }
    }
}
