//! The shapes of what is parsed by hand, for the published description alone.
//!
//! Nothing is ever read into these types. A test holds them against the parsers, so that they cannot say another thing.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::client::Ref;
use crate::domain::channel::{Audience, Role};
use crate::domain::ids::{AttachmentId, ChannelId, ClientId, MessageId};
use crate::domain::instruction::AnswerKind;

/// A frame that a client sends.
// The variants repeat what `rename_all_fields` says, since the published description is made without knowing it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ClientFrame {
    #[serde(rename_all = "camelCase")]
    Message {
        channel_id: ChannelId,
        #[serde(flatten)]
        send: SendMessage,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
    #[serde(rename_all = "camelCase")]
    Edit {
        message_id: MessageId,
        content: String,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
    #[serde(rename_all = "camelCase")]
    Delete {
        message_id: MessageId,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
    #[serde(rename_all = "camelCase")]
    React {
        message_id: MessageId,
        /// A sign or a short word, without blanks; at most 64 bytes of UTF-8.
        #[schema(min_length = 1, max_length = 64)]
        reaction: String,
        /// Takes it back.
        #[serde(skip_serializing_if = "Option::is_none")]
        remove: Option<bool>,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
    #[serde(rename_all = "camelCase")]
    Answer {
        message_id: MessageId,
        #[serde(flatten)]
        answer: AnswerInstruction,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
    #[serde(rename_all = "camelCase")]
    Typing { channel_id: ChannelId },
    #[serde(rename_all = "camelCase")]
    Read {
        channel_id: ChannelId,
        seq: i64,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
    #[serde(rename_all = "camelCase")]
    Sync {
        /// The version that is held of each channel.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<BTreeMap<String, i64>>)]
        channels: Option<BTreeMap<ChannelId, i64>>,
        /// The history that the versions are of; the current one where it is missing.
        #[serde(skip_serializing_if = "Option::is_none")]
        epoch: Option<String>,
        /// Instead of `channels`: the last message that was seen.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_message_id: Option<MessageId>,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
    Auth {
        /// A fresh token of the same user.
        token: String,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
    Ping {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
}

/// A message to be sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendMessage {
    /// The idempotency key: the same one again stores nothing.
    pub client_id: ClientId,
    /// May be empty where there are attachments.
    pub content: String,
    /// `text` where it is missing. At most 64 bytes of UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub content_type: Option<String>,
    /// A message of the same channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_id: Option<MessageId>,
    /// Files that the sender has uploaded and that are in no message yet, in the order in which they are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment_ids: Option<Vec<AttachmentId>>,
    /// Members of the channel whom the message names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<AnyUserId>>, max_items = 50)]
    pub mention_ids: Option<Vec<String>>,
    /// Where an answer is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Instruct>,
}

/// What a message asks for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instruct {
    /// In the future, and within a year.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<String>,
    /// Members of the channel; all others where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<AnyUserId>>, min_items = 1, max_items = 50)]
    pub assignee_ids: Option<Vec<String>>,
}

/// An answer to an instruction.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswerInstruction {
    pub answer: AnswerKind,
    /// At most 1,000 bytes of UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// A user id in either form: the host's own, or the UUID.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnyUserId, value_type = String, min_length = 1, max_length = 255)]
pub struct AnyUserId(pub String);

/// A file, byte by byte.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FileBytes, value_type = String, format = Binary, min_length = 1)]
pub struct FileBytes(pub String);

/// The new text of a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct EditMessage {
    #[schema(min_length = 1)]
    pub content: String,
}

/// A channel to be made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum CreateChannel {
    #[serde(rename_all = "camelCase")]
    Group {
        #[schema(min_length = 1, max_length = 255, pattern = "\\S")]
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Vec<AnyUserId>>)]
        member_ids: Option<Vec<String>>,
    },
    /// With `userId`; from a bearer with scope `admin` who acts as nobody, between two `memberIds`.
    #[serde(rename_all = "camelCase")]
    Direct {
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<AnyUserId>)]
        user_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Vec<AnyUserId>>, max_items = 2)]
        member_ids: Option<Vec<String>>,
    },
}

