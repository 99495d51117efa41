//! I2: whatever is shown was asked for by whom it is said to be of: sent by its sender, edited by its sender, deleted by
//! somebody, and none of that refused for good.

use std::collections::HashMap;

use uuid::Uuid;

use super::Anomaly;
use super::erasure::Erasures;
use super::findings::Findings;
use super::idempotence::asks;
use super::index::ById;
use super::model::{Change, Message, Model};
use crate::history::{Answer, Ask, ChannelNo, UserNo, What};

/// A request to change a message.
#[derive(Debug, Clone, Copy)]
struct Asked {
    user: Option<UserNo>,
    /// The new content; none for a deletion.
    content: Option<u64>,
    refused_for_good: bool,
    place: u32,
}

pub(super) fn look(model: &Model<'_>, erasures: &Erasures, found: &mut Findings) {
    let changes = changes(model);
    for (channel, log) in (0..).zip(&model.logs) {
        for (seq, message) in log.messages() {
            if !is_sent(model, channel, message) {
                found.add(Anomaly::Phantom, Some(channel), model.index.at(message.by), || {
                    let what = format!("user {} never sent message {}", message.sender, message.id);
                    let mut evidence = asks(model, message);
                    evidence.push(model.source(channel, seq, message.by));
                    (what, evidence)
                });
                continue;
            }
            let changes = changes.get(&message.id).map_or(&[][..], Vec::as_slice);
            let erased = erasures.may_be(message.sender);
            for version in &message.versions {
                state(model, (channel, *version), (seq, message), (changes, erased), found);
            }
        }
    }
}

fn changes(model: &Model<'_>) -> ById<Uuid, Vec<Asked>> {
    let mut changes: ById<Uuid, Vec<Asked>> = HashMap::default();
    for (place, record) in (0..).zip(&model.history.records) {
        let What::Asked { op, ask } = &record.what else { continue };
        let (message, content) = match ask {
            Ask::Edit { message, content, .. } => (*message, Some(*content)),
            Ask::Delete { message, .. } => (*message, None),
            _ => continue,
        };
        let answer = model.index.op(*op).and_then(|op| model.index.answer(op));
        let refused_for_good = matches!(answer, Some(Answer::Refused { retryable: false, .. }));
        let user = model.index.user(record.client);
        changes.entry(message).or_default().push(Asked { user, content, refused_for_good, place });
    }
    changes
}

fn is_sent(model: &Model<'_>, channel: ChannelNo, message: &Message) -> bool {
    let Some(client_id) = message.client_id else { return false };
    model.index.attempts_of(message.sender, client_id).any(|attempt| attempt.channel == channel)
}

/// One state of a message that somebody saw.
fn state(
    model: &Model<'_>,
    (channel, version): (ChannelNo, i64),
    (seq, message): (i64, &Message),
    (changes, erased): (&[Asked], bool),
    found: &mut Findings,
) {
    let Some(log) = model.log(channel) else { return };
    let Change::State { content, edited, deleted, .. } = log.change(version) else { return };
    let fits = if deleted {
        erased || changes.iter().any(|asked| asked.content.is_none() && !asked.refused_for_good)
    } else if edited {
        // Whose it is to edit it is only the sender.
        let by_sender = changes.iter().filter(|asked| asked.user == Some(message.sender) && !asked.refused_for_good);
        by_sender.into_iter().any(|asked| asked.content == Some(content))
    } else {
        let client_id = message.client_id.unwrap_or_default();
        // One that was refused for good and is stored all the same is told by whoever looks at answers.
        let mut attempts = model.index.attempts_of(message.sender, client_id);
        attempts.any(|attempt| (attempt.channel, attempt.content) == (channel, content))
    };
    if !fits {
        let by = log.told_by(version);
        found.add(Anomaly::Phantom, Some(channel), model.index.at(by), || {
            let what = format!("nobody who may asked for version {version} of message {}", message.id);
            let mut evidence = asks(model, message);
            evidence.extend(changes.iter().map(|asked| model.line(asked.place, channel)));
            evidence.push(model.source(channel, seq, by));
            (what, evidence)
        });
    }
}
