//! What one session's peer sees, and what it may not see.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::store::Store;
use crate::domain::ids::{ClientId, UserId};

pub(super) struct Client {
    user: UserId,
    /// The highest version up to which it has everything, while it is in the channel.
    cursor: Option<i64>,
    /// Where it began.
    base: i64,
    /// Messages by `seq`, with the version that it has of them.
    held: BTreeMap<i64, (i64, String)>,
    members: Option<BTreeSet<String>>,
    typing: BTreeSet<String>,
    /// How far the others have read, as it was told.
    marks: BTreeMap<String, i64>,
    /// What it sent, and whether that was answered.
    pub(super) sent: BTreeMap<ClientId, bool>,
}

impl Client {
    pub(super) fn new(user: UserId) -> Self {
        Self {
            user,
            cursor: None,
            base: 0,
            held: BTreeMap::new(),
            members: None,
            typing: BTreeSet::new(),
            marks: BTreeMap::new(),
            sent: BTreeMap::new(),
        }
    }

    pub(super) fn is_in(&self) -> bool {
        self.cursor.is_some()
    }

    /// Whether the user was out of the channel at any time since what it holds.
    pub(super) fn was_removed(&self, store: &Store) -> bool {
        // Of one that never began any version may have been its own.
        let since = self.cursor.unwrap_or(0);
        (since..=store.version()).any(|version| !store.had(self.user, version))
    }

    /// All of what the server wrote, of which each frame has to be right by what came before it.
    pub(super) fn read(&mut self, mut bytes: &[u8], store: &Store) -> Result<(), String> {
        while let [first, length, rest @ ..] = bytes {
            let (length, rest) = match length {
                126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
                short => (usize::from(*short), rest),
            };
            if *first != 0x81 {
                return Err(format!("no text: {first:#x}"));
            }
            let frame: Value = serde_json::from_slice(&rest[..length]).map_err(|error| error.to_string())?;
            self.take(&frame, store).map_err(|wrong| format!("{wrong}: {frame}, held {:?}", self.cursor))?;
            bytes = &rest[length..];
        }
        Ok(())
    }

    fn take(&mut self, frame: &Value, store: &Store) -> Result<(), String> {
        let data = if frame["data"].is_null() { frame } else { &frame["data"] };
        match frame["type"].as_str().unwrap_or_default() {
            "began" => {
                self.cursor = frame["version"].as_i64();
                self.base = self.cursor.unwrap_or_default();
                self.held.clear();
                self.members = None;
                self.forget_notices();
            }
            "ack" => {
                self.answered(&frame["clientId"]);
                if frame["duplicate"] == false && self.cursor.is_some() {
                    self.versioned(frame, frame, store)?;
                    let (seq, version) = (number(&frame["seq"]), number(&frame["version"]));
                    self.held.insert(seq, (version, seq.to_string()));
                }
            }
            "message" | "message_updated" | "message_deleted" => {
                self.versioned(frame, data, store)?;
                let (seq, version) = (number(&data["seq"]), number(&data["version"]));
                self.held.insert(seq, (version, data["content"].as_str().unwrap_or_default().to_owned()));
                if frame["type"] == "message" && data["senderId"] == self.user.to_string() {
                    self.answered(&data["clientId"]);
                }
            }
            "members" | "channel" => {
                self.versioned(frame, data, store)?;
                let ids = data["memberIds"].as_array().into_iter().flatten();
                self.members = Some(ids.filter_map(Value::as_str).map(str::to_owned).collect());
            }
            "channel_removed" => {
                if self.cursor.take().is_none() {
                    return Err("removed twice".to_owned());
                }
                self.forget_notices();
            }
            "typing" => {
                self.typing.insert(text(&frame["userId"]));
            }
            "typing_stopped" => {
                self.typing.remove(&text(&frame["userId"]));
            }
            "read" => {
                let seq = number(&frame["seq"]);
                let before = self.marks.insert(text(&frame["userId"]), seq);
                if before.is_some_and(|before| before >= seq) {
                    return Err(format!("a mark that goes back, from {before:?}"));
                }
            }
            "error" => self.answered(&frame["clientId"]),
            other => return Err(format!("nobody expected {other:?}")),
        }
        Ok(())
    }

    pub(super) fn forget_notices(&mut self) {
        self.typing.clear();
        self.marks.clear();
    }

    fn answered(&mut self, client_id: &Value) {
        if let Some(answered) = client_id.as_str().and_then(|id| self.sent.get_mut(&id.parse().unwrap())) {
            *answered = true;
        }
    }

    fn versioned(&mut self, frame: &Value, data: &Value, store: &Store) -> Result<(), String> {
        let version = number(&data["version"]);
        let since = frame["since"].as_i64().unwrap_or(version);
        let cursor = self.cursor.ok_or("not in the channel")?;
        if version <= cursor {
            return Err("twice, or out of order".to_owned());
        }
        if since > cursor + 1 {
            return Err("a gap".to_owned());
        }
        if !store.had(self.user, version) {
            return Err("not for somebody who was removed".to_owned());
        }
        self.cursor = Some(version);
        Ok(())
    }

    /// Nothing is under way any more: it has all that there is.
    pub(super) fn check_at_rest(&self, store: &Store) -> Result<(), String> {
        if let Some((client_id, _)) = self.sent.iter().find(|(_, answered)| !**answered) {
            return Err(format!("{client_id} was never answered"));
        }
        let expected = store.has(self.user).then(|| store.version());
        if self.cursor != expected {
            return Err(format!("it holds {:?} of {expected:?}", self.cursor));
        }
        if self.cursor.is_none() {
            return Ok(());
        }
        if !self.typing.is_empty() {
            return Err(format!("{:?} type for ever", self.typing));
        }
        for message in store.messages().iter().filter(|it| it.version > self.base) {
            let held = self.held.get(&message.seq);
            if held != Some(&(message.version, message.content.clone())) {
                return Err(format!("of seq {} it holds {held:?} instead of {message:?}", message.seq));
            }
        }
        let members: BTreeSet<String> = store.channel().member_ids().iter().map(ToString::to_string).collect();
        if store.members_moved_since(self.base) && self.members.as_ref() != Some(&members) {
            return Err(format!("it knows {:?} instead of {members:?}", self.members));
        }
        Ok(())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(-1)
}