/// One of the two at a time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum UpdateChannel {
    Rename {
        #[schema(min_length = 1, max_length = 255, pattern = "\\S")]
        name: String,
    },
    #[serde(rename_all = "camelCase")]
    ShowRevisions { revisions_visible_to: Audience },
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetRetention {
    /// Null, or left out: the daemon's setting decides.
    #[schema(minimum = 1, maximum = 36500)]
    pub days: Option<i32>,
    pub legal_hold: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddMembers {
    #[schema(value_type = Vec<AnyUserId>, min_items = 1)]
    pub user_ids: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SetRole {
    pub role: Role,
}

/// The highest `seq` that was read.
#[derive(Debug, Serialize, ToSchema)]
pub struct MarkRead {
    #[schema(minimum = 0)]
    pub seq: i64,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::UserId;
    use crate::protocol::{client, instruction, rest};

    const LIMITS: client::FrameLimits = client::FrameLimits { content_bytes: 100, attachments: 1 };

    fn json(value: &impl Serialize) -> Vec<u8> {
        serde_json::to_vec(value).unwrap()
    }

    fn send() -> SendMessage {
        SendMessage {
            client_id: ClientId(Uuid::from_u128(1)),
            content: "hi".to_owned(),
            content_type: Some("text".to_owned()),
            reply_to_id: Some(MessageId(Uuid::from_u128(2))),
            attachment_ids: Some(vec![AttachmentId(Uuid::from_u128(5))]),
            mention_ids: Some(vec!["a".to_owned(), "b".to_owned()]),
            instruction: Some(Instruct { deadline: None, assignee_ids: Some(vec!["a".to_owned()]) }),
        }
    }

    fn done() -> AnswerInstruction {
        AnswerInstruction { answer: AnswerKind::Done, note: Some("a".to_owned()) }
    }

    #[test]
    fn each_described_frame_is_what_the_parser_takes() {
        let (channel_id, message_id) = (ChannelId(Uuid::from_u128(3)), MessageId(Uuid::from_u128(4)));
        let reference = None;
        for (frame, word) in [
            (ClientFrame::Message { channel_id, send: send(), reference: None }, "message"),
            (ClientFrame::Edit { message_id, content: "a".to_owned(), reference: None }, "edit"),
            (ClientFrame::Delete { message_id, reference: None }, "delete"),
            (
                ClientFrame::React { message_id, reaction: "👍".to_owned(), remove: Some(true), reference: None },
                "react",
            ),
            (ClientFrame::Answer { message_id, answer: done(), reference: None }, "answer"),
            (ClientFrame::Typing { channel_id }, "typing"),
            (ClientFrame::Read { channel_id, seq: 1, reference: None }, "read"),
            (
                ClientFrame::Sync {
                    channels: Some(BTreeMap::from([(channel_id, 1)])),
                    epoch: Some("a".to_owned()),
                    last_message_id: None,
                    reference: None,
                },
                "sync",
            ),
            (
                ClientFrame::Sync { channels: None, epoch: None, last_message_id: Some(message_id), reference: None },
                "sync",
            ),
            (ClientFrame::Auth { token: "a".to_owned(), reference: None }, "auth"),
            (ClientFrame::Ping { reference }, "ping"),
        ] {
            let (_, parsed) = client::ClientFrame::parse(&json(&frame), LIMITS).expect(word);
            assert_eq!(parsed.word(), word);
        }
    }

    #[test]
    fn each_described_body_is_what_the_parser_takes() {
        let channel = ChannelId(Uuid::from_u128(3));
        let sent = client::SendRequest::parse_body(&json(&send()), channel, LIMITS).unwrap();
        assert_eq!((sent.content.as_str(), sent.reply_to_id), ("hi", send().reply_to_id));
        assert_eq!(sent.attachment_ids, [AttachmentId(Uuid::from_u128(5))]);
        assert_eq!(sent.ask.unwrap().assignee_ids, Some(vec![UserId::from_external("a")]));
        assert_eq!(instruction::parse_answer_body(&json(&done())), Ok((AnswerKind::Done, Some("a".to_owned()))));
        assert_eq!(sent.mention_ids, ["a", "b"].map(UserId::from_external));
        assert!(client::parse_edit_body(&json(&EditMessage { content: "a".to_owned() }), LIMITS).is_ok());
        assert_eq!(client::parse_read_body(&json(&MarkRead { seq: 7 })), Ok(7));
        assert!(rest::parse_update_body(&json(&UpdateChannel::Rename { name: "a".to_owned() })).is_ok());
        let shown = UpdateChannel::ShowRevisions { revisions_visible_to: Audience::Members };
        assert_eq!(rest::parse_update_body(&json(&shown)), Ok(rest::UpdateChannel::ShowRevisions(Audience::Members)));
        assert!(rest::parse_add_body(&json(&AddMembers { user_ids: vec!["a".to_owned()] }), 1).is_ok());
        assert_eq!(rest::parse_role_body(&json(&SetRole { role: Role::Owner })), Ok(Role::Owner));
        let members = |members: &[&str]| Some(members.iter().map(|&member| member.to_owned()).collect());
        for (body, as_nobody) in [
            (CreateChannel::Group { name: "a".to_owned(), member_ids: members(&["b"]) }, false),
            (CreateChannel::Direct { user_id: Some("c".to_owned()), member_ids: members(&[]) }, false),
            (CreateChannel::Direct { user_id: None, member_ids: members(&["a", "b"]) }, true),
        ] {
            assert!(rest::CreateChannel::parse(&json(&body), 2, as_nobody).is_ok(), "{body:?}");
        }
    }
}
