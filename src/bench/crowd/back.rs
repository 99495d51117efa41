//! Sockets that come back: all at once, each with a cursor, each until it has what it missed.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::super::BenchError;
use super::super::histogram::Histogram;
use super::{Crowd, News};

/// Nothing came for so long: nothing will.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(50);

/// How long it took, each from the moment at which all of them began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Returned {
    /// Until `hello`.
    pub(crate) live: Histogram,
    /// Until all that was missed had come.
    pub(crate) synced: Histogram,
    /// Between the two.
    pub(crate) caught_up: Histogram,
}

impl Returned {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.live.merge(&other.live);
        self.synced.merge(&other.synced);
        self.caught_up.merge(&other.caught_up);
    }
}

impl Crowd {
    /// Cuts these seats' connections and opens new ones, without a pause. Each asks for the last `behind` changes of its
    /// channel. What does not come is a finding.
    pub(crate) fn come_back(&mut self, seats: Range<usize>, behind: i64) -> Result<Returned, BenchError> {
        seats.clone().for_each(|seat| self.cut(seat));
        let (mut returned, mut live_at, began) = (Returned::default(), vec![None; self.seats()], Instant::now());
        for seat in seats.clone() {
            let head = self.ledger.head(self.ledger.room_of(seat));
            self.set_cursor(seat, (head - behind).max(0));
            self.dial(seat)?;
        }
        let (mut synced, mut last) = (0, Instant::now());
        self.news.clear();
        while synced < seats.len() {
            if self.turn(GLANCE)? {
                last = Instant::now();
            }
            self.check()?;
            for (news, at) in std::mem::take(&mut self.news) {
                match news {
                    News::Live(seat) => {
                        live_at[seat] = Some(at);
                        returned.live.record(at.saturating_duration_since(began));
                    }
                    News::Synced(seat) => {
                        synced += 1;
                        self.shared.opened(1);
                        returned.synced.record(at.saturating_duration_since(began));
                        if let Some(live) = live_at[seat].take() {
                            returned.caught_up.record(at.saturating_duration_since(live));
                        }
                    }
                    News::Done(_) => {}
                }
            }
            if last.elapsed() > PATIENCE {
                let what = format!("{synced} of {} sockets are back, and nothing came for {PATIENCE:?}", seats.len());
                return Err(BenchError::Failed(what));
            }
        }
        self.ledger.settle();
        Ok(returned)
    }

    /// Takes what comes and answers pings, for so long.
    pub(crate) fn listen(&mut self, time: Duration) -> Result<(), BenchError> {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.news.clear();
                return Ok(());
            }
            self.turn(left.min(GLANCE))?;
            self.check()?;
        }
    }
}
