//! Reads evidence from the store, a page at a time, as lines. A daemon may be at work meanwhile.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};

use super::Ask;
use super::line::{
    AskLine, EntryLine, Export, FORM, Line, MemberLine, Reader as ReaderLine, RecordLine, SentLine, Span, Told, time,
};
use super::marks::{self, Marks};
use crate::audit::sent;
use crate::audit::verify::verify_one;
use crate::domain::audit::{Chain, Entry, Head, TextHash, What};
use crate::domain::hex::hex;
use crate::domain::ids::{JournalId, MessageId, UserId};
use crate::domain::instruction::AnswerKind;
use crate::domain::journal::{Journal, Record};
use crate::domain::now;
use crate::domain::trail::{ChannelTrail, MessageTrail, Noted};
use crate::store::{Reader, StoreError};

/// How many messages or records are read at a time.
const PAGE: i64 = 500;

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("there is no such channel")]
    NoChannel,
    #[error("the channel has no trail: it is older than that, and nothing has happened in it since")]
    NoTrail,
    #[error("what is kept of version {0} cannot be read; `tenfour audit verify` says more")]
    Unreadable(i64),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lines to come.
pub struct Source {
    reader: Reader,
    ask: Ask,
    trail: ChannelTrail,
    /// How far it goes.
    chain: Chain,
    /// Entries that are no new messages. The front is the next one.
    notes: VecDeque<Noted>,
    /// The changes that they are of, by version.
    changes: HashMap<i64, String>,
    /// The numbers of messages that were changed.
    seqs: HashMap<MessageId, i64>,
    /// Whatever an edit may have said.
    said: HashMap<[u8; 32], String>,
    marks: Marks,
    names: HashMap<UserId, String>,
    seq: i64,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// With what comes before the entries.
    Head,
    Messages,
    Done,
}

impl Source {
    /// Of a channel that is there.
    pub async fn open(reader: Reader, ask: Ask) -> Result<Self, SourceError> {
        let mut trail = reader.trail(ask.channel).await?;
        if trail.channel.is_none() {
            return Err(SourceError::NoChannel);
        }
        let chain = trail.chain.ok_or(SourceError::NoTrail)?;
        let entries = std::mem::take(&mut trail.entries);
        let notes = entries.into_iter().filter(|noted| (chain.since + 1..=chain.version).contains(&noted.version));
        let changes = trail.changes.iter().map(|change| (change.version, change.detail.clone())).collect();
        Ok(Self {
            reader,
            ask,
            chain,
            notes: notes.collect(),
            changes,
            seqs: HashMap::new(),
            said: [AnswerKind::Accepted, AnswerKind::Declined, AnswerKind::Done]
                .map(|kind| kind.with_note(None))
                .map(|text| (TextHash::of(&text).0, text))
                .into(),
            marks: Marks::default(),
            names: HashMap::new(),
            seq: 0,
            step: Step::Head,
            trail,
        })
    }

    /// The next lines; none at the end. What comes first has the records of the whole time.
    pub async fn next(&mut self) -> Result<Vec<Line>, SourceError> {
        match self.step {
            Step::Done => Ok(Vec::new()),
            Step::Head => {
                self.step = Step::Messages;
                self.head().await
            }
            Step::Messages => loop {
                let lines = self.page().await?;
                if !lines.is_empty() || self.step == Step::Done {
                    return Ok(lines);
                }
            },
        }
    }

    async fn head(&mut self) -> Result<Vec<Line>, SourceError> {
        let report = verify_one(&self.reader, self.ask.channel).await?;
        let (journal, records) = self.records().await?;
        let trail = self.skip().await?;
        let Some(channel) = self.trail.channel.clone() else { return Err(SourceError::NoChannel) };
        let mut lines = vec![Line::Export(Box::new(Export {
            form: FORM.to_owned(),
            channel_id: channel.id,
            channel_type: channel.kind,
            name: channel.name,
            from: self.ask.from.map(time),
            to: self.ask.to.map(time),
            exported_at: time(now()),
            findings: report.findings.iter().map(ToString::to_string).collect(),
            trail,
            journal,
        }))];
        let joined: HashMap<UserId, DateTime<Utc>> = self.trail.joined.iter().copied().collect();
        let received = self.reader.received(self.ask.channel).await?;
        lines.extend(channel.members.into_iter().map(|member| {
            self.names.insert(member.user_id, member.name.clone());
            Line::Member(MemberLine {
                user_id: member.user_id,
                external_id: member.external_id,
                name: member.name,
                role: member.role,
                joined_at: joined.get(&member.user_id).copied().map(time),
                last_read_seq: member.last_read_seq,
                last_read_at: time(member.last_read_at),
                received_version: received.get(&member.user_id).map(|(version, _)| *version),
                received_at: received.get(&member.user_id).map(|(_, at)| time(*at)),
            })
        }));
        self.learn(records.iter().filter_map(|(record, _)| record.by)).await?;
        lines.extend(
            records
                .into_iter()
                .map(|(record, detail)| Line::Record(RecordLine::of(&record, detail, self.name(record.by)))),
        );
        Ok(lines)
    }

