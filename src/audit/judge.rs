//! Judges one channel: whether what the database says of its past is what its trail was made of.
//!
//! Pure, and told everything in order: [`Judge::new`] with all but the messages, [`Judge::message`] for each of these,
//! [`Judge::finish`] at last. What came after the head that it began with is none of its business. Believes nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, Utc};

use super::files;
use super::finding::{Finding, Place};
use super::instructed;
use super::members::Founded;
use super::remains;
use super::sent;
use super::touches;
use crate::domain::audit::{Chain, Entry, Head, TextHash, What};
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::message::{Beside, SendDigest};
use crate::domain::retention::ErasedDetail;
use crate::domain::trail::{ChannelTrail, LoggedChange, MessageTrail};

/// A head that was signed at some time, and must still be what the entries up to its version come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub since: i64,
    pub version: i64,
    pub head: Head,
}

/// What a channel was found to be.
#[derive(Debug, Default)]
pub struct Verdict {
    pub findings: Vec<Finding>,
    pub entries: i64,
    /// The version after which its trail begins, where that is not at its beginning.
    pub since: Option<i64>,
}

#[derive(Debug)]
pub struct Judge {
    id: ChannelId,
    /// What the database says that all of it comes to.
    told: Option<Chain>,
    /// What it does come to.
    found: Chain,
    /// Entries that are no new messages, and what they say of whom. The front is the next one.
    notes: VecDeque<Entry>,
    of_messages: HashMap<MessageId, Vec<Entry>>,
    claims: BTreeMap<i64, Vec<Claim>>,
    last_seq: i64,
    expected_last_seq: Option<i64>,
    latest: i64,
    findings: Vec<Finding>,
    entries: i64,
    /// Messages of which nothing is kept: their number, their version and since when.
    erased: Vec<(i64, i64, Option<DateTime<Utc>>)>,
}

impl Judge {
    pub fn new(trail: &ChannelTrail, claims: &[Claim]) -> Self {
        let since = trail.chain.map_or(-1, |chain| chain.since);
        let mut judge = Self {
            id: trail.id,
            told: trail.chain,
            found: Chain { since, version: since, head: Head::NONE },
            notes: VecDeque::new(),
            of_messages: HashMap::new(),
            claims: BTreeMap::new(),
            last_seq: 0,
            expected_last_seq: trail.channel.as_ref().map(|channel| channel.last_seq),
            latest: 0,
            findings: Vec::new(),
            entries: 0,
            erased: Vec::new(),
        };
        for claim in claims {
            judge.claims.entry(claim.version).or_default().push(*claim);
        }
        judge.begin(trail);
        judge
    }

    /// The version up to which the past is judged; `None` where there is no trail.
    pub fn until(&self) -> Option<i64> {
        self.told.map(|chain| chain.version)
    }

    fn begin(&mut self, trail: &ChannelTrail) {
        let since = self.found.since;
        if trail.channel.is_none() {
            self.say(None, "the channel itself is gone");
        }
        let version = trail.channel.as_ref().map_or(0, |channel| channel.version);
        match &self.told {
            None if version > 0 && (!trail.entries.is_empty() || !self.claims.is_empty()) => {
                self.say(None, "the head of its trail is gone");
            }
            Some(chain) if trail.channel.is_some() && chain.version != version => {
                let text = format!("the channel is at version {version}, its trail ends at {}", chain.version);
                self.say(Some(chain.version), text);
            }
            _ => {}
        }
        for noted in &trail.entries {
            let Some(entry) = noted.entry else {
                self.say(Some(noted.version), "an entry whose columns make none");
                continue;
            };
            if noted.detail.is_some() != matches!(entry.what, What::Created { .. }) {
                self.say(Some(noted.version), "the text of an entry is not what it was");
            }
            match entry.what {
                What::Edited { message_id, .. }
                | What::Deleted { message_id }
                | What::Reacted { message_id, .. }
                | What::Answered { message_id, .. }
                | What::Overdue { message_id } => {
                    self.of_messages.entry(message_id).or_default().push(entry);
                }
                _ => {}
            }
            self.notes.push_back(entry);
        }
        self.log(&trail.changes, since);
        let founding = trail.entries.first().filter(|noted| noted.version == 0);
        match (founding.and_then(|noted| noted.entry.map(|entry| (entry, noted.detail.as_deref()))), &trail.channel) {
            (Some((entry, detail)), Some(channel)) => {
                if since != -1 {
                    self.say(Some(since), "the trail is said to begin here, and there is an older entry");
                }
                let told = Founded::of(&entry, detail).and_then(|mut founded| {
                    trail.changes.iter().for_each(|change| founded.follow(change));
                    founded.compare(channel, trail)
                });
                for text in told.err().into_iter().flatten() {
                    self.say(None, text);
                }
            }
            (None, Some(_)) if self.told.is_some() && since < 0 => {
                self.say(Some(0), "the entry of its making is gone");
            }
            _ => {}
        }
    }

