//! What is searched for: words, phrases, beginnings and what must not be there. Total: every text means something, or is
//! refused with what is missing, and none reaches a database as it came.

use std::ops::Range;
use std::str::FromStr;

use super::words::{Word, key, words};

/// The longest query, in characters, and the most terms of one.
pub const MAX_QUERY_CHARS: usize = 255;
pub const MAX_TERMS: usize = 16;
/// A beginning of fewer characters is taken as a whole word: half of all words would begin with it.
const MIN_BEGINNING: usize = 2;

/// Why a text is no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("must not contain U+0000")]
    Nul,
    #[error("is {0} characters long; the limit is {MAX_QUERY_CHARS}")]
    TooLong(usize),
    #[error("has {0} words and phrases; the limit is {MAX_TERMS}")]
    TooMany(usize),
    #[error("must have a word to look for: letters or digits, without a minus before them")]
    Nothing,
}

/// A checked query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(Vec<Term>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    /// Next to each other; one at least.
    words: Vec<String>,
    /// The last word is a beginning.
    begins: bool,
    excluded: bool,
}

/// A word that is in every message that is found, as an index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed<'a> {
    pub key: &'a str,
    /// Any word that begins so will do.
    pub begins: bool,
}

impl Query {
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.contains('\0') {
            return Err(QueryError::Nul);
        }
        let length = text.chars().count();
        if length > MAX_QUERY_CHARS {
            return Err(QueryError::TooLong(length));
        }
        let terms: Vec<Term> = pieces(text).into_iter().filter_map(Piece::term).collect();
        if terms.len() > MAX_TERMS {
            return Err(QueryError::TooMany(terms.len()));
        }
        if terms.iter().all(|term| term.excluded) {
            return Err(QueryError::Nothing);
        }
        Ok(Self(terms))
    }

    /// What an index can look for. A message that has all of it may still be none that [`Query::matches`].
    pub fn needed(&self) -> Vec<Needed<'_>> {
        let mut needed = Vec::new();
        for term in self.0.iter().filter(|term| !term.excluded) {
            for (at, word) in term.words.iter().enumerate() {
                let cut = key(word);
                let begins = term.begins && at + 1 == term.words.len() && cut.len() == word.len();
                let one = Needed { key: cut, begins };
                if !needed.contains(&one) {
                    needed.push(one);
                }
            }
        }
        needed
    }

    /// Which bytes of the text were looked for, in order and apart; `None` where it is not what was looked for.
    pub fn matches(&self, text: &str) -> Option<Vec<Range<usize>>> {
        let words = words(text);
        let mut found = Vec::new();
        for term in &self.0 {
            let mut places = term.places(&words).peekable();
            if places.peek().is_some() == term.excluded {
                return None;
            }
            found.extend(places);
        }
        found.sort_unstable_by_key(|range| range.start);
        let mut apart: Vec<Range<usize>> = Vec::new();
        for range in found {
            match apart.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        Some(apart)
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::parse(text)
    }
}

impl Term {
    fn places(&self, words: &[Word]) -> impl Iterator<Item = Range<usize>> {
        words.windows(self.words.len()).filter(|window| self.is_at(window)).map(|window| {
            let end = window.last().map_or(window[0].end, |last| last.end);
            window[0].start..end
        })
    }

    fn is_at(&self, window: &[Word]) -> bool {
        let last = self.words.len() - 1;
        self.words.iter().zip(window).enumerate().all(|(at, (sought, word))| {
            if at == last && self.begins { word.text.starts_with(sought) } else { word.text == *sought }
        })
    }
}

/// A part of a query's text.
#[derive(Debug, Default)]
struct Piece {
    text: String,
    quoted: bool,
    excluded: bool,
}

impl Piece {
    fn term(self) -> Option<Term> {
        let words: Vec<Word> = words(&self.text);
        let last = words.last()?;
        let begins = !self.quoted && self.text[last.end..] == *"*" && last.text.chars().count() >= MIN_BEGINNING;
        Some(Term { words: words.into_iter().map(|word| word.text).collect(), begins, excluded: self.excluded })
    }
}

