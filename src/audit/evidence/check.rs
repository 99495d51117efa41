//! Judges a file of evidence by itself, and by heads that were signed elsewhere. Needs no database; believes nothing of the file.

use std::collections::HashMap;
use std::fmt;

use sha2::{Digest, Sha256};

use super::form::{Format, Scribe};
use super::html;
use super::line::{EntryLine, Export, FORM, Line, RecordLine, SentLine, Span, Told, bytes32, parse_time};
use crate::audit::heads::Claims;
use crate::audit::key::PublicKey;
use crate::domain::audit::{Head, TextHash};
use crate::domain::hex::{hex, unhex};
use crate::domain::ids::{JournalId, MessageId, UserId};
use crate::domain::journal::{Journal, Kind, ReadUpTo};
use crate::domain::receipt::Reach;

/// What a file was found to be.
#[derive(Debug, Default)]
pub struct Verdict {
    pub faults: Vec<String>,
    pub entries: usize,
    pub records: usize,
    /// Up to which version, and which record, a head was signed elsewhere that is the one of this file.
    pub signed: (Option<i64>, Option<i64>),
    /// Whose seal it has, where it is right.
    pub sealed_by: Option<PublicKey>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries, {} records", self.entries, self.records)?;
        match &self.sealed_by {
            Some(key) => write!(f, ", sealed by {key}")?,
            None => write!(f, ", no seal")?,
        }
        match self.signed.0 {
            Some(version) => write!(f, ", signed elsewhere up to version {version}"),
            None => write!(f, ", no head of it was signed elsewhere"),
        }
    }
}

/// A file that cannot be judged at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEvidence {
    #[error("this is no evidence: it does not begin with a line that says so. A table (csv) cannot be judged")]
    Form,
    #[error("line {0} is no line of evidence")]
    Line(usize),
}

/// `claims`: what was signed elsewhere.
pub fn check(text: &str, claims: &Claims) -> Result<Verdict, NoEvidence> {
    let lines = if text.starts_with("<!DOCTYPE") { blocks(text) } else { text.to_owned() };
    let mut parsed = Vec::new();
    for (number, line) in (1..).zip(lines.lines()) {
        parsed.push(serde_json::from_str::<Line>(line).map_err(|_| NoEvidence::Line(number))?);
    }
    let Some(Line::Export(export)) = parsed.first() else { return Err(NoEvidence::Form) };
    if export.form != FORM {
        return Err(NoEvidence::Form);
    }
    let mut judge = Judge::new(export, claims);
    parsed[1..].iter().for_each(|line| judge.line(line));
    judge.finish();
    judge.seal(&lines, parsed.last());
    if text.starts_with("<!DOCTYPE") && page(text, &parsed) != text {
        judge.fault("what the page says is not what its lines say, or another release of tenfour wrote it");
    }
    Ok(judge.verdict)
}

/// The lines in a page.
fn blocks(text: &str) -> String {
    text.split(html::BLOCK.0).skip(1).filter_map(|part| part.split(html::BLOCK.1).next()).collect()
}

/// The page that these lines make, in the pieces that it was written in.
fn page(text: &str, parsed: &[Line]) -> String {
    let mut scribe = Scribe::new(Format::Html, None);
    let mut page = scribe.begin();
    let mut rest = parsed;
    for part in text.split(html::BLOCK.0).skip(1) {
        let count = part.split(html::BLOCK.1).next().unwrap_or_default().lines().count();
        let (now, later) = rest.split_at(count.min(rest.len()));
        page += &scribe.write(now);
        rest = later;
    }
    page + html::END
}

struct Judge<'a> {
    export: &'a Export,
    claims: &'a Claims,
    verdict: Verdict,
    version: i64,
    head: Head,
    journal: Journal,
    /// Up to where each had read, and when.
    read: HashMap<(UserId, String), i64>,
    /// What each had received, and when.
    received: HashMap<(UserId, String), Vec<Reach>>,
    /// The numbers of messages that were sent within the time.
    sent: HashMap<MessageId, i64>,
}

impl<'a> Judge<'a> {
    fn new(export: &'a Export, claims: &'a Claims) -> Self {
        let head = |span: &Span| bytes32(&span.after_head).map_or(Head::NONE, Head);
        let since = chrono::DateTime::from_timestamp_micros(export.journal.since).unwrap_or_default();
        let begun = Journal::begin(JournalId::of(export.channel_id), since);
        let journal = Journal { number: export.journal.after, head: head(&export.journal), ..begun };
        let mut judge = Self {
            export,
            claims,
            verdict: Verdict::default(),
            version: export.trail.after,
            head: head(&export.trail),
            journal,
            read: HashMap::new(),
            received: HashMap::new(),
            sent: HashMap::new(),
        };
        for finding in &export.findings {
            judge.fault(&format!("when it was exported, the trail did not hold: {finding}"));
        }
        if export.trail.after == export.trail.since && judge.head != Head::NONE {
            judge.fault("the chain is said to begin here, and does not");
        }
        judge
    }

    fn fault(&mut self, text: &str) {
        self.verdict.faults.push(text.to_owned());
    }

