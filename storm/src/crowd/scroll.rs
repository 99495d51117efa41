//! Scrolling: pages of history over REST, from any node, beside what a client does on its connection.
//!
//! Begun by bare clients. A page is put on record as it came.

use reqwest::Method;
use serde_json::Value;

use super::rest::{Messages, Reply};
use super::{Person, translate};
use crate::history::{Answer, Ask, ChannelNo, What};

/// Pages that are read at most.
const PAGES: usize = 3;

/// `head`: the newest `seq` that the client knows of.
pub(super) fn begin(me: &mut Person, channel: ChannelNo, head: i64) {
    let world = std::sync::Arc::clone(&me.world);
    let node = me.dice.usize(..world.nodes.len());
    let (mut before, mut after) = match me.dice.u8(..3) {
        0 => (None, None),
        1 => (Some(me.dice.i64(1..=head.max(1))), None),
        _ => (None, Some(me.dice.i64(0..=head.max(0)))),
    };
    let limit = me.dice.u8(1..=200);
    let (op, no) = (world.next_op(), me.no);
    let (id, user) = (world.channel_ids[usize::from(channel)], world.user_ids[usize::from(me.user)]);
    let shown = u8::try_from(node).unwrap_or(u8::MAX);
    me.note(0, What::Asked { op, ask: Ask::History { channel, before, after, node: shown } });
    tokio::spawn(async move {
        let note = |answer| world.recorder.note(no, 0, What::Answered { op, answer });
        for _ in 0..PAGES {
            let from = match (before, after) {
                (_, Some(after)) => format!("&after={after}"),
                (Some(before), None) => format!("&before={before}"),
                (None, None) => String::new(),
            };
            let path = format!("/channels/{id}/messages?limit={limit}{from}");
            let body = match world.rest.call(Method::GET, world.nodes[node], &path, None, Some(user)).await {
                Reply::Done(body) => body,
                Reply::Refused { code, retryable } => return note(Answer::Refused { code, retryable }),
                Reply::Unknown => return note(Answer::Unknown),
            };
            let Some((messages, has_more)) = page(&world.places, body) else { return note(Answer::Unknown) };
            let last = messages.last().map(|copy| copy.seq);
            note(Answer::Page { channel, messages, version: 0, has_more, reset: false, members: None });
            let Some(last) = last.filter(|_| has_more) else { break };
            (before, after) = if after.is_some() { (None, Some(last)) } else { (Some(last), None) };
        }
        note(Answer::Complete);
    });
}

fn page(places: &crate::places::Places, body: Value) -> Option<(Vec<crate::history::Copy>, bool)> {
    let page: Messages = serde_json::from_value(body).ok()?;
    Some((page.messages.iter().filter_map(|message| translate::copy(places, message)).collect(), page.has_more))
}
