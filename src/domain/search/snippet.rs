//! The part of a text around what was found, cut into what matches and what does not. Plain text, never markup.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

/// The longest snippet, in characters, without the dots where it is cut.
pub const SNIPPET_CHARS: usize = 160;
/// How many of them stand before the first match.
const BEFORE: usize = 40;
/// How far a cut is moved so as not to go through a word.
const TO_A_SPACE: usize = 16;
const CUT: &str = "…";

/// A piece of a snippet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    pub is_match: bool,
}

/// `found` in order and apart, as [`super::Query::matches`] gives it. Line breaks become spaces.
pub fn snippet(text: &str, found: &[Range<usize>]) -> Vec<Part> {
    let window = window(text, found.first().map_or(0, |first| first.start));
    let mut parts = Vec::new();
    let mut at = window.start;
    for range in found {
        let (start, end) = (range.start.clamp(at, window.end), range.end.clamp(at, window.end));
        push(&mut parts, &text[at..start], false);
        push(&mut parts, &text[start..end], true);
        at = end;
    }
    push(&mut parts, &text[at..window.end], false);
    if window.start > 0 {
        match parts.first_mut() {
            Some(first) if !first.is_match => first.text.insert_str(0, CUT),
            _ => parts.insert(0, Part { text: CUT.to_owned(), is_match: false }),
        }
    }
    if window.end < text.len() {
        match parts.last_mut() {
            Some(last) if !last.is_match => last.text.push_str(CUT),
            _ => parts.push(Part { text: CUT.to_owned(), is_match: false }),
        }
    }
    parts
}

fn push(parts: &mut Vec<Part>, text: &str, is_match: bool) {
    if !text.is_empty() {
        let text = text.chars().map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c }).collect();
        parts.push(Part { text, is_match });
    }
}

/// The bytes that are shown of a text whose first match starts at `first`.
fn window(text: &str, first: usize) -> Range<usize> {
    let before: Vec<(usize, char)> = text[..first].char_indices().rev().take(BEFORE + 1).collect();
    let start = if before.len() <= BEFORE {
        0
    } else {
        // From the farthest on: behind the first space, else where no sign is torn apart.
        let mut near = before[..BEFORE].iter().rev();
        let space = near.clone().take(TO_A_SPACE).find(|(_, c)| c.is_whitespace());
        let space = space.map(|(at, c)| at + c.len_utf8());
        space.or_else(|| near.find(|(_, c)| stands_alone(*c)).map(|(at, _)| *at)).unwrap_or(first)
    };
    let shown: Vec<(usize, char)> = text[start..].char_indices().take(SNIPPET_CHARS + 1).collect();
    let Some((last, _)) = shown.get(SNIPPET_CHARS) else { return start..text.len() };
    let behind_first = |at: usize| start + at > first;
    let space = shown.iter().rev().take(TO_A_SPACE).find(|(at, c)| c.is_whitespace() && behind_first(*at));
    let whole = || shown.iter().rev().find(|(at, c)| stands_alone(*c) && behind_first(*at));
    start..start + space.or_else(whole).map_or(*last, |(at, _)| *at)
}

/// Whether a text may be cut before it.
fn stands_alone(c: char) -> bool {
    !is_combining_mark(c) && !matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::search::Query;

    /// Matches in brackets.
    fn shown(query: &str, text: &str) -> String {
        let found = Query::parse(query).unwrap().matches(text).unwrap();
        let parts = snippet(text, &found);
        parts.iter().map(|part| if part.is_match { format!("[{}]", part.text) } else { part.text.clone() }).collect()
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        assert_eq!(shown("tor", "Zu Tor 4,\nnicht <b>Tor</b> 5"), "Zu [Tor] 4, nicht <b>[Tor]</b> 5");
        assert_eq!(shown("zurich", "Zu\u{308}rich"), "[Zu\u{308}rich]");
        assert_eq!(shown("会議", "明日の会議室 🚚"), "明日の[会議]室 🚚");
    }

    #[test]
    fn a_long_text_is_cut_between_words_around_the_first_match() {
        let text = format!("{} Palette {}", "vorher ".repeat(50).trim(), "nachher ".repeat(50).trim());
        let shown = shown("palette", &text);
        assert!(shown.starts_with("…vorher vorher") && shown.ends_with("nachher…"), "{shown}");
        assert!(shown.contains(" [Palette] nachher"), "{shown}");
        assert!(shown.chars().count() <= SNIPPET_CHARS + 4, "{shown}");
    }

    #[test]
    fn no_sign_is_torn_apart() {
        let family = "👨\u{200d}👩\u{200d}👧";
        let text = format!("{} tor {}", family.repeat(30), "e\u{301}".repeat(200));
        let parts = snippet(&text, &Query::parse("tor").unwrap().matches(&text).unwrap());
        let (first, last) = (&parts[0].text, &parts[2].text);
        assert!(
            first.trim_start_matches('…').starts_with('👨') || first.trim_start_matches('…').starts_with(['👩', '👧'])
        );
        assert!(last.ends_with("\u{301}…"), "{last}");
    }

    proptest! {
        #[test]
        fn a_snippet_is_a_bounded_part_of_the_text(before in "[a-c ä会\u{301}]{0,300}", after in "[a-c ä会\u{301}]{0,300}") {
            let text = format!("{before} tor {after}");
            let found = Query::parse("tor").unwrap().matches(&text).unwrap();
            let parts = snippet(&text, &found);
            let whole: String = parts.iter().map(|part| part.text.as_str()).collect();
            prop_assert!(whole.chars().count() <= SNIPPET_CHARS + 2);
            prop_assert!(text.contains(whole.trim_matches('…')));
            prop_assert!(parts.iter().any(|part| part.is_match && part.text == "tor"));
        }
    }
}
