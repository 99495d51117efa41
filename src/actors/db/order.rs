//! Every change that is no send and no receipt: what is asked for, and what comes back.

use chrono::{DateTime, Utc};

use crate::domain::announcement::Announcement;
use crate::domain::attachment::Attachment;
use crate::domain::change::{By, Change, Changed, ChannelChange, Denied};
use crate::domain::channel::{Audience, Channel, Role};
use crate::domain::content::Content;
use crate::domain::ids::{AttachmentId, ChannelId, MessageId, UserId};
use crate::domain::instruction::AnswerKind;
use crate::domain::journal::Note;
use crate::domain::now;
use crate::domain::reaction::Reaction;
use crate::domain::retention::{Erase, Erasure, Retention};
use crate::domain::user::{User, UserRef};
use crate::store::{NewGroup, NewUpload, StoreError, Uploaded, Writer, pause};

/// A wish. Who may what is decided by the store, under the channel's lock.
#[derive(Debug, Clone)]
pub enum Order {
    Edit {
        by: By,
        message_id: MessageId,
        content: Content,
    },
    Delete {
        by: By,
        message_id: MessageId,
    },
    /// `set`: or takes it back.
    React {
        by: By,
        message_id: MessageId,
        reaction: Reaction,
        set: bool,
    },
    Answer {
        by: By,
        message_id: MessageId,
        answer: AnswerKind,
        note: Option<String>,
    },
    MarkOverdue {
        message_id: MessageId,
    },
    CreateGroup(NewGroup),
    CreateDirect {
        by: By,
        users: [UserRef; 2],
        placeholders: bool,
    },
    AddMembers {
        by: By,
        channel_id: ChannelId,
        users: Vec<UserRef>,
        placeholders: bool,
        max_members: usize,
    },
    RemoveMember {
        by: By,
        channel_id: ChannelId,
        user: UserRef,
    },
    SetRole {
        by: By,
        channel_id: ChannelId,
        user: UserRef,
        role: Role,
    },
    Rename {
        by: By,
        channel_id: ChannelId,
        name: String,
    },
    ShowRevisions {
        by: By,
        channel_id: ChannelId,
        to: Audience,
    },
    UpsertUser {
        user: UserRef,
        name: String,
    },
    BeginUpload(NewUpload),
    FinishUpload {
        id: AttachmentId,
        what: Uploaded,
    },
    DiscardAttachment {
        user: UserId,
        id: AttachmentId,
    },
    ExpireAttachments {
        before: DateTime<Utc>,
    },
    ForgetAttachments {
        ids: Vec<AttachmentId>,
    },
    SetRetention {
        by: By,
        channel_id: ChannelId,
        to: Retention,
    },
    Erase(Erase),
    /// Of a user, besides messages.
    ForgetUser {
        user: UserId,
    },
    /// `note`: who asked for it.
    RevokeTokens {
        user: UserId,
        issued_before: DateTime<Utc>,
        note: Note,
    },
    /// To all who are connected, and to who connects until it expires.
    Announce {
        announcement: Announcement,
    },
    WithdrawAnnouncement,
    /// Into the journals of the audit trail.
    Record {
        notes: Vec<Note>,
    },
}

/// What was done.
#[derive(Debug)]
pub enum Done {
    Changed(Change),
    /// It was so already.
    Nothing,
    Channel {
        channel: Box<Channel>,
        created: bool,
    },
    User(User),
    Attachment(Attachment),
    Erased(Erasure),
    Revoked {
        user: UserId,
        issued_before: DateTime<Utc>,
    },
    /// None: what was announced was withdrawn.
    Announced(Option<Announcement>),
}

/// Between two nodes that are in each other's way, such as when both make the direct channel of the same two users.
const TRIES: u32 = 4;

impl Order {
    /// Carries it out, again where another node was in the way and nothing was stored.
    pub(super) async fn run(self, writer: &Writer) -> Result<Result<Done, Denied>, StoreError> {
        for attempt in 1..TRIES {
            match self.clone().attempt(writer).await {
                Err(StoreError::Busy) => pause(attempt).await,
                outcome => return outcome,
            }
        }
        self.attempt(writer).await
    }

