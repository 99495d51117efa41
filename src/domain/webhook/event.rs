//! What a webhook is told of: the kinds of events, which of them it wants, and one of them as it is read.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::lane::{Lane, Place};
use crate::domain::channel::{Audience, Role, Title};
use crate::domain::ids::UserId;
use crate::domain::message::Message;
use crate::domain::retention::Retention;
use crate::domain::user::User;

macro_rules! kinds {
    ($($name:ident $word:literal,)+) => {
        /// A kind of event, by its name on the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventKind {
            $($name),+
        }

        impl EventKind {
            /// All that a webhook may ask for.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word),+
                }
            }
        }
    };
}

kinds! {
    MessageSent "message.sent",
    MessageEdited "message.edited",
    MessageDeleted "message.deleted",
    ReactionAdded "reaction.added",
    ReactionRemoved "reaction.removed",
    InstructionAnswered "instruction.answered",
    InstructionOverdue "instruction.overdue",
    ChannelCreated "channel.created",
    ChannelRenamed "channel.renamed",
    ChannelSettings "channel.settings_changed",
    MemberAdded "member.added",
    MemberRemoved "member.removed",
    MemberRole "member.role_changed",
    ChannelRead "channel.read",
    UserOnline "user.online",
    UserOffline "user.offline",
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no event; docs/webhooks.md lists them")]
pub struct UnknownEvent;

impl FromStr for EventKind {
    type Err = UnknownEvent;

    fn from_str(word: &str) -> Result<Self, UnknownEvent> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word).ok_or(UnknownEvent)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which events are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Events(Option<Vec<EventKind>>);

impl Events {
    /// Those of later releases among them.
    pub const ALL: Self = Self(None);

    pub fn only(kinds: impl IntoIterator<Item = EventKind>) -> Self {
        let mut kinds: Vec<EventKind> = kinds.into_iter().collect();
        kinds.sort_unstable();
        kinds.dedup();
        Self(Some(kinds))
    }

    /// None: all.
    pub fn named(&self) -> Option<&[EventKind]> {
        self.0.as_deref()
    }

    pub fn wants(&self, kind: EventKind) -> bool {
        self.0.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    pub fn wants_sent(&self) -> bool {
        self.wants(EventKind::MessageSent)
    }

    pub fn wants_reads(&self) -> bool {
        self.wants(EventKind::ChannelRead)
    }

    pub fn wants_presence(&self) -> bool {
        self.wants(EventKind::UserOnline) || self.wants(EventKind::UserOffline)
    }

    /// Whether it wants anything that takes a version of a channel.
    pub fn wants_versions(&self) -> bool {
        self.wants_sent() || self.wants_changes()
    }

    /// The same, but new messages.
    pub fn wants_changes(&self) -> bool {
        const OTHERS: [EventKind; 4] =
            [EventKind::MessageSent, EventKind::ChannelRead, EventKind::UserOnline, EventKind::UserOffline];
        EventKind::ALL.iter().any(|kind| !OTHERS.contains(kind) && self.wants(*kind))
    }

    /// Names with a blank between, as they are kept. None: all.
    pub fn to_text(&self) -> Option<String> {
        self.0.as_ref().map(|kinds| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" "))
    }

    /// Names that a later release has written, and this one does not know, are left out.
    pub fn of_text(text: Option<&str>) -> Self {
        text.map_or(Self::ALL, |text| Self::only(text.split(' ').filter_map(|word| word.parse().ok())))
    }
}

/// As a setting has them: names with commas between.
impl FromStr for Events {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let kinds = words.map(|word| word.parse().map_err(|error| format!("{word:?} {error}")));
        let kinds = kinds.collect::<Result<Vec<EventKind>, String>>()?;
        if kinds.is_empty() { Err("names no event; leave it out for all".to_owned()) } else { Ok(Self::only(kinds)) }
    }
}

/// Something that happened, as it is read: what it is about is told as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    pub kind: EventKind,
    pub lane: Lane,
    pub place: Place,
    pub at: DateTime<Utc>,
    /// None: the host application's server, or the daemon itself.
    pub by: Option<UserId>,
    pub about: About,
    /// Whoever is named in it, each once.
    pub users: Vec<User>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    Message {
        channel: Title,
        message: Box<Message>,
        /// Of a reaction, where it can still be told which.
        reaction: Option<String>,
    },
    Channel {
        channel: Title,
        news: ChannelNews,
    },
    Read {
        channel: Title,
        seq: i64,
    },
    Presence,
}

/// What happened to a channel itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelNews {
    /// With whom it began.
    Created(Vec<(UserId, Role)>),
    Renamed(String),
    Revisions(Audience),
    Retention(Retention),
    Added(Vec<UserId>),
    /// `heir` became an owner by it.
    Removed {
        user: UserId,
        heir: Option<UserId>,
    },
    Role {
        user: UserId,
        role: Role,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_its_word() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert_eq!("message".parse::<EventKind>(), Err(UnknownEvent));
    }

    #[test]
    fn a_setting_names_events_with_commas() {
        let some = Events::only([EventKind::MessageSent, EventKind::UserOnline]);
        assert_eq!("user.online, message.sent,".parse(), Ok(some));
        assert!("message.send".parse::<Events>().unwrap_err().contains("message.send"));
        assert!(" ,".parse::<Events>().unwrap_err().contains("all"));
    }

    #[test]
    fn what_is_wanted_is_kept_as_a_text() {
        assert_eq!((Events::ALL.to_text(), Events::of_text(None)), (None, Events::ALL));
        let some = Events::only([EventKind::UserOnline, EventKind::MessageSent, EventKind::UserOnline]);
        assert_eq!(some.to_text().as_deref(), Some("message.sent user.online"));
        assert_eq!(Events::of_text(Some("message.sent user.online message.of_tomorrow")), some);
        assert!(some.wants_sent() && some.wants_presence() && some.wants_versions());
        assert!(!some.wants_reads() && !some.wants_changes());
        let reads = Events::only([EventKind::ChannelRead]);
        assert!(reads.wants_reads() && !reads.wants_versions() && !reads.wants_presence());
        assert!(Events::ALL.wants_reads() && Events::ALL.wants_versions());
    }
}
