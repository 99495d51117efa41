//! I6, I7: what was known before a message was asked for comes before it, and so does what its sender sent before it on the
//! same connection.

use std::collections::HashMap;

use super::Anomaly;
use super::findings::Findings;
use super::index::{Attempt, NOWHERE, Outcome};
use super::model::Model;
use crate::history::{Answer, ChannelNo, ClientNo, Frame, Handed, Kind, LineNo, Record, What};

pub(super) fn look(model: &Model<'_>, found: &mut Findings) {
    real_time(model, found);
    of_one_sender(model, found);
}

fn real_time(model: &Model<'_>, found: &mut Findings) {
    for (channel, log) in (0..).zip(&model.logs) {
        for (seq, message) in log.messages() {
            let Some(client_id) = message.client_id else { continue };
            let Some(first) = model.index.attempts_of(message.sender, client_id).last() else { continue };
            if first.channel != channel {
                continue;
            }
            let Some(known) = model.index.op(first.op).map(|op| op.known.seq).filter(|known| *known >= seq) else {
                continue;
            };
            found.add(Anomaly::Reordered, Some(channel), model.index.at(first.asked), || {
                let what = format!("seq {known} of channel {channel} was known before seq {seq} was asked for");
                let told = model
                    .history
                    .records
                    .iter()
                    .take(first.asked as usize)
                    .position(|it| tells(it, model, channel, seq));
                let told = told.and_then(|told| u32::try_from(told).ok()).unwrap_or(NOWHERE);
                let evidence = vec![
                    model.line(told, channel),
                    model.line(first.asked, channel),
                    model.source(channel, seq, message.by),
                ];
                (what, evidence)
            });
        }
    }
}

/// Whether a record says that the channel has this `seq` or a later one.
fn tells(record: &Record, model: &Model<'_>, channel: ChannelNo, seq: i64) -> bool {
    match &record.what {
        What::Opened { channels, .. } | What::Handed { event: Handed::Connected { channels, .. } } => {
            channels.iter().any(|held| held.channel == channel && held.last_seq >= seq)
        }
        What::Came {
            frame: Frame::Message { copy, .. } | Frame::Updated { copy, .. } | Frame::Deleted { copy, .. },
        }
        | What::Handed { event: Handed::Message { copy } | Handed::Updated { copy } | Handed::Deleted { copy } } => {
            copy.channel == channel && copy.seq >= seq
        }
        What::Came { frame: Frame::Channel { held, .. } } | What::Handed { event: Handed::Channel { held } } => {
            held.channel == channel && held.last_seq >= seq
        }
        What::Handed { event: Handed::Sent { channel: of, seq: sent, .. } } => *of == channel && *sent >= seq,
        What::Answered { answer: Answer::Page { channel: of, messages, .. }, .. } => {
            *of == channel && messages.iter().any(|copy| copy.seq >= seq)
        }
        What::Answered { op, answer: Answer::Acked { seq: acked, .. } } => {
            let ask = model.index.ask(*op);
            matches!(ask, Some(crate::history::Ask::Send { channel: of, .. }) if *of == channel) && *acked >= seq
        }
        _ => false,
    }
}

fn of_one_sender(model: &Model<'_>, found: &mut Findings) {
    let mut last: HashMap<(ClientNo, LineNo, ChannelNo), (i64, &Attempt)> = HashMap::new();
    for attempt in &model.index.attempts {
        let Outcome::Acked { seq, duplicate, .. } = attempt.outcome else { continue };
        // The project's own client keeps the order of a channel over all its connections, and tries again by itself.
        let kept = attempt.kind == Kind::Kept;
        // Over REST there is no connection. One that was tried more than once may have been stored at any of the tries.
        let once = model.index.attempts_of(attempt.user, attempt.client_id).nth(1).is_none();
        if !once || (!kept && (attempt.line == 0 || duplicate)) {
            continue;
        }
        let before = last.insert((attempt.client, attempt.line, attempt.channel), (seq, attempt));
        let Some((earlier, first)) = before.filter(|(earlier, _)| *earlier > seq) else { continue };
        found.add(Anomaly::Reordered, Some(attempt.channel), model.index.at(attempt.answered), || {
            let from = if kept { format!("client {}", attempt.client) } else { format!("line {}", attempt.line) };
            let what = format!("on {from} seq {earlier} of channel {} was asked for before seq {seq}", attempt.channel);
            let places = [first.asked, attempt.asked, first.answered, attempt.answered];
            (what, places.map(|place| model.line(place, attempt.channel)).to_vec())
        });
    }
}
