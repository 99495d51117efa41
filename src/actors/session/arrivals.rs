//! What has arrived: pings ask for it, and pongs tell.
//!
//! A connection keeps its order: whoever answers a ping has got whatever was written before it. What that was goes to the
//! store as the member's receipts. No frame of the protocol is needed for it, and no client has to know.
//!
//! It is asked for soon, since a line may break at any time, and written down at once where little comes; where much does, once
//! a heartbeat, so that receipts are never more than the messages that they are of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::Session;
use crate::actors::feed::Given;
use crate::actors::presence::Beat;
use crate::actors::tell;
use crate::domain::now;
use crate::domain::receipt::{Reach, Receipt};
use crate::socket::frame;

/// How often in a heartbeat it is looked whether there is something to ask for.
pub(super) const TICKS: u32 = 10;

/// What was asked for, and what was answered.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    tick: u32,
    /// The tick of the last ping.
    pinged: u32,
    /// Pings that no pong came for.
    awaited: u32,
    /// The tick of the first ping whose pong says that `given` has arrived.
    asked: u32,
    given: Vec<Given>,
    /// What has arrived and is not written down, and when the last of it had.
    due: Vec<Given>,
    arrived_at: DateTime<Utc>,
    /// When something was written down last.
    noted: Option<Instant>,
    /// The epoch that `hello` told.
    pub(super) history: Option<Arc<str>>,
}

impl Arrivals {
    fn arrived(&mut self, given: Vec<Given>, at: DateTime<Utc>) {
        self.arrived_at = at;
        for Given { channel, reach } in given {
            let touches = |due: &Reach| due.version >= reach.after && reach.version >= due.after;
            match self.due.iter_mut().find(|due| due.channel == channel && touches(&due.reach)) {
                Some(due) => {
                    let Reach { after, version } = due.reach;
                    due.reach = Reach { after: after.min(reach.after), version: version.max(reach.version) };
                }
                None => self.due.push(Given { channel, reach }),
            }
        }
    }
}

impl Session {
    /// Pings each heartbeat, and in between where something was given to the connection since.
    pub(super) fn tick(&mut self) {
        self.arrivals.tick = self.arrivals.tick.wrapping_add(1);
        let is_heartbeat = self.arrivals.tick.is_multiple_of(TICKS);
        if self.arrivals.awaited == 0 {
            // Looked at before the ping: what comes in between is not counted.
            let given = self.handle.feed.unconfirmed();
            let asks = !given.is_empty();
            if (is_heartbeat || asks) && self.ping() {
                (self.arrivals.asked, self.arrivals.given) = (self.arrivals.tick, given);
            }
        } else if is_heartbeat {
            // Its pong tells at least what the one does that is still to come.
            self.ping();
        }
        self.note_arrivals(self.parts.heartbeat_interval);
    }

    fn ping(&mut self) -> bool {
        let tick = self.arrivals.tick;
        let is_sent = self.handle.feed.outbox().push(frame::ping(&tick.to_be_bytes()));
        if is_sent {
            self.arrivals.pinged = tick;
            self.arrivals.awaited = self.arrivals.awaited.saturating_add(1);
        }
        is_sent
    }

    /// A sign of life. One that was asked for is free; any other costs as much as any frame, since presence hears of it.
    pub(super) fn beat(&mut self, payload: &[u8]) {
        if self.arrivals.awaited == 0 && self.parts.rates.check_other(self.handle.user).is_err() {
            return self.over_rate();
        }
        let answered = payload.try_into().ok().map(u32::from_be_bytes);
        let Arrivals { pinged, asked, ref mut awaited, .. } = self.arrivals;
        // A peer may answer the last one of several alone.
        *awaited = if answered == Some(pinged) { 0 } else { awaited.saturating_sub(1) };
        self.last_pong = Some(now());
        // Those in between renew no leases: these outlive several heartbeats.
        let renews = answered.is_none_or(|tick| tick.is_multiple_of(TICKS));
        tell(&self.parts.presence, Beat { session: self.handle.id, renews });
        if answered.is_some_and(|tick| (asked..=pinged).contains(&tick)) && !self.arrivals.given.is_empty() {
            let given = std::mem::take(&mut self.arrivals.given);
            self.handle.feed.confirm(&given);
            self.arrivals.arrived(given, now());
            self.note_arrivals(self.parts.heartbeat_interval);
        }
    }

    /// Has what has arrived written down, unless that was done within `pause`.
    pub(super) fn note_arrivals(&mut self, pause: Duration) {
        let Arrivals { due, arrived_at, noted, history: Some(history), .. } = &mut self.arrivals else { return };
        if due.is_empty() || noted.is_some_and(|noted| noted.elapsed() < pause) {
            return;
        }
        *noted = Some(Instant::now());
        let user_id = self.handle.user;
        let receipt = |Given { channel, reach }: Given| Receipt {
            channel_id: channel,
            user_id,
            reach,
            at: *arrived_at,
            history: Arc::clone(history),
        };
        let receipts = std::mem::take(due).into_iter().map(receipt).collect();
        self.parts.db.received(receipts);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::ChannelId;

    #[test]
    fn what_follows_on_what_is_due_is_one_stretch_with_it() {
        let given = |channel, after, version| Given {
            channel: ChannelId(Uuid::from_u128(channel)),
            reach: Reach { after, version },
        };
        let mut arrivals = Arrivals::default();
        arrivals.arrived(vec![given(1, 4, 5), given(2, 5, 6)], now());
        arrivals.arrived(vec![given(1, 5, 8), given(2, 9, 10)], now());
        arrivals.arrived(vec![given(1, 0, 9)], now());
        assert_eq!(arrivals.due, [given(1, 0, 9), given(2, 5, 6), given(2, 9, 10)]);
    }
}
