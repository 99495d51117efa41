//! What a send carries besides its words: files, and what it asks for, of whom and until when.

use chrono::{Duration, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Person, translate};
use crate::extras::{Extra, ExtraNo, Instruction};
use crate::history::{ChannelNo, UserNo};

/// One send of so many asks for an answer.
const ASKS: u8 = 16;
/// So soon, in milliseconds, that every deadline has passed and is told before all has come to rest.
const DEADLINE_MS: std::ops::Range<i64> = 1_000..7_000;
const ASSIGNEES: usize = 3;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct More {
    pub(super) extra: ExtraNo,
    /// Of the `message` frame and of its REST call.
    fields: Vec<(&'static str, Value)>,
}

impl More {
    /// Besides these files nothing, mostly.
    pub(super) fn some(me: &mut Person, channel: ChannelNo, files: Vec<Uuid>) -> Self {
        let mut more = Self::default();
        if !files.is_empty() {
            more.fields.push(("attachmentIds", json!(files)));
        }
        let mut extra = Extra { files, ..Extra::default() };
        if me.dice.u8(..ASKS) == 0 {
            extra.instruction = Some(more.instruction(me, channel));
        }
        more.extra = me.world.places.extras.number(extra);
        more
    }

    fn instruction(&mut self, me: &mut Person, channel: ChannelNo) -> Instruction {
        let world = std::sync::Arc::clone(&me.world);
        let members = &world.members[usize::from(channel)];
        let mut assignees: Vec<UserNo> = Vec::new();
        // Of everybody, or of some who were members when the run began.
        if me.dice.u8(..4) > 0 && !members.is_empty() {
            for _ in 0..me.dice.usize(1..=ASSIGNEES) {
                let user = members[me.dice.usize(..members.len())];
                if !assignees.contains(&user) {
                    assignees.push(user);
                }
            }
        }
        let deadline = me.dice.bool().then(|| Utc::now() + Duration::milliseconds(me.dice.i64(DEADLINE_MS)));
        let mut wish = json!({});
        if let Some(deadline) = deadline {
            wish["deadline"] = deadline.to_rfc3339().into();
        }
        if !assignees.is_empty() {
            let ids: Vec<_> = assignees.iter().map(|user| world.user_ids[usize::from(*user)].to_string()).collect();
            wish["assigneeIds"] = ids.into();
        }
        self.fields.push(("instruction", wish));
        Instruction { deadline: deadline.map(translate::millis), assignees, overdue: None, answers: Vec::new() }
    }

    pub(super) fn put_into(&self, body: &mut Value) {
        for (name, value) in &self.fields {
            body[*name] = value.clone();
        }
    }
}
