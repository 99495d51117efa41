//! Where lines go: a terminal with a prompt, or plain text for a pipe.

use std::io::{self, Write};

const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";
/// Over the prompt and whatever is on its line.
const CLEAR: &str = "\r\x1b[K";

/// Something to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Message(String),
    /// What happens around the messages.
    Note(String),
    Problem(String),
}

/// A terminal shows all on one stream; otherwise messages alone go to `out`, so that a script reads nothing else.
#[derive(Debug)]
pub(super) struct Screen<O, E> {
    pub(super) terminal: bool,
    pub(super) out: O,
    pub(super) err: E,
}

impl<O: Write, E: Write> Screen<O, E> {
    pub(super) fn show(&mut self, line: &Line) -> io::Result<()> {
        if !self.terminal {
            return match line {
                Line::Message(text) => writeln!(self.out, "{text}").and_then(|()| self.out.flush()),
                Line::Note(text) | Line::Problem(text) => writeln!(self.err, "{text}"),
            };
        }
        match line {
            Line::Message(text) => writeln!(self.out, "{CLEAR}{text}")?,
            Line::Note(text) => writeln!(self.out, "{CLEAR}{DIM}{text}{PLAIN}")?,
            Line::Problem(text) => writeln!(self.out, "{CLEAR}{RED}{text}{PLAIN}")?,
        }
        self.prompt()
    }

    pub(super) fn prompt(&mut self) -> io::Result<()> {
        if self.terminal {
            write!(self.out, "> ")?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// The user has entered a line, which the terminal shows: it comes again as a message when it is stored.
    pub(super) fn take_back_entered(&mut self) -> io::Result<()> {
        if self.terminal {
            write!(self.out, "\x1b[1A{CLEAR}")?;
        }
        self.prompt()
    }

    pub(super) fn leave(&mut self) -> io::Result<()> {
        if self.terminal {
            write!(self.out, "{CLEAR}")?;
        }
        self.out.flush()
    }
}