    /// From the first one within the time on; words of what is within it.
    async fn records(&mut self) -> Result<(Span, Vec<(Record, Option<String>)>), SourceError> {
        let id = JournalId::of(self.ask.channel);
        let Some(end) = self.reader.journal_trail(id).await?.journal else {
            return Ok((
                span(0, &Journal::begin(id, DateTime::UNIX_EPOCH), &Journal::begin(id, DateTime::UNIX_EPOCH)),
                Vec::new(),
            ));
        };
        let mut before = Journal::begin(id, end.since);
        let (mut number, mut kept) = (0, Vec::new());
        while number < end.number {
            let page = self.reader.records(id, number, PAGE).await?;
            let Some(last) = page.last() else { break };
            number = last.number;
            for recorded in page.into_iter().filter(|recorded| recorded.number <= end.number) {
                let record = recorded.record.ok_or(SourceError::Unreadable(recorded.number))?;
                let is_within = self.ask.covers(record.at);
                if kept.is_empty() && self.ask.is_before(record.at) {
                    before.add(&record);
                    // Who had received and read how far, and came when, says what later marks are of.
                    self.marks.note(&record, recorded.detail.as_deref());
                    continue;
                }
                let detail = recorded.detail.filter(|_| is_within);
                self.marks.note(&record, detail.as_deref());
                kept.push((record, detail));
            }
        }
        Ok((span(end.since.timestamp_micros(), &before, &end), kept))
    }

