//! A message that asks for an answer: of whom, until when, and what they answered.
//!
//! Of the assignees, as far as they are still in the channel: who has given no answer at all is pending; who has neither
//! declined nor is done keeps the instruction open.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::content::TextError;
use super::ids::{ChannelId, MessageId, UserId};

/// The longest note with an answer, in bytes.
pub const MAX_NOTE: usize = 1000;
/// Whom one instruction may name.
pub const MAX_ASSIGNEES: usize = 50;
/// How far away a deadline may be.
pub const FURTHEST: TimeDelta = TimeDelta::days(366);

/// What a send asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    pub deadline: Option<DateTime<Utc>>,
    /// Each once. None: all other members at the moment of the send.
    pub assignee_ids: Option<Vec<UserId>>,
}

/// What is asked, and what was answered so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    pub deadline: Option<DateTime<Utc>>,
    pub assignee_ids: Vec<UserId>,
    /// When the deadline was found to have passed without an answer of everybody.
    pub overdue_at: Option<DateTime<Utc>>,
    /// The last one of each, in the order in which they were given.
    pub answers: Vec<Answer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub user_id: UserId,
    pub answer: AnswerKind,
    pub note: Option<String>,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    Accepted,
    Declined,
    Done,
}

impl AnswerKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Done => "done",
        }
    }

    /// Whether something is still to be done after it.
    pub fn is_open(self) -> bool {
        self == Self::Accepted
    }

    /// Done is done; anything else may be answered anew.
    pub fn is_final(self) -> bool {
        self == Self::Done
    }

    /// What the audit trail has the hash of.
    pub fn with_note(self, note: Option<&str>) -> String {
        format!("{}\n{}", self.as_str(), note.unwrap_or_default())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be accepted, declined or done")]
pub struct InvalidAnswer;

impl FromStr for AnswerKind {
    type Err = InvalidAnswer;

    fn from_str(word: &str) -> Result<Self, InvalidAnswer> {
        [Self::Accepted, Self::Declined, Self::Done].into_iter().find(|it| it.as_str() == word).ok_or(InvalidAnswer)
    }
}

/// A note as it is kept; an empty one is none.
pub fn parse_note(text: &str) -> Result<Option<String>, TextError> {
    if text.contains('\0') {
        return Err(TextError::Nul);
    }
    if text.len() > MAX_NOTE {
        return Err(TextError::TooManyBytes { len: text.len(), max: MAX_NOTE });
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

impl Instruction {
    /// How many of its assignees keep it open.
    pub fn open_count(&self) -> i64 {
        let is_closed = |user: &UserId| self.answers.iter().any(|it| it.user_id == *user && !it.answer.is_open());
        i64::try_from(self.assignee_ids.iter().filter(|user| !is_closed(user)).count()).unwrap_or(i64::MAX)
    }
}

/// Which instructions are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Open,
    /// Open ones whose deadline has passed.
    Overdue,
    All,
}

impl FromStr for Standing {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match word {
            "open" => Self::Open,
            "overdue" => Self::Overdue,
            "all" => Self::All,
            _ => return Err("must be open, overdue or all"),
        })
    }
}

/// One page to be listed, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Listing {
    pub channel: Option<ChannelId>,
    /// Only those that are for this user; of open ones, those that are open for them.
    pub assignee: Option<UserId>,
    pub standing: Standing,
    /// Older than this message.
    pub before: Option<MessageId>,
    pub limit: usize,
    /// Of content, nearly.
    pub bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_of_three_words() {
        for kind in [AnswerKind::Accepted, AnswerKind::Declined, AnswerKind::Done] {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for bad in ["", "Done", "yes"] {
            assert_eq!(bad.parse::<AnswerKind>(), Err(InvalidAnswer));
        }
    }

    #[test]
    fn a_note_is_short_and_an_empty_one_is_none() {
        assert_eq!(parse_note(""), Ok(None));
        assert_eq!(parse_note(" later "), Ok(Some(" later ".to_owned())));
        assert!(parse_note(&"x".repeat(MAX_NOTE)).unwrap().is_some());
        assert_eq!(parse_note(&"ä".repeat(501)), Err(TextError::TooManyBytes { len: 1002, max: MAX_NOTE }));
        assert_eq!(parse_note("a\0"), Err(TextError::Nul));
    }

    #[test]
    fn no_two_answers_have_one_text() {
        let texts = [
            AnswerKind::Accepted.with_note(None),
            AnswerKind::Accepted.with_note(Some("done")),
            AnswerKind::Done.with_note(None),
            AnswerKind::Done.with_note(Some("accepted\n")),
        ];
        let distinct: std::collections::HashSet<&String> = texts.iter().collect();
        assert_eq!(distinct.len(), texts.len());
    }

    #[test]
    fn who_declined_or_is_done_keeps_nothing_open() {
        let [ana, bo, cy] = ["ana", "bo", "cy"].map(UserId::from_external);
        let answer =
            |user_id, answer| Answer { user_id, answer, note: None, at: DateTime::from_timestamp(1, 0).unwrap() };
        let mut it = Instruction { deadline: None, assignee_ids: vec![ana, bo, cy], overdue_at: None, answers: vec![] };
        assert_eq!(it.open_count(), 3);
        it.answers = vec![answer(ana, AnswerKind::Accepted), answer(bo, AnswerKind::Declined)];
        assert_eq!(it.open_count(), 2);
        it.answers = vec![answer(ana, AnswerKind::Done), answer(bo, AnswerKind::Declined)];
        assert_eq!(it.open_count(), 1);
    }
}
