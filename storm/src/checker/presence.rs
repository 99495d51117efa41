//! I16: nobody is shown offline who is connected, and in the end nobody online who is long gone.
//!
//! What clients know of their connections is compared with what others are told. Faults relax it: a Redis that loses what it
//! knew may show somebody offline for a while, and a line that is held up is dead to the server before its client notices.
//! Only quiet times are looked at.

use std::collections::BTreeMap;

use super::Anomaly;
use super::findings::Findings;
use super::index::Index;
use super::model::Model;
use crate::history::{ChannelNo, ClientNo, Frame, Handed, Held, Kind, LineNo, Micros, Record, UserNo, What};

/// News of a connection reach everybody within this, on every node.
const NEWS_TAKE: Micros = 10_000_000;
/// After a connection ends for the server its client may take so long to notice.
const NOTICED_WITHIN: Micros = 2_000_000;
/// After a fault of Redis somebody connected may be shown offline for so long; and how a node shows everybody that it has
/// only just begun to know may take as long.
const HEALS_WITHIN: Micros = 35_000_000;
/// After any other, what its victims are told of each other may be late by so much.
const SETTLES_WITHIN: Micros = 10_000_000;
/// Beyond the time in which somebody lost is to be shown offline.
const GHOST_SLACK: Micros = 5_000_000;

pub(super) fn look(model: &Model<'_>, found: &mut Findings) {
    // One that does not read does not answer pings either: the server ends it, and it hears of that much later.
    let reads = |kind: Kind| kind != Kind::Deaf;
    let (connected, reading) = (Connected::of(model, |_| true), Connected::of(model, reads));
    let news_troubled = troubled(model, |fault| if is_of_redis(fault) { HEALS_WITHIN } else { SETTLES_WITHIN });
    let troubled = troubled(model, |_| HEALS_WITHIN);
    let mut scan = Scan { model, found, connected, reading, news_troubled, troubled, shown: BTreeMap::new() };
    let mut rested = false;
    for (place, record) in (0..).zip(&model.history.records) {
        if !rested && record.at >= model.history.rest {
            rested = true;
            scan.at_rest();
        }
        scan.take(place, record);
    }
    if !rested {
        scan.at_rest();
    }
}

/// When each user had a connection, as one period where one began before the other ended.
struct Connected {
    periods: Vec<Vec<(Micros, Micros)>>,
}

impl Connected {
    fn of(model: &Model<'_>, counts: impl Fn(Kind) -> bool) -> Self {
        let index: &Index<'_> = &model.index;
        let mut periods = vec![Vec::new(); model.history.scene.users.len()];
        let mut add = |client: ClientNo, from: Micros, until: Option<Micros>| {
            let user = index.user(client).filter(|_| counts(index.kind(client)));
            if let Some(periods) = user.and_then(|user| periods.get_mut(usize::from(user))) {
                periods.push((from, until.unwrap_or(Micros::MAX)));
            }
        };
        for line in index.lines.iter().flatten() {
            add(line.client, line.opened, line.closed);
        }
        let mut kept: BTreeMap<ClientNo, Micros> = BTreeMap::new();
        for record in &model.history.records {
            match &record.what {
                What::Handed { event: Handed::Connected { .. } } => {
                    kept.entry(record.client).or_insert(record.at);
                }
                What::Handed { event: Handed::Disconnected } => {
                    if let Some(from) = kept.remove(&record.client) {
                        add(record.client, from, Some(record.at));
                    }
                }
                _ => {}
            }
        }
        for (client, from) in kept {
            add(client, from, None);
        }
        for periods in &mut periods {
            *periods = merged(std::mem::take(periods));
        }
        Self { periods }
    }

    fn last_begun(&self, user: UserNo, at: Micros) -> Option<(Micros, Micros)> {
        let periods = self.periods.get(usize::from(user))?;
        let begun = periods.partition_point(|(from, _)| *from <= at);
        periods.get(begun.checked_sub(1)?).copied()
    }

    /// All the time from the one to the other.
    fn throughout(&self, user: UserNo, from: Micros, until: Micros) -> bool {
        self.last_begun(user, from).is_some_and(|(_, end)| end >= until)
    }

    /// At no moment between.
    fn never(&self, user: UserNo, from: Micros, until: Micros) -> bool {
        self.last_begun(user, until).is_none_or(|(_, end)| end < from)
    }
}

fn merged(mut periods: Vec<(Micros, Micros)>) -> Vec<(Micros, Micros)> {
    periods.sort_unstable();
    let mut merged: Vec<(Micros, Micros)> = Vec::new();
    for (from, until) in periods {
        match merged.last_mut() {
            Some((_, end)) if from <= *end => *end = until.max(*end),
            _ => merged.push((from, until)),
        }
    }
    merged
}

/// When faults, or what they leave behind, may show.
fn troubled(model: &Model<'_>, after: impl Fn(&str) -> Micros) -> Vec<(Micros, Micros)> {
    let faults = model.history.broken.iter();
    merged(faults.map(|it| (it.from, it.until.saturating_add(after(&it.fault)))).collect())
}

fn is_of_redis(fault: &str) -> bool {
    fault.starts_with("redis") || fault.ends_with("publish")
}

/// What an observer was shown of a user, and where.
type Shown = BTreeMap<(ChannelNo, UserNo), (bool, u32)>;

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    found: &'s mut Findings,
    /// With any connection, and with one that is read.
    connected: Connected,
    reading: Connected,
    /// When what is told may be wrong, and when what is listed may be.
    news_troubled: Vec<(Micros, Micros)>,
    troubled: Vec<(Micros, Micros)>,
    /// By the observer: a connection that is open at rest, or a client of the project's own.
    shown: BTreeMap<(ClientNo, LineNo), Shown>,
}

