//! Opens the crowd's sockets, cuts them, and opens them again.

use std::ops::Range;
use std::time::{Duration, Instant};

use mio::{Interest, Token};

use super::super::BenchError;
use super::super::histogram::Histogram;
use super::{Crowd, Fault, News};

/// Nothing came for so long: nothing will.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked whether to stop.
const GLANCE: Duration = Duration::from_millis(50);

impl Crowd {
    /// Opens these seats, so many at a time, and gives how long each took from its connection to its `hello`.
    pub(crate) fn open(&mut self, seats: Range<usize>, at_a_time: usize) -> Result<Histogram, BenchError> {
        let mut begun = vec![None; self.seats()];
        let (mut next, mut live, total) = (seats.start, 0, seats.len());
        let (mut took, mut last) = (Histogram::default(), Instant::now());
        while live < total {
            while next < seats.end && next - seats.start < live + at_a_time {
                begun[next] = Some(Instant::now());
                self.dial(next)?;
                next += 1;
            }
            if self.turn(GLANCE)? {
                last = Instant::now();
            }
            self.check()?;
            for (news, at) in std::mem::take(&mut self.news) {
                let News::Live(seat) = news else { continue };
                live += 1;
                self.shared.opened(1);
                if let Some(begun) = begun[seat].take() {
                    took.record(at.saturating_duration_since(begun));
                }
            }
            if last.elapsed() > PATIENCE {
                let what = format!("{live} of {total} sockets are open, and nothing came for {PATIENCE:?}");
                return Err(BenchError::Failed(what));
            }
        }
        Ok(took)
    }

    /// Begins a connection.
    pub(crate) fn dial(&mut self, seat: usize) -> Result<(), BenchError> {
        let failed = |error: std::io::Error| BenchError::Failed(format!("cannot open a socket: {error}"));
        let mut stream = self.dialer.dial().map_err(failed)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(stream.tcp(), Token(seat), both).map_err(failed)?;
        self.sockets[seat].begin(stream);
        Ok(())
    }

    /// Lets the connection go, without a word, as a network that fails does.
    pub(crate) fn cut(&mut self, seat: usize) {
        self.sockets[seat].end();
    }

    /// The seat's next connection asks for what came after this version.
    pub(crate) fn set_cursor(&mut self, seat: usize, version: i64) {
        self.sockets[seat].cursor = Some(version);
    }

    /// An error where the run cannot go on.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        if self.shared.is_stopped() {
            return Err(BenchError::Stopped);
        }
        match &self.fault {
            None => Ok(()),
            Some(fault) => Err(BenchError::Failed(fault.advice())),
        }
    }
}

impl Fault {
    /// What happened and, where that is known, what to set.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::RateLimited => {
                "the daemon limits how fast a user sends: set TENFOUR_RATE_LIMIT=off (or --rate-limit off) \
                                  there for the time of the measurement, or spread the load over more members"
                    .to_owned()
            }
            Self::Refused(what) if what.contains("this address") || what.starts_with("429") => {
                format!(
                    "a socket was refused ({what}): set TENFOUR_MAX_SESSIONS_PER_ADDRESS there to more than is opened"
                )
            }
            Self::Refused(what) if what.starts_with("401") => {
                format!("a token was refused ({what}): is it the daemon's own secret, issuer and audience?")
            }
            Self::Refused(what) => format!("a socket was refused: {what}"),
            Self::Closed(what) if what.contains("4413") => {
                format!("{what}: this side reads too slowly; give it --threads or a machine of its own")
            }
            Self::Closed(what) => what.clone(),
        }
    }
}