    /// Passes over the entries before the time that was asked for; where the chain is then.
    async fn skip(&mut self) -> Result<Span, SourceError> {
        let mut before = Chain { since: self.chain.since, version: self.chain.since, head: Head::NONE };
        'pages: while self.ask.from.is_some() {
            let page = self.reader.message_trails(self.ask.channel, self.seq, PAGE).await?;
            for message in &page {
                self.remember(message);
                while let Some(noted) = self.notes.front().filter(|noted| noted.version < message.first_version) {
                    let entry = noted.entry.ok_or(SourceError::Unreadable(noted.version))?;
                    if !self.ask.is_before(entry.at) {
                        break 'pages;
                    }
                    before.add(&entry);
                    self.notes.pop_front();
                }
                let is_told = message.first_version > self.chain.since;
                if message.first_version > self.chain.version || is_told && !self.ask.is_before(message.created_at) {
                    break 'pages;
                }
                if is_told {
                    before.add(&self.sent(message)?);
                }
                self.seq = message.seq;
            }
            if page.is_empty() {
                while let Some(noted) = self.notes.front() {
                    let entry = noted.entry.ok_or(SourceError::Unreadable(noted.version))?;
                    if !self.ask.is_before(entry.at) {
                        break;
                    }
                    before.add(&entry);
                    self.notes.pop_front();
                }
                break;
            }
        }
        let Chain { since, version, head } = before;
        let (until, end) = (self.chain.version, hex(&self.chain.head.0));
        Ok(Span { since, after: version, after_head: hex(&head.0), until, head: end })
    }

    /// What an edit further on may have said.
    fn remember(&mut self, message: &MessageTrail) {
        if message.version > message.first_version {
            self.seqs.insert(message.id, message.seq);
        }
        let texts = message.reactions.iter().map(|kept| kept.reaction.clone());
        let answers = message.assignees.iter().filter_map(|kept| {
            let kind: AnswerKind = kept.answer.as_deref()?.parse().ok()?;
            Some(kind.with_note(kept.note.as_deref()))
        });
        self.said.extend(texts.chain(answers).map(|text| (TextHash::of(&text).0, text)));
        if !message.revisions.is_empty() {
            let all = message.revisions.iter().map(|(_, content, _)| content).chain([&message.content]);
            self.said.extend(all.map(|content| (TextHash::of(content).0, content.clone())));
        }
    }

    async fn page(&mut self) -> Result<Vec<Line>, SourceError> {
        let mut page = self.reader.message_trails(self.ask.channel, self.seq, PAGE).await?;
        let until = self.chain.version;
        let has_more = page.last().is_some_and(|last| last.first_version <= until);
        page.retain(|message| message.first_version <= until);
        let mut lines = Vec::new();
        for message in &page {
            self.remember(message);
            self.seq = message.seq;
            if message.first_version > self.chain.since {
                self.notes_before(message.first_version, &mut lines)?;
                let entry = self.sent(message)?;
                lines.push(self.line(&entry, |source| source.sent_line(message, &entry)));
            }
        }
        if !has_more {
            self.notes_before(i64::MAX, &mut lines)?;
            self.step = Step::Done;
        }
        let readers = lines.iter().flat_map(people).collect::<HashSet<_>>();
        self.learn(readers.into_iter()).await?;
        for line in &mut lines {
            self.call_by_name(line);
        }
        Ok(lines)
    }

    fn notes_before(&mut self, version: i64, lines: &mut Vec<Line>) -> Result<(), SourceError> {
        while self.notes.front().is_some_and(|noted| noted.version < version) {
            let Some(noted) = self.notes.pop_front() else { break };
            let entry = noted.entry.ok_or(SourceError::Unreadable(noted.version))?;
            let line = self.line(&entry, |source| match entry.what {
                What::Created { detail } => Told::Created { hash: hex(&detail.0), detail: noted.detail.clone() },
                What::Changed { detail } => {
                    Told::Changed { hash: hex(&detail.0), detail: source.changes.get(&noted.version).cloned() }
                }
                What::Edited { message_id, content } => {
                    let (seq, said) = (source.seqs.get(&message_id).copied(), source.said.get(&content.0).cloned());
                    Told::Edited { message_id, seq, hash: hex(&content.0), content: said }
                }
                What::Reacted { message_id, reaction, set } => Told::Reacted {
                    message_id,
                    seq: source.seqs.get(&message_id).copied(),
                    set,
                    hash: hex(&reaction.0),
                    reaction: source.said.get(&reaction.0).cloned(),
                },
                What::Answered { message_id, answer } => Told::Answered {
                    message_id,
                    seq: source.seqs.get(&message_id).copied(),
                    hash: hex(&answer.0),
                    answer: source.said.get(&answer.0).cloned(),
                },
                What::Overdue { message_id } => {
                    Told::Overdue { message_id, seq: source.seqs.get(&message_id).copied() }
                }
                What::Deleted { message_id } | What::Sent { message_id, .. } => {
                    Told::Deleted { message_id, seq: source.seqs.get(&message_id).copied() }
                }
            });
            lines.push(line);
        }
        Ok(())
    }

    fn line(&self, entry: &Entry, what: impl FnOnce(&Self) -> Told) -> Line {
        if !self.ask.covers(entry.at) {
            return Line::Link { version: entry.version, entry: hex(&entry.bytes()) };
        }
        let Entry { version, at, by, .. } = *entry;
        Line::Entry(Box::new(EntryLine { version, at: time(at), by, by_name: None, what: what(self) }))
    }

    fn sent(&self, message: &MessageTrail) -> Result<Entry, SourceError> {
        sent::entry(message, self.ask.channel).map_err(|_| SourceError::Unreadable(message.first_version))
    }

    fn sent_line(&self, message: &MessageTrail, entry: &Entry) -> Told {
        let first = message.revisions.first().map_or(&message.content, |(_, content, _)| content);
        let told = marks::Told { seq: message.seq, version: entry.version, sender: entry.by };
        let readers = |marks: Vec<(DateTime<Utc>, UserId)>| {
            marks.into_iter().map(|(at, user_id)| ReaderLine { user_id, name: None, at: time(at) }).collect()
        };
        Told::Sent(Box::new(SentLine {
            message_id: message.id,
            client_id: message.client_id,
            seq: message.seq,
            digest: hex(&message.digest),
            content: message.erased_at.is_none().then(|| first.clone()),
            content_type: message.content_type.clone(),
            reply_to_id: message.reply_to_id,
            attachment_ids: message.attachment_ids.clone().unwrap_or_default(),
            mention_ids: message.mention_ids.clone().unwrap_or_default(),
            instruction: message.instruction.as_ref().map(|asked| AskLine::of(asked, &message.assignees)),
            instruction_hash: message.instruction_hash.as_deref().map(hex),
            files_hash: message.files_hash.as_deref().map(hex),
            attachments: message.attachments.clone(),
            received_by: readers(self.marks.received_by(told)),
            read_by: readers(self.marks.read_by(told)),
        }))
    }

    /// What these are called now.
    async fn learn(&mut self, users: impl Iterator<Item = UserId>) -> Result<(), StoreError> {
        let unknown: HashSet<UserId> = users.filter(|user| !self.names.contains_key(user)).collect();
        if !unknown.is_empty() {
            let users = self.reader.users(unknown.into_iter().collect()).await?;
            self.names.extend(users.into_iter().map(|user| (user.id, user.name)));
        }
        Ok(())
    }

    fn name(&self, user: Option<UserId>) -> Option<String> {
        self.names.get(&user?).cloned()
    }

    fn call_by_name(&self, line: &mut Line) {
        let Line::Entry(entry) = line else { return };
        entry.by_name = self.name(entry.by);
        if let Told::Sent(sent) = &mut entry.what {
            let readers = sent.received_by.iter_mut().chain(&mut sent.read_by);
            readers.for_each(|reader| reader.name = self.name(Some(reader.user_id)));
        }
    }
}

/// Whose names a line needs.
fn people(line: &Line) -> Vec<UserId> {
    let Line::Entry(entry) = line else { return Vec::new() };
    let readers: Vec<UserId> = match &entry.what {
        Told::Sent(sent) => sent.received_by.iter().chain(&sent.read_by).map(|reader| reader.user_id).collect(),
        _ => Vec::new(),
    };
    entry.by.into_iter().chain(readers).collect()
}

fn span(since: i64, before: &Journal, end: &Journal) -> Span {
    let (after_head, head) = (hex(&before.head.0), hex(&end.head.0));
    Span { since, after: before.number, after_head, until: end.number, head }
}
