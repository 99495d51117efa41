//! A line of a history that is to be imported: what it says, and what is wrong with it by itself.
//!
//! Pure, used by both readings of the file. What a line has to do with others is judged by the plan.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::domain::content::{self, Content};
use crate::domain::ids::MAX_EXTERNAL_ID;

/// What a line says, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    User { id: String, name: String },
    Group { id: String, name: String, member_ids: Vec<String> },
    Direct { id: String, pair: [String; 2] },
    Message(Said),
}

/// A message, in the ids of where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) id: String,
    pub(super) channel_id: String,
    pub(super) sender_id: String,
    pub(super) content: Content,
    pub(super) content_type: String,
    pub(super) reply_to_id: Option<String>,
    pub(super) created_at: DateTime<Utc>,
}

/// As it is written. An unknown field is a mistake: what it holds would be lost.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Written {
    User(WrittenUser),
    Group(WrittenGroup),
    Direct(WrittenDirect),
    Message(WrittenMessage),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenUser {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenGroup {
    id: String,
    name: String,
    member_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenDirect {
    id: String,
    member_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenMessage {
    id: String,
    channel_id: String,
    sender_id: String,
    content: String,
    content_type: Option<String>,
    reply_to_id: Option<String>,
    created_at: DateTime<Utc>,
}

impl Line {
    /// `max_content` in bytes. The error says what is wrong, without the content.
    pub(super) fn parse(text: &str, max_content: usize) -> Result<Self, String> {
        // The words of serde_json, whose own place in the line says nothing about the file.
        let written: Written = serde_json::from_str(text).map_err(|error| {
            let words = error.to_string();
            let words = words.split(" at line ").next().unwrap_or(&words).to_owned();
            if error.is_data() { words } else { format!("no JSON: {words}") }
        })?;
        Ok(match written {
            Written::User(WrittenUser { id, name }) => {
                Self::User { id: id_of("id", id)?, name: said("name", content::parse_name(&name))? }
            }
            Written::Group(WrittenGroup { id, name, member_ids }) => Self::Group {
                id: id_of("id", id)?,
                name: said("name", content::parse_name(&name))?,
                member_ids: ids_of(member_ids)?,
            },
            Written::Direct(WrittenDirect { id, member_ids }) => {
                let pair: Result<[String; 2], Vec<String>> = ids_of(member_ids)?.try_into();
                let pair = pair.map_err(|ids| format!("memberIds: {} are named; a direct channel has 2", ids.len()))?;
                if pair[0] == pair[1] {
                    return Err("memberIds: a direct channel is between two different users".to_owned());
                }
                Self::Direct { id: id_of("id", id)?, pair }
            }
            Written::Message(it) => Self::Message(Said {
                id: id_of("id", it.id)?,
                channel_id: id_of("channelId", it.channel_id)?,
                sender_id: id_of("senderId", it.sender_id)?,
                content: said("content", Content::parse(it.content, max_content))?,
                content_type: match it.content_type {
                    Some(text) => said("contentType", content::parse_content_type(&text))?,
                    None => "text".to_owned(),
                },
                reply_to_id: it.reply_to_id.map(|id| id_of("replyToId", id)).transpose()?,
                // To the millisecond, as all times of messages.
                created_at: DateTime::from_timestamp_millis(it.created_at.timestamp_millis())
                    .ok_or("createdAt: no time")?,
            }),
        })
    }
}

fn said<T>(field: &str, parsed: Result<T, content::TextError>) -> Result<T, String> {
    parsed.map_err(|error| format!("{field}: {error}"))
}

fn ids_of(ids: Vec<String>) -> Result<Vec<String>, String> {
    ids.into_iter().map(|id| id_of("memberIds", id)).collect()
}

fn id_of(field: &str, id: String) -> Result<String, String> {
    match id.len() {
        0 => Err(format!("{field}: an id must not be empty")),
        len if len > MAX_EXTERNAL_ID => {
            Err(format!("{field}: an id is {len} bytes long; the limit is {MAX_EXTERNAL_ID}"))
        }
        _ if id.contains('\0') => Err(format!("{field}: an id must not contain U+0000")),
        _ => Ok(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Line::parse(text, 10).unwrap_err()
    }

    #[test]
    fn a_message_is_read_with_what_it_may_leave_out() {
        let text = r#"{"type":"message","id":"1","channelId":"tour","senderId":"ana","content":"hello",
            "createdAt":"2024-05-01T08:00:00.1234+02:00"}"#;
        let Line::Message(said) = Line::parse(text, 10).unwrap() else { panic!("a message") };
        assert_eq!((said.content_type.as_str(), said.reply_to_id), ("text", None));
        assert_eq!(said.created_at.to_rfc3339(), "2024-05-01T06:00:00.123+00:00");
    }

    #[test]
    fn what_is_wrong_is_said_by_the_name_of_the_field() {
        for (text, expected) in [
            ("{", "no JSON: EOF while parsing an object"),
            (r#"{"id":"1"}"#, "missing field `type`"),
            (
                r#"{"type":"file","id":"1"}"#,
                "unknown variant `file`, expected one of `user`, `group`, `direct`, `message`",
            ),
            (r#"{"type":"user","id":"1","nam":"A"}"#, "unknown field `nam`, expected `id` or `name`"),
            (r#"{"type":"user","id":"","name":"A"}"#, "id: an id must not be empty"),
            (r#"{"type":"group","id":"1","name":" ","memberIds":[]}"#, "name: must not be empty"),
            (r#"{"type":"direct","id":"1","memberIds":["a"]}"#, "memberIds: 1 are named; a direct channel has 2"),
            (
                r#"{"type":"direct","id":"1","memberIds":["a","a"]}"#,
                "memberIds: a direct channel is between two different users",
            ),
            (
                r#"{"type":"message","id":"1","channelId":"t","senderId":"a","content":"eleven char","createdAt":"2024-05-01T08:00:00Z"}"#,
                "content: is 11 bytes long; the limit is 10",
            ),
        ] {
            assert_eq!(wrong(text), expected, "{text}");
        }
        let text =
            r#"{"type":"message","id":"1","channelId":"t","senderId":"a","content":"x","createdAt":"yesterday"}"#;
        assert!(!wrong(text).is_empty());
    }
}
