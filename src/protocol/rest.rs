//! What REST calls take and give beyond frames: bodies parsed field by field, and the answers' shapes.
//!
//! Used by the HTTP layer. Message bodies are in [`super::client`] and [`super::server`], since frames have them too.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::error::Refusal;
use super::fields::{self, Fields};
use super::server::{ChannelBody, MessageBody};
use super::time;
use crate::domain::channel::{Audience, ChannelKind, Member, Role};
use crate::domain::content::parse_name;
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::message::{Deletion, Revision, Revisions};
use crate::domain::user::UserRef;

/// A channel to be made.
#[derive(Debug, PartialEq, Eq)]
pub enum CreateChannel {
    Group {
        name: String,
        members: Vec<UserRef>,
    },
    /// With the asker.
    DirectWith(UserRef),
    /// Of two others, for who acts as nobody.
    DirectOf(Box<[UserRef; 2]>),
}

impl CreateChannel {
    /// `max_members` bounds the list of a group. `as_nobody`: the asker is no user, so that a direct channel needs both.
    pub fn parse(body: &[u8], max_members: usize, as_nobody: bool) -> Result<Self, Refusal> {
        let fields = Fields::parse(body)?;
        match fields.text("type")?.parse() {
            Ok(ChannelKind::Group) => {
                let members = fields.users("memberIds", max_members)?.unwrap_or_default();
                Ok(Self::Group { name: name(&fields)?, members })
            }
            Ok(ChannelKind::Direct) if as_nobody => {
                let both = fields.users("memberIds", 2)?.and_then(|users| <[UserRef; 2]>::try_from(users).ok());
                both.map(|both| Self::DirectOf(Box::new(both))).ok_or_else(|| {
                    Refusal::invalid(
                        "memberIds must be two user ids; or name in Tenfour-User as whom you act, and in userId the other",
                    )
                })
            }
            Ok(ChannelKind::Direct) => fields
                .user("userId")?
                .map(Self::DirectWith)
                .ok_or_else(|| Refusal::invalid("userId is missing: the other user of the direct channel")),
            Err(_) => Err(Refusal::invalid("type must be group or direct")),
        }
    }
}

/// The users of an `AddMembers`.
pub fn parse_add_body(body: &[u8], max: usize) -> Result<Vec<UserRef>, Refusal> {
    match Fields::parse(body)?.users("userIds", max)? {
        Some(users) if !users.is_empty() => Ok(users),
        _ => Err(Refusal::invalid(format!("userIds must be a list of 1 to {max} user ids"))),
    }
}

/// What is to change of a channel.
#[derive(Debug, PartialEq, Eq)]
pub enum UpdateChannel {
    Rename(String),
    ShowRevisions(Audience),
}

/// One thing at a time, since each is a change with a version of its own.
pub fn parse_update_body(body: &[u8]) -> Result<UpdateChannel, Refusal> {
    let fields = Fields::parse(body)?;
    match (fields.value("name"), fields.optional_text("revisionsVisibleTo")?) {
        (Some(_), None) => name(&fields).map(UpdateChannel::Rename),
        (None, Some(word)) => word
            .parse()
            .map(UpdateChannel::ShowRevisions)
            .map_err(|_| Refusal::invalid("revisionsVisibleTo must be admins or members")),
        (None, None) => Err(Refusal::invalid("name or revisionsVisibleTo is missing: what is to change")),
        (Some(_), Some(_)) => Err(Refusal::invalid("name and revisionsVisibleTo are two changes: give one at a time")),
    }
}

/// Levels of the log, which whoever asked for them checks.
pub fn parse_log_body(body: &[u8]) -> Result<String, Refusal> {
    Ok(Fields::parse(body)?.text("filter")?.to_owned())
}

/// The new role of a member.
pub fn parse_role_body(body: &[u8]) -> Result<Role, Refusal> {
    let fields = Fields::parse(body)?;
    fields.text("role")?.parse().map_err(|_| Refusal::invalid("role must be member, admin or owner"))
}

/// A user id in either form, from a path or a header that is called `name`.
pub fn parse_user(name: &str, text: &str) -> Result<UserRef, Refusal> {
    fields::user_ref(name, text)
}

fn name(fields: &Fields) -> Result<String, Refusal> {
    parse_name(fields.text("name")?).map_err(|error| Refusal::invalid(format!("name {error}")))
}

/// A page of channels, or all of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Channels {
    pub channels: Vec<ChannelBody>,
    /// Whether there are channels after the last one of these.
    pub has_more: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Members {
    pub members: Vec<MemberBody>,
}

/// A member of a channel.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Member)]
pub struct MemberBody {
    pub id: UserId,
    /// The host's own id, where it is not the UUID itself.
    #[schema(required)]
    pub external_id: Option<String>,
    pub name: String,
    pub role: Role,
    pub last_read_seq: i64,
    #[serde(with = "time")]
    pub last_read_at: DateTime<Utc>,
    /// The newest version that a device of theirs is known to have received. None: nothing is known.
    #[schema(required)]
    pub received_version: Option<i64>,
    /// Since when that is known.
    #[serde(with = "time::option")]
    #[schema(required)]
    pub received_at: Option<DateTime<Utc>>,
    pub online: bool,
    /// None while online, and where the user was not seen since the server started.
    #[serde(with = "time::option")]
    #[schema(required)]
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl MemberBody {
    /// `received`: the version, and since when.
    pub fn new(
        member: &Member,
        received: Option<(i64, DateTime<Utc>)>,
        online: bool,
        last_seen_at: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            id: member.user_id,
            external_id: member.external_id.clone(),
            name: member.name.clone(),
            role: member.role,
            last_read_seq: member.last_read_seq,
            last_read_at: member.last_read_at,
            received_version: received.map(|(version, _)| version),
            received_at: received.map(|(_, at)| at),
            online,
            last_seen_at: last_seen_at.filter(|_| !online),
        }
    }
}

