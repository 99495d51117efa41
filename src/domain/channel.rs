//! Channels and their members.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{ChannelId, UserId};

/// Two people who talk to each other, or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    Direct,
    Group,
}

/// Who may read what a channel's messages said before they were edited, besides its admins and owners.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Nobody.
    #[default]
    Admins,
    Members,
}

/// What a member may do; see [`super::permission`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Member,
    Admin,
    Owner,
}

macro_rules! words {
    ($type:ident { $($variant:ident => $word:literal),+ }) => {
        impl $type {
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word { $($word => Ok(Self::$variant),)+ _ => Err(UnknownWord) }
            }
        }
    };
}

/// A word that names no value of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown word")]
pub struct UnknownWord;

words!(ChannelKind { Direct => "direct", Group => "group" });
words!(Audience { Admins => "admins", Members => "members" });
words!(Role { Member => "member", Admin => "admin", Owner => "owner" });

/// One member of a channel, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub user_id: UserId,
    pub external_id: Option<String>,
    pub name: String,
    pub role: Role,
    pub last_read_seq: i64,
    pub last_read_at: DateTime<Utc>,
}

/// A channel by what people call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    pub id: ChannelId,
    pub kind: ChannelKind,
    pub name: Option<String>,
}

/// A channel as stored, with all of its members: what a room starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    pub id: ChannelId,
    pub kind: ChannelKind,
    pub name: Option<String>,
    /// The newest message's number; 0 where there is none.
    pub last_seq: i64,
    /// The newest change's number.
    pub version: i64,
    /// The version of the newest change of the membership or of roles.
    pub members_version: i64,
    /// Absent in what a node of an older version says.
    #[serde(default)]
    pub revisions_visible_to: Audience,
    /// Ascending by user id.
    pub members: Vec<Member>,
}

impl Channel {
    pub fn member(&self, user: UserId) -> Option<&Member> {
        self.members.iter().find(|m| m.user_id == user)
    }

    /// The other one of a direct channel.
    pub fn peer_of(&self, user: UserId) -> Option<&Member> {
        match self.kind {
            ChannelKind::Direct => self.members.iter().find(|m| m.user_id != user),
            ChannelKind::Group => None,
        }
    }

    pub fn member_ids(&self) -> Vec<UserId> {
        self.members.iter().map(|m| m.user_id).collect()
    }
}

/// Which channels a user is in, and how often that has changed, both of one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Grows with each channel that the user is added to or removed from: another number than before means that the
    /// channels may be others.
    pub memberships: i64,
    /// Ascending.
    pub channels: Vec<ChannelId>,
}

/// A channel with the unread count of the one who asks, both of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelView {
    pub channel: Channel,
    pub unread: i64,
}

/// A channel with the unread count of each member, all of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    pub channel: Channel,
    pub unread: BTreeMap<UserId, i64>,
}
