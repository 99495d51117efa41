//! What has arrived: pings ask for it, pongs tell, and so does the cursor with which a client comes back.
//!
//! A connection keeps its order: whoever answers a ping has got whatever was written before it. What that was goes to the
//! store as the member's receipts. No frame of the protocol is needed for it, and no client has to know.
//!
//! It is asked for soon, since a line may break at any time, and written down at once where little comes; where much does, once
//! a heartbeat, so that receipts are never more than the messages that they are of.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::{Session, SessionParts};
use crate::actors::feed::{Given, Subscriber};
use crate::actors::presence::Beat;
use crate::actors::tell;
use crate::domain::ids::ChannelId;
use crate::domain::now;
use crate::domain::receipt::{Reach, Receipt, Received};
use crate::domain::sync::{SyncFrom, SyncPage};
use crate::socket::frame;

/// How often in a heartbeat it is looked whether there is something to ask for.
pub(super) const TICKS: u32 = 6;

/// What was asked for, and what was answered.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    tick: u32,
    /// Pings that no pong came for.
    awaited: u32,
    /// The tick of the last ping, and what was given to the connection before it.
    asked: u32,
    given: Vec<Given>,
    /// What has arrived and is not written down.
    due: Due,
    /// When something was written down last.
    noted: Option<Instant>,
}

/// Stretches that have arrived, and when the last of them had.
#[derive(Debug, Default)]
struct Due {
    given: Vec<Given>,
    at: DateTime<Utc>,
}

impl Due {
    fn add(&mut self, more: Vec<Given>, at: DateTime<Utc>) {
        self.at = at;
        for given in more {
            let before =
                self.given.iter_mut().find(|it| it.channel == given.channel && it.reach.version == given.reach.after);
            match before {
                Some(before) => before.reach.version = given.reach.version,
                None => self.given.push(given),
            }
        }
    }
}

impl Session {
    /// Pings each heartbeat, and in between where something was given to the connection since. One ping in between at a time.
    pub(super) fn tick(&mut self) {
        self.arrivals.tick = self.arrivals.tick.wrapping_add(1);
        let is_heartbeat = self.arrivals.tick.is_multiple_of(TICKS);
        if is_heartbeat || self.arrivals.awaited == 0 {
            // Looked at first: what comes in between is not counted.
            let given = self.handle.feed.unconfirmed();
            if is_heartbeat || !given.is_empty() {
                self.ping(given);
            }
        }
        self.note_arrivals(self.parts.heartbeat_interval);
    }

    fn ping(&mut self, given: Vec<Given>) {
        let Arrivals { tick, awaited, .. } = self.arrivals;
        if self.handle.feed.outbox().push(frame::ping(&tick.to_be_bytes())) {
            (self.arrivals.asked, self.arrivals.given) = (tick, given);
            self.arrivals.awaited = awaited.saturating_add(1);
        }
    }

    /// A sign of life. One that was asked for is free; any other costs as much as any frame, since presence hears of it.
    pub(super) fn beat(&mut self, payload: &[u8]) {
        match self.arrivals.awaited.checked_sub(1) {
            Some(left) => self.arrivals.awaited = left,
            None if self.parts.rates.check_other(self.handle.user).is_err() => return self.over_rate(),
            None => {}
        }
        self.last_pong = Some(now());
        let tick = payload.try_into().ok().map(u32::from_be_bytes);
        // Those in between renew no leases: these outlive several heartbeats.
        let renews = tick.is_none_or(|tick| tick.is_multiple_of(TICKS));
        tell(&self.parts.presence, Beat { session: self.handle.id, renews });
        // That of an earlier ping says less than is noted, and is not taken.
        if tick == Some(self.arrivals.asked) && !self.arrivals.given.is_empty() {
            let given = std::mem::take(&mut self.arrivals.given);
            self.handle.feed.confirm(&given);
            self.arrivals.due.add(given, now());
            self.note_arrivals(self.parts.heartbeat_interval);
        }
    }

    /// Has what has arrived written down, unless that was done within `pause`.
    pub(super) fn note_arrivals(&mut self, pause: Duration) {
        let Arrivals { due, noted, .. } = &mut self.arrivals;
        if due.given.is_empty() || noted.is_some_and(|noted| noted.elapsed() < pause) {
            return;
        }
        *noted = Some(Instant::now());
        let (user_id, at) = (self.handle.user, due.at);
        let receipt = |Given { channel, reach }: Given| Receipt {
            channel_id: channel,
            user_id,
            what: Received::Confirmed(reach),
            at,
        };
        let receipts = std::mem::take(&mut due.given).into_iter().map(receipt).collect();
        self.parts.db.received(receipts);
    }
}

/// Takes note of the cursor from which a page was asked for. What the page brings beyond it, if there is anything.
pub(super) fn came_with(
    parts: &SessionParts,
    handle: &Subscriber,
    channel: ChannelId,
    from: SyncFrom,
    page: &SyncPage,
) -> Option<Given> {
    // Of a client that has to drop what it holds nothing is known.
    let SyncFrom::Version(cursor) = from else { return None };
    if page.reset {
        return None;
    }
    if cursor > page.received {
        let what = Received::Held(cursor);
        parts.db.received(vec![Receipt { channel_id: channel, user_id: handle.user, what, at: now() }]);
    }
    let reach = Reach { after: cursor, version: page.version };
    (page.version > cursor).then_some(Given { channel, reach })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_follows_on_what_is_due_is_one_stretch_with_it() {
        let given = |channel, after, version| Given {
            channel: ChannelId(Uuid::from_u128(channel)),
            reach: Reach { after, version },
        };
        let mut due = Due::default();
        due.add(vec![given(1, 0, 3), given(2, 5, 6)], now());
        due.add(vec![given(1, 3, 4), given(2, 9, 10), given(1, 4, 8)], now());
        assert_eq!(due.given, [given(1, 0, 8), given(2, 5, 6), given(2, 9, 10)]);
    }
}