    async fn attempt(self, writer: &Writer) -> Result<Result<Done, Denied>, StoreError> {
        let at = now();
        let changed = |outcome: Result<Change, Denied>| outcome.map(Done::Changed);
        let maybe =
            |outcome: Result<Option<Change>, Denied>| outcome.map(|change| change.map_or(Done::Nothing, Done::Changed));
        Ok(match self {
            Self::Edit { by, message_id, content } => changed(writer.edit(by, message_id, content, at).await?),
            Self::Delete { by, message_id } => changed(writer.delete(by, message_id, at).await?),
            Self::React { by, message_id, reaction, set } => {
                maybe(writer.react(by, message_id, reaction, set, at).await?)
            }
            Self::Answer { by, message_id, answer, note } => {
                maybe(writer.answer(by, message_id, answer, note, at).await?)
            }
            Self::MarkOverdue { message_id } => maybe(writer.mark_overdue(message_id, at).await?),
            Self::CreateGroup(group) => writer
                .create_group(group, at)
                .await?
                .map(|channel| Done::Channel { channel: Box::new(channel), created: true }),
            Self::CreateDirect { by, users: [one, other], placeholders } => writer
                .create_direct(by, one, other, placeholders, at)
                .await?
                .map(|(channel, created)| Done::Channel { channel: Box::new(channel), created }),
            Self::AddMembers { by, channel_id, users, placeholders, max_members } => {
                maybe(writer.add_members(by, channel_id, users, placeholders, max_members, at).await?)
            }
            Self::RemoveMember { by, channel_id, user } => {
                changed(writer.remove_member(by, channel_id, user, at).await?)
            }
            Self::SetRole { by, channel_id, user, role } => {
                maybe(writer.set_role(by, channel_id, user, role, at).await?)
            }
            Self::Rename { by, channel_id, name } => maybe(writer.rename(by, channel_id, name, at).await?),
            Self::ShowRevisions { by, channel_id, to } => maybe(writer.show_revisions(by, channel_id, to, at).await?),
            Self::UpsertUser { user, name } => writer.upsert_user(user, name).await?.map(Done::User),
            Self::BeginUpload(new) => writer.begin_upload(new, at).await?.map(|()| Done::Nothing),
            Self::FinishUpload { id, what } => writer.finish_upload(id, what).await?.map(Done::Attachment),
            Self::DiscardAttachment { user, id } => writer.discard_attachment(user, id).await?.map(|()| Done::Nothing),
            Self::ExpireAttachments { before } => {
                writer.expire_attachments(before).await?;
                Ok(Done::Nothing)
            }
            Self::ForgetAttachments { ids } => {
                writer.forget_attachments(ids).await?;
                Ok(Done::Nothing)
            }
            Self::SetRetention { by, channel_id, to } => maybe(writer.set_retention(by, channel_id, to, at).await?),
            Self::Erase(wish) => writer.erase(wish, at).await?.map(Done::Erased),
            Self::ForgetUser { user } => {
                writer.forget_user(user).await?;
                Ok(Done::Nothing)
            }
            Self::RevokeTokens { user, issued_before, note } => {
                writer.revoke_tokens(user, issued_before, note).await?;
                Ok(Done::Revoked { user, issued_before })
            }
            Self::Announce { announcement } => {
                // What does not hold for later is nobody's to know but of who is there.
                if announcement.expires_at.is_some() {
                    writer.announce(Some(announcement.clone())).await?;
                }
                Ok(Done::Announced(Some(announcement)))
            }
            Self::WithdrawAnnouncement => {
                writer.announce(None).await?;
                Ok(Done::Announced(None))
            }
            Self::Record { notes } => {
                writer.record(notes).await?;
                Ok(Done::Nothing)
            }
        })
    }
}

impl Done {
    /// Who came into a channel by it. Who left one is told by its room.
    pub(super) fn added(&self) -> Option<(ChannelId, Vec<UserId>)> {
        match self {
            Self::Channel { channel, created: true } => Some((channel.id, channel.member_ids())),
            Self::Changed(Change {
                channel_id,
                what: Changed::Channel { change: ChannelChange::MembersAdded { user_ids }, .. },
                ..
            }) => Some((*channel_id, user_ids.clone())),
            _ => None,
        }
    }
}
