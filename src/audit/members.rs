//! Who should be in a channel, by its making and every change since, against who is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::domain::audit::{Entry, TextHash, What};
use crate::domain::change::ChannelChange;
use crate::domain::channel::{Audience, Channel, ChannelKind, Role};
use crate::domain::ids::UserId;
use crate::domain::retention::Retention;
use crate::domain::trail::{ChannelTrail, LoggedChange};

/// A channel as it should be.
#[derive(Debug)]
pub(super) struct Founded {
    created_at: DateTime<Utc>,
    kind: ChannelKind,
    name: Option<String>,
    members: BTreeMap<UserId, (Role, DateTime<Utc>)>,
    members_version: i64,
    revisions_visible_to: Audience,
    retention: Retention,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "type")]
    kind: ChannelKind,
    name: Option<String>,
    members: Vec<(UserId, Role)>,
}

impl Founded {
    /// What is wrong with it is the error.
    pub(super) fn of(entry: &Entry, detail: Option<&str>) -> Result<Self, Vec<String>> {
        let What::Created { detail: hash } = entry.what else {
            return Err(vec!["the entry of its making is of something else".to_owned()]);
        };
        let detail = detail.filter(|text| TextHash::of(text) == hash);
        let detail: Option<Detail> = detail.and_then(|text| serde_json::from_str(text).ok());
        let Some(Detail { kind, name, members }) = detail else {
            return Err(vec!["how it was made is not what it was".to_owned()]);
        };
        let members = members.into_iter().map(|(user, role)| (user, (role, entry.at))).collect();
        let (members_version, revisions_visible_to) = (0, Audience::default());
        let retention = Retention::default();
        Ok(Self { created_at: entry.at, kind, name, members, members_version, revisions_visible_to, retention })
    }

    pub(super) fn follow(&mut self, line: &LoggedChange) {
        let Some(change) = &line.change else { return };
        match change {
            ChannelChange::MembersAdded { user_ids } => {
                self.members.extend(user_ids.iter().map(|user| (*user, (Role::Member, line.at))));
            }
            ChannelChange::MemberRemoved { user_id, heir } => {
                self.members.remove(user_id);
                if let Some((role, _)) = heir.and_then(|heir| self.members.get_mut(&heir)) {
                    *role = Role::Owner;
                }
            }
            ChannelChange::RoleChanged { user_id, role: new } => {
                if let Some((role, _)) = self.members.get_mut(user_id) {
                    *role = *new;
                }
            }
            ChannelChange::Renamed { name } => self.name = Some(name.clone()),
            ChannelChange::RevisionsShown { to } => self.revisions_visible_to = *to,
            ChannelChange::RetentionSet { days, legal_hold } => {
                self.retention = Retention { days: *days, legal_hold: *legal_hold };
            }
        }
        if !matches!(
            change,
            ChannelChange::Renamed { .. } | ChannelChange::RevisionsShown { .. } | ChannelChange::RetentionSet { .. }
        ) {
            self.members_version = line.version;
        }
    }

    pub(super) fn compare(&self, channel: &Channel, trail: &ChannelTrail) -> Result<(), Vec<String>> {
        let joined: BTreeMap<UserId, DateTime<Utc>> = trail.joined.iter().copied().collect();
        let members: BTreeMap<UserId, (Role, DateTime<Utc>)> = channel
            .members
            .iter()
            .filter_map(|member| Some((member.user_id, (member.role, *joined.get(&member.user_id)?))))
            .collect();
        let mut wrong = Vec::new();
        let mut same = |is_same: bool, what: &str| {
            if !is_same {
                wrong.push(format!("{what} not what its changes come to"));
            }
        };
        same(members == self.members, "its members and their roles are");
        same(channel.name == self.name, "its name is");
        same((channel.kind, trail.created_at) == (self.kind, Some(self.created_at)), "how and when it was made is");
        same(channel.members_version == self.members_version, "the version of its members is");
        same(channel.revisions_visible_to == self.revisions_visible_to, "who reads its revisions is");
        same(trail.retention == self.retention, "how long its messages are kept is");
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}
