//! How far a measurement is, on the standard error: one line that is drawn again in a terminal, a line now and then
//! elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::print::grouped;
use crate::bench::Progress;
use crate::bench::fleet::Moment;

/// How often there is a new line where lines stay.
const PAUSE: Duration = Duration::from_secs(5);
const BAR: usize = 20;

pub(super) struct Shown<W> {
    out: W,
    is_terminal: bool,
    stage: String,
    told: Option<Instant>,
    is_drawn: bool,
}

impl<W: Write + IsTerminal> Shown<W> {
    pub(super) fn on(out: W) -> Self {
        let is_terminal = out.is_terminal();
        Self { out, is_terminal, stage: String::new(), told: None, is_drawn: false }
    }
}

impl<W: Write> Shown<W> {
    #[cfg(test)]
    pub(super) fn as_if(out: W, is_terminal: bool) -> Self {
        Self { out, is_terminal, stage: String::new(), told: None, is_drawn: false }
    }

    #[cfg(test)]
    pub(super) fn into_inner(self) -> W {
        self.out
    }

    /// Leaves the line to others.
    pub(super) fn clear(&mut self) {
        if self.is_drawn {
            self.is_drawn = false;
            // Whoever does not see it can do without it.
            let _ = write!(self.out, "\r\x1b[2K").and_then(|()| self.out.flush());
        }
    }

    fn show(&mut self, line: &str) {
        let now = Instant::now();
        let _ = if self.is_terminal {
            self.is_drawn = true;
            write!(self.out, "\r\x1b[2K{line}").and_then(|()| self.out.flush())
        } else if self.told.is_none_or(|told| now >= told + PAUSE) {
            self.told = Some(now);
            writeln!(self.out, "tenfour: {line}")
        } else {
            Ok(())
        };
    }
}

impl<W: Write> Progress for Shown<W> {
    fn stage(&mut self, what: &str) {
        what.clone_into(&mut self.stage);
        if self.is_terminal {
            self.show(what);
        }
    }

    fn opening(&mut self, open: usize, total: usize) {
        let line = format!("{}  {} {open}/{total}", self.stage, bar(open, total));
        self.show(&line);
    }

    fn running(&mut self, moment: &Moment) {
        let (at, total) = (moment.at.as_secs_f64(), moment.total.as_secs_f64());
        let p99 =
            moment.delivery_p99_ms.or(moment.ack_p99_ms).map_or_else(String::new, |p99| format!("  p99 {p99:.1} ms"));
        let tenths = |time: Duration| usize::try_from(time.as_millis() / 100).unwrap_or(usize::MAX);
        let line = format!(
            "{}  {} {at:.0}/{total:.0} s  sent {}/s  delivered {}/s{p99}",
            self.stage,
            bar(tenths(moment.at), tenths(moment.total)),
            grouped(moment.sent_per_second),
            grouped(moment.delivered_per_second),
        );
        self.show(&line);
    }
}

fn bar(done: usize, total: usize) -> String {
    let full = done.min(total) * BAR / total.max(1);
    format!("[{}{}]", "#".repeat(full), " ".repeat(BAR - full))
}
