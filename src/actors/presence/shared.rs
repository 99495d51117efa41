//! Presence with other nodes: this one's leases in Redis, news of who came and went, the end of dead nodes' leases.
//!
//! Which users' leases are not as they are to be is noted and written in one round trip, one at a time, so that the
//! changes of a user stay in order. Without Redis it stays noted; whom the others had when it went away they have still.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use chrono::{DateTime, Utc};

use super::verdict::{self, Known, Verdict};
use super::{MemberMoved, Presence, lost};
use crate::actors::{room, tell};
use crate::bus::{Bus, Event, Topic};
use crate::cluster::LinkError;
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::now;
use crate::ephemeral::{Beat, InEra, Leases, MarkOnline, Outcome, Own};
use crate::fault::{self, Sabotage};
use crate::store::Reader;

/// How often this node says that it is there, and looks whose leases have ended.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// How often what is known of the members of rooms is compared with the leases: news may have been lost.
const COMPARE_EVERY: Duration = Duration::from_secs(15);
/// Users of one write.
const AT_ONCE: usize = 500;

/// What sharing takes.
#[derive(Debug)]
pub struct SharedParts {
    pub leases: Leases,
    pub bus: Bus,
    pub reader: Reader,
}

/// Where it is news how a user is.
#[derive(Debug, Default)]
pub(super) struct Untold {
    channels: HashSet<ChannelId>,
    failed: bool,
}

/// What is under way: each one at a time.
#[derive(Debug, Default)]
struct Busy {
    writing: bool,
    beating: bool,
    comparing: bool,
}

pub(super) struct Shared {
    pub(super) parts: SharedParts,
    /// Whose leases are to be written.
    pub(super) dirty: HashSet<UserId>,
    busy: Busy,
    /// Whose last session here has ended, until the other nodes' word on them is in.
    leaving: HashSet<UserId>,
    /// Of whom the others may not know how they are, and where that is news.
    pub(super) untold: HashMap<UserId, Untold>,
    /// Channels of which a user has become a member, or not any more.
    moved: HashMap<UserId, Vec<(ChannelId, bool)>>,
    era: Option<String>,
    pub(super) settled: bool,
    pub(super) reaping: bool,
    pub(super) lingering: bool,
    /// When Redis did not answer last.
    failed: Option<Instant>,
}

impl Shared {
    pub(super) fn new(parts: SharedParts) -> Self {
        Self {
            parts,
            dirty: HashSet::new(),
            busy: Busy::default(),
            leaving: HashSet::new(),
            untold: HashMap::new(),
            moved: HashMap::new(),
            era: None,
            settled: false,
            reaping: false,
            lingering: false,
            failed: None,
        }
    }

    /// The user's last session here has ended: is there anybody to ask whether they are gone?
    pub(super) fn left(&mut self, user: UserId, channels: Vec<ChannelId>) -> bool {
        self.owe(user, channels, false);
        if !self.lingering && !self.parts.leases.is_up() {
            return false;
        }
        self.leaving.insert(user);
        true
    }

    /// Redis did not answer. Who did not get to it either may not have written what it has lost.
    fn fails(&mut self) {
        self.failed = Some(Instant::now());
        self.settled = false;
    }

    /// The others have to be told how the user is. `failed`: what was written of it may be there unannounced.
    pub(super) fn owe(&mut self, user: UserId, channels: Vec<ChannelId>, failed: bool) {
        let untold = self.untold.entry(user).or_default();
        untold.channels.extend(channels);
        untold.failed |= failed;
    }
}

impl Presence {
    pub(super) fn start_sharing(&mut self, ctx: &mut Context<Self>) {
        if self.shared.is_some() {
            self.beat(ctx);
            ctx.run_interval(BEAT_EVERY, |act, ctx| {
                act.beat(ctx);
                act.write(ctx);
            });
            ctx.run_interval(COMPARE_EVERY, Self::compare);
        }
    }

    /// Has a user's leases written.
    pub(super) fn renew(&mut self, user: UserId, ctx: &mut Context<Self>) {
        if fault::planted(Sabotage::LeaseNotReasserted) {
            lost::found(user);
        }
        self.renew_soon(user);
        self.write(ctx);
    }

    /// The same, together with others.
    pub(super) fn renew_soon(&mut self, user: UserId) {
        if let Some(shared) = &mut self.shared {
            shared.dirty.insert(user);
        }
    }

    pub(super) fn moved(&mut self, moved: MemberMoved, ctx: &mut Context<Self>) {
        let Some(shared) = &mut self.shared else { return };
        shared.moved.entry(moved.user).or_default().push((moved.channel, moved.member));
        self.renew(moved.user, ctx);
    }

