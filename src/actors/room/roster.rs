//! Who is in a channel, and from which sessions of this node. Pure.

use std::collections::BTreeMap;

use crate::actors::feed::Subscriber;
use crate::domain::change::ChannelChange;
use crate::domain::channel::{Channel, Role};
use crate::domain::ids::{OwnIdMap, SessionId, UserId};
use crate::fault::{self, Sabotage};

/// The members as of a version, and the sessions that get what happens.
#[derive(Debug)]
pub(super) struct Roster {
    members: BTreeMap<UserId, Role>,
    /// The version of the newest change of members or roles that is in `members`.
    members_version: i64,
    sessions: OwnIdMap<SessionId, Subscriber>,
}

/// Who came and who went by a change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shift {
    pub(super) added: Vec<UserId>,
    pub(super) removed: Vec<UserId>,
}

impl Roster {
    pub(super) fn new(channel: &Channel) -> Self {
        Self {
            members: channel.members.iter().map(|member| (member.user_id, member.role)).collect(),
            members_version: channel.members_version,
            sessions: OwnIdMap::default(),
        }
    }

    pub(super) fn has(&self, user: UserId) -> bool {
        let is_cached = || self.sessions.values().any(|session| session.user == user);
        self.members.contains_key(&user) || (fault::planted(Sabotage::MembershipCached) && is_cached())
    }

    pub(super) fn members_version(&self) -> i64 {
        self.members_version
    }

    /// Ascending.
    pub(super) fn member_ids(&self) -> Vec<UserId> {
        self.members.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn apply(&mut self, version: i64, change: &ChannelChange) -> Shift {
        let mut shift = Shift::default();
        match change {
            ChannelChange::MembersAdded { user_ids } => {
                for user in user_ids {
                    self.members.entry(*user).or_insert(Role::Member);
                }
                shift.added.clone_from(user_ids);
            }
            ChannelChange::MemberRemoved { user_id, heir } => {
                self.members.remove(user_id);
                if let Some(heir) = heir {
                    self.members.insert(*heir, Role::Owner);
                }
                shift.removed.push(*user_id);
            }
            ChannelChange::RoleChanged { user_id, role } => {
                self.members.insert(*user_id, *role);
            }
            ChannelChange::Renamed { .. }
            | ChannelChange::RevisionsShown { .. }
            | ChannelChange::RetentionSet { .. } => return shift,
        }
        self.members_version = self.members_version.max(version);
        shift
    }

    pub(super) fn attach(&mut self, session: Subscriber) {
        self.sessions.insert(session.id, session);
    }

    pub(super) fn detach(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// A session that ended while the room was being started anew did not find it to say so.
    pub(super) fn forget_closed(&mut self) {
        self.sessions.retain(|_, session| !session.feed.outbox().is_closed());
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = &Subscriber> {
        self.sessions.values()
    }

    pub(super) fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Takes out those sessions of who is no longer a member that are `gone`.
    pub(super) fn detach_removed(&mut self, users: &[UserId], gone: impl Fn(&Subscriber) -> bool) {
        if fault::planted(Sabotage::MembershipCached) {
            return;
        }
        self.sessions.retain(|_, session| !users.contains(&session.user) || !gone(session));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::{Audience, ChannelKind};
    use crate::domain::ids::ChannelId;
    use uuid::Uuid;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    #[test]
    fn changes_of_members_move_the_version_and_a_new_name_does_not() {
        let mut roster = Roster::new(&Channel {
            id: ChannelId(Uuid::from_u128(1)),
            kind: ChannelKind::Group,
            name: None,
            last_seq: 0,
            version: 0,
            members_version: 0,
            revisions_visible_to: Audience::Admins,
            members: Vec::new(),
        });
        let added = ChannelChange::MembersAdded { user_ids: vec![user(2), user(1)] };
        assert_eq!(roster.apply(1, &added).added, [user(2), user(1)]);
        roster.apply(2, &ChannelChange::Renamed { name: "Dock".into() });
        assert_eq!((roster.members_version(), roster.member_ids()), (1, vec![user(1), user(2)]));
        let left = ChannelChange::MemberRemoved { user_id: user(1), heir: Some(user(2)) };
        assert_eq!(roster.apply(3, &left).removed, [user(1)]);
        assert!(!roster.has(user(1)) && roster.has(user(2)));
        assert_eq!(roster.members_version(), 3);
    }
}
