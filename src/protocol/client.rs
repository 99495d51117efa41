//! What clients send: one text message, one JSON object, one [`ClientFrame`].

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};

use super::error::{ErrorCode, Refusal};
use super::fields::{Fields, count, parse_named};
use super::instruction;
pub use super::send::{RefusedSend, SendRequest};
use super::send::{content, refused_send};
use crate::domain::content::Content;
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::instruction::AnswerKind;
use crate::domain::reaction::Reaction;

/// The longest `ref` that is given back, in bytes.
const MAX_REF: usize = 256;
/// A client's own mark on a frame, given back with the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Ref(Value);

impl utoipa::ToSchema for Ref {}

impl utoipa::PartialSchema for Ref {
    fn schema() -> RefOr<Schema> {
        let of = |kind| ObjectBuilder::new().schema_type(kind);
        OneOfBuilder::new().item(of(Type::String)).item(of(Type::Number)).into()
    }
}

/// A checked frame.
#[derive(Debug)]
pub enum ClientFrame {
    Message(SendRequest),
    Edit { message_id: MessageId, content: Content },
    Delete { message_id: MessageId },
    React { message_id: MessageId, reaction: Reaction, remove: bool },
    Answer { message_id: MessageId, answer: AnswerKind, note: Option<String> },
    Typing { channel_id: ChannelId },
    Read { channel_id: ChannelId, seq: i64 },
    Sync(SyncRequest),
    Auth { token: String },
    Ping,
}

/// From where to catch up.
#[derive(Debug, PartialEq, Eq)]
pub enum SyncRequest {
    /// The version that is held of each channel, and the epoch they belong to.
    Versions { channels: Vec<(ChannelId, i64)>, epoch: Option<String> },
    /// The last message that was seen, whatever its channel.
    LastMessage(MessageId),
}

/// Limits on what a frame may hold.
#[derive(Debug, Clone, Copy)]
pub struct FrameLimits {
    /// Of a message's content, in bytes.
    pub content_bytes: usize,
    /// Of a message, their number.
    pub attachments: usize,
}

/// A frame that is refused: the answer, and what it takes to recognise the retry of a stored message in it.
#[derive(Debug)]
pub struct RefusedFrame {
    pub reference: Option<Ref>,
    pub refusal: Refusal,
    pub send: Option<RefusedSend>,
}

impl ClientFrame {
    /// The words of all frames, in the order in which the wire's description lists them.
    pub const WORDS: [&'static str; 10] =
        ["message", "edit", "delete", "react", "answer", "typing", "read", "sync", "auth", "ping"];

    /// Parses one text message.
    pub fn parse(text: &[u8], limits: FrameLimits) -> Result<(Option<Ref>, Self), Box<RefusedFrame>> {
        let fields = Fields::parse(text).map_err(|refusal| refused(None, refusal, None))?;
        let reference = reference(&fields).map_err(|refusal| refused(None, refusal, None))?;
        match Self::from_fields(&fields, limits) {
            Ok(frame) => Ok((reference, frame)),
            Err(refusal) => Err(refused(reference, refusal, refused_send(&fields))),
        }
    }

    /// The word that names it on the wire.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Edit { .. } => "edit",
            Self::Delete { .. } => "delete",
            Self::React { .. } => "react",
            Self::Answer { .. } => "answer",
            Self::Typing { .. } => "typing",
            Self::Read { .. } => "read",
            Self::Sync(_) => "sync",
            Self::Auth { .. } => "auth",
            Self::Ping => "ping",
        }
    }

    fn from_fields(fields: &Fields, limits: FrameLimits) -> Result<Self, Refusal> {
        Ok(match fields.text("type")? {
            "message" => Self::Message(SendRequest::from_fields(fields, limits)?),
            "edit" => Self::Edit { message_id: fields.parsed("messageId")?, content: content(fields, limits)? },
            "delete" => Self::Delete { message_id: fields.parsed("messageId")? },
            "react" => Self::React {
                message_id: fields.parsed("messageId")?,
                reaction: fields.parsed("reaction")?,
                remove: fields.flag("remove")?,
            },
            "answer" => {
                let (answer, note) = instruction::answer(fields)?;
                Self::Answer { message_id: fields.parsed("messageId")?, answer, note }
            }
            "typing" => Self::Typing { channel_id: fields.parsed("channelId")? },
            "read" => Self::Read { channel_id: fields.parsed("channelId")?, seq: fields.count("seq")? },
            "sync" => Self::Sync(SyncRequest::from_fields(fields)?),
            "auth" => Self::Auth { token: fields.text("token")?.to_owned() },
            "ping" => Self::Ping,
            _ => {
                let known = Self::WORDS.join(", ");
                return Err(Refusal::new(ErrorCode::UnknownType, format!("type must be one of {known}")));
            }
        })
    }
}

