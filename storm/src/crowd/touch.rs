//! Reacting to messages and answering what they ask for: what a client has heard of, and what it wishes.
//!
//! Bare clients ask over their connection, the project's own client over REST, beside what it does. It tries nothing again.

use std::collections::VecDeque;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::rest::Reply as Came;
use super::{Person, World};
use crate::extras::{Reply, ReplyKind, SIGNS};
use crate::history::{Answer, Ask, ChannelNo, Copy, What, hash};

/// Messages of either kind that are remembered.
const REMEMBERED: usize = 12;

/// Messages that came last: any, and those that ask this user for an answer.
#[derive(Debug, Default)]
pub(super) struct Heard {
    recent: VecDeque<(ChannelNo, Uuid)>,
    asking: VecDeque<(ChannelNo, Uuid)>,
}

/// What is asked for: over a connection, or over REST.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) ask: Ask,
    pub(super) frame: Value,
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Heard {
    pub(super) fn came(&mut self, world: &World, user: u16, copy: &Copy) {
        remember(&mut self.recent, (copy.channel, copy.id));
        if world.places.extras.asks(copy.extra, user) {
            remember(&mut self.asking, (copy.channel, copy.id));
        }
    }

    /// Sets a reaction, or, less often, takes one back that may not be there.
    pub(super) fn react(&self, dice: &mut fastrand::Rng) -> Option<Intent> {
        let at = (!self.recent.is_empty()).then(|| dice.usize(..self.recent.len()))?;
        let (channel, message) = self.recent[at];
        let (sign, set) = (dice.usize(..SIGNS.len()), dice.u8(..3) > 0);
        let word = SIGNS[sign];
        let encoded = percent_encoded(word);
        Some(Intent {
            ask: Ask::React { channel, message, sign: u8::try_from(sign).ok()?, set },
            frame: json!({"type": "react", "messageId": message, "reaction": word, "remove": !set}),
            method: if set { Method::PUT } else { Method::DELETE },
            path: format!("/messages/{message}/reactions/{encoded}"),
            body: None,
        })
    }

    pub(super) fn answer(&self, dice: &mut fastrand::Rng) -> Option<Intent> {
        let at = (!self.asking.is_empty()).then(|| dice.usize(..self.asking.len()))?;
        let (channel, message) = self.asking[at];
        let kind = ReplyKind::ALL[dice.usize(..ReplyKind::ALL.len())];
        let note = dice.bool().then(|| format!("note {:x}", dice.u32(..)));
        let reply = Reply { kind, note: hash(note.as_deref().unwrap_or_default()) };
        Some(Intent {
            ask: Ask::Reply { channel, message, reply },
            frame: json!({"type": "answer", "messageId": message, "answer": kind.word(), "note": note}),
            method: Method::PUT,
            path: format!("/messages/{message}/answer"),
            body: Some(json!({"answer": kind.word(), "note": note})),
        })
    }
}

fn percent_encoded(word: &str) -> String {
    let bytes: Vec<String> = word.bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}

fn remember(list: &mut VecDeque<(ChannelNo, Uuid)>, message: (ChannelNo, Uuid)) {
    list.push_back(message);
    if list.len() > REMEMBERED {
        list.pop_front();
    }
}

impl Intent {
    /// At any node, as this user.
    pub(super) fn over_rest(self, me: &mut Person) {
        let world = std::sync::Arc::clone(&me.world);
        let node = world.nodes[me.dice.usize(..world.nodes.len())];
        let (op, no, user) = (world.next_op(), me.no, world.user_ids[usize::from(me.user)]);
        me.note(0, What::Asked { op, ask: self.ask });
        tokio::spawn(async move {
            let answer = match world.rest.call(self.method, node, &self.path, self.body, Some(user)).await {
                // The message as it is by then.
                Came::Done(body) => Answer::Done { version: body["version"].as_i64() },
                Came::Refused { code, retryable } => Answer::Refused { code, retryable },
                Came::Unknown => Answer::Unknown,
            };
            world.recorder.note(no, 0, What::Answered { op, answer });
        });
    }
}
