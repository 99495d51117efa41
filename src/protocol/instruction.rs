//! Instructions on the wire: what a send asks for, what is answered, and how a message shows both.

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;

use super::error::Refusal;
use super::fields::Fields;
use super::time;
use crate::domain::ids::UserId;
use crate::domain::instruction::{Answer, AnswerKind, Ask, FURTHEST, Instruction, MAX_ASSIGNEES, parse_note};

/// The `instruction` of a send, whatever time it is.
pub(super) fn ask(fields: &Fields) -> Result<Option<Ask>, Refusal> {
    let Some(own) = fields.object("instruction")?.map(|map| Fields::of(map.clone())) else { return Ok(None) };
    let deadline = own.optional_text("deadline").map_err(within)?;
    let deadline = deadline.map(|text| {
        let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc().trunc_subsecs(3));
        time.map_err(|_| {
            Refusal::invalid("instruction: deadline must be a time of RFC 3339, such as 2026-01-31T12:00:00Z")
        })
    });
    let assignee_ids = own.distinct_users("assigneeIds", MAX_ASSIGNEES).map_err(within)?;
    if assignee_ids.as_ref().is_some_and(Vec::is_empty) {
        return Err(Refusal::invalid("instruction: assigneeIds is empty; leave it out for all other members"));
    }
    Ok(Some(Ask { deadline: deadline.transpose()?, assignee_ids }))
}

fn within(mut refusal: Refusal) -> Refusal {
    refusal.message.insert_str(0, "instruction: ");
    refusal
}

/// Whether a message that is sent now may ask for this.
pub(super) fn check_time(ask: &Ask, now: DateTime<Utc>) -> Result<(), Refusal> {
    match ask.deadline {
        Some(deadline) if deadline <= now => Err(Refusal::invalid("instruction: deadline has passed already")),
        Some(deadline) if deadline - now > FURTHEST => {
            Err(Refusal::invalid("instruction: deadline is more than a year away"))
        }
        _ => Ok(()),
    }
}

/// What an `answer` says.
pub(super) fn answer(fields: &Fields) -> Result<(AnswerKind, Option<String>), Refusal> {
    let kind = fields.parsed("answer")?;
    let note = fields.optional_text("note")?.map(parse_note).transpose();
    Ok((kind, note.map_err(|error| Refusal::invalid(format!("note {error}")))?.flatten()))
}

/// The same, as the REST call has it.
pub fn parse_answer_body(body: &[u8]) -> Result<(AnswerKind, Option<String>), Refusal> {
    answer(&Fields::parse(body)?)
}

/// What a message asks for, and what was answered.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Instruction)]
pub struct InstructionBody {
    #[serde(with = "time::option")]
    #[schema(required)]
    pub deadline: Option<DateTime<Utc>>,
    pub assignee_ids: Vec<UserId>,
    /// When the deadline was found to have passed without an answer of everybody.
    #[serde(with = "time::option")]
    #[schema(required)]
    pub overdue_at: Option<DateTime<Utc>>,
    /// The last one of each, in the order in which they were given.
    pub answers: Vec<AnswerBody>,
}

#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Answer)]
pub struct AnswerBody {
    pub user_id: UserId,
    pub answer: AnswerKind,
    #[schema(required)]
    pub note: Option<String>,
    #[serde(with = "time")]
    pub at: DateTime<Utc>,
}

impl From<Instruction> for InstructionBody {
    fn from(of: Instruction) -> Self {
        let answer = |Answer { user_id, answer, note, at }| AnswerBody { user_id, answer, note, at };
        Self {
            deadline: of.deadline,
            assignee_ids: of.assignee_ids,
            overdue_at: of.overdue_at,
            answers: of.answers.into_iter().map(answer).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Option<Ask>, String> {
        ask(&Fields::parse(text.as_bytes()).unwrap()).map_err(|refusal| refusal.message)
    }

    #[test]
    fn an_instruction_says_what_is_wrong_with_it() {
        assert_eq!(asked("{}"), Ok(None));
        assert_eq!(asked(r#"{"instruction":{}}"#), Ok(Some(Ask::default())));
        let both =
            asked(r#"{"instruction":{"deadline":"2026-03-01T10:00:00.1239+01:00","assigneeIds":["a","b","a"]}}"#);
        let both = both.unwrap().unwrap();
        assert_eq!(both.deadline.unwrap().to_rfc3339(), "2026-03-01T09:00:00.123+00:00");
        assert_eq!(both.assignee_ids, Some(vec![UserId::from_external("a"), UserId::from_external("b")]));
        for (text, word) in [
            (r#"{"instruction":7}"#, "object"),
            (r#"{"instruction":{"deadline":"tomorrow"}}"#, "RFC 3339"),
            (r#"{"instruction":{"deadline":7}}"#, "instruction: deadline"),
            (r#"{"instruction":{"assigneeIds":"a"}}"#, "instruction: assigneeIds"),
            (r#"{"instruction":{"assigneeIds":[]}}"#, "empty"),
        ] {
            assert!(asked(text).unwrap_err().contains(word), "{text}");
        }
    }

    #[test]
    fn a_deadline_is_ahead_and_within_a_year() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let within = |deadline| check_time(&Ask { deadline: Some(deadline), assignee_ids: None }, now).is_ok();
        assert!(!within(now));
        assert!(within(now + chrono::TimeDelta::milliseconds(1)));
        assert!(within(now + FURTHEST));
        assert!(!within(now + FURTHEST + chrono::TimeDelta::milliseconds(1)));
        assert!(check_time(&Ask::default(), now).is_ok());
    }

    #[test]
    fn an_answer_is_a_word_with_a_note_or_without() {
        let body = |text: &str| parse_answer_body(text.as_bytes()).map_err(|refusal| refusal.message);
        assert_eq!(body(r#"{"answer":"done"}"#), Ok((AnswerKind::Done, None)));
        assert_eq!(body(r#"{"answer":"declined","note":"ill"}"#), Ok((AnswerKind::Declined, Some("ill".to_owned()))));
        for (text, word) in
            [("{}", "answer"), (r#"{"answer":"maybe"}"#, "declined"), (r#"{"answer":"done","note":7}"#, "note")]
        {
            assert!(body(text).unwrap_err().contains(word), "{text}");
        }
        let long = format!(r#"{{"answer":"done","note":"{}"}}"#, "x".repeat(1001));
        assert!(body(&long).unwrap_err().contains("1000"));
    }
}
