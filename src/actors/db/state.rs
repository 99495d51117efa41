//! How the DB actor is, for who looks after it.

use actix::{Handler, Message, MessageResult};
use serde::Serialize;

use super::Db;

#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    pub(super) batches: u64,
    pub(super) sends: u64,
    pub(super) orders: u64,
    pub(super) marks: u64,
    pub(super) retries: u64,
    pub(super) timeouts: u64,
}

/// What the admin surface shows.
#[derive(Debug, Clone, Serialize, actix::MessageResponse)]
#[serde(rename_all = "camelCase")]
pub struct DbState {
    /// Sends that wait, those of locked channels included.
    pub waiting_sends: usize,
    pub sends_in_flight: usize,
    pub locked_channels: usize,
    pub waiting_orders: usize,
    pub waiting_marks: usize,
    pub batches: u64,
    pub sends: u64,
    pub orders: u64,
    pub marks: u64,
    pub retries: u64,
    pub timeouts: u64,
}

/// Asks for its state.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "DbState")]
pub struct Inspect;

impl Handler<Inspect> for Db {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        MessageResult(DbState {
            waiting_sends: self.queue.len(),
            sends_in_flight: self.flights.iter().map(|flight| flight.batch.len()).sum(),
            locked_channels: self.queue.set_aside_count(),
            waiting_orders: self.orders.len() + usize::from(self.ordering.is_some()),
            waiting_marks: self.marks.len(),
            batches: self.counts.batches,
            sends: self.counts.sends,
            orders: self.counts.orders,
            marks: self.counts.marks,
            retries: self.counts.retries,
            timeouts: self.counts.timeouts,
        })
    }
}
