//! Who has received and read which message, and when, by the records of a channel's journal. Pure.
//!
//! Told the records in their order by [`source`](super::source). What was there before somebody came is nothing that they
//! received or read.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::domain::ids::UserId;
use crate::domain::journal::{Kind, ReadUpTo, Record};
use crate::domain::receipt::Reach;

/// What each has received and read.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<UserId, Reader>);

#[derive(Debug, Default)]
struct Reader {
    /// What is up to this number was there before they came last.
    came: i64,
    /// What is up to this number was read before, or was there before they came.
    floor: i64,
    /// After which number, up to which, when; ascending.
    read: Vec<(i64, i64, DateTime<Utc>)>,
    received: Stretches,
}

/// A message, as marks know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) seq: i64,
    /// That of its sending.
    pub(super) version: i64,
    pub(super) sender: Option<UserId>,
}

impl Marks {
    /// The next record, in their order. What says nothing of a mark is passed over.
    pub(super) fn note(&mut self, record: &Record, detail: Option<&str>) {
        let Some((user, text)) = record.by.zip(detail) else { return };
        let reader = self.0.entry(user).or_default();
        match record.kind {
            Kind::Joined => {
                if let Ok(ReadUpTo { seq }) = serde_json::from_str(text) {
                    (reader.came, reader.floor) = (seq, seq);
                }
            }
            Kind::Read => {
                if let Ok(ReadUpTo { seq }) = serde_json::from_str(text)
                    && seq > reader.floor
                {
                    reader.read.push((reader.floor, seq, record.at));
                    reader.floor = seq;
                }
            }
            Kind::Received => {
                if let Ok(reach) = serde_json::from_str(text) {
                    reader.received.add(reach, Since { at: record.at, came: reader.came });
                }
            }
            _ => {}
        }
    }

    /// Who has read it, and when they first had; ascending by time.
    pub(super) fn read_by(&self, told: Told) -> Vec<(DateTime<Utc>, UserId)> {
        self.of(told.sender, |reader| reader.has_read(told))
    }

    /// Who has received it, and since when that is known, also by their having read it; ascending by time.
    pub(super) fn received_by(&self, told: Told) -> Vec<(DateTime<Utc>, UserId)> {
        self.of(told.sender, |reader| {
            let since = reader.received.since(told.version).filter(|since| told.seq > since.came);
            [since.map(|since| since.at), reader.has_read(told)].into_iter().flatten().min()
        })
    }

    /// Of all but the sender.
    fn of(
        &self,
        sender: Option<UserId>,
        when: impl Fn(&Reader) -> Option<DateTime<Utc>>,
    ) -> Vec<(DateTime<Utc>, UserId)> {
        let others = self.0.iter().filter(|(user, _)| sender != Some(**user));
        let mut all: Vec<_> = others.filter_map(|(user, reader)| Some((when(reader)?, *user))).collect();
        all.sort_unstable();
        all
    }
}

impl Reader {
    fn has_read(&self, told: Told) -> Option<DateTime<Utc>> {
        let at = self.read.partition_point(|(_, up_to, _)| *up_to < told.seq);
        self.read.get(at).filter(|(after, ..)| *after < told.seq).map(|(.., at)| *at)
    }
}

