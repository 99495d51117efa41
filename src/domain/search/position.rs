//! A place in the order of what is found, which a client is given and hands back.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::ids::MessageId;

/// A message's place: by its time, and by its id where several have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub created_at: DateTime<Utc>,
    pub id: MessageId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the cursor of an earlier page")]
pub struct InvalidPosition;

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Position {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.created_at, self.id).cmp(&(other.created_at, other.id))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.created_at.timestamp_micros().to_be_bytes());
        bytes[8..].copy_from_slice(self.id.0.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidPosition)?;
        let (micros, id) = bytes.split_first_chunk::<8>().ok_or(InvalidPosition)?;
        let id = Uuid::from_slice(id).map_err(|_| InvalidPosition)?;
        let micros = i64::from_be_bytes(*micros);
        // What neither database keeps was never a message's time.
        let created_at = DateTime::from_timestamp_micros(micros).filter(|_| (0..=MAX_MICROS).contains(&micros));
        Ok(Self { created_at: created_at.ok_or(InvalidPosition)?, id: MessageId(id) })
    }
}

/// The year 2106.
const MAX_MICROS: i64 = u32::MAX as i64 * 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ids::new_v7, now};

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = Position { created_at: now(), id: MessageId(new_v7()) };
        assert_eq!(place.to_string().parse(), Ok(place));
        for bad in ["", "x", "a b", &"A".repeat(31), &"A".repeat(33), &"_".repeat(32), "%00"] {
            assert_eq!(bad.parse::<Position>(), Err(InvalidPosition), "{bad}");
        }
    }
}
