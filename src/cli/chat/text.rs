//! Texts of others on their way to a terminal.

/// Makes a text harmless: without control characters (which drive a terminal) and without marks that turn the direction
/// of writing (which make a text look like another). Later lines are indented, so that none looks like a message.
pub(super) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.trim_end().chars() {
        match char {
            '\n' => shown.push_str("\n      "),
            '\t' => shown.push(' '),
            '\r' => {}
            _ if char.is_control() || turns_direction(char) => shown.push('\u{fffd}'),
            _ => shown.push(char),
        }
    }
    shown
}

/// The same for what has to stay on one line: names.
pub(super) fn harmless_name(text: &str) -> String {
    harmless(&text.replace(['\n', '\u{2028}', '\u{2029}'], " "))
}

fn turns_direction(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_gets_through() {
        let evil = "\x1b]0;title\x07\x1b[2Jhi\u{9b}31m\u{202e}\x7f\x08";
        let shown = harmless(evil);
        assert!(!shown.chars().any(|char| char.is_control() || char == '\u{202e}'), "{shown:?}");
        assert!(shown.contains("hi"));
    }

    #[test]
    fn a_later_line_cannot_pass_for_a_message() {
        assert_eq!(harmless("a\r\n12:00 Bo: b\n"), "a\n      12:00 Bo: b");
        assert_eq!(harmless_name("Bo\n12:00 Ana"), "Bo 12:00 Ana");
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in ["déjà vu", "👩‍👩‍👧 ok", "שלום", "<b>&amp;"] {
            assert_eq!(harmless(text), text);
        }
    }
}
