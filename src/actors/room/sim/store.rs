//! The database as the simulation has it: one channel, in memory, and who could read what.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use fastrand::Rng;
use uuid::Uuid;

use crate::domain::change::{Change, Changed, ChannelChange};
use crate::domain::channel::{Audience, Channel, ChannelKind, ChannelState, Member, Role};
use crate::domain::content::Content;
use crate::domain::ids::{ChannelId, ClientId, MessageId, UserId};
use crate::domain::message::{Appended, Message, NewMessage, Stored};
use crate::domain::sync::{Fill, FilledChange, FilledWhat};

pub(super) const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(7));
const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

pub(super) struct Store {
    channel: Channel,
    /// By `seq`, from 1 on.
    messages: Vec<Message>,
    changes: Vec<(i64, ChannelChange)>,
    /// The members as of each version.
    members: Vec<BTreeSet<UserId>>,
}

pub(super) fn user(number: usize) -> UserId {
    UserId(Uuid::from_u128(100 + number as u128))
}

impl Store {
    /// A channel of these users, the first of whom owns it.
    pub(super) fn new(members: usize) -> Self {
        let member = |number| Member {
            user_id: user(number),
            external_id: None,
            name: number.to_string(),
            role: if number == 0 { Role::Owner } else { Role::Member },
            last_read_seq: 0,
            last_read_at: AT,
        };
        let channel = Channel {
            id: CHANNEL,
            kind: ChannelKind::Group,
            name: Some("Dock".to_owned()),
            last_seq: 0,
            version: 0,
            members_version: 0,
            revisions_visible_to: Audience::Admins,
            members: (0..members).map(member).collect(),
        };
        let members = vec![channel.member_ids().into_iter().collect()];
        Self { channel, messages: Vec::new(), changes: Vec::new(), members }
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(super) fn version(&self) -> i64 {
        self.channel.version
    }

    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }

    pub(super) fn has(&self, user: UserId) -> bool {
        self.channel.member(user).is_some()
    }

    pub(super) fn had(&self, user: UserId, version: i64) -> bool {
        usize::try_from(version).ok().and_then(|version| self.members.get(version)).is_some_and(|it| it.contains(&user))
    }

    /// Whether the members are others than as of this version.
    pub(super) fn members_moved_since(&self, version: i64) -> bool {
        let moves = |change: &ChannelChange| {
            matches!(change, ChannelChange::MembersAdded { .. } | ChannelChange::MemberRemoved { .. })
        };
        self.changes.iter().any(|(at, change)| *at > version && moves(change))
    }

    fn step(&mut self) -> i64 {
        self.channel.version += 1;
        self.members.push(self.channel.member_ids().into_iter().collect());
        self.channel.version
    }

    pub(super) fn send(&mut self, sender: UserId, client_id: ClientId) -> (NewMessage, Appended) {
        let known = self.messages.iter().find(|it| it.sender_id == sender && it.client_id == client_id);
        let number = self.channel.last_seq + 1;
        let message = NewMessage {
            id: MessageId(Uuid::from_u128(1 << 64 | u128::from(number.unsigned_abs()))),
            client_id,
            channel_id: CHANNEL,
            sender_id: sender,
            sender_name: String::new(),
            content: Content::parse(format!("{number}"), 100).unwrap(),
            content_type: "text".to_owned(),
            reply_to_id: None,
            attachment_ids: Vec::new(),
            mention_ids: Vec::new(),
            ask: None,
            created_at: AT,
        };
        let of = |id, seq, version| Stored {
            id,
            channel_id: CHANNEL,
            seq,
            version,
            created_at: AT,
            attachments: Vec::new(),
            instruction: None,
        };
        if let Some(known) = known {
            let duplicate = Appended::Duplicate(of(known.id, known.seq, known.version));
            return (message, duplicate);
        }
        if !self.has(sender) {
            return (message, Appended::NotMember);
        }
        self.channel.last_seq = number;
        let version = self.step();
        self.messages.push(Message {
            id: message.id,
            client_id,
            channel_id: CHANNEL,
            sender_id: sender,
            sender_name: String::new(),
            seq: number,
            version,
            content: message.content.as_str().to_owned(),
            content_type: message.content_type.clone(),
            reply_to_id: None,
            attachments: Vec::new(),
            mention_ids: Vec::new(),
            reactions: Vec::new(),
            instruction: None,
            touched: false,
            created_at: AT,
            updated_at: None,
            deleted_at: None,
        });
        let stored = of(message.id, number, version);
        (message, Appended::New(stored))
    }

