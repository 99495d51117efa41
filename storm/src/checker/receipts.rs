//! I15: nobody is said to have received what no connection of theirs was given.
//!
//! Looked at for users all of whose clients are bare: what those read is on record before they answer a ping. Of a
//! connection of the project's own client only what it handed out is known.

use std::collections::{HashMap, HashSet};

use super::Anomaly;
use super::evidence::text;
use super::findings::Findings;
use super::model::Model;
use crate::endings::Received;
use crate::history::{Answer, Ask, ChannelNo, Frame, Kind, UserNo, What};

pub(super) fn look(model: &Model<'_>, found: &mut Findings) {
    if model.history.endings.received.is_empty() {
        return;
    }
    let newest = newest(model);
    let clients = &model.history.scene.clients;
    let unknown: HashSet<UserNo> =
        clients.iter().filter(|client| client.kind == Kind::Kept).map(|client| client.user).collect();
    for received in &model.history.endings.received {
        let Received { channel, user, version, .. } = *received;
        let given = newest.get(&(user, channel)).copied().unwrap_or_default();
        if version > given && !unknown.contains(&user) {
            found.add(Anomaly::WrongReceipt, Some(channel), model.history.rest, || {
                let what = format!(
                    "user {user} is said to have received up to version {version} of channel {channel}, and was given {given} at most"
                );
                (what, vec![text(received)])
            });
        }
    }
}

/// The newest version of each channel that a connection of each user was given.
fn newest(model: &Model<'_>) -> HashMap<(UserNo, ChannelNo), i64> {
    let mut newest = HashMap::new();
    for record in &model.history.records {
        let given = match &record.what {
            What::Came { frame } => match frame {
                Frame::Message { copy, .. } | Frame::Updated { copy, .. } | Frame::Deleted { copy, .. } => {
                    Some((copy.channel, copy.version))
                }
                Frame::Members { channel, version, .. } => Some((*channel, *version)),
                Frame::Channel { held, .. } => Some((held.channel, held.version)),
                _ => None,
            },
            What::Answered { answer: Answer::Page { channel, version, .. }, .. } => Some((*channel, *version)),
            What::Answered { op, answer: Answer::Acked { version, .. } } => match model.index.ask(*op) {
                Some(Ask::Send { channel, .. }) => Some((*channel, *version)),
                _ => None,
            },
            _ => None,
        };
        if let Some(((channel, version), user)) = given.zip(model.index.user(record.client)) {
            let known: &mut i64 = newest.entry((user, channel)).or_default();
            *known = (*known).max(version);
        }
    }
    newest
}
