//! What a whole history comes to before any of it is stored: who and what it names, and whether its lines fit together.
//!
//! Pure, filled by the first reading of the file. What is in the database already is judged by the caller.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, Utc};

use super::line::{Line, Said};
use crate::domain::ids::{ChannelId, MessageId, UserId};

/// What is said of a file that is wrong, at most, in lines.
const MOST_PROBLEMS: usize = 20;

/// A channel of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Group {
        name: String,
        member_ids: Vec<String>,
    },
    Direct([String; 2]),
    /// Not described: it has to be there.
    Named,
}

/// What is known of a channel.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) kind: Kind,
    /// The line that names it first.
    pub(super) line: usize,
    /// Who speaks in it.
    pub(super) senders: BTreeSet<String>,
    last_at: Option<DateTime<Utc>>,
    /// What its messages become. For a direct channel, whose own id is not known yet, by the id that it would have as a group.
    ids: HashSet<MessageId>,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Names by id.
    pub(super) users: BTreeMap<String, String>,
    pub(super) channels: BTreeMap<String, Place>,
    pub(super) messages: usize,
    pub(super) problems: Problems,
    /// There is one direct channel a pair, whatever it is called: the line that describes it.
    pairs: BTreeMap<[UserId; 2], usize>,
}

/// The first things that are wrong, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Problems {
    lines: Vec<String>,
    count: usize,
}

impl Problems {
    pub(super) fn add(&mut self, line: usize, what: &str) {
        self.count += 1;
        if self.lines.len() < MOST_PROBLEMS {
            self.lines.push(format!("line {line}: {what}"));
        }
    }

    /// None: nothing is wrong.
    pub(super) fn text(&self) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        let mut lines = self.lines.clone();
        if self.count > lines.len() {
            lines.push(format!("and {} more", self.count - lines.len()));
        }
        Some(lines.join("\n"))
    }
}

impl Plan {
    /// Takes one line in. `latest`: no message was sent after that.
    pub(super) fn add(&mut self, number: usize, line: Result<Line, String>, latest: DateTime<Utc>) {
        let judged = match line {
            Ok(Line::User { id, name }) => {
                self.users.insert(id, name);
                Ok(())
            }
            Ok(Line::Group { id, name, member_ids }) => self.describe(number, &id, Kind::Group { name, member_ids }),
            Ok(Line::Direct { id, pair }) => self.describe(number, &id, Kind::Direct(pair)),
            Ok(Line::Message(said)) => self.say(number, said, latest),
            Err(what) => Err(what),
        };
        if let Err(what) = judged {
            self.problems.add(number, &what);
        }
    }

    fn describe(&mut self, line: usize, id: &str, kind: Kind) -> Result<(), String> {
        if let Some(place) = self.channels.get(id) {
            return Err(match place.kind {
                Kind::Named => format!("channel `{id}` is described after its first message, on line {}", place.line),
                _ => format!("channel `{id}` was described before, on line {}", place.line),
            });
        }
        if let Kind::Direct(pair) = &kind {
            let mut ids = pair.each_ref().map(|id| UserId::from_external(id));
            ids.sort_unstable();
            if let Some(other) = self.pairs.insert(ids, line) {
                return Err(format!("the direct channel of these two was described before, on line {other}"));
            }
        }
        self.channels.insert(id.to_owned(), Place::new(kind, line));
        Ok(())
    }

    fn say(&mut self, line: usize, said: Said, latest: DateTime<Utc>) -> Result<(), String> {
        let Said { id, channel_id, sender_id, reply_to_id, created_at, .. } = said;
        let place = self.channels.entry(channel_id.clone()).or_insert_with(|| Place::new(Kind::Named, line));
        if created_at > latest {
            return Err(format!("createdAt: {} is in the future", created_at.to_rfc3339()));
        }
        if let Some(last) = place.last_at.filter(|last| created_at < *last) {
            return Err(format!(
                "createdAt: {} is before {}, of the message before it in channel `{channel_id}`; the messages of a channel come in the order of \
                 their times",
                created_at.to_rfc3339(),
                last.to_rfc3339()
            ));
        }
        if let Kind::Direct(pair) = &place.kind
            && !pair.contains(&sender_id)
        {
            return Err(format!("senderId: `{sender_id}` is not one of the two in direct channel `{channel_id}`"));
        }
        let of = ChannelId::from_external(&channel_id);
        if let Some(reply_to) = reply_to_id.filter(|to| !place.ids.contains(&MessageId::imported(of, to))) {
            return Err(format!("replyToId: `{reply_to}` is no message before it in channel `{channel_id}`"));
        }
        if !place.ids.insert(MessageId::imported(of, &id)) {
            return Err(format!("id: `{id}` is the id of another message in channel `{channel_id}`"));
        }
        place.last_at = Some(created_at);
        place.senders.insert(sender_id);
        self.messages += 1;
        Ok(())
    }
}

