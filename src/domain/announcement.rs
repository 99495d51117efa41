//! What an admin has to say to everybody who is connected, such as that the daemon stops soon. No message: it belongs to no channel
//! and is kept for no longer than it holds.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest text, in bytes.
pub const MAX_TEXT: usize = 2_000;
/// The longest that one may hold.
pub const MAX_AHEAD: TimeDelta = TimeDelta::days(30);

/// See the module's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    pub id: Uuid,
    pub text: String,
    pub level: Level,
    pub at: DateTime<Utc>,
    /// Until then who connects is told as well. None: only who is connected.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Announcement {
    /// Whether who connects now is to be told.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|until| until > now)
    }
}

/// How it is meant, for who shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Info,
    Warning,
    Critical,
}

/// Names no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be info, warning or critical")]
pub struct NoLevel;

impl FromStr for Level {
    type Err = NoLevel;

    fn from_str(word: &str) -> Result<Self, NoLevel> {
        match word {
            "info" => Ok(Self::Info),
            "warning" => Ok(Self::Warning),
            "critical" => Ok(Self::Critical),
            _ => Err(NoLevel),
        }
    }
}