    /// Each line of the log of changes has its entry, and each such entry its line.
    fn log(&mut self, changes: &[LoggedChange], since: i64) {
        let mut logged: BTreeMap<i64, &LoggedChange> =
            changes.iter().filter(|change| change.version > since).map(|change| (change.version, change)).collect();
        let noted: Vec<Entry> = self.notes.iter().copied().collect();
        for entry in noted {
            let What::Changed { detail } = entry.what else { continue };
            match logged.remove(&entry.version) {
                None => self.say(Some(entry.version), "the log has no such change any more"),
                Some(line) => {
                    if TextHash::of(&line.detail) != detail || line.change.is_none() {
                        self.say(Some(entry.version), "the change is not the one that was made");
                    }
                    if (line.by, line.at) != (entry.by, entry.at) {
                        self.say(Some(entry.version), "who made the change, or when, is not what it was");
                    }
                }
            }
        }
        for version in logged.into_keys() {
            self.say(Some(version), "a change that nobody made");
        }
    }

    /// The next message, by `seq`.
    pub fn message(&mut self, message: &MessageTrail) {
        let Some(until) = self.until() else { return };
        let version = message.first_version;
        self.latest = self.latest.max(message.version).max(version);
        if version > until {
            return;
        }
        if message.seq != self.last_seq + 1 {
            self.say(Some(version), format!("message {} follows on {}", message.seq, self.last_seq));
        }
        self.last_seq = message.seq;
        self.states(message, until);
        if version <= self.found.since {
            return;
        }
        while let Some(entry) = self.notes.front().copied().filter(|entry| entry.version < version) {
            self.notes.pop_front();
            self.add(&entry);
        }
        match sent::entry(message, self.id) {
            Ok(entry) => self.add(&entry),
            Err(fault) => self.say(Some(version), fault),
        }
    }

    /// What a message says, has said, and became, against the entries of that.
    fn states(&mut self, message: &MessageTrail, until: i64) {
        if message.erased_at.is_some() {
            self.erased.push((message.seq, message.version, message.erased_at));
            let notes = self.of_messages.remove(&message.id).unwrap_or_default();
            let judged = (message.version <= until).then_some((notes.as_slice(), self.found.since));
            for fault in remains::faults(message, self.id, judged) {
                self.say(Some(message.version), fault);
            }
            return;
        }
        let since = self.found.since;
        let attachments = message.attachment_ids.as_deref().unwrap_or_default();
        let ask = instructed::asked(message);
        let mentions = message.mention_ids.as_deref().unwrap_or_default();
        let beside = Beside { attachments, mentions, ask: ask.as_ref() };
        let mut said: Vec<(i64, &str, DateTime<Utc>)> =
            message.revisions.iter().map(|(version, content, at)| (*version, content.as_str(), *at)).collect();
        let last = message.updated_at.unwrap_or(message.created_at);
        if message.deleted_at.is_none() {
            said.push((touches::says_since(message), &message.content, last));
        } else if message.revisions.last().is_some_and(|(_, content, _)| *content != message.content) {
            self.say(Some(message.version), "a deleted message says something else than before");
        }
        if message.revisions.iter().any(|(version, ..)| *version >= message.version) {
            self.say(Some(message.version), "what a message said before is of a later version");
        }
        if said.is_empty() {
            self.say(Some(message.version), "what a deleted message said is gone");
        }
        if !files::are_as_sent(message) {
            self.say(Some(message.first_version), "the files of a message are not those that it was sent with");
        }
        if !instructed::is_as_sent(message, self.id) {
            self.say(
                Some(message.first_version),
                "a message asks for something else, or of others, than it was sent with",
            );
        }
        if message.mention_ids.is_none() {
            self.say(Some(message.first_version), "whom a message names is no list");
        }
        let all_notes = self.of_messages.remove(&message.id).unwrap_or_default();
        let mut notes = all_notes.iter().copied().filter(|entry| !touches::is_touch(entry));
        let mut last_edit: Option<Entry> = None;
        for (index, (version, content, at)) in said.iter().copied().enumerate() {
            if version > until {
                break;
            }
            if index == 0 {
                let is_older = message.first_version <= since && message.version != message.first_version;
                let digest = SendDigest::of(self.id, &message.content_type, message.reply_to_id, content, beside);
                if !is_older && digest.0.as_slice() != message.digest {
                    self.say(Some(version), "a message says something else than it was sent with");
                }
                if !is_older && (version, at) != (message.first_version, message.created_at) {
                    self.say(Some(version), "what a message first said is of another time");
                }
                continue;
            }
            if version <= since {
                continue;
            }
            match notes.next().map(|entry| (entry, entry.what)) {
                Some((entry, What::Edited { content: hash, .. })) => {
                    if (entry.version, entry.at, hash) != (version, at, TextHash::of(content)) {
                        self.say(Some(version), "an edit says something else than it did, or at another time");
                    }
                    last_edit = Some(entry);
                }
                _ => self.say(Some(version), "an edit that nobody made"),
            }
        }
        let left: Vec<Entry> = notes.collect();
        if message.version > until {
            return;
        }
        let deletion = match left.as_slice() {
            [] => None,
            [entry] if matches!(entry.what, What::Deleted { .. }) => Some(*entry),
            _ => {
                self.say(Some(message.version), "an edit or a deletion of a message is not there any more");
                return;
            }
        };
        for fault in touches::faults(message, &all_notes, since) {
            self.say(Some(message.version), fault);
        }
        self.last_change(message, &all_notes, deletion, last_edit);
    }

