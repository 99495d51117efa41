//! What there is to be told: ids, numbers and words of the daemon's own.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::change::{Change, Changed, ChannelChange};
use crate::domain::ids::{ChannelId, MessageId, SessionId, UserId, WebhookId};
use crate::domain::message::{NewMessage, Stored};

/// Something that happened on this node, or that this node has stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: DateTime<Utc>,
    pub what: What,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident $name:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {
        /// What, by its name.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(tag = "type", rename_all_fields = "camelCase")]
        pub enum What {
            $($(#[$doc])* #[serde(rename = $name)] $variant { $($(#[$field_doc])* $field: $type),* },)*
        }

        /// The names of all there are.
        pub const KINDS: &[&str] = &[$($name),*];

        impl What {
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)*
                }
            }
        }
    };
}

kinds! {
    SessionOpened "session.opened" { session: SessionId, user: UserId, address: IpAddr }
    SessionClosed "session.closed" { session: SessionId, user: UserId, address: IpAddr, code: u16 }
    /// Somebody was not let in.
    Refused "refused" { address: IpAddr, reason: &'static str }
    TokensRevoked "tokens.revoked" { user: UserId }
    MessageStored "message.stored" {
        channel: ChannelId,
        message: MessageId,
        seq: i64,
        version: i64,
        /// The author.
        user: UserId,
    }
    /// Edited, deleted, reacted to, answered.
    MessageChanged "message.changed" {
        channel: ChannelId,
        message: MessageId,
        seq: i64,
        version: i64,
        /// The author.
        user: UserId,
        deleted: bool,
    }
    ChannelCreated "channel.created" { channel: ChannelId, users: Vec<UserId> }
    ChannelChanged "channel.changed" {
        channel: ChannelId,
        version: i64,
        change: &'static str,
        /// Whom it is about, if anybody.
        users: Vec<UserId>,
    }
    WebhookFailed "webhook.failed" {
        webhook: WebhookId,
        event: &'static str,
        attempts: u32,
        error: String,
        /// It is not tried again by itself.
        given_up: bool,
    }
    WebhookDisabled "webhook.disabled" { webhook: WebhookId }
}

impl What {
    pub fn stored(message: &NewMessage, stored: &Stored) -> Self {
        Self::MessageStored {
            channel: message.channel_id,
            message: message.id,
            seq: stored.seq,
            version: stored.version,
            user: message.sender_id,
        }
    }

    pub fn changed(change: &Change) -> Self {
        let (channel, version) = (change.channel_id, change.version);
        match &change.what {
            Changed::Message(message) => Self::MessageChanged {
                channel,
                message: message.id,
                seq: message.seq,
                version,
                user: message.sender_id,
                deleted: message.deleted_at.is_some(),
            },
            Changed::Channel { change, .. } => {
                let (change, users) = match change {
                    ChannelChange::MembersAdded { user_ids } => ("members_added", user_ids.clone()),
                    ChannelChange::MemberRemoved { user_id, heir } => {
                        ("member_removed", [Some(*user_id), *heir].into_iter().flatten().collect())
                    }
                    ChannelChange::RoleChanged { user_id, .. } => ("role_changed", vec![*user_id]),
                    ChannelChange::Renamed { .. } => ("renamed", Vec::new()),
                    ChannelChange::RevisionsShown { .. } => ("revisions_shown", Vec::new()),
                    ChannelChange::RetentionSet { .. } => ("retention_set", Vec::new()),
                };
                Self::ChannelChanged { channel, version, change, users }
            }
        }
    }

    pub(super) fn channel(&self) -> Option<ChannelId> {
        match self {
            Self::MessageStored { channel, .. }
            | Self::MessageChanged { channel, .. }
            | Self::ChannelCreated { channel, .. }
            | Self::ChannelChanged { channel, .. } => Some(*channel),
            Self::SessionOpened { .. }
            | Self::SessionClosed { .. }
            | Self::Refused { .. }
            | Self::TokensRevoked { .. }
            | Self::WebhookFailed { .. }
            | Self::WebhookDisabled { .. } => None,
        }
    }

    /// Whether it is by this user, or about them.
    pub(super) fn is_of(&self, who: UserId) -> bool {
        match self {
            Self::SessionOpened { user, .. }
            | Self::SessionClosed { user, .. }
            | Self::TokensRevoked { user }
            | Self::MessageStored { user, .. }
            | Self::MessageChanged { user, .. } => *user == who,
            Self::ChannelCreated { users, .. } | Self::ChannelChanged { users, .. } => users.contains(&who),
            Self::Refused { .. } | Self::WebhookFailed { .. } | Self::WebhookDisabled { .. } => false,
        }
    }
}
