//! What has arrived: pings ask for it, pongs tell, and so does the cursor with which a client comes back.
//!
//! A connection keeps its order: whoever answers a ping has got whatever was written before it. What that was goes to the
//! store as the member's receipts. No frame of the protocol is needed for it, and no client has to know.

use super::{Session, SessionParts};
use crate::actors::feed::{Given, Subscriber};
use crate::actors::presence::Beat;
use crate::actors::tell;
use crate::domain::ids::ChannelId;
use crate::domain::now;
use crate::domain::receipt::{Reach, Receipt, Received};
use crate::domain::sync::{SyncFrom, SyncPage};
use crate::socket::frame;

/// The last ping, and what its pong says.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    number: u32,
    /// No pong has come since.
    is_awaited: bool,
    /// What was given to the connection before it.
    given: Vec<Given>,
}

impl Session {
    pub(super) fn ping(&mut self) {
        let number = self.arrivals.number.wrapping_add(1);
        // Looked at first: what comes in between is not counted.
        let given = self.handle.feed.unconfirmed();
        let is_awaited = self.handle.feed.outbox().push(frame::ping(&number.to_be_bytes()));
        self.arrivals = Arrivals { number, is_awaited, given };
    }

    /// A sign of life. One that was asked for is free; any other costs as much as any frame, since presence hears of it.
    pub(super) fn beat(&mut self, payload: &[u8]) {
        if !std::mem::take(&mut self.arrivals.is_awaited) && self.parts.rates.check_other(self.handle.user).is_err() {
            return self.over_rate();
        }
        self.last_pong = Some(now());
        tell(&self.parts.presence, Beat { session: self.handle.id });
        // That of an earlier ping says less than is noted, and is not taken.
        if payload == self.arrivals.number.to_be_bytes() {
            self.arrived();
        }
    }

    fn arrived(&mut self) {
        let given = std::mem::take(&mut self.arrivals.given);
        if given.is_empty() {
            return;
        }
        self.handle.feed.confirm(&given);
        let at = now();
        let receipt = |Given { channel, reach }: Given| Receipt {
            channel_id: channel,
            user_id: self.handle.user,
            what: Received::Confirmed(reach),
            at,
        };
        self.parts.db.received(given.into_iter().map(receipt).collect());
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