/// A page of history.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Messages {
    pub messages: Vec<MessageBody>,
    /// Whether there are more in the direction of the page.
    pub has_more: bool,
}

/// All that a message has said.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Revisions)]
pub struct RevisionsBody {
    pub message_id: MessageId,
    pub channel_id: ChannelId,
    /// Who wrote all of them: nobody edits the message of somebody else.
    pub sender_id: UserId,
    pub sender_name: String,
    /// Oldest first; the last one is what the message says now. Empty where the message is deleted and the reader is no
    /// admin.
    pub revisions: Vec<RevisionBody>,
    #[schema(required)]
    pub deletion: Option<DeletionBody>,
}

/// What a message said from one version on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Revision)]
pub struct RevisionBody {
    pub version: i64,
    pub content: String,
    #[serde(with = "time")]
    pub at: DateTime<Utc>,
}

/// Who deleted a message, and when.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Deletion)]
pub struct DeletionBody {
    pub version: i64,
    /// None for the host application's server.
    #[schema(required)]
    pub by_id: Option<UserId>,
    #[schema(required)]
    pub by_name: Option<String>,
    #[serde(with = "time")]
    pub at: DateTime<Utc>,
}

impl From<Revisions> for RevisionsBody {
    fn from(of: Revisions) -> Self {
        let revision = |Revision { version, content, at }| RevisionBody { version, content, at };
        let deletion = |Deletion { version, by, at }| {
            let (by_id, by_name) = by.unzip();
            DeletionBody { version, by_id, by_name, at }
        };
        Self {
            message_id: of.message.id,
            channel_id: of.message.channel_id,
            sender_id: of.message.sender_id,
            sender_name: of.message.sender_name,
            revisions: of.revisions.into_iter().map(revision).collect(),
            deletion: of.deletion.map(deletion),
        }
    }
}

/// Where a reader's mark stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReadMark {
    pub seq: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> String {
        outcome.unwrap_err().message
    }

    fn create(body: &str, as_nobody: bool) -> Result<CreateChannel, Refusal> {
        CreateChannel::parse(body.as_bytes(), 3, as_nobody)
    }

    #[test]
    fn a_channel_to_be_made_names_the_field_and_limit_that_is_wrong() {
        for (body, as_nobody, words) in [
            ("{}", false, &["type"][..]),
            (r#"{"type":"room"}"#, false, &["type", "group", "direct"]),
            (r#"{"type":"group"}"#, false, &["name"]),
            (r#"{"type":"group","name":" "}"#, false, &["name", "empty"]),
            (r#"{"type":"group","name":"a\u0000"}"#, false, &["name", "U+0000"]),
            (r#"{"type":"group","name":"a","memberIds":"b"}"#, false, &["memberIds", "array"]),
            (r#"{"type":"group","name":"a","memberIds":[1]}"#, false, &["memberIds"]),
            (r#"{"type":"group","name":"a","memberIds":[""]}"#, false, &["memberIds", "255"]),
            (r#"{"type":"group","name":"a","memberIds":["a","b","c","d"]}"#, false, &["memberIds", "4", "3"]),
            (r#"{"type":"direct"}"#, false, &["userId"]),
            (r#"{"type":"direct","userId":7}"#, false, &["userId"]),
            (r#"{"type":"direct","userId":"a"}"#, true, &["memberIds", "Tenfour-User"]),
            (r#"{"type":"direct","memberIds":["a"]}"#, true, &["memberIds", "two"]),
            (r#"{"type":"direct","memberIds":["a","b","c"]}"#, true, &["memberIds", "2"]),
        ] {
            let message = refused(create(body, as_nobody));
            assert!(words.iter().all(|word| message.contains(word)), "{body}: {message}");
        }
    }

    #[test]
    fn a_direct_channel_is_with_another_or_between_two() {
        let one = create(r#"{"type":"direct","userId":"b"}"#, false);
        assert_eq!(one, Ok(CreateChannel::DirectWith(UserRef::new("b"))));
        let both = create(r#"{"type":"direct","memberIds":["a","b"]}"#, true);
        assert_eq!(both, Ok(CreateChannel::DirectOf(Box::new([UserRef::new("a"), UserRef::new("b")]))));
    }

    #[test]
    fn the_small_bodies_say_what_they_take() {
        for (message, word) in [
            (refused(parse_add_body(b"{}", 3)), "userIds"),
            (refused(parse_add_body(br#"{"userIds":[]}"#, 3)), "1 to 3"),
            (refused(parse_update_body(br#"{"name":7}"#)), "name"),
            (refused(parse_update_body(b"{}")), "revisionsVisibleTo"),
            (refused(parse_update_body(br#"{"revisionsVisibleTo":"all"}"#)), "admins or members"),
            (refused(parse_update_body(br#"{"name":"a","revisionsVisibleTo":"admins"}"#)), "one at a time"),
            (refused(parse_role_body(br#"{"role":"king"}"#)), "owner"),
            (refused(parse_user("Tenfour-User", "")), "Tenfour-User"),
        ] {
            assert!(message.contains(word), "{message}");
        }
        assert_eq!(parse_role_body(br#"{"role":"admin"}"#), Ok(Role::Admin));
        assert_eq!(parse_update_body(br#"{"name":" Ops "}"#), Ok(UpdateChannel::Rename("Ops".to_owned())));
    }
}