impl Place {
    fn new(kind: Kind, line: usize) -> Self {
        Self { kind, line, senders: BTreeSet::new(), last_at: None, ids: HashSet::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(lines: &[&str]) -> Plan {
        let mut plan = Plan::default();
        let latest = "2025-01-01T00:00:00Z".parse().unwrap();
        for (line, number) in lines.iter().zip(1..) {
            plan.add(number, Line::parse(line, 100), latest);
        }
        plan
    }

    fn message(id: &str, channel: &str, at: &str, more: &str) -> String {
        format!(
            r#"{{"type":"message","id":"{id}","channelId":"{channel}","senderId":"ana","content":"x","createdAt":"2024-05-01T{at}Z"{more}}}"#
        )
    }

    const GROUP: &str = r#"{"type":"group","id":"tour","name":"Tour","memberIds":["ana","bo"]}"#;

    #[test]
    fn a_history_that_fits_together_is_counted() {
        let (one, two) =
            (message("1", "tour", "08:00:00", ""), message("2", "tour", "08:00:00", r#","replyToId":"1""#));
        let elsewhere = message("1", "other", "07:00:00", "");
        let plan = plan(&[r#"{"type":"user","id":"ana","name":"Ana"}"#, GROUP, &one, &two, &elsewhere]);
        assert_eq!(plan.problems.text(), None);
        assert_eq!((plan.messages, plan.users.len()), (3, 1));
        assert_eq!(plan.channels["other"].kind, Kind::Named, "ids are those of a channel");
        assert_eq!(plan.channels["tour"].senders, BTreeSet::from(["ana".to_owned()]));
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_line() {
        let late = message("2", "tour", "09:00:00", "");
        for (line, expected) in [
            (message("3", "tour", "08:00:00", ""), "is before 2024-05-01T09:00:00+00:00"),
            (message("2", "tour", "10:00:00", ""), "id: `2` is the id of another message in channel `tour`"),
            (
                message("3", "tour", "10:00:00", r#","replyToId":"9""#),
                "replyToId: `9` is no message before it in channel `tour`",
            ),
            (message("3", "dm", "10:00:00", ""), "senderId: `ana` is not one of the two in direct channel `dm`"),
            (GROUP.to_owned(), "channel `tour` was described before, on line 1"),
            (
                r#"{"type":"group","id":"late","name":"L","memberIds":[]}"#.to_owned(),
                "channel `late` is described after its first message, on line 4",
            ),
            (message("3", "tour", "10:00:00", "").replace("2024", "2026"), "is in the future"),
            (
                r#"{"type":"direct","id":"dm again","memberIds":["cy","bo"]}"#.to_owned(),
                "the direct channel of these two was described before, on line 3",
            ),
            ("nothing".to_owned(), "line 5: no JSON"),
        ] {
            let direct = r#"{"type":"direct","id":"dm","memberIds":["bo","cy"]}"#;
            let plan = plan(&[GROUP, &late, direct, &message("1", "late", "08:00:00", ""), &line]);
            let text = plan.problems.text().unwrap();
            assert!(text.starts_with("line 5: ") && text.contains(expected), "{text}");
        }
    }

    #[test]
    fn not_everything_is_said_that_is_wrong() {
        let plan = plan(&["x"; 25]);
        let text = plan.problems.text().unwrap();
        assert_eq!((text.lines().count(), text.lines().last()), (21, Some("and 5 more")));
    }
}
