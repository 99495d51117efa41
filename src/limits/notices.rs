//! Lines of the log that strangers can cause: a few of each kind a second are said, the rest is counted.
//!
//! Used by the HTTP layer and by sessions; the composition root has what was left out told every second.

use std::fmt::Display;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// So many lines of one kind are said within [`WINDOW`].
const MAX_LINES: u64 = 5;
/// Also how often [`Notices::rest`] is worth a call.
pub const WINDOW: Duration = Duration::from_secs(1);

/// Lines of one kind.
#[derive(Debug)]
pub struct Notice {
    plural: &'static str,
    few: Mutex<Few>,
}

/// What is told at `info`.
#[derive(Debug)]
pub struct Notices {
    pub tokens: Notice,
    pub sockets: Notice,
    pub closes: Notice,
}

impl Default for Notices {
    fn default() -> Self {
        let notice = |plural| Notice { plural, few: Mutex::default() };
        Self {
            tokens: notice("tokens were refused"),
            sockets: notice("connections were refused"),
            closes: notice("sessions were closed"),
        }
    }
}

impl Notices {
    /// A session has ended. It is news where the client brought that upon itself.
    pub fn ended(&self, is_news: bool, line: impl Display) {
        if is_news {
            self.closes.say(line);
        } else {
            log::debug!("{line}");
        }
    }

    /// Says how many lines were left out, where a window is over.
    pub fn rest(&self, now: Instant) {
        for notice in [&self.tokens, &self.sockets, &self.closes] {
            let more = notice.few.lock().rest(now);
            notice.and_more(more);
        }
    }
}

impl Notice {
    pub fn say(&self, line: impl Display) {
        let (said, more) = self.few.lock().note(Instant::now());
        self.and_more(more);
        if said {
            log::info!("{line}");
        }
    }

    fn and_more(&self, more: u64) {
        if more > 0 {
            log::info!("… and {more} more {}", self.plural);
        }
    }
}

/// Counts the lines of one window, which begins with its first line.
#[derive(Debug, Default)]
struct Few {
    since: Option<Instant>,
    lines: u64,
}

impl Few {
    /// Whether one more line is said, and how many of the window before were not.
    fn note(&mut self, now: Instant) -> (bool, u64) {
        let more = self.rest(now);
        self.since.get_or_insert(now);
        self.lines += 1;
        (self.lines <= MAX_LINES, more)
    }

    fn rest(&mut self, now: Instant) -> u64 {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) < WINDOW) {
            return 0;
        }
        self.since = None;
        std::mem::take(&mut self.lines).saturating_sub(MAX_LINES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_lines_a_second_are_said_and_the_rest_is_counted() {
        let (mut few, start) = (Few::default(), Instant::now());
        let said = (0..100).filter(|n| few.note(start + Duration::from_millis(n * 9)).0).count();
        assert_eq!(said, 5);
        assert_eq!(few.rest(start + Duration::from_millis(999)), 0, "the window is not over");
        assert_eq!(few.note(start + WINDOW), (true, 95));
        assert_eq!(few.rest(start + WINDOW * 2), 0, "told once, and one line was said");
    }

    #[test]
    fn what_is_left_out_is_told_though_no_further_line_comes() {
        let (mut few, start) = (Few::default(), Instant::now());
        assert_eq!((0..7).filter(|_| few.note(start).0).count(), 5);
        assert_eq!(few.rest(start + WINDOW), 2);
        assert_eq!(few.rest(start + WINDOW * 2), 0);
    }

    #[test]
    fn a_line_now_and_then_is_always_said() {
        let (mut few, start) = (Few::default(), Instant::now());
        assert!((0..1000).all(|n| few.note(start + Duration::from_millis(n * 200)) == (true, 0)));
    }
}