    fn write(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        let Some(shared) = &mut self.shared else { return };
        if fault::planted(Sabotage::LeaseNotReasserted) {
            lost::withhold(&mut shared.dirty);
        }
        if shared.busy.writing || shared.lingering || shared.dirty.is_empty() {
            return;
        }
        shared.busy.writing = true;
        let users: Vec<UserId> = shared.dirty.iter().take(AT_ONCE).copied().collect();
        // Those of them who leave by this very write.
        let mut leaving = HashSet::new();
        for user in &users {
            shared.dirty.remove(user);
            if shared.leaving.remove(user) {
                leaving.insert(*user);
            }
        }
        let own = users
            .iter()
            .map(|user| Own { user: *user, sessions: self.ledger.leases_of(*user, now), here: true })
            .collect();
        let leases = shared.parts.leases.clone();
        let put = async move { leases.put(own).await };
        ctx.spawn(put.into_actor(self).map(move |outcomes, act, ctx| {
            if let Some(shared) = &mut act.shared {
                shared.busy.writing = false;
            }
            act.written(&users, &leaving, outcomes, ctx);
        }));
    }

    fn written(
        &mut self,
        users: &[UserId],
        leaving: &HashSet<UserId>,
        outcomes: Result<InEra<Vec<Outcome>>, LinkError>,
        ctx: &mut Context<Self>,
    ) {
        match outcomes {
            Ok(InEra { era, found }) => {
                let mut marks = Vec::new();
                let settled = self.is_settled(era.as_deref());
                for outcome in &found {
                    self.settle(outcome, leaving.contains(&outcome.user), settled, &mut marks);
                }
                self.mark(marks, ctx);
            }
            Err(error) => {
                log::debug!("{} users' leases were not written: {error}", users.len());
                let Some(shared) = &mut self.shared else { return };
                // One that answers and refuses may do so for a single bad key, for ever.
                if !matches!(error, LinkError::Refused(_)) {
                    shared.fails();
                }
                shared.dirty.extend(users);
                // They may have been, with the answer lost.
                for user in users {
                    shared.owe(*user, self.ledger.channels_of(*user), true);
                }
                // Nobody says how it is elsewhere: what was known last holds.
                for user in leaving {
                    self.left_here(*user, &self.channels_of(*user));
                }
            }
        }
    }