impl SyncRequest {
    fn from_fields(fields: &Fields) -> Result<Self, Refusal> {
        if let Some(message) = fields.optional_parsed("lastMessageId")? {
            return Ok(Self::LastMessage(message));
        }
        let Some(held) = fields.object("channels")? else {
            return Err(Refusal::invalid("channels is missing: an object of channel id to version, or lastMessageId"));
        };
        let channels = held
            .iter()
            .map(|(id, version)| Ok((parse_named("channels", id)?, count("channels", version)?)))
            .collect::<Result<_, Refusal>>()?;
        Ok(Self::Versions { channels, epoch: fields.optional_text("epoch")?.map(str::to_owned) })
    }
}

/// The text of an `edit`, as the REST call has it.
pub fn parse_edit_body(body: &[u8], limits: FrameLimits) -> Result<Content, Refusal> {
    content(&Fields::parse(body)?, limits)
}

/// The mark of a `read`, as the REST call has it.
pub fn parse_read_body(body: &[u8]) -> Result<i64, Refusal> {
    Fields::parse(body)?.count("seq")
}

pub(super) fn refused(reference: Option<Ref>, refusal: Refusal, send: Option<RefusedSend>) -> Box<RefusedFrame> {
    Box::new(RefusedFrame { reference, refusal, send })
}

