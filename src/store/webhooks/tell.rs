//! What a line of a log tells: the event that it is, about things as they are now.

use std::collections::{BTreeSet, HashMap};

use crate::domain::audit::TextHash;
use crate::domain::change::ChannelChange;
use crate::domain::channel::{Role, Title};
use crate::domain::ids::{MessageId, UserId};
use crate::domain::journal::ReadUpTo;
use crate::domain::message::Message;
use crate::domain::retention::Retention;
use crate::domain::webhook::{About, ChannelNews, EventKind, Happened, Lane, Place};
use crate::store::sql_types::At;

/// Users who are described with an event.
const MOST_USERS: usize = 200;

/// A message's id, number, first version, sender and time.
pub(super) type SentRow = (MessageId, i64, i64, UserId, At);
/// An entry's version, kind, message, actor, time, hash and detail.
pub(super) type EntryRow = (i64, String, Option<MessageId>, Option<UserId>, At, Option<Vec<u8>>, Option<String>);
/// A record's number, user, time and words.
pub(super) type ReadRow = (i64, Option<UserId>, At, Option<String>);

/// A line of one of the three logs.
pub(super) enum Row {
    Sent(SentRow),
    Entry(EntryRow),
    Read(ReadRow),
}

/// What changed of the channel itself, by version.
pub(super) type Details = HashMap<i64, ChannelChange>;

impl Row {
    /// Which one it is about.
    pub(super) fn message(&self) -> Option<MessageId> {
        match self {
            Self::Sent(row) => Some(row.0),
            Self::Entry(row) => row.2,
            Self::Read(_) => None,
        }
    }

    /// None: what it is about is gone, or a later release has written it.
    pub(super) fn tell(
        self,
        title: &Title,
        there: &HashMap<MessageId, Message>,
        details: &Details,
    ) -> Option<Happened> {
        let channel = title.clone();
        let (kind, place, at, by, about) = match self {
            // It did not happen now, nor here.
            Self::Sent((id, ..)) if id.is_imported() => return None,
            Self::Sent((id, _, version, sender, at)) => {
                let about = About::Message { channel, message: Box::new(there.get(&id)?.clone()), reaction: None };
                (EventKind::MessageSent, Place::Version(version), at, Some(sender), about)
            }
            Self::Entry((version, word, Some(id), by, at, hash, _)) => {
                let kind = of_message(&word)?;
                let message = there.get(&id)?.clone();
                let reaction = hash.as_deref().and_then(|hash| named_by(&message, kind, hash));
                let about = About::Message { channel, message: Box::new(message), reaction };
                (kind, Place::Version(version), at, by, about)
            }
            Self::Entry((version, word, None, by, at, _, detail)) => {
                let (kind, news) = match word.as_str() {
                    "created" => (EventKind::ChannelCreated, ChannelNews::Created(founders(detail.as_deref()?)?)),
                    "changed" => of_change(details.get(&version)?.clone()),
                    _ => return None,
                };
                (kind, Place::Version(version), at, by, About::Channel { channel, news })
            }
            Self::Read(row) => {
                let about = About::Read { channel, seq: read_up_to(&row)? };
                (EventKind::ChannelRead, Place::Record(row.0), row.2, Some(row.1?), about)
            }
        };
        Some(Happened { kind, lane: Lane::Channel(title.id), place, at: at.0, by, about, users: Vec::new() })
    }
}

fn of_message(word: &str) -> Option<EventKind> {
    Some(match word {
        "edited" => EventKind::MessageEdited,
        "deleted" => EventKind::MessageDeleted,
        "reacted" => EventKind::ReactionAdded,
        "unreacted" => EventKind::ReactionRemoved,
        "answered" => EventKind::InstructionAnswered,
        "overdue" => EventKind::InstructionOverdue,
        _ => return None,
    })
}

/// The trail has the hash of a reaction: which one it was is told by those that the message still has.
fn named_by(message: &Message, kind: EventKind, hash: &[u8]) -> Option<String> {
    let is_reaction = matches!(kind, EventKind::ReactionAdded | EventKind::ReactionRemoved);
    let of = message.reactions.iter().filter(|_| is_reaction).find(|it| TextHash::of(&it.reaction).0 == *hash);
    of.map(|it| it.reaction.clone())
}

#[derive(serde::Deserialize)]
struct Founding {
    members: Vec<(UserId, Role)>,
}

fn founders(detail: &str) -> Option<Vec<(UserId, Role)>> {
    serde_json::from_str(detail).ok().map(|Founding { members }| members)
}

fn of_change(change: ChannelChange) -> (EventKind, ChannelNews) {
    match change {
        ChannelChange::MembersAdded { user_ids } => (EventKind::MemberAdded, ChannelNews::Added(user_ids)),
        ChannelChange::MemberRemoved { user_id, heir } => {
            (EventKind::MemberRemoved, ChannelNews::Removed { user: user_id, heir })
        }
        ChannelChange::RoleChanged { user_id, role } => {
            (EventKind::MemberRole, ChannelNews::Role { user: user_id, role })
        }
        ChannelChange::Renamed { name } => (EventKind::ChannelRenamed, ChannelNews::Renamed(name)),
        ChannelChange::RevisionsShown { to } => (EventKind::ChannelSettings, ChannelNews::Revisions(to)),
        ChannelChange::RetentionSet { days, legal_hold } => {
            (EventKind::ChannelSettings, ChannelNews::Retention(Retention { days, legal_hold }))
        }
    }
}

/// Each once, the first of them first.
pub(super) fn named(event: &Happened) -> Vec<UserId> {
    let mut ids: Vec<UserId> = event.by.into_iter().collect();
    match &event.about {
        About::Message { message, .. } => {
            ids.push(message.sender_id);
            ids.extend(&message.mention_ids);
            ids.extend(message.instruction.iter().flat_map(|of| &of.assignee_ids));
            ids.extend(message.reactions.iter().flat_map(|of| &of.user_ids));
        }
        About::Channel { news, .. } => match news {
            ChannelNews::Created(members) => ids.extend(members.iter().map(|(user, _)| *user)),
            ChannelNews::Added(users) => ids.extend(users),
            ChannelNews::Removed { user, heir } => ids.extend(std::iter::once(user).chain(heir)),
            ChannelNews::Role { user, .. } => ids.push(*user),
            ChannelNews::Renamed(_) | ChannelNews::Revisions(_) | ChannelNews::Retention(_) => {}
        },
        About::Read { .. } | About::Presence => {}
    }
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(*id));
    ids.truncate(MOST_USERS);
    ids
}

/// How far a record of a mark goes; its words may be erased.
pub(super) fn read_up_to(row: &ReadRow) -> Option<i64> {
    let ReadUpTo { seq } = serde_json::from_str(row.3.as_deref()?).ok()?;
    Some(seq)
}
