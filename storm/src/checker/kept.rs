//! The project's own client: what it hands out comes in order and once, and at rest is what is stored.
//!
//! It hands out what happens from its first `hello` on; what a channel held before that it leaves to whoever reads history.

use std::collections::BTreeMap;

use super::Anomaly;
use super::evidence::{final_line, text};
use super::findings::Findings;
use super::index::NOWHERE;
use super::model::Model;
use crate::history::{ChannelNo, ClientNo, Copy, Handed, Held, Kind, Record, UserNo, What};

pub(super) fn look(model: &Model<'_>, found: &mut Findings) {
    let clients = &model.history.scene.clients;
    let mut places: Vec<Vec<u32>> = vec![Vec::new(); clients.len()];
    for (place, record) in (0..).zip(&model.history.records) {
        if let (What::Handed { .. }, Some(places)) = (&record.what, places.get_mut(usize::from(record.client))) {
            places.push(place);
        }
    }
    for ((client, info), places) in (0..).zip(clients).zip(places) {
        if info.kind == Kind::Kept {
            let mut scan = Scan { model, found, client, connected: None, channels: BTreeMap::new() };
            let mut rested = false;
            for place in places {
                let Some(record) = model.index.record(place) else { continue };
                if !rested && record.at >= model.history.rest {
                    rested = true;
                    scan.at_rest(info.user);
                }
                scan.take(place, record);
            }
            if !rested {
                scan.at_rest(info.user);
            }
        }
    }
}

/// What a client was handed of a channel.
#[derive(Debug)]
struct Channel {
    /// What changed up to here is not handed out.
    from: i64,
    /// The version that was handed out last, and where.
    last: (i64, u32),
    /// By `seq`: the version in which the client has it; 0 if it has not. As many as are written down for millions.
    states: Vec<u32>,
    members: Vec<UserNo>,
    /// Place of the record that brought the members.
    told: u32,
}

struct Scan<'s, 'h> {
    model: &'s Model<'h>,
    found: &'s mut Findings,
    client: ClientNo,
    /// Place of the last record that says whether it is: `Ok` if so.
    connected: Option<Result<u32, u32>>,
    channels: BTreeMap<ChannelNo, Channel>,
}

impl Scan<'_, '_> {
    fn take(&mut self, place: u32, record: &Record) {
        let What::Handed { event } = &record.what else { return };
        match event {
            Handed::Connected { channels, .. } => {
                self.connected = Some(Ok(place));
                for held in channels {
                    self.held(place, held);
                }
            }
            Handed::Disconnected => self.connected = Some(Err(place)),
            Handed::Channel { held } => self.held(place, held),
            Handed::ChannelRemoved { channel } => drop(self.channels.remove(channel)),
            Handed::Message { copy } => self.message(place, copy, true),
            Handed::Updated { copy } | Handed::Deleted { copy } => self.message(place, copy, false),
            Handed::Sent { channel, seq, version, .. } => self.sent(place, *channel, *seq, *version),
            Handed::Members { channel, members, .. } => {
                if let Some(channel) = self.channels.get_mut(channel) {
                    (channel.members, channel.told) = (members.clone(), place);
                }
            }
            Handed::Reset { channel } => {
                // Its newest messages follow, in the same order as ever; older ones do not.
                if let Some(channel) = self.channels.get_mut(channel) {
                    channel.from = channel.from.max(channel.last.0);
                    channel.last = (0, place);
                    channel.states.clear();
                }
            }
            Handed::Failed { .. } | Handed::Presence { .. } | Handed::Read { .. } => {}
        }
    }

    fn held(&mut self, place: u32, held: &Held) {
        let channel = self.channels.entry(held.channel).or_insert_with(|| Channel {
            from: held.version,
            last: (0, place),
            states: Vec::new(),
            members: Vec::new(),
            told: place,
        });
        (channel.members, channel.told) = (held.members.clone(), place);
    }

    fn message(&mut self, place: u32, copy: &Copy, is_new: bool) {
        let Some(channel) = self.channels.get_mut(&copy.channel) else {
            let what =
                format!("client {} handed out a message of channel {}, which it has not", self.client, copy.channel);
            return self.tell(Anomaly::Skipped, copy.channel, what, &[place]);
        };
        let (last, by) = channel.last;
        let had = channel.states.get(usize::try_from(copy.seq).unwrap_or(0)).copied().unwrap_or(0);
        channel.last = (copy.version.max(last), place);
        channel.note(copy.seq, copy.version);
        if copy.version <= last {
            let what = format!("client {} handed out version {} after {last}", self.client, copy.version);
            self.tell(Anomaly::Repeated, copy.channel, what, &[by, place]);
        } else if is_new && had != 0 {
            let what = format!("client {} handed out seq {} as new, which it has", self.client, copy.seq);
            self.again(copy.channel, copy.seq, what, place);
        }
    }