    /// Whether a missing lease, read in this era, says that there is none.
    pub(super) fn is_settled(&self, era: Option<&str>) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.settled && era.is_some() && shared.era.as_deref() == era)
    }

    fn left_here(&self, user: UserId, channels: &[ChannelId]) {
        if !self.ledger.has(user) {
            self.online.went(user, now());
            self.tell_rooms(user, channels);
        }
    }

    /// Where it is news how the user is: by the ledger while they are here, else by what they left.
    fn channels_of(&self, user: UserId) -> Vec<ChannelId> {
        if self.ledger.has(user) {
            return self.ledger.channels_of(user);
        }
        let untold = self.shared.as_ref().and_then(|shared| shared.untold.get(&user));
        untold.map(|untold| untold.channels.iter().copied().collect()).unwrap_or_default()
    }

    /// What a write of one of this node's users has shown. `left`: it took the user's last lease here away.
    fn settle(&mut self, outcome: &Outcome, left: bool, settled: bool, marks: &mut Vec<MarkOnline>) {
        let Outcome { user, number, .. } = *outcome;
        let channels = self.channels_of(user);
        let Some(shared) = &mut self.shared else { return };
        let moved = shared.moved.remove(&user).unwrap_or_default();
        let Verdict { paid, elsewhere, news } = verdict::written(
            outcome,
            Known {
                settled,
                thought_elsewhere: self.online.is_elsewhere(user),
                dirty: shared.dirty.contains(&user),
                untold: shared.untold.get(&user).map(|untold| untold.failed),
            },
        );
        if paid {
            shared.untold.remove(&user);
        }
        if let Some(elsewhere) = elsewhere {
            self.online.heard(user, elsewhere, number, None);
        }
        if left {
            self.left_here(user, &channels);
        } else {
            self.tell_rooms(user, &channels);
        }
        if let Some(online) = news {
            self.announce(user, online, number, (!online).then(now), &channels, marks);
        } else if outcome.after && self.ledger.has(user) && !self.recorded.contains(&user) {
            // No news to the nodes. Whoever told them may have died before it was written down.
            self.record(user, true, number);
        }
        marks.extend(moved.into_iter().map(|(channel, member)| MarkOnline {
            channel,
            user,
            number,
            online: member && outcome.after,
        }));
    }

    fn record(&mut self, user: UserId, online: bool, number: i64) {
        if self.recorder.note(user, online, number) && online && self.ledger.has(user) {
            self.recorded.insert(user);
        }
    }

    /// Tells the other nodes, once for all of them.
    pub(super) fn announce(
        &mut self,
        user: UserId,
        online: bool,
        number: i64,
        at: Option<DateTime<Utc>>,
        channels: &[ChannelId],
        marks: &mut Vec<MarkOnline>,
    ) {
        self.record(user, online, number);
        let Some(shared) = &self.shared else { return };
        let event = Event::PresenceChanged { user_id: user, online, number, at: at.unwrap_or_else(now) };
        for channel in channels {
            shared.parts.bus.publish(Topic::Channel(*channel), event.clone());
            marks.push(MarkOnline { channel: *channel, user, number, online });
        }
    }

    /// Has the channels' sets follow, then goes on with what is to be written.
    pub(super) fn mark(&mut self, marks: Vec<MarkOnline>, ctx: &mut Context<Self>) {
        let Some(shared) = self.shared.as_mut().filter(|_| !marks.is_empty()) else { return self.write(ctx) };
        shared.busy.writing = true;
        let leases = shared.parts.leases.clone();
        let mark = async move { (leases.mark(marks.clone()).await, marks) };
        ctx.spawn(mark.into_actor(self).map(|(outcome, marks), act, ctx| {
            let Some(shared) = &mut act.shared else { return };
            shared.busy.writing = false;
            if let Err(error) = outcome {
                log::debug!("the channels' online users were not written: {error}");
                for MarkOnline { channel, user, .. } in marks {
                    shared.owe(user, vec![channel], true);
                    shared.dirty.insert(user);
                }
                // With the next beat: it would fail again at once.
                return;
            }
            act.write(ctx);
        }));
    }

    pub(super) fn beat(&mut self, ctx: &mut Context<Self>) {
        let Some(shared) = self.shared.as_mut().filter(|shared| !shared.busy.beating && !shared.lingering) else {
            return;
        };
        shared.busy.beating = true;
        let leases = shared.parts.leases.clone();
        let beat = async move { leases.beat().await };
        ctx.spawn(beat.into_actor(self).map(|beat, act, ctx| {
            if let Some(shared) = &mut act.shared {
                shared.busy.beating = false;
            }
            match beat {
                Ok(beat) => act.beaten(beat, ctx),
                Err(error) => {
                    log::debug!("no beat: {error}");
                    act.shared.iter_mut().for_each(Shared::fails);
                }
            }
        }));
    }

    fn beaten(&mut self, beat: Beat, ctx: &mut Context<Self>) {
        let Some(shared) = &mut self.shared else { return };
        shared.parts.bus.note_nodes(beat.nodes);
        shared.settled = verdict::is_settled(beat.era_age, shared.failed.map(|at| at.elapsed()));
        if shared.settled {
            shared.dirty.extend(shared.untold.keys());
        }
        if shared.era.as_ref() != Some(&beat.era) {
            // Redis lost its data, or nobody could write for a while: everything is written anew.
            shared.era = Some(beat.era);
            let users: Vec<UserId> = self.ledger.user_ids().collect();
            if fault::planted(Sabotage::LeaseNotReasserted) {
                lost::lose(&users);
            }
            shared.dirty.extend(users);
            self.write(ctx);
        }
        self.reap(beat.expired, ctx);
    }

    /// Heals what was lost of the other nodes' news.
    fn compare(&mut self, ctx: &mut Context<Self>) {
        let Some(shared) = self.shared.as_mut().filter(|shared| !shared.busy.comparing) else { return };
        let users = self.online.watched();
        if users.is_empty() {
            return;
        }
        shared.busy.comparing = true;
        let leases = shared.parts.leases.clone();
        let look = async move { leases.look(users).await };
        ctx.spawn(look.into_actor(self).map(|seen, act, _| {
            let Some(shared) = &mut act.shared else { return };
            shared.busy.comparing = false;
            let Ok(InEra { era, found }) = seen else { return };
            let settled = act.is_settled(era.as_deref());
            for seen in found {
                if seen.elsewhere || settled {
                    act.online.heard(seen.user, seen.elsewhere, seen.number, None);
                }
            }
            // Whether or not this changed anything: a room may have started when nobody could say how its members were.
            for (_, room) in act.directory.rooms() {
                tell(&room, room::ComparePresence);
            }
        }));
    }
}
