//! Judges one journal: whether its records come to its head, and what members have read and received to its records.
//!
//! Pure, and told everything in order: [`JournalJudge::new`], [`JournalJudge::record`] for each record,
//! [`JournalJudge::finish`] at last. What came after the head that it began with is none of its business. Believes nothing.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::finding::{Finding, Place};
use crate::domain::audit::{Head, TextHash};
use crate::domain::ids::{JournalId, UserId};
use crate::domain::journal::{Journal, Kind, ReadUpTo};
use crate::domain::receipt::Reach;
use crate::domain::trail::{JournalTrail, ReadMark, Recorded};

/// A head that was signed at some time, and must still be what the records up to its number come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalClaim {
    pub since: DateTime<Utc>,
    pub number: i64,
    pub head: Head,
}

#[derive(Debug)]
pub struct JournalJudge {
    id: JournalId,
    /// What the database says that all of it comes to.
    told: Option<Journal>,
    /// What it does come to.
    found: Journal,
    marks: Vec<ReadMark>,
    /// What the last record of each reader says, as its hash, and when.
    latest: HashMap<UserId, (TextHash, DateTime<Utc>)>,
    /// The same of what each has received, since they came.
    received: HashMap<UserId, (TextHash, DateTime<Utc>)>,
    claims: BTreeMap<i64, Vec<JournalClaim>>,
    findings: Vec<Finding>,
}

impl JournalJudge {
    pub fn new(trail: JournalTrail, claims: &[JournalClaim]) -> Self {
        let since = trail.journal.map_or(DateTime::UNIX_EPOCH, |journal| journal.since);
        let mut judge = Self {
            id: trail.id,
            told: trail.journal,
            found: Journal::begin(trail.id, since),
            marks: trail.marks,
            latest: HashMap::new(),
            received: HashMap::new(),
            claims: BTreeMap::new(),
            findings: Vec::new(),
        };
        for claim in claims {
            judge.claims.entry(claim.number).or_default().push(*claim);
        }
        judge.compare_claims();
        judge
    }

    /// The number of records that are judged.
    pub fn until(&self) -> i64 {
        self.told.map_or(0, |journal| journal.number)
    }

    pub fn record(&mut self, recorded: &Recorded) {
        if self.told.is_none() {
            if self.findings.is_empty() {
                self.say(None, "the head of its journal is gone");
            }
            return;
        }
        if recorded.number > self.until() {
            return;
        }
        let Some(record) = &recorded.record else {
            return self.say(Some(recorded.number), "a record whose columns make none");
        };
        let expected = self.found.number + 1;
        if record.number != expected {
            let text = format!("nothing is there of records {expected} to {}", record.number - 1);
            self.say(Some(record.number), text);
        }
        if recorded.detail.as_ref().is_some_and(|text| TextHash::of(text) != record.detail) {
            self.say(Some(record.number), "a record says something else than it did");
        }
        match (record.kind, record.by) {
            (Kind::Read, Some(user)) => drop(self.latest.insert(user, (record.detail, record.at))),
            (Kind::Received | Kind::Holds, Some(user)) => {
                self.received.insert(user, (record.detail, record.at));
            }
            (Kind::Joined, Some(user)) => {
                self.latest.insert(user, (record.detail, record.at));
                self.received.remove(&user);
            }
            _ => {}
        }
        self.found.add(record);
        self.compare_claims();
    }

    /// What was signed at the record that was added last.
    fn compare_claims(&mut self) {
        let Journal { since, number, head, .. } = self.found;
        for claim in self.claims.remove(&number).into_iter().flatten() {
            if self.told.is_some() && (claim.since, claim.head) != (since, head) {
                self.say(Some(number), "what was signed at this record is not what is there");
            } else if self.told.is_none() {
                self.say(None, "its journal was signed, and is gone");
            }
        }
    }

