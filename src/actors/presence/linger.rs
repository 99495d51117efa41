//! How a node that stops leaves its users' leases behind: to end by themselves, when these users are back elsewhere.

use std::time::{Duration, Instant};

use super::Presence;
use crate::ephemeral::Own;

/// How long the users of a node that stops go on being shown.
const LINGER: Duration = Duration::from_secs(15);
const LINGER_WITHIN: Duration = Duration::from_millis(700);

impl Presence {
    /// Leaves the leases to end by themselves, soon.
    pub(super) fn linger(&mut self) -> impl Future<Output = ()> + use<> {
        let own = self.shared.as_mut().map(|shared| {
            shared.lingering = true;
            let users = self.ledger.user_ids().map(|user| {
                let leases = self.ledger.leases_of(user, Instant::now());
                let sessions = leases.into_iter().map(|(session, left)| (session, left.min(LINGER))).collect();
                Own { user, sessions, here: true }
            });
            (shared.parts.leases.clone(), users.collect::<Vec<_>>())
        });
        async move {
            if let Some((leases, own)) = own {
                let put = tokio::time::timeout(LINGER_WITHIN, leases.put(own));
                if !matches!(put.await, Ok(Ok(_))) {
                    log::warn!("the other nodes may show the users of this one for a while");
                }
            }
        }
    }
}
