//! What a bare client holds of each channel, so that it can ask for what it missed.
//!
//! Pure. It does not judge: what continues the held version moves it, anything else is left to the checker.

use std::collections::HashMap;

use crate::history::{ChannelNo, Frame, Held};

/// Everything up to here is held; and beyond a hole, what the connection has brought.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    held: i64,
    /// The connection began at the first and has come to the second.
    live: (i64, i64),
}

#[derive(Debug, Default)]
pub(crate) struct Cursors(HashMap<ChannelNo, Cursor>);

impl Cursors {
    /// A connection begins. Channels that were never held begin at its version.
    pub(crate) fn opened(&mut self, channels: &[Held]) {
        self.0.retain(|channel, _| channels.iter().any(|held| held.channel == *channel));
        for held in channels {
            let cursor = self.0.entry(held.channel).or_insert(Cursor { held: held.version, live: (0, 0) });
            cursor.live = (held.version, held.version);
        }
    }

    /// Another history: nothing is held.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    pub(crate) fn frame(&mut self, frame: &Frame) {
        match frame {
            Frame::Message { copy, since } | Frame::Updated { copy, since } | Frame::Deleted { copy, since } => {
                self.moved(copy.channel, *since, copy.version);
            }
            Frame::Members { channel, version, since, .. } => self.moved(*channel, *since, *version),
            Frame::Channel { held, since } => match self.0.get(&held.channel) {
                Some(_) => self.moved(held.channel, *since, held.version),
                None => {
                    self.0.insert(held.channel, Cursor { held: held.version, live: (held.version, held.version) });
                }
            },
            Frame::ChannelRemoved { channel } => drop(self.0.remove(channel)),
            Frame::Presence { .. } | Frame::Read { .. } | Frame::Typing { .. } => (),
        }
    }

    pub(crate) fn moved(&mut self, channel: ChannelNo, since: i64, version: i64) {
        let Some(cursor) = self.0.get_mut(&channel) else { return };
        if since <= cursor.live.1 + 1 {
            cursor.live.1 = cursor.live.1.max(version);
        }
        if cursor.live.0 <= cursor.held {
            cursor.held = cursor.held.max(cursor.live.1);
        }
    }

    /// A page of `sync` was applied.
    pub(crate) fn page(&mut self, channel: ChannelNo, version: i64, reset: bool) {
        let Some(cursor) = self.0.get_mut(&channel) else { return };
        cursor.held = if reset { version } else { cursor.held.max(version) };
        if cursor.live.0 <= cursor.held {
            cursor.held = cursor.held.max(cursor.live.1);
        }
    }

    /// What is missing: channels whose held version is below what the connection began at.
    pub(crate) fn behind(&self) -> Vec<(ChannelNo, i64)> {
        let mut behind: Vec<_> =
            self.0.iter().filter(|(_, it)| it.held < it.live.0).map(|(channel, it)| (*channel, it.held)).collect();
        behind.sort_unstable();
        behind
    }

    pub(crate) fn held(&self, channel: ChannelNo) -> Option<i64> {
        self.0.get(&channel).map(|cursor| cursor.held)
    }

    pub(crate) fn channels(&self) -> Vec<ChannelNo> {
        let mut channels: Vec<_> = self.0.keys().copied().collect();
        channels.sort_unstable();
        channels
    }
}
