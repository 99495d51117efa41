//! Evidence: what happened in a channel within a time, as a file that a person can read and a machine can judge.
//!
//! [`source`] reads lines from the store, [`form`] writes them as NDJSON, CSV or one HTML file, [`check`] judges such a file
//! without any database. Called by `tenfour audit export` and `tenfour audit check`, and by REST. Never changes anything.
//!
//! A file has the links of the channel's chain from its first entry in that time up to where the chain was, so that they
//! come to a head that was signed elsewhere; words only of what happened within the time.

pub mod check;
pub mod form;
mod html;
pub mod line;
mod marks;
pub mod source;

pub(super) use line::time;

use chrono::{DateTime, Utc};
use serde::Serialize;

use self::form::Format;

use crate::domain::ids::ChannelId;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    pub channel: ChannelId,
    /// From then on. None: from the beginning.
    pub from: Option<DateTime<Utc>>,
    /// Before then. None: up to now.
    pub to: Option<DateTime<Utc>>,
}

/// What the daemon's journal has of an export.
#[derive(Debug, Serialize)]
pub struct Exported {
    channel: ChannelId,
    from: Option<String>,
    to: Option<String>,
    format: &'static str,
    /// By what it was asked for.
    by: &'static str,
}

impl Exported {
    pub fn new(ask: &Ask, format: Format, by: &'static str) -> Self {
        let [from, to] = [ask.from, ask.to].map(|at| at.map(time));
        Self { channel: ask.channel, from, to, format: format.as_str(), by }
    }
}

impl Ask {
    fn is_before(&self, at: DateTime<Utc>) -> bool {
        self.from.is_some_and(|from| at < from)
    }

    fn covers(&self, at: DateTime<Utc>) -> bool {
        !self.is_before(at) && self.to.is_none_or(|to| at < to)
    }
}
