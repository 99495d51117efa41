//! Who of some users is gone, for sure: asked by whoever compares what is written down with who is there.

use actix::{ActorFutureExt, Handler, Message, ResponseActFuture, WrapFuture};

use super::Presence;
use crate::domain::ids::UserId;
use crate::ephemeral::{InEra, Own};

/// Answered with those who have no session anywhere, each with a number that orders this among what is said of them.
#[derive(Debug, Message)]
#[rtype(result = "Vec<(UserId, i64)>")]
pub(super) struct Gone {
    pub(super) users: Vec<UserId>,
}

/// Takes down who is there, without telling of it: nobody was told before.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(super) struct Seed;

impl Handler<Gone> for Presence {
    type Result = ResponseActFuture<Self, Vec<(UserId, i64)>>;

    fn handle(&mut self, Gone { users }: Gone, _: &mut Self::Context) -> Self::Result {
        let away: Vec<UserId> = users.into_iter().filter(|user| !self.ledger.has(*user)).collect();
        let Some(shared) = &self.shared else {
            let gone = away.into_iter().map(|user| (user, self.recorder.number())).collect();
            return Box::pin(actix::fut::ready(gone));
        };
        if !shared.settled || away.is_empty() {
            return Box::pin(actix::fut::ready(Vec::new()));
        }
        let leases = shared.parts.leases.clone();
        let look = async move {
            // A look changes nothing of what others have; only of those who seem gone it is made sure.
            let seen = leases.look(away).await?;
            let missing = seen.found.into_iter().filter(|seen| !seen.elsewhere);
            let own = missing.map(|seen| Own { user: seen.user, sessions: Vec::new(), here: false }).collect();
            leases.put(own).await
        };
        Box::pin(look.into_actor(self).map(|outcomes, act, _| {
            let Ok(InEra { era, found }) = outcomes else { return Vec::new() };
            if !act.is_settled(era.as_deref()) {
                return Vec::new();
            }
            let gone = found.into_iter().filter(|outcome| !outcome.after && !act.ledger.has(outcome.user));
            gone.map(|outcome| (outcome.user, outcome.number)).collect()
        }))
    }
}

impl Handler<Seed> for Presence {
    type Result = ();

    fn handle(&mut self, _: Seed, _: &mut Self::Context) {
        // What was noted of them was told to somebody else.
        self.recorded.clear();
        let users: Vec<UserId> = self.ledger.user_ids().collect();
        for user in users {
            if self.recorder.seed(user) {
                self.recorded.insert(user);
            }
        }
    }
}