fn reference(fields: &Fields) -> Result<Option<Ref>, Refusal> {
    match fields.value("ref") {
        None => Ok(None),
        Some(value @ Value::Number(_)) => Ok(Some(Ref(value.clone()))),
        Some(Value::String(text)) if text.len() <= MAX_REF && !text.contains('\0') => {
            Ok(Some(Ref(Value::String(text.clone()))))
        }
        Some(_) => Err(Refusal::invalid(format!("ref must be a number or a string of at most {MAX_REF} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::{Beside, SendDigest};

    const LIMITS: FrameLimits = FrameLimits { content_bytes: 16, attachments: 2 };
    const ID: &str = "0198c0de-0000-7000-8000-000000000001";

    fn refused(text: &str) -> (ErrorCode, String) {
        let refused = ClientFrame::parse(text.as_bytes(), LIMITS).expect_err(text);
        (refused.refusal.code, refused.refusal.message)
    }

    #[test]
    fn each_bad_frame_is_answered_with_its_field_and_limit() {
        for (text, code, word) in [
            ("", ErrorCode::InvalidJson, "JSON"),
            ("[]", ErrorCode::InvalidJson, "object"),
            ("{}", ErrorCode::InvalidFrame, "type"),
            (r#"{"type":7}"#, ErrorCode::InvalidFrame, "type"),
            (r#"{"type":"shout"}"#, ErrorCode::UnknownType, "type"),
            (r#"{"type":"read","channelId":"x","seq":1}"#, ErrorCode::InvalidFrame, "channelId"),
            (r#"{"type":"typing"}"#, ErrorCode::InvalidFrame, "channelId"),
            (r#"{"type":"sync"}"#, ErrorCode::InvalidFrame, "channels"),
            (r#"{"type":"sync","channels":[]}"#, ErrorCode::InvalidFrame, "channels"),
            (r#"{"type":"auth"}"#, ErrorCode::InvalidFrame, "token"),
            (r#"{"type":"answer","messageId":"ID"}"#, ErrorCode::InvalidFrame, "answer"),
            (r#"{"type":"answer","messageId":"ID","answer":"maybe"}"#, ErrorCode::InvalidFrame, "declined"),
            (r#"{"type":"react","messageId":"ID"}"#, ErrorCode::InvalidFrame, "reaction"),
            (r#"{"type":"react","messageId":"ID","reaction":"a b"}"#, ErrorCode::InvalidFrame, "64 bytes"),
            (r#"{"type":"react","messageId":"ID","reaction":"x","remove":1}"#, ErrorCode::InvalidFrame, "remove"),
            (r#"{"type":"ping","ref":{}}"#, ErrorCode::InvalidFrame, "ref"),
            (r#"{"type":"ping","ref":"a\u0000"}"#, ErrorCode::InvalidFrame, "ref"),
        ] {
            let (got, message) = refused(&text.replace("ID", ID));
            assert_eq!(got, code, "{text}");
            assert!(message.contains(word), "{text}: {message}");
        }
    }

    #[test]
    fn a_message_says_what_is_wrong_with_its_text() {
        let send =
            |content: &str| format!(r#"{{"type":"message","clientId":"{ID}","channelId":"{ID}","content":{content}}}"#);
        assert_eq!(refused(&send(r#""""#)).0, ErrorCode::InvalidFrame);
        assert_eq!(refused(&send(r#""a\u0000b""#)).0, ErrorCode::InvalidFrame);
        assert_eq!(refused(&send("7")).0, ErrorCode::InvalidFrame);
        assert_eq!(
            refused(&send(r#""12345678901234567""#)),
            (ErrorCode::TooLarge, "content is 17 bytes long; the limit is 16".to_owned())
        );
    }

    /// Where the word of a frame stands in the list. A new frame does not compile before it has its place here.
    fn place(frame: &ClientFrame) -> usize {
        match frame {
            ClientFrame::Message(_) => 0,
            ClientFrame::Edit { .. } => 1,
            ClientFrame::Delete { .. } => 2,
            ClientFrame::React { .. } => 3,
            ClientFrame::Answer { .. } => 4,
            ClientFrame::Typing { .. } => 5,
            ClientFrame::Read { .. } => 6,
            ClientFrame::Sync(_) => 7,
            ClientFrame::Auth { .. } => 8,
            ClientFrame::Ping => 9,
        }
    }

    #[test]
    fn the_list_of_words_has_each_frame() {
        for (number, word) in ClientFrame::WORDS.into_iter().enumerate() {
            let text = format!(
                r#"{{"type":"{word}","clientId":"{ID}","channelId":"{ID}","messageId":"{ID}","content":"x","seq":1,
                "channels":{{}},"token":"x","reaction":"x","answer":"done"}}"#
            );
            let (_, frame) = ClientFrame::parse(text.as_bytes(), LIMITS).expect(word);
            assert_eq!((place(&frame), frame.word()), (number, word));
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!(r#"{{"type":"ping","x":{}{}}}"#, "[".repeat(40), "]".repeat(40));
        assert_eq!(refused(&deep).0, ErrorCode::InvalidJson);
    }

    #[test]
    fn a_refused_send_is_recognised_by_the_digest_of_what_it_said() {
        let text =
            format!(r#"{{"type":"message","clientId":"{ID}","channelId":"{ID}","content":"12345678901234567"}}"#);
        let send = ClientFrame::parse(text.as_bytes(), LIMITS).expect_err("too long").send.expect("a clientId");
        let channel = ID.parse().unwrap();
        assert_eq!(send.digest, Some(SendDigest::of(channel, "text", None, "12345678901234567", Beside::default())));
    }

    #[test]
    fn a_message_names_a_few_attachments_once_each_and_may_say_no_more() {
        let send = |ids: &str, content: &str| {
            format!(
                r#"{{"type":"message","clientId":"{ID}","channelId":"{ID}","content":"{content}","attachmentIds":{ids}}}"#
            )
        };
        let other = ID.replace("0001", "0002");
        let both = send(&format!(r#"["{ID}","{other}"]"#), "");
        let Ok((_, ClientFrame::Message(sent))) = ClientFrame::parse(both.as_bytes(), LIMITS) else { panic!("{both}") };
        assert_eq!((sent.attachment_ids.len(), sent.content.as_str()), (2, ""));
        let turned =
            SendRequest { attachment_ids: sent.attachment_ids.iter().rev().copied().collect(), ..sent.clone() };
        assert_ne!(turned.digest(), sent.digest());
        let third = ID.replace("0001", "0003");
        for (ids, words) in [
            ("[7]", "strings"),
            (r#"["x"]"#, "UUID"),
            ("{}", "array"),
            (&format!(r#"["{ID}","{ID}"]"#), "twice"),
            (&format!(r#"["{ID}","{other}","{third}"]"#), "limit is 2"),
        ] {
            let (code, message) = refused(&send(ids, "x"));
            assert!(code == ErrorCode::InvalidFrame && message.contains(words), "{ids}: {message}");
            assert!(message.contains("attachmentIds"), "{message}");
        }
        assert!(refused(&send("[]", "")).1.contains("content"), "nothing at all is no message");
    }

    #[test]
    fn unknown_fields_are_ignored_and_a_ref_is_kept() {
        let text = br#"{"type":"ping","ref":7,"later":true}"#;
        let (reference, frame) = ClientFrame::parse(text, LIMITS).expect("a ping");
        assert!(matches!(frame, ClientFrame::Ping));
        assert_eq!(serde_json::to_string(&reference).unwrap(), "7");
    }
}
