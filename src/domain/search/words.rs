//! What a word is, for search: found in a text, and folded so that case, accents and forms of one letter do not matter.
//!
//! Used for the index, for queries and for what is highlighted, so that both databases find the same. Never asks a
//! database what a word is: each would cut and fold in its own way.

use std::collections::BTreeSet;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// The longest key of a word in an index, in characters. What is longer is told apart by the text itself.
const MAX_KEY_CHARS: usize = 64;
/// The most bytes of different words that are kept of one text: PostgreSQL takes 1 MiB of them.
const MAX_KEYS_BYTES: usize = 512 * 1024;

/// A word of a text, folded, and the bytes of the text that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub start: usize,
    pub end: usize,
}

/// The words of a text, in order.
pub fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut word = Word { text: String::new(), start: 0, end: 0 };
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        let inside = !word.text.is_empty();
        if is_accent(c) {
            word.end = if inside { end } else { word.end };
            continue;
        }
        let belongs = c.is_alphanumeric() || (inside && is_combining_mark(c));
        if inside && (!belongs || is_whole_word(c)) {
            found.push(std::mem::replace(&mut word, Word { text: String::new(), start, end }));
        }
        if !belongs {
            continue;
        }
        if word.text.is_empty() {
            word.start = start;
        }
        fold(c, &mut word.text);
        word.end = end;
        if is_whole_word(c) && !word.text.is_empty() {
            found.push(std::mem::replace(&mut word, Word { text: String::new(), start: end, end }));
        }
    }
    if !word.text.is_empty() {
        found.push(word);
    }
    found
}

/// What an index keeps of a text: each word once. Of a text that is longer than any that is typed, the beginning.
pub fn keys(text: &str) -> Vec<String> {
    let mut keys: BTreeSet<String> = BTreeSet::new();
    let mut bytes = 0;
    for word in words(text) {
        let key = key(&word.text);
        if !keys.contains(key) {
            bytes += key.len();
            if bytes > MAX_KEYS_BYTES {
                break;
            }
            keys.insert(key.to_owned());
        }
    }
    keys.into_iter().collect()
}

/// Under which a word stands in an index.
pub fn key(word: &str) -> &str {
    word.char_indices().nth(MAX_KEY_CHARS).map_or(word, |(end, _)| &word[..end])
}

fn fold(c: char, into: &mut String) {
    if c.is_ascii() {
        into.push(c.to_ascii_lowercase());
        return;
    }
    decompose_compatible(c, |part| {
        for lower in part.to_lowercase() {
            match lower {
                // Letters that have no accent to lose, and are typed without what sets them apart.
                'ß' => into.push_str("ss"),
                'æ' => into.push_str("ae"),
                'œ' => into.push_str("oe"),
                'ø' => into.push('o'),
                'đ' | 'ð' => into.push('d'),
                'ł' => into.push('l'),
                'ħ' => into.push('h'),
                'ı' => into.push('i'),
                'ς' => into.push('σ'),
                other if is_accent(other) => {}
                other if other.is_alphanumeric() || is_combining_mark(other) => into.push(other),
                _ => {}
            }
        }
    });
}

/// Marks that people leave out when they type: accents, and the vowel points of Hebrew and Arabic. Others, such as the
/// vowels of Indian scripts, are a part of the word.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}'
        | '\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}

/// Scripts that are written without spaces: each sign counts as a word, and several together as a phrase. So does another
/// form of such a sign.
fn is_whole_word(c: char) -> bool {
    let mut is_one = false;
    if !c.is_ascii() {
        decompose_compatible(c, |part| is_one |= is_of_such_a_script(part));
    }
    is_one || is_of_such_a_script(c)
}

fn is_of_such_a_script(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn case_accents_and_forms_of_a_letter_do_not_matter() {
        for (text, expected) in [
            ("Ladung: 3 Paletten", &["ladung", "3", "paletten"][..]),
            ("GARÇON, Ångström; naïve", &["garcon", "angstrom", "naive"]),
            // The same letters, composed and in parts.
            ("Zu\u{308}rich Zürich", &["zurich", "zurich"]),
            ("Straße STRASSE Łódź Øre", &["strasse", "strasse", "lodz", "ore"]),
            ("İstanbul ISTANBUL ﬁn Ⅻ", &["istanbul", "istanbul", "fin", "xii"]),
            ("Ελλάς ΕΛΛΑΣ", &["ελλασ", "ελλασ"]),
            ("don't e-mail a_b", &["don", "t", "e", "mail", "a", "b"]),
            ("会議室 B2", &["会", "議", "室", "b2"]),
            ("〸𐊀", &["十", "𐊀"]),
            ("हिन्दी", &["हिन्दी"]),
            ("שָׁלוֹם", &["שלום"]),
            ("が か\u{3099}", &["か", "か"]),
            ("\u{301} -- 🚚 \u{0}\u{e000}", &[]),
        ] {
            assert_eq!(folded(text), expected, "{text}");
        }
    }

    #[test]
    fn a_key_is_a_bounded_beginning() {
        assert_eq!(key("ladung"), "ladung");
        let long = "ä".repeat(100);
        assert_eq!(key(&long), "ä".repeat(64));
    }

    proptest! {
        #[test]
        fn words_lie_in_the_text_in_order_and_hold_nothing_that_an_index_would_cut(text in any::<String>()) {
            let mut last = 0;
            for word in words(&text) {
                prop_assert!(last <= word.start && word.start < word.end);
                prop_assert!(text.get(word.start..word.end).is_some());
                prop_assert!(!word.text.is_empty());
                let is_plain = |c: char| if c.is_ascii() { c.is_ascii_alphanumeric() } else { !c.is_whitespace() };
                prop_assert!(word.text.chars().all(is_plain), "{:?}", word.text);
                last = word.end;
            }
        }

        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            // Of these one sign may be two in parts.
            prop_assume!(!text.chars().any(is_whole_word));
            let once = words(&text).into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
            let twice = words(&once).into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(once, twice);
        }
    }
}