/// What stands between spaces or between quotation marks. A mark that is not closed reaches to the end.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut piece = Piece::default();
    for c in text.chars() {
        match c {
            '"' if piece.quoted => pieces.push(std::mem::take(&mut piece)),
            '"' => {
                // `-"…"` excludes the phrase; `word"…"` is a word and a phrase.
                let excluded = piece.excluded && piece.text.is_empty();
                pieces.push(std::mem::replace(&mut piece, Piece { quoted: true, excluded, ..Piece::default() }));
            }
            c if !piece.quoted && c.is_whitespace() => pieces.push(std::mem::take(&mut piece)),
            '-' if !piece.quoted && !piece.excluded && piece.text.is_empty() => piece.excluded = true,
            c => piece.text.push(c),
        }
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(query: &str, text: &str) -> Option<Vec<String>> {
        let ranges = Query::parse(query).unwrap().matches(text)?;
        Some(ranges.into_iter().map(|range| text[range].to_owned()).collect())
    }

    #[test]
    fn words_phrases_beginnings_and_what_must_not_be_there() {
        for (query, text, expected) in [
            ("tor vier", "Bitte zu Tor Vier fahren", Some(&["Tor", "Vier"][..])),
            ("vier tor", "Bitte zu Tor Vier fahren", Some(&["Tor", "Vier"])),
            ("\"tor vier\"", "Bitte zu Tor Vier fahren", Some(&["Tor Vier"])),
            ("\"vier tor\"", "Bitte zu Tor Vier fahren", None),
            ("\"tor vier", "Bitte zu Tor Vier fahren", Some(&["Tor Vier"])),
            ("tor fünf", "Bitte zu Tor Vier fahren", None),
            ("palett*", "drei Paletten", Some(&["Paletten"])),
            ("palett", "drei Paletten", None),
            ("p*", "drei Paletten", None),
            ("\"palett*\"", "drei Paletten", None),
            ("paletten -drei", "drei Paletten", None),
            ("paletten -vier", "drei Paletten", Some(&["Paletten"])),
            ("paletten -\"drei paletten\"", "drei Paletten", None),
            ("paletten -dr*", "drei Paletten", None),
            ("paletten - drei", "drei Paletten", Some(&["drei", "Paletten"])),
            ("a-b", "die A-B Linie, a b, b a", Some(&["A-B", "a b"])),
            ("zurich", "nach Zu\u{308}rich!", Some(&["Zu\u{308}rich"])),
            ("会議", "明日の会議室", Some(&["会議"])),
            ("OR AND NOT", "not and or", Some(&["not", "and", "or"])),
            ("aa aa", "aa aa aa", Some(&["aa", "aa", "aa"])),
            ("\"aa aa\"", "aa aa aa", Some(&["aa aa aa"])),
        ] {
            let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(found(query, text), expected, "{query} in {text}");
        }
    }

    #[test]
    fn a_query_says_what_is_wrong_with_it() {
        for (text, error) in [
            ("", QueryError::Nothing),
            (" \t\n", QueryError::Nothing),
            ("-weg", QueryError::Nothing),
            ("* \"\" - () :: ^ & | ! <->", QueryError::Nothing),
            ("a\0b", QueryError::Nul),
            (&"ä".repeat(256), QueryError::TooLong(256)),
            (&"a ".repeat(17), QueryError::TooMany(17)),
        ] {
            assert_eq!(Query::parse(text), Err(error), "{text}");
        }
        assert!(Query::parse(&"ä".repeat(255)).is_ok());
        assert!(Query::parse(&"a ".repeat(16)).is_ok());
    }

    #[test]
    fn an_index_is_asked_for_what_must_be_there() {
        let query = Query::parse("Tor \"am Tor\" Palett* -weg e-ma*").unwrap();
        let needed: Vec<_> = query.needed().into_iter().map(|needed| (needed.key, needed.begins)).collect();
        assert_eq!(needed, [("tor", false), ("am", false), ("palett", true), ("e", false), ("ma", true)]);
        let long = Query::parse(&format!("{}*", "x".repeat(70))).unwrap();
        assert_eq!(long.needed(), [Needed { key: &"x".repeat(64), begins: false }]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Whatever is typed is a query or a refusal, and what matches has all that an index is asked for.
        #[test]
        fn any_text_is_a_query_or_refused(query in "[a-c\"*\\- 'äß:(){}^+&|!<>\\\\\u{0}\u{301}会]{0,24}", text in "[a-c äß\u{301}会-]{0,24}") {
            let Ok(query) = Query::parse(&query) else { return Ok(()) };
            let Some(ranges) = query.matches(&text) else { return Ok(()) };
            let words = words(&text);
            for needed in query.needed() {
                let fits = |word: &Word| if needed.begins { word.text.starts_with(needed.key) } else { key(&word.text) == needed.key };
                prop_assert!(words.iter().any(fits), "{needed:?}");
            }
            let mut last = 0;
            prop_assert!(!ranges.is_empty());
            for range in ranges {
                prop_assert!(last <= range.start && text.get(range.clone()).is_some_and(|part| !part.is_empty()));
                last = range.end;
            }
        }

        #[test]
        fn nothing_that_is_typed_panics(query in any::<String>(), text in any::<String>()) {
            if let Ok(query) = Query::parse(&query) {
                let _ = query.matches(&text);
            }
        }
    }
}
