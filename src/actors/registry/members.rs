//! Who came into a channel and who left it, and whose sessions that concerns.

use actix::{Context, Handler, Message};

use super::Registry;
use crate::actors::{presence, session, tell};
use crate::domain::ids::{ChannelId, UserId};

/// These users were added to a channel, as committed here or elsewhere: their sessions that do not take part yet join
/// now. May be told several times.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AddedMembers {
    pub channel: ChannelId,
    pub users: Vec<UserId>,
}

/// A room has passed on that these users were removed.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct RemovedMembers {
    pub channel: ChannelId,
    pub users: Vec<UserId>,
}

impl Registry {
    /// Tells the users' sessions that they are in the channel; one that takes part already stays as it is.
    pub(super) fn announce(&self, channel: ChannelId, users: &[UserId]) {
        for user in users.iter().filter(|user| self.by_user.contains_key(user)) {
            tell(&self.parts.presence, presence::MemberMoved { user: *user, channel, member: true });
        }
        let sessions = users.iter().filter_map(|user| self.by_user.get(user)).flat_map(|user| &user.sessions);
        for session in sessions.filter_map(|session| self.sessions.get(session)) {
            tell(&session.addr, session::Added { channel });
        }
    }
}

impl Handler<AddedMembers> for Registry {
    type Result = ();

    fn handle(&mut self, AddedMembers { channel, users }: AddedMembers, _: &mut Context<Self>) {
        self.announce(channel, &users);
    }
}

impl Handler<RemovedMembers> for Registry {
    type Result = ();

    fn handle(&mut self, RemovedMembers { channel, users }: RemovedMembers, _: &mut Context<Self>) {
        for user in users.into_iter().filter(|user| self.by_user.contains_key(user)) {
            tell(&self.parts.presence, presence::MemberMoved { user, channel, member: false });
        }
    }
}