/// Versions by since when they are known to have been received, which is when they first were: stretches that do not
/// overlap, by their last version.
#[derive(Debug, Default)]
struct Stretches(BTreeMap<i64, (i64, Since)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Since {
    at: DateTime<Utc>,
    /// What was up to this number was there before they came.
    came: i64,
}

impl Stretches {
    /// What of this is not known already is known since then.
    fn add(&mut self, reach: Reach, since: Since) {
        let mut after = reach.after;
        while after < reach.version {
            let known = self.0.range(after + 1..).next().map(|(last, (first, _))| (*first, *last));
            let (first, last) = known.unwrap_or((i64::MAX, i64::MAX));
            let until = first.min(reach.version);
            if after < until {
                self.0.insert(until, (after, since));
            }
            after = last;
        }
    }

    fn since(&self, version: i64) -> Option<Since> {
        let (_, (after, since)) = self.0.range(version..).next()?;
        (*after < version).then_some(*since)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::audit::TextHash;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn record(kind: Kind, by: UserId, second: i64) -> Record {
        Record { number: second, kind, by: Some(by), at: at(second), detail: TextHash::of("") }
    }

    fn told(seq: i64, sender: Option<UserId>) -> Told {
        Told { seq, version: seq + 10, sender }
    }

    #[test]
    fn who_came_later_has_not_read_what_was_there_before() {
        let [ana, fay] = [1, 2].map(user);
        let mut marks = Marks::default();
        let mut note = |kind, by, seq: i64, second| {
            marks.note(&record(kind, by, second), Some(&format!("{{\"seq\":{seq}}}")));
            at(second)
        };
        let first = note(Kind::Read, ana, 3, 1);
        note(Kind::Joined, fay, 4, 2);
        let second = note(Kind::Read, fay, 6, 3);
        let third = note(Kind::Read, ana, 5, 4);
        let of = |seq, sender| marks.read_by(told(seq, sender));
        assert_eq!(of(2, None), [(first, ana)]);
        assert_eq!(of(4, None), [(third, ana)]);
        assert_eq!(of(5, None), [(second, fay), (third, ana)]);
        assert_eq!(of(5, Some(fay)), [(third, ana)]);
        assert_eq!(of(6, None), [(second, fay)]);
        assert_eq!(of(7, None), []);
    }

    #[test]
    fn a_message_was_received_when_it_first_was_and_not_before_they_came() {
        let [ana, fay] = [1, 2].map(user);
        let mut marks = Marks::default();
        let mut note = |kind, by, detail: &str, second| marks.note(&record(kind, by, second), Some(detail));
        note(Kind::Joined, fay, r#"{"seq":4}"#, 1);
        note(Kind::Received, ana, r#"{"after":12,"version":15}"#, 2);
        note(Kind::Received, fay, r#"{"after":0,"version":16}"#, 3);
        note(Kind::Received, ana, r#"{"after":10,"version":18}"#, 4);
        // Gone, and added again: what she had she has had.
        note(Kind::Joined, ana, r#"{"seq":9}"#, 5);
        note(Kind::Received, ana, r#"{"after":18,"version":20}"#, 6);
        let of = |seq, sender| marks.received_by(told(seq, sender));
        assert_eq!(of(1, None), [(at(4), ana)]);
        assert_eq!(of(3, None), [(at(2), ana)]);
        assert_eq!(of(4, None), [(at(2), ana)], "it was there before fay came");
        assert_eq!(of(5, None), [(at(2), ana), (at(3), fay)]);
        assert_eq!(of(5, Some(ana)), [(at(3), fay)]);
        assert_eq!(of(7, None), [(at(4), ana)]);
        assert_eq!(of(9, None), [], "it was there before she came again");
        assert_eq!(of(10, None), [(at(6), ana)]);
        marks.note(&record(Kind::Read, fay, 7), Some(r#"{"seq":9}"#));
        let of = |seq| marks.received_by(told(seq, Some(ana)));
        assert_eq!((of(6), of(9)), (vec![(at(3), fay)], vec![(at(7), fay)]), "who has read it has received it");
    }

    proptest! {
        #[test]
        fn each_version_is_known_since_it_first_was(all in prop::collection::vec((0..30_i64, 0..9_i64), 0..25)) {
            let (mut stretches, mut first) = (Stretches::default(), BTreeMap::new());
            for (second, (after, length)) in (0..).zip(all) {
                stretches.add(Reach { after, version: after + length }, Since { at: at(second), came: 0 });
                for version in after + 1..=after + length {
                    first.entry(version).or_insert(at(second));
                }
            }
            for version in 0..45 {
                prop_assert_eq!(stretches.since(version).map(|since| since.at), first.get(&version).copied());
            }
        }
    }
}
