//! The end of dead nodes' leases. Every node looks each second whose leases have ended; the first to remove a user's last
//! one tells that they are gone.

use std::collections::HashMap;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use futures_util::future::join_all;

use super::{Presence, verdict};
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::now;
use crate::ephemeral::{EXPIRED_AT_ONCE, InEra, Outcome, Own};

impl Presence {
    /// Ends leases that nobody renews: their node is dead.
    pub(super) fn reap(&mut self, expired: Vec<UserId>, ctx: &mut Context<Self>) {
        let Some(shared) = &mut self.shared else { return };
        let (own, dead): (Vec<UserId>, Vec<UserId>) = expired.into_iter().partition(|user| self.ledger.has(*user));
        shared.dirty.extend(own);
        let more = dead.len() >= EXPIRED_AT_ONCE / 2;
        if dead.is_empty() || !shared.settled || shared.reaping {
            return;
        }
        shared.reaping = true;
        let (leases, reader) = (shared.parts.leases.clone(), shared.parts.reader.clone());
        let reap = async move {
            // First where it is news: whom the database does not know of now is looked at again.
            let listed = join_all(dead.iter().map(|user| reader.listing(*user))).await;
            let channels: HashMap<UserId, Vec<ChannelId>> = dead
                .into_iter()
                .zip(listed)
                .filter_map(|(user, listing)| Some((user, listing.ok()?.channels)))
                .collect();
            let own = channels.keys().map(|user| Own { user: *user, sessions: Vec::new(), here: false }).collect();
            (leases.put(own).await, channels)
        };
        ctx.spawn(reap.into_actor(self).map(move |(outcomes, channels), act, ctx| {
            let Some(shared) = &mut act.shared else { return };
            shared.reaping = false;
            match outcomes {
                Ok(InEra { found, .. }) => act.reaped(&found, &channels, more, ctx),
                // They may have been removed, with the answer lost: told when they are looked at again.
                Err(error) => {
                    log::debug!("leases that have ended were not removed: {error}");
                    for (user, channels) in channels {
                        shared.owe(user, channels, true);
                    }
                }
            }
        }));
    }

    fn reaped(
        &mut self,
        outcomes: &[Outcome],
        channels: &HashMap<UserId, Vec<ChannelId>>,
        more: bool,
        ctx: &mut Context<Self>,
    ) {
        let (mut marks, at) = (Vec::new(), now());
        for outcome in outcomes {
            let Outcome { user, number, .. } = *outcome;
            if self.ledger.has(user) {
                // Back meanwhile, and here: their own lease is news enough.
                continue;
            }
            let untold = self.shared.as_mut().is_some_and(|shared| shared.untold.remove(&user).is_some());
            if !verdict::is_reaped(outcome, untold) {
                continue;
            }
            log::info!("user {user} is gone: their node has not renewed their lease");
            let channels = channels.get(&user).map(Vec::as_slice).unwrap_or_default();
            self.online.heard(user, false, number, Some(at));
            self.tell_rooms(user, channels);
            self.announce(user, false, number, Some(at), channels, &mut marks);
        }
        self.mark(marks, ctx);
        if more {
            self.beat(ctx);
        }
    }
}
