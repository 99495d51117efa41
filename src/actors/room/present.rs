//! Whom the sessions of a room have been shown as online: what differs from how it is now is news, and nothing else is.

use std::collections::HashSet;

use crate::domain::ids::UserId;
use crate::ephemeral::{Online, Watch};
use crate::protocol::server::Status;

/// The members as they were shown last. While it lives, what is known of them is kept up to date.
#[derive(Debug)]
pub(super) struct Present {
    online: Online,
    shown: HashSet<UserId>,
    watch: Watch,
}

impl Present {
    pub(super) fn new(online: Online, members: &[UserId]) -> Self {
        let shown = members.iter().copied().filter(|user| online.has(*user)).collect();
        let watch = online.watch(members);
        Self { online, shown, watch }
    }

    /// How the user is now, where that is not what was shown.
    pub(super) fn compare(&mut self, user: UserId) -> Option<Status> {
        let online = self.online.has(user);
        if online == self.shown.contains(&user) {
            return None;
        }
        if online {
            self.shown.insert(user);
            Some(Status::Online)
        } else {
            self.shown.remove(&user);
            Some(Status::Offline)
        }
    }

    /// The membership changed, and its members are shown together with that: those who are online.
    pub(super) fn show(&mut self, members: &[UserId]) -> Vec<UserId> {
        self.watch = self.online.watch(members);
        let online: Vec<UserId> = members.iter().copied().filter(|user| self.online.has(*user)).collect();
        self.shown = online.iter().copied().collect();
        online
    }
}
