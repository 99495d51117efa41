//! What a webhook is told, as it is posted: one event, its type, when it happened, and what it is about.
//!
//! The shapes are those of the wire elsewhere. Each event names the users in it, since the host knows them by ids of its own.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::records::RetentionBody;
use super::server::{MessageBody, UserBody};
use super::time;
use crate::domain::channel::{Audience, ChannelKind, Role, Title};
use crate::domain::ids::{ChannelId, UserId, WebhookId};
use crate::domain::webhook::{About, ChannelNews, EventKind, Happened};

/// A longer one is told without what makes it long: receivers refuse what is too large for them.
pub const MAX_EVENT_BYTES: usize = 20_000;

/// An event. Its type says what happened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "type")]
pub enum WebhookEvent {
    #[serde(rename = "message.sent")]
    MessageSent(MessageEvent),
    #[serde(rename = "message.edited")]
    MessageEdited(MessageEvent),
    #[serde(rename = "message.deleted")]
    MessageDeleted(MessageEvent),
    #[serde(rename = "reaction.added")]
    ReactionAdded(ReactionEvent),
    #[serde(rename = "reaction.removed")]
    ReactionRemoved(ReactionEvent),
    #[serde(rename = "instruction.answered")]
    InstructionAnswered(MessageEvent),
    #[serde(rename = "instruction.overdue")]
    InstructionOverdue(MessageEvent),
    #[serde(rename = "channel.created")]
    ChannelCreated(ChannelCreatedEvent),
    #[serde(rename = "channel.renamed")]
    ChannelRenamed(ChannelRenamedEvent),
    #[serde(rename = "channel.settings_changed")]
    ChannelSettingsChanged(ChannelSettingsEvent),
    #[serde(rename = "member.added")]
    MemberAdded(MemberAddedEvent),
    #[serde(rename = "member.removed")]
    MemberRemoved(MemberRemovedEvent),
    #[serde(rename = "member.role_changed")]
    MemberRoleChanged(MemberRoleEvent),
    #[serde(rename = "channel.read")]
    ChannelRead(ChannelReadEvent),
    #[serde(rename = "user.online")]
    UserOnline(PresenceEvent),
    #[serde(rename = "user.offline")]
    UserOffline(PresenceEvent),
    #[serde(rename = "webhook.test")]
    Test(TestEvent),
}