    fn sent(&mut self, place: u32, number: ChannelNo, seq: i64, version: i64) {
        // Out of the channel meanwhile, it is told all the same.
        let Some(channel) = self.channels.get_mut(&number) else { return };
        let had = channel.states.get(usize::try_from(seq).unwrap_or(0)).copied().unwrap_or(0);
        channel.note(seq, version);
        if had != 0 {
            let what = format!("client {} told of seq {seq} as sent, which it has", self.client);
            self.again(number, seq, what, place);
        }
    }

    fn again(&mut self, channel: ChannelNo, seq: i64, what: String, place: u32) {
        let client = self.client;
        let records = &self.model.history.records[..place as usize];
        let first = records.iter().position(|record| {
            record.client == client
                && match &record.what {
                    What::Handed { event: Handed::Message { copy } | Handed::Updated { copy } } => {
                        (copy.channel, copy.seq) == (channel, seq)
                    }
                    What::Handed { event: Handed::Sent { channel: of, seq: sent, .. } } => {
                        (*of, *sent) == (channel, seq)
                    }
                    _ => false,
                }
        });
        let first = first.and_then(|first| u32::try_from(first).ok()).unwrap_or(NOWHERE);
        self.tell(Anomaly::Repeated, channel, what, &[first, place]);
    }

    fn at_rest(&mut self, user: UserNo) {
        let (rest, client) = (self.model.history.rest, self.client);
        let Some(Ok(_)) = self.connected else {
            let last = self.connected.map_or(NOWHERE, |place| place.unwrap_or_else(|place| place));
            self.found.add(Anomaly::NotConverged, None, rest, || {
                let line = super::evidence::line(self.model.history, last, None);
                (format!("at rest client {client} is not connected"), vec![line])
            });
            return;
        };
        for number in (0..).take(self.model.logs.len()) {
            let Some(log) = self.model.last(number) else { continue };
            let is_member = log.held.members.contains(&user);
            let head = || format!("final log, node {}: {}", log.node, text(&log.held));
            let Some(channel) = self.channels.get(&number) else {
                if is_member {
                    self.found.add(Anomaly::NotConverged, Some(number), rest, || {
                        (format!("at rest client {client} has not been told of channel {number}"), vec![head()])
                    });
                }
                continue;
            };
            let mut members = (channel.members.clone(), log.held.members.clone());
            members.0.sort_unstable();
            members.1.sort_unstable();
            if !is_member || members.0 != members.1 {
                self.found.add(Anomaly::NotConverged, Some(number), rest, || {
                    let what = format!("at rest client {client} has other members of channel {number} than there are");
                    (what, vec![self.model.line(channel.told, number), head()])
                });
            }
            let differs = log.messages.iter().find(|copy| {
                let has = usize::try_from(copy.seq).ok().and_then(|seq| channel.states.get(seq)).copied().unwrap_or(0);
                is_member && copy.version > channel.from && i64::from(has) != copy.version
            });
            if let Some(copy) = differs {
                self.found.add(Anomaly::NotConverged, Some(number), rest, || {
                    let what = format!("at rest client {client} has not seq {} of channel {number} as it is", copy.seq);
                    let evidence = vec![self.model.line(channel.last.1, number), final_line(log, copy)];
                    (what, evidence)
                });
            }
        }
    }

    fn tell(&mut self, anomaly: Anomaly, channel: ChannelNo, what: String, places: &[u32]) {
        let model = self.model;
        let at = places.last().map_or(0, |place| model.index.at(*place));
        self.found.add(anomaly, Some(channel), at, || {
            (what, places.iter().map(|place| model.line(*place, channel)).collect())
        });
    }
}

impl Channel {
    fn note(&mut self, seq: i64, version: i64) {
        // Far-off numbers are told where the model is made.
        let (Ok(seq), Ok(version)) = (usize::try_from(seq), u32::try_from(version)) else { return };
        if seq >= self.states.len() && seq < self.states.len() + 10_000_000 {
            self.states.resize(seq + 1, 0);
        }
        if let Some(state) = self.states.get_mut(seq) {
            *state = version.max(*state);
        }
    }
}
