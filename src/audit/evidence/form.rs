//! How lines of evidence are written: one JSON object a line, a table for spreadsheets, or one HTML file that has both what a
//! person reads and the lines that a machine judges.
//!
//! The same lines make the same bytes, which [`super::check`] holds an HTML file to.

use std::fmt::Write;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::html;
use super::line::{EntryLine, Line, Reader, SentLine, Told};
use crate::audit::SigningKey;
use crate::domain::hex::hex;

/// What a file of evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Ndjson,
    Csv,
    Html,
}

/// A word that names no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be ndjson, csv or html")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        match word {
            "ndjson" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            "html" => Ok(Self::Html),
            _ => Err(UnknownFormat),
        }
    }
}

impl Format {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Html => "html",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }
}

/// Writes a file of evidence, piece by piece.
pub struct Scribe {
    format: Format,
    key: Option<Arc<SigningKey>>,
    sum: Sha256,
}

impl Scribe {
    /// With a key, the lines are sealed at the end. A table for spreadsheets has no seal.
    pub fn new(format: Format, key: Option<Arc<SigningKey>>) -> Self {
        Self { format, key, sum: Sha256::new() }
    }

    pub fn begin(&self) -> String {
        match self.format {
            Format::Ndjson => String::new(),
            Format::Csv => COLUMNS.join(",") + "\r\n",
            Format::Html => html::BEGIN.to_owned(),
        }
    }

    pub fn write(&mut self, lines: &[Line]) -> String {
        match self.format {
            Format::Csv => lines.iter().map(csv).collect(),
            Format::Ndjson => self.ndjson(lines),
            Format::Html => {
                let block = self.ndjson(lines);
                html::piece(&block, lines)
            }
        }
    }

    pub fn end(&mut self) -> String {
        let seal = match (&self.key, self.format) {
            (None, _) | (_, Format::Csv) => String::new(),
            (Some(key), _) => {
                let sum = self.sum.clone().finalize();
                let (public_key, signature) = (key.public().to_string(), hex(&key.sign(&sum)));
                self.write(&[Line::Seal { public_key, signature }])
            }
        };
        seal + if self.format == Format::Html { html::END } else { "" }
    }

    fn ndjson(&mut self, lines: &[Line]) -> String {
        let block: String = lines.iter().map(json).collect();
        self.sum.update(&block);
        block
    }
}

/// With its line feed, and without anything that could end a block of script.
fn json(line: &Line) -> String {
    // Texts and numbers alone: not reachable.
    let text = serde_json::to_string(line).unwrap_or_default();
    text.replace('<', "\\u003c") + "\n"
}

const COLUMNS: [&str; 15] = [
    "version",
    "at",
    "byId",
    "byName",
    "kind",
    "messageId",
    "seq",
    "contentType",
    "replyToId",
    "words",
    "hash",
    "attachments",
    "readBy",
    "note",
    "receivedBy",
];

/// A row for each entry within the time; what has no words has none.
fn csv(line: &Line) -> String {
    let Line::Entry(entry) = line else { return String::new() };
    let EntryLine { version, at, by, by_name, what } = entry.as_ref();
    let mut row: [String; 15] = Default::default();
    row[0] = version.to_string();
    row[1].clone_from(at);
    row[2] = by.map_or_else(String::new, |by| by.to_string());
    row[3] = by_name.clone().unwrap_or_default();
    row[6] = entry.of().and_then(|(_, seq)| seq).map_or_else(String::new, |seq| seq.to_string());
    let mut words = |text: &Option<String>, hash: &str| {
        (row[9], row[10]) = (text.clone().unwrap_or_default(), hash.to_owned());
        row[13] = if text.is_some() { String::new() } else { "erased or replaced".to_owned() };
    };
    match what {
        Told::Created { hash, detail } | Told::Changed { hash, detail } => words(detail, hash),
        Told::Edited { hash, content, .. } => words(content, hash),
        Told::Reacted { hash, reaction: text, .. } | Told::Answered { hash, answer: text, .. } => words(text, hash),
        Told::Overdue { .. } | Told::Deleted { .. } => {}
        Told::Sent(sent) => {
            words(&sent.content, &sent.digest);
            sent_columns(sent, &mut row);
        }
    }
    (row[4], row[5]) = match what {
        Told::Created { .. } => ("created".to_owned(), String::new()),
        Told::Changed { .. } => ("changed".to_owned(), String::new()),
        Told::Reacted { message_id, set: true, .. } => ("reacted".to_owned(), message_id.to_string()),
        Told::Reacted { message_id, .. } => ("unreacted".to_owned(), message_id.to_string()),
        Told::Answered { message_id, .. } => ("answered".to_owned(), message_id.to_string()),
        Told::Overdue { message_id, .. } => ("overdue".to_owned(), message_id.to_string()),
        Told::Edited { message_id, .. } => ("edited".to_owned(), message_id.to_string()),
        Told::Deleted { message_id, .. } => ("deleted".to_owned(), message_id.to_string()),
        Told::Sent(sent) => {
            let word = if sent.message_id.is_imported() { "imported" } else { "sent" };
            (word.to_owned(), sent.message_id.to_string())
        }
    };
    row.map(|text| cell(&text)).join(",") + "\r\n"
}

fn sent_columns(sent: &SentLine, row: &mut [String; 15]) {
    row[7].clone_from(&sent.content_type);
    row[8] = sent.reply_to_id.map_or_else(String::new, |id| id.to_string());
    for (at, file) in sent.attachments.iter().enumerate() {
        let between = if at == 0 { "" } else { "; " };
        // Writing into a String cannot fail.
        let _ = write!(
            row[11],
            "{between}{} ({}, {} bytes, SHA-256 {})",
            file.name, file.content_type, file.size, file.sha256
        );
    }
    row[12] = readers(&sent.read_by);
    row[14] = readers(&sent.received_by);
}

fn readers(all: &[Reader]) -> String {
    let told = all.iter().map(|Reader { name, user_id, at }| {
        let name = name.as_deref().unwrap_or_default();
        format!("{name} {user_id} at {at}")
    });
    told.collect::<Vec<_>>().join("; ")
}

/// RFC 4180, and nothing that a spreadsheet takes for a formula: such a text has an apostrophe in front.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// The words of a change, for a person.
pub(super) fn plain(detail: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(detail) else { return detail.to_owned() };
    let told = fields.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_cell_and_no_formula() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a, b", "\"a, b\""),
            ("say \"so\"", "\"say \"\"so\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1,B1)", "\"'@SUM(A1,B1)\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
