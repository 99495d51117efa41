//! One WebSocket's bytes, in and out: framing, the guard at the headers, the bounded outbox, the line itself.
//!
//! Used by the HTTP upgrade and by the session actor. Knows nothing of chat, JSON or users, and never blocks.
//!
//! The connection is taken from the web server when its upgrade is answered. What must happen whatever the peer does
//! (deadlines, heartbeats, ending a slow reader) hangs on no read or write here.

mod drain;
pub mod frame;
pub mod guard;
pub mod inbound;
pub mod line;
pub mod outbox;
mod reader;
pub mod scribe;
mod secure;
mod stream;
#[cfg(test)]
mod testing;

pub(crate) use drain::{LINGER, linger};
pub use inbound::{Event, Inbound, InboundError};
pub use line::Times;
pub use outbox::{Limits, Outbox, Taken};
pub use reader::Reader;
pub use scribe::{Scribe, together};
pub use stream::Stream;

/// Close codes that this layer gives by itself; the others are the caller's.
pub mod close_code {
    /// The peer broke RFC 6455.
    pub const PROTOCOL: u16 = 1002;
    /// The connection went without a close frame. Never on the wire.
    pub const ABNORMAL: u16 = 1006;
    /// A text message that is not UTF-8.
    pub const NOT_UTF8: u16 = 1007;
    /// A message over the limit.
    pub const TOO_BIG: u16 = 1009;
    /// A peer that reads slower than it is written to.
    pub const SLOW_READER: u16 = 4413;
}
