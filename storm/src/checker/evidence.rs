//! Records as lines that a person reads: the time, who it was, and of long lists only what the finding is about.

use serde_json::Value;

use crate::endings::FinalLog;
use crate::history::{ChannelNo, Copy, History, Record};

/// The most messages of a page that are shown: the first and the last of them.
const SHOWN: usize = 6;

/// A record by its place. `about`: of lists of channels only this one is shown.
pub(super) fn line(history: &History, place: u32, about: Option<ChannelNo>) -> String {
    match usize::try_from(place).ok().and_then(|place| history.records.get(place)) {
        Some(record) => show(history, record, about, &[]),
        None => "not on record".to_owned(),
    }
}

/// The same of an answer with many messages, of which those with these `seq`s are shown.
pub(super) fn page_line(history: &History, place: u32, about: ChannelNo, seqs: &[i64]) -> String {
    match usize::try_from(place).ok().and_then(|place| history.records.get(place)) {
        Some(record) => show(history, record, Some(about), seqs),
        None => "not on record".to_owned(),
    }
}

/// What the final log says.
pub(super) fn final_line(log: &FinalLog, copy: &Copy) -> String {
    format!("final log, node {}: {}", log.node, text(copy))
}

/// Any value in one line.
pub(super) fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

#[expect(clippy::cast_precision_loss, reason = "a run takes hours at most")]
pub(super) fn seconds(at: u64) -> String {
    format!("{:.6} s", at as f64 / 1e6)
}

fn show(history: &History, record: &Record, about: Option<ChannelNo>, seqs: &[i64]) -> String {
    let who = history.scene.clients.get(usize::from(record.client)).map_or_else(String::new, |client| {
        let kind = text(&client.kind);
        format!(" ({} of user {})", kind.trim_matches('"'), client.user)
    });
    let over = if record.line == 0 { String::new() } else { format!(", line {}", record.line) };
    let mut value = serde_json::to_value(&record.what).unwrap_or_default();
    shorten(&mut value, about, seqs);
    name_extras(history, &mut value);
    format!("{} client {}{who}{over}: {value}", seconds(record.at), record.client)
}

fn shorten(value: &mut Value, about: Option<ChannelNo>, seqs: &[i64]) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), field) {
                    ("channels", Value::Array(list)) => {
                        list.retain(|held| about.is_none_or(|channel| held["channel"] == channel));
                    }
                    ("cursors", Value::Array(list)) => {
                        list.retain(|cursor| about.is_none_or(|channel| cursor[0] == channel));
                    }
                    ("messages", Value::Array(list)) => fewer(list, seqs),
                    (_, field) => shorten(field, about, seqs),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| shorten(item, about, seqs)),
        _ => {}
    }
}

/// In place of its number, what hangs on a message.
fn name_extras(history: &History, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let number = fields.get("extra").and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
            match number {
                Some(0) => drop(fields.remove("extra")),
                Some(number) => {
                    let extra = serde_json::to_value(history.extra(number)).unwrap_or_default();
                    fields.insert("extra".to_owned(), extra);
                }
                None => fields.values_mut().for_each(|field| name_extras(history, field)),
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| name_extras(history, item)),
        _ => {}
    }
}

/// Keeps those that are asked for, or else the first and the last few, and says how many there were.
fn fewer(list: &mut Vec<Value>, seqs: &[i64]) {
    let all = list.len();
    if seqs.is_empty() && all > SHOWN {
        list.drain(SHOWN / 2..all - SHOWN / 2);
    } else if !seqs.is_empty() {
        let asked = |message: &Value| message["seq"].as_i64().is_some_and(|seq| seqs.contains(&seq));
        if list.iter().any(asked) {
            list.retain(asked);
        } else {
            list.truncate(1);
        }
    }
    if list.len() < all {
        list.push(Value::String(format!("{all} messages in all")));
    }
}