    /// By whom and when a message was edited and deleted last, against the entries of that.
    fn last_change(
        &mut self,
        message: &MessageTrail,
        notes: &[Entry],
        deletion: Option<Entry>,
        last_edit: Option<Entry>,
    ) {
        let since = self.found.since;
        let last_note = deletion.or(last_edit);
        if message.version <= since {
            return;
        }
        let touched = notes.iter().rev().find(|entry| touches::is_touch(entry));
        let last = last_note.iter().chain(touched).map(|entry| entry.version).max();
        let expected = last.unwrap_or(message.first_version);
        if message.version != expected {
            self.say(Some(message.version), format!("a message's last change is of version {expected}"));
        }
        let is_covered = message.first_version > since;
        let deleted = deletion.map(|entry| (entry.at, entry.by));
        if deleted.map(|it| it.0) != message.deleted_at || deleted.and_then(|it| it.1) != message.deleted_by {
            self.say(Some(message.version), "who deleted a message, or when, is not what it was");
        }
        let edit = last_edit.map(|entry| (entry.at, entry.by));
        if (is_covered || edit.is_some())
            && (edit.map(|it| it.0) != message.updated_at || edit.and_then(|it| it.1) != message.updated_by)
        {
            self.say(Some(message.version), "who edited a message, or when, is not what it was");
        }
    }

    fn add(&mut self, entry: &Entry) {
        let expected = self.found.version + 1;
        match entry.version {
            version if version > expected => {
                self.say(Some(version), format!("nothing is there of versions {expected} to {}", version - 1));
            }
            version if version < expected => self.say(Some(version), "a second entry of one version"),
            _ => {}
        }
        self.found.add(entry);
        self.entries += 1;
        for claim in self.claims.remove(&entry.version).into_iter().flatten() {
            if (claim.since, claim.head) != (self.found.since, self.found.head) {
                self.say(Some(entry.version), "what was signed at this version is not what is there");
            }
        }
    }

    /// `latest`: the channel's version now; `erasures`: what its journal says was erased.
    pub fn finish(mut self, latest: i64, erasures: &[(DateTime<Utc>, ErasedDetail)]) -> Verdict {
        for (seq, version, since) in std::mem::take(&mut self.erased) {
            if !erasures.iter().any(|(at, detail)| Some(*at) == since && detail.has(seq)) {
                self.say(
                    Some(version),
                    format!("message {seq} was erased, and its journal does not say so of that time"),
                );
            }
        }
        while let Some(entry) = self.notes.pop_front() {
            self.add(&entry);
        }
        if let Some(told) = self.told {
            if (told.version, told.head) != (self.found.version, self.found.head) {
                let text = format!("its entries do not come to its head (version {})", told.version);
                self.say(Some(self.found.version), text);
            }
            if self.latest > latest {
                self.say(Some(self.latest), format!("a message has a version that the channel, at {latest}, has not"));
            }
            if self.expected_last_seq.is_some_and(|seq| seq != self.last_seq) {
                self.say(None, format!("its newest message is {}, and not the last one that it counts", self.last_seq));
            }
        }
        for message in std::mem::take(&mut self.of_messages).into_keys() {
            self.say(None, format!("message {message} was changed once, and is not there"));
        }
        for claim in std::mem::take(&mut self.claims).into_values().flatten() {
            self.say(Some(claim.version), "it was signed up to this version, and does not come that far");
        }
        let since = self.told.map(|chain| chain.since).filter(|since| *since >= 0);
        Verdict { findings: self.findings, entries: self.entries, since }
    }

    fn say(&mut self, version: Option<i64>, text: impl Into<String>) {
        self.findings.push(Finding { place: Place::Channel(self.id), number: version, text: text.into() });
    }
}
