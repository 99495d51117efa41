//! Who may do how much: message rates, refusals, open sockets, lines of the log, and whom an address stands for.
//!
//! Used by the HTTP layer and by sessions. Never answers anybody itself.

pub mod address;
pub mod bodies;
pub mod caps;
pub mod lines;
pub mod notices;
pub mod pace;
pub mod rates;
pub mod refusals;
pub mod uploads;
