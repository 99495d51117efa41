//! Announcements: what an admin asks for, and what everybody is told.
//!
//! The admin surface parses by it and shows it; sessions get it as a frame.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::error::Refusal;
use super::fields::Fields;
use super::time;
use crate::domain::announcement::{Announcement, Level, MAX_AHEAD, MAX_TEXT};

/// An announcement, in the frame and in the answer to who made it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnnouncementBody {
    pub id: Uuid,
    pub text: String,
    pub level: Level,
    #[serde(with = "time")]
    pub at: DateTime<Utc>,
    /// Until then whoever connects is told as well.
    #[serde(with = "time::option")]
    #[schema(required)]
    pub expires_at: Option<DateTime<Utc>>,
}

impl From<&Announcement> for AnnouncementBody {
    fn from(of: &Announcement) -> Self {
        let Announcement { id, text, level, at, expires_at } = of.clone();
        Self { id, text, level, at, expires_at }
    }
}

/// `{"text":…,"level":…,"expiresAt":…}`.
pub fn parse_announcement(body: &[u8], now: DateTime<Utc>) -> Result<Announcement, Refusal> {
    let fields = Fields::parse(body)?;
    let text = fields.text("text")?.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        return Err(Refusal::invalid(format!("text is {} bytes long; it must be 1 to {MAX_TEXT}", text.len())));
    }
    let level = fields.optional_parsed("level")?.unwrap_or(Level::Info);
    let expires_at = fields.optional_text("expiresAt")?.map(|text| expiry(text, now)).transpose()?;
    Ok(Announcement { id: Uuid::now_v7(), text: text.to_owned(), level, at: now, expires_at })
}

fn expiry(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    let time = time.filter(|time| *time > now && *time <= now + MAX_AHEAD);
    time.ok_or_else(|| {
        let days = MAX_AHEAD.num_days();
        Refusal::invalid(format!("expiresAt must be a time in RFC 3339, in the future and within {days} days"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_announced_is_bounded_and_each_slip_is_named() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let parse = |body: serde_json::Value| parse_announcement(body.to_string().as_bytes(), now);
        let plain = parse(json!({"text": " Back at noon. "})).unwrap();
        assert_eq!((plain.text.as_str(), plain.level, plain.expires_at), ("Back at noon.", Level::Info, None));
        assert!(!plain.holds(now));
        let until =
            parse(json!({"text": "x".repeat(2_000), "level": "critical", "expiresAt": "2023-11-15T00:00:00+01:00"}))
                .unwrap();
        assert_eq!(until.expires_at.unwrap().to_rfc3339(), "2023-11-14T23:00:00+00:00");
        assert!(until.holds(now) && !until.holds(until.expires_at.unwrap()));
        for (body, words) in [
            (json!({}), "text is missing"),
            (json!({"text": " "}), "text is 0 bytes long; it must be 1 to 2000"),
            (json!({"text": "x".repeat(2_001)}), "text is 2001 bytes"),
            (json!({"text": "a\u{0}"}), "text must not contain U+0000"),
            (json!({"text": "a", "level": "loud"}), "level must be info, warning or critical"),
            (json!({"text": "a", "expiresAt": "soon"}), "expiresAt must be a time in RFC 3339"),
            (json!({"text": "a", "expiresAt": "2023-11-14T22:13:20Z"}), "in the future"),
            (json!({"text": "a", "expiresAt": "2024-11-14T22:13:20Z"}), "within 30 days"),
        ] {
            let refusal = parse(body).unwrap_err();
            assert!(refusal.message.contains(words), "{}", refusal.message);
        }
    }
}