    pub fn finish(mut self) -> Vec<Finding> {
        if let Some(told) = self.told
            && told != self.found
        {
            let text = format!("its records do not come to its head (record {})", told.number);
            self.say(Some(self.found.number), text);
        }
        for mark in std::mem::take(&mut self.marks) {
            if !self.is_told(&mark) {
                let text = format!("that {} has read up to {} is not what its journal says", mark.user, mark.seq);
                self.say(None, text);
            }
            if !self.is_received(&mark) {
                let Reach { after, version } = mark.received;
                let text = format!("that {} has received {after} to {version} is not what its journal says", mark.user);
                self.say(None, text);
            }
        }
        for claim in std::mem::take(&mut self.claims).into_values().flatten() {
            self.say(Some(claim.number), "it was signed up to this record, and does not come that far");
        }
        self.findings
    }

    fn is_told(&self, mark: &ReadMark) -> bool {
        let Some((said, at)) = self.latest.get(&mark.user) else {
            // Nothing read since they came, or since there is a journal.
            let is_older = self.told.is_some_and(|told| mark.at < told.since && mark.joined < told.since);
            return (mark.seq, mark.at) == (0, mark.joined) || is_older;
        };
        // By the hash, which tells it also where the words are gone.
        let text = serde_json::to_string(&ReadUpTo { seq: mark.seq });
        *at == mark.at && text.is_ok_and(|text| TextHash::of(&text) == *said)
    }

    /// A row that says nothing at all says nothing false: a release of before may have made it anew.
    fn is_received(&self, mark: &ReadMark) -> bool {
        let Some(at) = mark.received_at else { return mark.received == Reach::default() };
        let text = serde_json::to_string(&mark.received).map(|text| TextHash::of(&text));
        self.received.get(&mark.user).is_some_and(|said| text.is_ok_and(|text| *said == (text, at)))
    }

    fn say(&mut self, number: Option<i64>, text: impl Into<String>) {
        self.findings.push(Finding { place: Place::Journal(self.id), number, text: text.into() });
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::ChannelId;
    use crate::store::note;

    const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(1));

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    /// One who read twice, one who came later, and one who never read.
    fn past() -> (JournalTrail, Vec<Recorded>) {
        let mut journal = Journal::begin(JournalId::of(CHANNEL), at(10));
        let notes = [(1, Kind::Read, 1, 11), (2, Kind::Joined, 3, 12), (1, Kind::Read, 4, 13)];
        let mut records = Vec::new();
        for (who, kind, seq, seconds) in notes {
            let note = note(journal.id, kind, Some(user(who)), at(seconds), &ReadUpTo { seq });
            let record = journal.write(&note);
            records.push(Recorded { number: record.number, record: Some(record), detail: Some(note.detail) });
        }
        let mark = |n, seq, seconds, joined| ReadMark {
            user: user(n),
            seq,
            at: at(seconds),
            joined: at(joined),
            received: Reach::default(),
            received_at: None,
        };
        let mut marks = vec![mark(1, 4, 13, 10), mark(2, 3, 12, 12), mark(3, 0, 10, 10)];
        let reach = Reach { after: 2, version: 9 };
        for (n, kind, reach, seconds) in [
            (0, Kind::Received, Reach { after: 2, version: 7 }, 14),
            (0, Kind::Holds, reach, 15),
            (2, Kind::Received, reach, 16),
        ] {
            let note = note(journal.id, kind, Some(marks[n].user), at(seconds), &reach);
            let record = journal.write(&note);
            records.push(Recorded { number: record.number, record: Some(record), detail: Some(note.detail) });
            (marks[n].received, marks[n].received_at) = (reach, Some(at(seconds)));
        }
        (JournalTrail { id: journal.id, journal: Some(journal), marks }, records)
    }

    fn findings(trail: JournalTrail, records: &[Recorded], claims: &[JournalClaim]) -> Vec<String> {
        let mut judge = JournalJudge::new(trail, claims);
        for record in records {
            judge.record(record);
        }
        judge.finish().into_iter().map(|finding| finding.text).collect()
    }

    fn claim(journal: &Journal) -> JournalClaim {
        JournalClaim { since: journal.since, number: journal.number, head: journal.head }
    }

