//! A message to be sent, taken field by field: as a `message` frame and as the body of a REST call.

use serde_json::Value;

use super::client::{FrameLimits, RefusedFrame, refused};
use super::error::{ErrorCode, Refusal};
use super::fields::{Fields, parse_named};
use super::instruction;
use crate::domain::content::{Content, TextError, parse_content_type};
use crate::domain::ids::{AttachmentId, ChannelId, ClientId, MessageId, UserId};
use crate::domain::instruction::Ask;
use crate::domain::message::{Beside, SendDigest};
use crate::domain::now;

/// The most attachments that any setting lets a message name.
const MAX_NAMED: usize = 100;
/// The most users that a message names.
const MAX_MENTIONS: usize = 50;

/// A message to send, checked but for what only the store knows.
#[derive(Debug, Clone)]
pub struct SendRequest {
    pub client_id: ClientId,
    pub channel_id: ChannelId,
    pub content: Content,
    pub content_type: String,
    pub reply_to_id: Option<MessageId>,
    pub attachment_ids: Vec<AttachmentId>,
    /// Each once.
    pub mention_ids: Vec<UserId>,
    /// None: it asks for no answer.
    pub ask: Option<Ask>,
}

/// A refused `message` whose `clientId` was readable. A retry of a stored message is never refused, so the store is
/// asked for it first.
#[derive(Debug, Clone)]
pub struct RefusedSend {
    pub client_id: ClientId,
    /// Of the text as it came; none where it could not be made out.
    pub digest: Option<SendDigest>,
}

impl SendRequest {
    /// The REST body: the same fields, but for the channel, which the path names.
    pub fn parse_body(body: &[u8], channel_id: ChannelId, limits: FrameLimits) -> Result<Self, Box<RefusedFrame>> {
        let mut fields = Fields::parse(body).map_err(|refusal| refused(None, refusal, None))?;
        fields.insert("channelId", Value::String(channel_id.to_string()));
        fields.insert("type", Value::String("message".to_owned()));
        Self::from_fields(&fields, limits).map_err(|refusal| refused(None, refusal, refused_send(&fields)))
    }

    pub(super) fn from_fields(fields: &Fields, limits: FrameLimits) -> Result<Self, Refusal> {
        let client_id = fields.parsed("clientId")?;
        let channel_id = fields.parsed("channelId")?;
        let attachment_ids = attachment_ids(fields)?;
        if attachment_ids.len() > limits.attachments {
            let (given, max) = (attachment_ids.len(), limits.attachments);
            return Err(Refusal::invalid(format!("attachmentIds has {given} entries; the limit is {max}")));
        }
        let content_type = parse_content_type(fields.optional_text("contentType")?.unwrap_or("text"))
            .map_err(|error| Refusal::invalid(format!("contentType {error}")))?;
        let reply_to_id = fields.optional_parsed("replyToId")?;
        let mention_ids = mention_ids(fields)?;
        let ask = instruction::ask(fields)?;
        ask.iter().try_for_each(|ask| instruction::check_time(ask, now()))?;
        let content = match fields.optional_text("content")? {
            Some("") if !attachment_ids.is_empty() => Content::default(),
            _ => content(fields, limits)?,
        };
        Ok(Self { client_id, channel_id, content, content_type, reply_to_id, attachment_ids, mention_ids, ask })
    }

    pub fn digest(&self) -> SendDigest {
        let Self { channel_id, content_type, reply_to_id, content, attachment_ids, mention_ids, ask, .. } = self;
        let beside = Beside { attachments: attachment_ids, mentions: mention_ids, ask: ask.as_ref() };
        SendDigest::of(*channel_id, content_type, *reply_to_id, content.as_str(), beside)
    }
}

/// A message's text.
pub(super) fn content(fields: &Fields, limits: FrameLimits) -> Result<Content, Refusal> {
    Content::parse(fields.text("content")?.to_owned(), limits.content_bytes).map_err(|error| {
        let code = match error {
            TextError::TooManyBytes { .. } => ErrorCode::TooLarge,
            _ => ErrorCode::InvalidFrame,
        };
        Refusal::new(code, format!("content {error}"))
    })
}

fn attachment_ids(fields: &Fields) -> Result<Vec<AttachmentId>, Refusal> {
    let Some(items) = fields.array("attachmentIds")? else { return Ok(Vec::new()) };
    if items.len() > MAX_NAMED {
        return Err(Refusal::invalid(format!("attachmentIds has {} entries; the limit is {MAX_NAMED}", items.len())));
    }
    let mut ids = Vec::with_capacity(items.len());
    for item in items {
        let text = item.as_str().ok_or_else(|| Refusal::invalid("attachmentIds must hold ids as strings"))?;
        let id = parse_named("attachmentIds", text)?;
        if ids.contains(&id) {
            return Err(Refusal::invalid(format!("attachmentIds names {id} twice")));
        }
        ids.push(id);
    }
    Ok(ids)
}

fn mention_ids(fields: &Fields) -> Result<Vec<UserId>, Refusal> {
    Ok(fields.distinct_users("mentionIds", MAX_MENTIONS)?.unwrap_or_default())
}

/// What it takes to recognise the retry of a stored message in a frame that is refused.
pub(super) fn refused_send(fields: &Fields) -> Option<RefusedSend> {
    if fields.value("type")?.as_str()? != "message" {
        return None;
    }
    let client_id = fields.parsed("clientId").ok()?;
    let digest = || {
        let channel = fields.parsed("channelId").ok()?;
        let content_type = fields.optional_text("contentType").ok()?.unwrap_or("text");
        let reply_to = fields.optional_parsed("replyToId").ok()?;
        let (attachments, mentions) = (attachment_ids(fields).ok()?, mention_ids(fields).ok()?);
        let ask = instruction::ask(fields).ok()?;
        let beside = Beside { attachments: &attachments, mentions: &mentions, ask: ask.as_ref() };
        Some(SendDigest::of(channel, content_type, reply_to, fields.value("content")?.as_str()?, beside))
    };
    Some(RefusedSend { client_id, digest: digest() })
}
