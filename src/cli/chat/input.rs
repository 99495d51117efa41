//! What the user enters: a text to send, or a command.

use std::io::BufRead;

/// One line, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entered {
    Line(String),
    /// Its number, from 1: it cannot be sent.
    NotUtf8(usize),
}

/// Hands on line after line, until the input ends or nobody takes them any more.
pub(super) fn read_lines(mut input: impl BufRead, mut take: impl FnMut(Entered) -> bool) {
    for number in 1.. {
        let mut line = Vec::new();
        if !matches!(input.read_until(b'\n', &mut line), Ok(1..)) {
            return;
        }
        if !take(String::from_utf8(line).map_or(Entered::NotUtf8(number), Entered::Line)) {
            return;
        }
    }
}

/// One line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    Nothing,
    Say(String),
    Channels,
    Join(String),
    Who,
    Edit(String),
    Delete,
    Help,
    Quit,
    /// Nothing that can be done; says what would be.
    Unknown(String),
}

pub(super) const HELP: &str = "/channels  /join N|NAME  /who  /edit TEXT (your last message)  /delete last  /quit; \
    a text that begins with a slash: //text";

impl Input {
    /// From a terminal, where a slash begins a command.
    pub(super) fn parse(line: &str) -> Self {
        let line = line.trim_end_matches(['\r', '\n']);
        let Some(command) = line.strip_prefix('/') else { return Self::text(line) };
        if command.starts_with('/') {
            return Self::text(command);
        }
        let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        match (word, rest.trim()) {
            ("channels", "") => Self::Channels,
            ("join", which) if !which.is_empty() => Self::Join(which.to_owned()),
            ("who", "") => Self::Who,
            ("edit", text) if !text.is_empty() => Self::Edit(text.to_owned()),
            ("delete", "last") => Self::Delete,
            ("help", _) => Self::Help,
            ("quit" | "exit", "") => Self::Quit,
            _ => Self::Unknown(format!("there is no such command; {HELP}")),
        }
    }

    /// From a pipe, where each line is a text.
    pub(super) fn text(line: &str) -> Self {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.trim().is_empty() { Self::Nothing } else { Self::Say(line.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_begins_a_command_and_two_a_text() {
        assert_eq!(Input::parse("/quit\n"), Input::Quit);
        assert_eq!(Input::parse("/join  two words"), Input::Join("two words".into()));
        assert_eq!(Input::parse("/edit new text"), Input::Edit("new text".into()));
        assert_eq!(Input::parse("/delete last"), Input::Delete);
        assert_eq!(Input::parse("//quit"), Input::Say("/quit".into()));
        assert_eq!(Input::parse(" a  "), Input::Say(" a  ".into()));
        assert_eq!(Input::parse("  "), Input::Nothing);
        for bad in ["/dance", "/edit", "/join", "/delete", "/delete all"] {
            assert!(matches!(Input::parse(bad), Input::Unknown(_)), "{bad}");
        }
    }

    #[test]
    fn a_line_that_is_not_utf8_is_told_and_the_next_ones_are_read() {
        let mut lines = Vec::new();
        read_lines(&b"one\r\n\xff\n\xc3\xa9"[..], |line| {
            lines.push(line);
            true
        });
        assert_eq!(lines, [Entered::Line("one\r\n".into()), Entered::NotUtf8(2), Entered::Line("é".into())]);
        let mut taken = 0;
        read_lines(&b"1\n2\n"[..], |_| {
            taken += 1;
            false
        });
        assert_eq!(taken, 1);
    }

    #[test]
    fn a_line_of_a_pipe_is_never_a_command() {
        assert_eq!(Input::text("/etc/passwd\r\n"), Input::Say("/etc/passwd".into()));
    }
}
