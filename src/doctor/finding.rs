//! What was found: one line of it each, and what to do.

use std::fmt;

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    pub state: State,
    pub text: String,
    /// None where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    Warning,
    Problem,
}

pub(super) fn fine(check: &'static str, text: impl Into<String>) -> Finding {
    Finding { check, state: State::Ok, text: text.into(), advice: None }
}

pub(super) fn warning(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { check, state: State::Warning, text: text.into(), advice: Some(advice.into()) }
}

pub(super) fn problem(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { check, state: State::Problem, text: text.into(), advice: Some(advice.into()) }
}

/// One line, whatever was told.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "problem",
        };
        let line = match &self.advice {
            None => format!("{state:<8} {}: {}", self.check, self.text),
            Some(advice) => format!("{state:<8} {}: {}. Do: {advice}", self.check, self.text),
        };
        f.write_str(
            &line.split(['\r', '\n']).map(str::trim_end).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_that_says_what_to_do() {
        assert_eq!(fine("disk", "5 GiB free").to_string(), "ok       disk: 5 GiB free");
        let found = problem("database", "refused:\n  no", "ask");
        assert_eq!(found.to_string(), "problem  database: refused:   no. Do: ask");
        assert!(State::Problem > State::Warning && State::Warning > State::Ok);
    }
}
