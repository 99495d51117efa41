//! Rules of a certificate: whether clients take it, and for how long.

use chrono::{DateTime, Utc};

use super::finding::{Finding, fine, problem, warning};
use crate::tls::Facts;

const CERTIFICATE: &str = "certificate";
/// Who renews by itself does so a month before; then something has failed.
const SOON_DAYS: i64 = 14;

/// `whose`: where it was found. `host`: the name by which clients come, where that is known.
pub(super) fn judge(whose: &str, facts: &Facts, host: Option<&str>, now: DateTime<Utc>) -> Finding {
    let Facts { begins, ends, names } = facts;
    let day = ends.format("%Y-%m-%d %H:%M UTC");
    if *ends <= now {
        return problem(
            CERTIFICATE,
            format!("{whose} ended on {day}"),
            "renew it, and see why it was not: certbot renew --dry-run",
        );
    }
    if *begins > now {
        return problem(
            CERTIFICATE,
            format!("{whose} begins on {begins} only"),
            "look at this machine's clock, or wait",
        );
    }
    if let Some(host) = host.filter(|host| !names.iter().any(|name| is_for(name, host))) {
        return problem(
            CERTIFICATE,
            format!(
                "{whose} is for {}, not for {host}",
                if names.is_empty() { "no name".to_owned() } else { names.join(", ") }
            ),
            "get one with that name in it, or use a name that it has",
        );
    }
    let left = (*ends - now).num_days();
    if left < SOON_DAYS {
        return warning(
            CERTIFICATE,
            format!("{whose} ends in {left} days, on {day}"),
            "renew it, and see why it was not: certbot renew --dry-run",
        );
    }
    fine(CERTIFICATE, format!("{whose} is for {}, until {day}", names.join(", ")))
}

/// A star stands for one part of a name.
fn is_for(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(rest), Some((_, parent))) = (name.strip_prefix("*."), host.split_once('.')) else { return false };
    rest.eq_ignore_ascii_case(parent)
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_certificate_is_for_its_names_until_its_end() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let facts = Facts {
            begins: at("2026-01-01T00:00:00Z"),
            ends: at("2026-04-01T00:00:00Z"),
            names: vec!["chat.example".to_owned(), "*.chat.example".to_owned(), "192.0.2.1".to_owned()],
        };
        let state = |host, now: &str| judge("it", &facts, host, at(now)).state;
        for host in [None, Some("chat.example"), Some("CHAT.example"), Some("a.chat.example"), Some("192.0.2.1")] {
            assert_eq!(state(host, "2026-02-01T00:00:00Z"), State::Ok, "{host:?}");
        }
        for host in ["other.example", "a.b.chat.example", "example", "192.0.2.2"] {
            assert_eq!(state(Some(host), "2026-02-01T00:00:00Z"), State::Problem, "{host}");
        }
        assert_eq!(state(None, "2026-03-18T00:00:01Z"), State::Warning);
        assert_eq!(
            (state(None, "2026-04-01T00:00:00Z"), state(None, "2025-12-31T00:00:00Z")),
            (State::Problem, State::Problem)
        );
    }
}