impl Scan<'_, '_> {
    fn take(&mut self, place: u32, record: &Record) {
        // One that reads late is told late.
        if self.model.index.kind(record.client) == Kind::Deaf {
            return;
        }
        match &record.what {
            What::Opened { channels, .. } | What::Handed { event: Handed::Connected { channels, .. } } => {
                if record.at >= self.model.history.rest {
                    for held in channels {
                        self.listed_at_rest(place, record, held);
                    }
                } else if self.is_open_at_rest(record) {
                    self.shown.insert((record.client, record.line), BTreeMap::new());
                    for held in channels {
                        self.held(place, record, held);
                    }
                }
            }
            What::Came { frame: Frame::Channel { held, .. } } | What::Handed { event: Handed::Channel { held } } => {
                self.held(place, record, held);
            }
            What::Came { frame: Frame::Members { channel, .. } | Frame::ChannelRemoved { channel } }
            | What::Handed { event: Handed::Members { channel, .. } | Handed::ChannelRemoved { channel } } => {
                // Who is online was shown with it, and is not on record.
                if let Some(shown) = self.shown.get_mut(&(record.client, record.line)) {
                    shown.retain(|(of, _), _| of != channel);
                }
            }
            What::Came { frame: Frame::Presence { channel, user, online } }
            | What::Handed { event: Handed::Presence { channel, user, online } } => {
                if let Some(shown) = self.shown.get_mut(&(record.client, record.line)) {
                    shown.insert((*channel, *user), (*online, place));
                }
                self.news(place, record.at, *channel, *user, *online);
            }
            _ => {}
        }
    }

    /// Of the others nothing has to be kept.
    fn is_open_at_rest(&self, record: &Record) -> bool {
        let line = self.model.index.line(record.line).filter(|_| record.line != 0);
        line.is_none_or(|line| line.closed.is_none_or(|closed| closed >= self.model.history.rest))
    }

    fn held(&mut self, place: u32, record: &Record, held: &Held) {
        let own = self.model.index.user(record.client);
        if let Some(shown) = self.shown.get_mut(&(record.client, record.line)) {
            for user in held.members.iter().filter(|user| Some(**user) != own) {
                shown.insert((held.channel, *user), (held.online.contains(user), place));
            }
        }
    }

    fn news(&mut self, place: u32, at: Micros, channel: ChannelNo, user: UserNo, online: bool) {
        if online {
            if at >= self.model.history.rest && self.is_long_gone(user, at) {
                self.tell(Anomaly::GhostPresence, place, at, channel, user);
            }
        } else if self.reading.throughout(user, at.saturating_sub(NEWS_TAKE), at + NOTICED_WITHIN)
            && is_quiet(&self.news_troubled, at)
        {
            self.tell(Anomaly::FalseOffline, place, at, channel, user);
        }
    }

    fn is_long_gone(&self, user: UserNo, at: Micros) -> bool {
        let within = self.model.history.scene.offline_within + GHOST_SLACK;
        at > within && self.connected.never(user, at - within, at)
    }

    /// What those who have been there for long have been shown by now.
    fn at_rest(&mut self) {
        let rest = self.model.history.rest;
        for shown in std::mem::take(&mut self.shown).into_values() {
            for ((channel, user), (online, place)) in shown {
                // Those who hang up now were there.
                self.compare((place, rest), channel, user, online, rest);
            }
        }
    }

    fn listed_at_rest(&mut self, place: u32, record: &Record, held: &Held) {
        for user in &held.members {
            let online = held.online.contains(user);
            if self.model.index.user(record.client) == Some(*user) {
                if !online {
                    self.tell(Anomaly::FalseOffline, place, record.at, held.channel, *user);
                }
            } else {
                self.compare((place, record.at), held.channel, *user, online, record.at + NOTICED_WITHIN);
            }
        }
    }

    /// How somebody is shown at rest with how they are, those who stay `until` then.
    fn compare(&mut self, (place, at): (u32, Micros), channel: ChannelNo, user: UserNo, online: bool, until: Micros) {
        if online && self.is_long_gone(user, at) {
            self.tell(Anomaly::GhostPresence, place, at, channel, user);
        } else if !online
            && is_quiet(&self.troubled, at)
            && self.reading.throughout(user, at.saturating_sub(NEWS_TAKE), until)
        {
            self.tell(Anomaly::FalseOffline, place, at, channel, user);
        }
    }

    fn tell(&mut self, anomaly: Anomaly, place: u32, at: Micros, channel: ChannelNo, user: UserNo) {
        let (model, connected) = (self.model, &self.connected);
        self.found.add(anomaly, Some(channel), at, || {
            let shown = if anomaly == Anomaly::GhostPresence { "online" } else { "offline" };
            let what = format!("user {user} is shown {shown} in channel {channel}, and is not");
            let when = connected.last_begun(user, at).map_or_else(
                || format!("user {user} had no connection before"),
                |(from, until)| {
                    let end = if until == Micros::MAX { "the end".to_owned() } else { super::evidence::seconds(until) };
                    format!("user {user} was connected from {} to {end}", super::evidence::seconds(from))
                },
            );
            (what, vec![when, model.line(place, channel)])
        });
    }
}

/// No fault at this time, nor so recently that it may still show.
fn is_quiet(troubled: &[(Micros, Micros)], at: Micros) -> bool {
    let begun = troubled.partition_point(|(from, _)| *from <= at);
    begun.checked_sub(1).and_then(|last| troubled.get(last)).is_none_or(|(_, until)| *until < at)
}
