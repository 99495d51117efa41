//! From the wire's values to those of a history. What names a user or channel outside of the scene is left out.

use chrono::{DateTime, Utc};
use tenfour::client::frames::{self, ChannelInfo, Members, Message, ServerFrame, SyncPage, Versioned};
use tenfour::domain::ids::UserId;
use tenfour::domain::instruction::AnswerKind;
use uuid::Uuid;

use crate::extras::{Extra, ExtraNo, Instruction, Reply, ReplyKind, SIGNS, STRANGE};

use crate::history::{Answer, Copy, Frame, Held, UserNo, hash};
use crate::places::Places;

pub(crate) fn copy(places: &Places, message: &Message) -> Option<Copy> {
    Some(Copy {
        id: message.id.0,
        client_id: message.client_id.map_or(Uuid::nil(), |id| id.0),
        channel: *places.channels.get(&message.channel_id)?,
        sender: *places.users.get(&message.sender_id)?,
        seq: message.seq,
        version: message.version,
        content: hash(&message.content),
        edited: message.updated_at.is_some(),
        deleted: message.deleted_at.is_some(),
        extra: extra(places, message),
    })
}

fn extra(places: &Places, message: &Message) -> ExtraNo {
    let sign = |text: &str| SIGNS.iter().position(|sign| *sign == text).and_then(|at| u8::try_from(at).ok());
    let users = |ids: &[UserId]| ids.iter().map(|id| user(places, *id)).collect();
    let reactions = message.reactions.iter();
    places.extras.number(Extra {
        reactions: reactions.map(|it| (sign(&it.reaction).unwrap_or(STRANGE), users(&it.user_ids))).collect(),
        instruction: message.instruction.as_deref().map(|of| instruction(places, of)),
        files: message.attachments.iter().map(|file| file.id.0).collect(),
    })
}

/// Who is nobody of the scene is one that asked for nothing.
fn user(places: &Places, id: UserId) -> UserNo {
    places.users.get(&id).copied().unwrap_or(UserNo::MAX)
}

fn instruction(places: &Places, of: &frames::Instruction) -> Instruction {
    let answer = |it: &frames::Answer| {
        let kind = match it.answer {
            AnswerKind::Accepted => ReplyKind::Accepted,
            AnswerKind::Declined => ReplyKind::Declined,
            AnswerKind::Done => ReplyKind::Done,
        };
        (user(places, it.user_id), Reply { kind, note: hash(it.note.as_deref().unwrap_or_default()) })
    };
    Instruction {
        deadline: of.deadline.map(millis),
        assignees: of.assignee_ids.iter().map(|id| user(places, *id)).collect(),
        overdue: of.overdue_at.map(millis),
        answers: of.answers.iter().map(answer).collect(),
    }
}

pub(super) fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

pub(crate) fn users(places: &Places, ids: &[UserId]) -> Vec<UserNo> {
    let mut users: Vec<UserNo> = ids.iter().filter_map(|id| places.users.get(id).copied()).collect();
    users.sort_unstable();
    users
}

pub(crate) fn held(places: &Places, info: &ChannelInfo) -> Option<Held> {
    Some(Held {
        channel: *places.channels.get(&info.id)?,
        version: info.version,
        last_seq: info.last_seq,
        last_read_seq: info.last_read_seq,
        unread: info.unread,
        members: users(places, &info.member_ids),
        online: users(places, &info.online),
    })
}

pub(crate) fn page(places: &Places, page: &SyncPage) -> Option<Answer> {
    Some(Answer::Page {
        channel: *places.channels.get(&page.channel_id)?,
        messages: page.messages.iter().filter_map(|message| copy(places, message)).collect(),
        version: page.version,
        has_more: page.has_more,
        reset: page.reset,
        members: page.member_ids.as_deref().map(|ids| users(places, ids)),
    })
}

/// A frame that has a place in a history, or none.
pub(crate) fn frame(places: &Places, frame: &ServerFrame) -> Option<Frame> {
    let state = |it: &Versioned<Message>| {
        let copy = copy(places, &it.data)?;
        Some((copy, it.since.unwrap_or(copy.version)))
    };
    let channel_of = |id| places.channels.get(id).copied();
    let user_of = |id| places.users.get(id).copied();
    match frame {
        ServerFrame::Message(it) => state(it).map(|(copy, since)| Frame::Message { copy, since }),
        ServerFrame::MessageUpdated(it) => state(it).map(|(copy, since)| Frame::Updated { copy, since }),
        ServerFrame::MessageDeleted(it) => state(it).map(|(copy, since)| Frame::Deleted { copy, since }),
        ServerFrame::Members(it) => members(places, it),
        ServerFrame::Channel(it) => {
            let held = held(places, &it.data)?;
            let since = it.since.unwrap_or(held.version);
            Some(Frame::Channel { held, since })
        }
        ServerFrame::ChannelRemoved(it) => Some(Frame::ChannelRemoved { channel: channel_of(&it.channel_id)? }),
        ServerFrame::Presence(it) => Some(Frame::Presence {
            channel: channel_of(&it.channel_id)?,
            user: user_of(&it.user_id)?,
            online: it.is_online(),
        }),
        ServerFrame::Read(it) => {
            Some(Frame::Read { channel: channel_of(&it.channel_id)?, user: user_of(&it.user_id)?, seq: it.seq })
        }
        ServerFrame::Typing(it) => {
            Some(Frame::Typing { channel: channel_of(&it.channel_id)?, user: user_of(&it.user_id)? })
        }
        _ => None,
    }
}

fn members(places: &Places, it: &Members) -> Option<Frame> {
    Some(Frame::Members {
        channel: *places.channels.get(&it.channel_id)?,
        version: it.version,
        since: it.since.unwrap_or(it.version),
        members: users(places, &it.member_ids),
        added: users(places, &it.added),
        removed: users(places, &it.removed),
    })
}
