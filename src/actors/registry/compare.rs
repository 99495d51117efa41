//! What may have passed unheard is found by comparing with the database: the heads of the rooms, and how often the
//! memberships of the users with sessions here have changed. One query each, for all of them.

use std::collections::BTreeSet;

use actix::{AsyncContext, Context, Handler, Message};

use super::{CompareHistory, Registry, then};
use crate::actors::{room, tell};
use crate::domain::ids::{ChannelId, UserId};
use crate::fault::{self, Sabotage};
use crate::store::StoreError;

/// Rooms or users of one query.
const AT_ONCE: usize = 5000;

/// Compares everything: something may have been committed unseen.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct CompareHeads;

/// Compares these: they are listened to from now on, and something may have happened just before.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CompareSome {
    pub channels: Vec<ChannelId>,
    pub users: Vec<UserId>,
}

/// What is still to be compared since it is listened to.
#[derive(Debug, Default)]
pub(super) struct Unlooked {
    channels: BTreeSet<ChannelId>,
    users: BTreeSet<UserId>,
    reading: bool,
    /// Memberships are being listed anew, one user after the other.
    pub(super) listing: bool,
}

/// A session has listed its user's channels, when the memberships had been changed so often.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Listed {
    pub user: UserId,
    pub memberships: i64,
}

impl Handler<CompareHeads> for Registry {
    type Result = ();

    fn handle(&mut self, _: CompareHeads, ctx: &mut Self::Context) {
        // Several wishes at once are one.
        if self.comparing {
            self.compare_again = true;
            return;
        }
        self.comparing = true;
        // Where the database was away it may have come back as another.
        ctx.notify(CompareHistory);
        let users: Vec<UserId> =
            if self.parts.bus.is_alone() { Vec::new() } else { self.by_user.keys().copied().collect() };
        for some in users.chunks(AT_ONCE) {
            self.compare_users(some.to_vec(), ctx);
        }
        let rooms: Vec<ChannelId> = self.rooms.keys().copied().collect();
        self.compare_rooms(rooms, ctx);
    }
}

impl Handler<CompareSome> for Registry {
    type Result = ();

    fn handle(&mut self, CompareSome { channels, users }: CompareSome, ctx: &mut Self::Context) {
        if fault::planted(Sabotage::NoResubscribeCheck) {
            return;
        }
        self.unlooked.channels.extend(channels);
        self.unlooked.users.extend(users);
        self.compare_some(ctx);
    }
}

impl Handler<Listed> for Registry {
    type Result = ();

    fn handle(&mut self, Listed { user, memberships }: Listed, _: &mut Self::Context) {
        if let Some(sessions) = self.by_user.get_mut(&user) {
            // The oldest list decides from when on something may be missing.
            sessions.memberships = Some(sessions.memberships.map_or(memberships, |known| known.min(memberships)));
        }
    }
}

impl Registry {
    /// One read at a time: what is subscribed to meanwhile, often in small pieces, is compared together.
    fn compare_some(&mut self, ctx: &mut Context<Self>) {
        if self.unlooked.reading {
            return;
        }
        let channels = some_of(&mut self.unlooked.channels);
        let mut users = some_of(&mut self.unlooked.users);
        users.retain(|user| self.by_user.contains_key(user));
        if channels.is_empty() && users.is_empty() {
            return;
        }
        self.unlooked.reading = true;
        let reader = self.parts.reader.clone();
        let read = async move {
            let heads = if channels.is_empty() { Ok(Vec::new()) } else { reader.heads(channels).await };
            let counts = if users.is_empty() { Ok(Vec::new()) } else { reader.memberships(users).await };
            (heads, counts)
        };
        then(read, self, ctx, |(heads, counts), act, ctx| {
            act.pass_heads(heads);
            act.pass_counts(counts, ctx);
            act.unlooked.reading = false;
            act.compare_some(ctx);
        });
    }

    fn compare_rooms(&mut self, mut rooms: Vec<ChannelId>, ctx: &mut Context<Self>) {
        let rest = rooms.split_off(rooms.len().min(AT_ONCE));
        let read = self.parts.reader.heads(rooms);
        then(read, self, ctx, move |heads, act, ctx| {
            act.pass_heads(heads);
            if !rest.is_empty() {
                return act.compare_rooms(rest, ctx);
            }
            act.comparing = false;
            if std::mem::take(&mut act.compare_again) {
                ctx.notify(CompareHeads);
            }
        });
    }

    fn pass_heads(&self, heads: Result<Vec<(ChannelId, i64)>, StoreError>) {
        match heads {
            Ok(_) if fault::planted(Sabotage::NoHeadPoll) => {}
            Ok(heads) => {
                for (channel, version) in heads {
                    if let Some(room) = self.parts.directory.room(channel) {
                        tell(&room, room::HeadSeen { version });
                    }
                }
            }
            // Compared again in a few seconds.
            Err(error) => log::warn!("the rooms cannot be compared with the database: {error}"),
        }
    }

    fn compare_users(&mut self, users: Vec<UserId>, ctx: &mut Context<Self>) {
        let read = self.parts.reader.memberships(users);
        then(read, self, ctx, |counts, act, ctx| act.pass_counts(counts, ctx));
    }

    fn pass_counts(&mut self, counts: Result<Vec<(UserId, i64)>, StoreError>, ctx: &mut Context<Self>) {
        match counts {
            Ok(counts) => {
                let changed = counts.into_iter().filter(|(user, count)| {
                    let known = self.by_user.get(user).and_then(|sessions| sessions.memberships);
                    known.is_some_and(|known| known < *count)
                });
                let changed: Vec<UserId> = changed.map(|(user, _)| user).collect();
                // Those that are left over differ at the next comparison as well.
                if !std::mem::replace(&mut self.unlooked.listing, true) {
                    self.list_anew(changed, ctx);
                }
            }
            Err(error) => log::warn!("the memberships cannot be compared with the database: {error}"),
        }
    }

    /// One after the other: it may be many.
    fn list_anew(&mut self, mut users: Vec<UserId>, ctx: &mut Context<Self>) {
        let Some(user) = users.pop() else {
            self.unlooked.listing = false;
            return;
        };
        let read = self.parts.reader.listing(user);
        then(read, self, ctx, move |listing, act, ctx| {
            match listing {
                Ok(listing) => {
                    for channel in listing.channels {
                        act.announce(channel, &[user]);
                    }
                    if let Some(sessions) = act.by_user.get_mut(&user) {
                        sessions.memberships = Some(listing.memberships);
                    }
                }
                Err(error) => log::warn!("the channels of user {user} cannot be listed: {error}"),
            }
            act.list_anew(users, ctx);
        });
    }
}

/// As many as one query takes.
fn some_of<T: Ord + Copy>(all: &mut BTreeSet<T>) -> Vec<T> {
    let some: Vec<T> = all.iter().take(AT_ONCE).copied().collect();
    for one in &some {
        all.remove(one);
    }
    some
}