    /// An edit or a deletion of one of the newest messages, which are those that a fill may find overtaken.
    pub(super) fn change_message(&mut self, rng: &mut Rng) -> Option<Change> {
        let recent = self.messages.len().min(6);
        let at = self.messages.len() - rng.usize(1..=recent.max(1)).min(self.messages.len());
        if self.messages.get(at)?.deleted_at.is_some() {
            return None;
        }
        let version = self.step();
        let message = &mut self.messages[at];
        message.version = version;
        if rng.bool() {
            (message.deleted_at, message.content) = (Some(AT), String::new());
        } else {
            (message.updated_at, message.content) = (Some(AT), format!("edited {version}"));
        }
        let what = Changed::Message(Box::new(message.clone()));
        Some(Change { channel_id: CHANNEL, version, what })
    }

    /// Somebody comes, goes or has another role, or the channel has another name.
    pub(super) fn change_channel(&mut self, users: usize, rng: &mut Rng) -> Option<Change> {
        let who = user(rng.usize(..users));
        let is_member = self.has(who);
        let change = match rng.u8(..8) {
            0 if rng.bool() => ChannelChange::Renamed { name: format!("Dock {}", self.channel.version) },
            0 => ChannelChange::RevisionsShown { to: Audience::Members },
            1 if is_member => ChannelChange::RoleChanged { user_id: who, role: Role::Admin },
            1 => return None,
            _ if is_member && self.channel.members.len() > 1 => {
                let was_owner = self.channel.member(who).is_some_and(|it| it.role == Role::Owner);
                self.channel.members.retain(|it| it.user_id != who);
                let heir = self.channel.members.first_mut().filter(|_| was_owner);
                let heir = heir.map(|heir| {
                    heir.role = Role::Owner;
                    heir.user_id
                });
                ChannelChange::MemberRemoved { user_id: who, heir }
            }
            _ if is_member => return None,
            _ => {
                let last_read_seq = self.channel.last_seq;
                self.channel.members.push(Member {
                    user_id: who,
                    external_id: None,
                    name: String::new(),
                    role: Role::Member,
                    last_read_seq,
                    last_read_at: AT,
                });
                self.channel.members.sort_by_key(|it| it.user_id);
                ChannelChange::MembersAdded { user_ids: vec![who] }
            }
        };
        match &change {
            ChannelChange::Renamed { name } => self.channel.name = Some(name.clone()),
            ChannelChange::RevisionsShown { to } => self.channel.revisions_visible_to = *to,
            ChannelChange::RoleChanged { user_id, role } => {
                self.channel.members.iter_mut().filter(|it| it.user_id == *user_id).for_each(|it| it.role = *role);
            }
            _ => {}
        }
        let version = self.step();
        if !matches!(
            change,
            ChannelChange::Renamed { .. } | ChannelChange::RevisionsShown { .. } | ChannelChange::RetentionSet { .. }
        ) {
            self.channel.members_version = version;
        }
        self.changes.push((version, change.clone()));
        let state = Box::new(self.state());
        Some(Change { channel_id: CHANNEL, version, what: Changed::Channel { change, state } })
    }

    /// A mark that moves.
    pub(super) fn read(&mut self, user: UserId, rng: &mut Rng) -> Option<i64> {
        let last = self.channel.last_seq;
        let member = self.channel.members.iter_mut().find(|it| it.user_id == user)?;
        if member.last_read_seq >= last {
            return None;
        }
        member.last_read_seq = rng.i64(member.last_read_seq + 1..=last);
        Some(member.last_read_seq)
    }

    pub(super) fn state(&self) -> ChannelState {
        ChannelState { channel: self.channel.clone(), unread: BTreeMap::new() }
    }

    /// As the store's own: messages as they are now, and the other changes.
    pub(super) fn fill(&self, after: i64) -> Fill {
        let messages = self.messages.iter().map(|it| (it.version, FilledWhat::Message(Box::new(it.clone()))));
        let others = self.changes.iter().map(|(version, change)| (*version, FilledWhat::Channel(change.clone())));
        let all: BTreeMap<i64, FilledWhat> = messages.chain(others).filter(|(version, _)| *version > after).collect();
        let mut last = after;
        let changes = all
            .into_iter()
            .map(|(version, what)| {
                let since = std::mem::replace(&mut last, version) + 1;
                FilledChange { since, version, what }
            })
            .collect();
        Fill { changes, state: Some(self.state()) }
    }
}
