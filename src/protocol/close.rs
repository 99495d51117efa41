//! Why the server closes a socket: code, reason, and whether coming back makes sense.

/// A reason to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Close {
    /// The daemon stops, or this history ended: come back after the hinted time.
    GoingAway,
    /// The client breaks the WebSocket protocol.
    ProtocolError,
    /// A text frame that is not UTF-8.
    NotUtf8,
    /// A message over the limit, announced or sent.
    TooBig,
    /// The token ran out and no fresh one came.
    TokenExpired,
    /// An admin had the user's tokens revoked, this one among them: a newer one is taken.
    TokenRevoked,
    /// An admin ended the session.
    Removed,
    /// No pong within the time-out.
    HeartbeatLost,
    /// The client did not read what was waiting for it.
    TooSlow,
    /// The client kept breaking the rate limit.
    RateLimit,
    /// The server cannot keep its promise of an unbroken order: come back and `sync`.
    Resync,
}

impl Close {
    pub fn code(self) -> u16 {
        match self {
            Self::GoingAway | Self::Resync => 1001,
            Self::ProtocolError => 1002,
            Self::NotUtf8 => 1007,
            Self::TooBig => 1009,
            Self::TokenExpired | Self::TokenRevoked => 4401,
            Self::Removed => 4403,
            Self::HeartbeatLost => 4408,
            Self::TooSlow => 4413,
            Self::RateLimit => 4429,
        }
    }

    pub fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "going away",
            Self::ProtocolError => "protocol error",
            Self::NotUtf8 => "text is not UTF-8",
            Self::TooBig => "message too big",
            Self::TokenExpired => "token expired",
            Self::TokenRevoked => "token revoked",
            Self::Removed => "removed by an admin",
            Self::HeartbeatLost => "heartbeat lost",
            Self::TooSlow => "too slow a reader",
            Self::RateLimit => "kept breaking the rate limit",
            Self::Resync => "reconnect and sync",
        }
    }
}