    fn line(&mut self, line: &Line) {
        match line {
            Line::Record(record) => self.record(record),
            Line::Entry(entry) => self.entry(entry),
            Line::Link { version, entry } => match unhex(entry) {
                Some(bytes) => self.link(*version, &bytes),
                None => self.fault(&format!("version {version}: this is no entry")),
            },
            Line::Export(_) => self.fault("a second beginning"),
            Line::Member(_) | Line::Seal { .. } => {}
        }
    }

    fn record(&mut self, line: &RecordLine) {
        let number = line.number;
        let Some(record) = line.record() else { return self.fault(&format!("record {number}: its fields make none")) };
        if number != self.journal.number + 1 {
            self.fault(&format!("record {number} follows on {}", self.journal.number));
        }
        if line.detail.as_ref().is_some_and(|text| TextHash::of(text) != record.detail) {
            self.fault(&format!("record {number} says something else than it did"));
        }
        if let Some((by, text)) = record.by.zip(line.detail.as_ref()) {
            self.mark(record.kind, (by, line.at.clone()), text);
        }
        self.journal.add(&record);
        self.verdict.records += 1;
        for claim in self.claims.by_journal.get(&self.journal.id).into_iter().flatten() {
            if claim.number == number {
                if (claim.since, claim.head) == (self.journal.since, self.journal.head) {
                    self.verdict.signed.1 = Some(number);
                } else {
                    self.verdict.faults.push(format!("what was signed at record {number} is not what is here"));
                }
            }
        }
    }

    fn mark(&mut self, kind: Kind, who: (UserId, String), text: &str) {
        match kind {
            Kind::Read => {
                if let Ok(ReadUpTo { seq }) = serde_json::from_str(text) {
                    self.read.insert(who, seq);
                }
            }
            Kind::Received => {
                self.received.entry(who).or_default().extend(serde_json::from_str::<Reach>(text));
            }
            _ => {}
        }
    }

    fn entry(&mut self, line: &EntryLine) {
        let version = line.version;
        let Some(entry) = line.entry(self.export.channel_id) else {
            return self.fault(&format!("version {version}: its fields make no entry"));
        };
        if !line.is_true(self.export.channel_id) {
            self.fault(&format!("version {version} says something else than it did"));
        }
        if let Told::Sent(sent) = &line.what {
            self.sent.insert(sent.message_id, sent.seq);
            self.readers(version, sent);
        }
        let told = line.of().and_then(|(message, seq)| self.sent.get(&message).zip(seq));
        if told.is_some_and(|(sent, seq)| *sent != seq) {
            self.fault(&format!("version {version} is of another message"));
        }
        self.link(version, &entry.bytes());
    }

    fn readers(&mut self, version: i64, sent: &SentLine) {
        for read in &sent.read_by {
            if self.read.get(&(read.user_id, read.at.clone())).is_none_or(|up_to| *up_to < sent.seq) {
                self.fault(&format!(
                    "version {version}: no record says that {} had read it at {}",
                    read.user_id, read.at
                ));
            }
        }
        for received in &sent.received_by {
            let who = (received.user_id, received.at.clone());
            let has_received = self.received.get(&who).is_some_and(|all| all.iter().any(|it| it.covers(version)));
            let has_read = self.read.get(&who).is_some_and(|up_to| *up_to >= sent.seq);
            if !has_received && !has_read {
                self.fault(&format!(
                    "version {version}: no record says that {} had received it at {}",
                    received.user_id, received.at
                ));
            }
        }
    }

    fn link(&mut self, version: i64, bytes: &[u8]) {
        if version != self.version + 1 {
            self.fault(&format!("version {version} follows on {}", self.version));
        }
        (self.version, self.head) = (version, self.head.and_bytes(bytes));
        self.verdict.entries += 1;
        for claim in self.claims.by_channel.get(&self.export.channel_id).into_iter().flatten() {
            if claim.version == version {
                if claim.head == self.head {
                    self.verdict.signed.0 = Some(version);
                } else {
                    self.verdict.faults.push(format!("what was signed at version {version} is not what is here"));
                }
            }
        }
    }

    fn finish(&mut self) {
        let Export { trail, journal, .. } = self.export;
        if (self.version, hex(&self.head.0)) != (trail.until, trail.head.clone()) {
            self.fault("its entries do not come to the head that it says");
        }
        if (self.journal.number, hex(&self.journal.head.0)) != (journal.until, journal.head.clone()) {
            self.fault("its records do not come to the head that it says");
        }
        for time in [&self.export.from, &self.export.to].into_iter().flatten() {
            if parse_time(time).is_none() {
                self.fault(&format!("{time:?} is no time"));
            }
        }
    }

    fn seal(&mut self, lines: &str, last: Option<&Line>) {
        let Some(Line::Seal { public_key, signature }) = last else { return };
        let sealed = lines.trim_end_matches('\n').rsplit_once('\n').map_or("", |(before, _)| before);
        let sum = Sha256::digest(format!("{sealed}\n"));
        let key = public_key.parse::<PublicKey>().ok();
        match key.zip(unhex(signature)).filter(|(key, signature)| key.verifies(&sum, signature)) {
            Some((key, _)) => self.verdict.sealed_by = Some(key),
            None => self.fault("its seal is broken: something was changed since, or the seal is of other lines"),
        }
    }
}