/// Each of them with when it happened.
macro_rules! events {
    ($($(#[$doc:meta])* $event:ident $data:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Serialize, utoipa::ToSchema)]
        pub struct $event {
            #[serde(with = "time")]
            pub timestamp: DateTime<Utc>,
            pub data: $data,
        }

        #[derive(Debug, Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $data {
            $($(#[$meta])* pub $field: $type,)*
            /// Whoever is named here, with the host's own id of them.
            pub users: Vec<UserBody>,
        }
    )+};
}

events! {
    /// Something about a message.
    MessageEvent MessageEventData {
        channel: ChannelTitle,
        /// Of the channel: what the event took.
        version: i64,
        /// Who did it; null: the application's server, or the daemon itself.
        #[schema(required)]
        by: Option<UserId>,
        /// As it is now, which may be later than the event.
        message: MessageBody,
        /// The message is too long for an event, and what is long of it is left out: ask for it over REST.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[schema(required = false)]
        truncated: bool,
    }
    /// Somebody said something of a message with a sign or a short word, or took it back.
    ReactionEvent ReactionEventData {
        channel: ChannelTitle,
        version: i64,
        #[schema(required)]
        by: Option<UserId>,
        /// Null where nobody says it of the message any more: the trail has its hash alone.
        #[schema(required)]
        reaction: Option<String>,
        message: MessageBody,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[schema(required = false)]
        truncated: bool,
    }
    /// A channel was made.
    ChannelCreatedEvent ChannelCreatedData {
        channel: ChannelTitle,
        version: i64,
        #[schema(required)]
        by: Option<UserId>,
        /// With whom it began.
        members: Vec<FoundingMember>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[schema(required = false)]
        truncated: bool,
    }
    ChannelRenamedEvent ChannelRenamedData {
        channel: ChannelTitle,
        version: i64,
        #[schema(required)]
        by: Option<UserId>,
        name: String,
    }
    /// What is missing did not change.
    ChannelSettingsEvent ChannelSettingsData {
        channel: ChannelTitle,
        version: i64,
        #[schema(required)]
        by: Option<UserId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        revisions_visible_to: Option<Audience>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retention: Option<RetentionBody>,
    }
    MemberAddedEvent MemberAddedData {
        channel: ChannelTitle,
        version: i64,
        #[schema(required)]
        by: Option<UserId>,
        user_ids: Vec<UserId>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[schema(required = false)]
        truncated: bool,
    }
    MemberRemovedEvent MemberRemovedData {
        channel: ChannelTitle,
        version: i64,
        /// The same as `userId`: they left.
        #[schema(required)]
        by: Option<UserId>,
        user_id: UserId,
        /// Who became an owner by it.
        #[serde(skip_serializing_if = "Option::is_none")]
        heir_id: Option<UserId>,
    }
    MemberRoleEvent MemberRoleData {
        channel: ChannelTitle,
        version: i64,
        #[schema(required)]
        by: Option<UserId>,
        user_id: UserId,
        role: Role,
    }
    /// A member has read up to a message.
    ChannelReadEvent ChannelReadData {
        channel: ChannelTitle,
        user_id: UserId,
        seq: i64,
    }
    /// The first session of a user began, or the last one ended, on whatever node.
    PresenceEvent PresenceData {
        user_id: UserId,
        /// Counts what was told of this user.
        change: i64,
    }
    /// Asked for, to see whether it arrives.
    TestEvent TestData {
        webhook_id: WebhookId,
    }
}

/// A channel by what people call it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChannelTitle {
    pub id: ChannelId,
    #[serde(rename = "type")]
    pub kind: ChannelKind,
    #[schema(required)]
    pub name: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundingMember {
    pub user_id: UserId,
    pub role: Role,
}

impl From<Title> for ChannelTitle {
    fn from(Title { id, kind, name }: Title) -> Self {
        Self { id, kind, name }
    }
}

/// What an event tells that may be long.
struct Parts {
    users: Vec<UserBody>,
    truncated: bool,
}

impl WebhookEvent {
    /// `None`: the parts do not belong together.
    fn of(event: Happened, Parts { users, truncated }: Parts) -> Option<Self> {
        let (timestamp, by, number) = (event.at, event.by, event.place.number());
        Some(match event.about {
            About::Message { channel, message, reaction } => {
                let (channel, mut message) = (ChannelTitle::from(channel), MessageBody::from(*message));
                if truncated {
                    shorten(&mut message);
                }
                let version = number;
                if matches!(event.kind, EventKind::ReactionAdded | EventKind::ReactionRemoved) {
                    let data = ReactionEventData { channel, version, by, reaction, message, truncated, users };
                    let told = ReactionEvent { timestamp, data };
                    return Some(if event.kind == EventKind::ReactionAdded {
                        Self::ReactionAdded(told)
                    } else {
                        Self::ReactionRemoved(told)
                    });
                }
                let told = MessageEvent {
                    timestamp,
                    data: MessageEventData { channel, version, by, message, truncated, users },
                };
                match event.kind {
                    EventKind::MessageSent => Self::MessageSent(told),
                    EventKind::MessageEdited => Self::MessageEdited(told),
                    EventKind::MessageDeleted => Self::MessageDeleted(told),
                    EventKind::InstructionAnswered => Self::InstructionAnswered(told),
                    EventKind::InstructionOverdue => Self::InstructionOverdue(told),
                    _ => return None,
                }
            }
            About::Channel { channel, news } => {
                let common = Common { channel: channel.into(), version: number, by, timestamp, users, truncated };
                common.of(news)
            }
            About::Read { channel, seq } => {
                let data = ChannelReadData { channel: channel.into(), user_id: by?, seq, users };
                Self::ChannelRead(ChannelReadEvent { timestamp, data })
            }
            About::Presence => {
                let told = PresenceEvent { timestamp, data: PresenceData { user_id: by?, change: number, users } };
                match event.kind {
                    EventKind::UserOnline => Self::UserOnline(told),
                    EventKind::UserOffline => Self::UserOffline(told),
                    _ => return None,
                }
            }
        })
    }
}

/// What events about channels have in common.
struct Common {
    channel: ChannelTitle,
    version: i64,
    by: Option<UserId>,
    timestamp: DateTime<Utc>,
    users: Vec<UserBody>,
    truncated: bool,
}

impl Common {
    fn of(self, news: ChannelNews) -> WebhookEvent {
        let Self { channel, version, by, timestamp, users, truncated } = self;
        match news {
            ChannelNews::Created(members) => {
                let members = members.into_iter().filter(|_| !truncated);
                let members = members.map(|(user_id, role)| FoundingMember { user_id, role }).collect();
                let data = ChannelCreatedData { channel, version, by, members, truncated, users };
                WebhookEvent::ChannelCreated(ChannelCreatedEvent { timestamp, data })
            }
            ChannelNews::Renamed(name) => {
                let data = ChannelRenamedData { channel, version, by, name, users };
                WebhookEvent::ChannelRenamed(ChannelRenamedEvent { timestamp, data })
            }
            ChannelNews::Revisions(to) => {
                let (revisions_visible_to, retention) = (Some(to), None);
                let data = ChannelSettingsData { channel, version, by, revisions_visible_to, retention, users };
                WebhookEvent::ChannelSettingsChanged(ChannelSettingsEvent { timestamp, data })
            }
            ChannelNews::Retention(to) => {
                let (revisions_visible_to, retention) = (None, Some(to.into()));
                let data = ChannelSettingsData { channel, version, by, revisions_visible_to, retention, users };
                WebhookEvent::ChannelSettingsChanged(ChannelSettingsEvent { timestamp, data })
            }
            ChannelNews::Added(user_ids) => {
                let user_ids = if truncated { Vec::new() } else { user_ids };
                let data = MemberAddedData { channel, version, by, user_ids, truncated, users };
                WebhookEvent::MemberAdded(MemberAddedEvent { timestamp, data })
            }
            ChannelNews::Removed { user, heir } => {
                let data = MemberRemovedData { channel, version, by, user_id: user, heir_id: heir, users };
                WebhookEvent::MemberRemoved(MemberRemovedEvent { timestamp, data })
            }
            ChannelNews::Role { user, role } => {
                let data = MemberRoleData { channel, version, by, user_id: user, role, users };
                WebhookEvent::MemberRoleChanged(MemberRoleEvent { timestamp, data })
            }
        }
    }
}

/// Its head stays: which one it is, whose, when.
fn shorten(message: &mut MessageBody) {
    message.content = String::new();
    message.attachments = Vec::new();
    message.mention_ids = Vec::new();
    message.reactions = Vec::new();
    message.instruction = None;
}

/// The body to be posted. `None`: its parts do not belong together, which no store writes.
pub fn encode(event: &Happened) -> Option<Vec<u8>> {
    let users: Vec<UserBody> = event.users.iter().cloned().map(UserBody::from).collect();
    let whole = written(event.clone(), Parts { users, truncated: false })?;
    if whole.len() <= MAX_EVENT_BYTES {
        return Some(whole);
    }
    // Who did it, and who sent it, come first.
    let few = event.users.iter().take(2).cloned().map(UserBody::from).collect();
    written(event.clone(), Parts { users: few, truncated: true })
}

fn written(event: Happened, parts: Parts) -> Option<Vec<u8>> {
    serde_json::to_vec(&WebhookEvent::of(event, parts)?).ok()
}

/// The body of a test.
pub fn encode_test(webhook_id: WebhookId, timestamp: DateTime<Utc>) -> Option<Vec<u8>> {
    let data = TestData { webhook_id, users: Vec::new() };
    serde_json::to_vec(&WebhookEvent::Test(TestEvent { timestamp, data })).ok()
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
