//! What is kept and for how long, as the host application's server sets it and is told of it.

use serde::Serialize;

use super::error::Refusal;
use super::fields::Fields;
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::retention::{MAX_DAYS, Retention};

/// How long a channel keeps its messages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Retention)]
pub struct RetentionBody {
    /// Whole days. Null: the daemon's setting decides.
    #[schema(required, minimum = 1, maximum = 36500)]
    pub days: Option<i32>,
    /// Nothing is erased, whatever else says so.
    pub legal_hold: bool,
}

impl From<Retention> for RetentionBody {
    fn from(Retention { days, legal_hold }: Retention) -> Self {
        Self { days, legal_hold }
    }
}

/// What was erased of a user.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErasedUser {
    pub user: UserId,
    pub messages: usize,
    /// Channels under a legal hold, in which they have spoken: there nothing was erased.
    pub held: Vec<ChannelId>,
}

/// What the daemon's journal has of an export of a user.
#[derive(Debug, Serialize)]
pub struct ExportedUser {
    pub user: UserId,
}

/// Both at once, so that nobody sets one without knowing the other.
pub fn parse_retention_body(body: &[u8]) -> Result<Retention, Refusal> {
    let fields = Fields::parse(body)?;
    let days = if fields.value("days").is_some() {
        let days = fields.count("days").ok().and_then(|days| i32::try_from(days).ok());
        let days = days.filter(|days| (1..=MAX_DAYS).contains(days));
        Some(days.ok_or_else(|| Refusal::invalid(format!("days must be null or a whole number from 1 to {MAX_DAYS}")))?)
    } else {
        None
    };
    let hold = fields.value("legalHold").and_then(serde_json::Value::as_bool);
    let legal_hold = hold.ok_or_else(|| Refusal::invalid("legalHold must be true or false"))?;
    Ok(Retention { days, legal_hold })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_given_and_within_bounds() {
        let parsed = |text: &str| parse_retention_body(text.as_bytes()).map_err(|refusal| refusal.message);
        assert_eq!(parsed(r#"{"days":30,"legalHold":false}"#), Ok(Retention { days: Some(30), legal_hold: false }));
        assert_eq!(parsed(r#"{"legalHold":false}"#), Ok(Retention::default()));
        assert_eq!(parsed(r#"{"days":7.0,"legalHold":false}"#).map(|it| it.days), Ok(Some(7)));
        assert_eq!(parsed(r#"{"days":null,"legalHold":true}"#), Ok(Retention { days: None, legal_hold: true }));
        for (bad, word) in [
            (r#"{"days":0,"legalHold":true}"#, "1 to 36500"),
            (r#"{"days":36501,"legalHold":true}"#, "1 to 36500"),
            (r#"{"days":"7","legalHold":true}"#, "1 to 36500"),
            (r#"{"days":1.5,"legalHold":true}"#, "1 to 36500"),
            (r#"{"days":7}"#, "legalHold"),
            (r#"{"days":7,"legalHold":"yes"}"#, "legalHold"),
        ] {
            assert!(parsed(bad).unwrap_err().contains(word), "{bad}");
        }
    }
}