    #[test]
    fn what_was_written_holds_also_where_its_words_were_erased() {
        let (trail, mut records) = past();
        let signed = [claim(&trail.journal.unwrap())];
        assert_eq!(findings(trail.clone(), &records, &signed), Vec::<String>::new());
        records[0].detail = None;
        records[2].detail = None;
        assert_eq!(findings(trail, &records, &signed), Vec::<String>::new());
    }

    #[test]
    fn a_mark_is_what_the_last_record_of_its_reader_says() {
        for (n, seq, seconds) in [(0, 3, 13), (0, 4, 12), (1, 2, 12), (2, 1, 10), (2, 0, 11)] {
            let (mut trail, records) = past();
            (trail.marks[n].seq, trail.marks[n].at) = (seq, at(seconds));
            assert_eq!(findings(trail, &records, &[]).len(), 1, "{n} {seq} {seconds}");
        }
        let (mut trail, records) = past();
        (trail.marks[2].seq, trail.marks[2].at) = (7, at(9));
        assert_eq!(findings(trail.clone(), &records, &[]).len(), 1, "nobody reads before they come");
        trail.marks[2].joined = at(8);
        assert!(findings(trail, &records, &[]).is_empty(), "read before there was a journal");
    }

    #[test]
    fn what_was_received_is_what_the_last_record_of_its_member_says() {
        let tampered = |n: usize, after, version, seconds: Option<i64>| {
            let (mut trail, records) = past();
            (trail.marks[n].received, trail.marks[n].received_at) = (Reach { after, version }, seconds.map(at));
            findings(trail, &records, &[]).len()
        };
        assert_eq!(tampered(0, 2, 9, Some(15)), 0);
        for (n, after, version, seconds) in [(0, 0, 9, 15), (0, 2, 10, 15), (0, 2, 7, 14), (0, 2, 9, 14), (1, 2, 9, 15)]
        {
            assert_eq!(tampered(n, after, version, Some(seconds)), 1, "{n} {after} {version} {seconds}");
        }
        assert_eq!(tampered(1, 0, 9, None), 1);
        assert_eq!(tampered(0, 0, 0, None), 0, "a row that was made anew");
    }

    #[test]
    fn who_comes_again_has_received_nothing_yet() {
        let (mut trail, mut records) = past();
        let journal = trail.journal.as_mut().unwrap();
        let note = note(journal.id, Kind::Joined, Some(user(3)), at(20), &ReadUpTo { seq: 4 });
        let record = journal.write(&note);
        records.push(Recorded { number: record.number, record: Some(record), detail: Some(note.detail) });
        (trail.marks[2].seq, trail.marks[2].at, trail.marks[2].joined) = (4, at(20), at(20));
        assert_eq!(findings(trail.clone(), &records, &[]).len(), 1);
        (trail.marks[2].received, trail.marks[2].received_at) = (Reach::default(), None);
        assert!(findings(trail, &records, &[]).is_empty());
    }

    #[test]
    fn whatever_is_cut_off_or_gone_is_missed_by_what_was_signed() {
        let (trail, records) = past();
        let signed = [claim(&trail.journal.unwrap())];
        let mut short = Journal::begin(trail.id, at(10));
        records[..2].iter().for_each(|recorded| short.add(&recorded.record.unwrap()));
        let mut cut = JournalTrail { journal: Some(short), ..trail.clone() };
        (cut.marks[0].seq, cut.marks[0].at) = (0, at(10));
        cut.marks.truncate(1);
        assert!(!findings(cut, &records[..2], &signed).is_empty());
        let gone = JournalTrail { journal: None, marks: Vec::new(), ..trail.clone() };
        assert!(!findings(gone.clone(), &records, &[]).is_empty());
        assert!(!findings(gone, &[], &signed).is_empty());
        let later = Journal { since: at(9), ..trail.journal.unwrap() };
        assert!(!findings(JournalTrail { journal: Some(later), ..trail }, &records, &[]).is_empty());
    }
}
