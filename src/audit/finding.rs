//! What is wrong with a past, and how that is said.

use std::fmt;

use crate::domain::ids::{ChannelId, JournalId};

/// Of what something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Channel(ChannelId),
    Journal(JournalId),
}

/// What is wrong with a channel's past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub place: Place,
    /// Where in its past, if that can be told: the version, or the number of the record.
    pub number: Option<i64>,
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.place {
            Place::Channel(channel) => {
                write!(f, "channel {channel}")?;
                "version"
            }
            Place::Journal(JournalId::DAEMON) => {
                write!(f, "the daemon's journal")?;
                "record"
            }
            Place::Journal(journal) => {
                write!(f, "the journal of channel {journal}")?;
                "record"
            }
        };
        match self.number {
            Some(number) => write!(f, ", {unit} {number}: {}", self.text),
            None => write!(f, ": {}", self.text),
        }
    }
}
