//! The project's own source as the rules look at it: words without comments, texts and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the project lies.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One file below src/, tests left out.
pub struct Source {
    /// Below src/, such as `store/backend/mod.rs`.
    pub path: String,
    pub text: String,
    /// Identifiers, `::` and single other characters, each with its line.
    pub words: Vec<(usize, String)>,
    /// What stands between quotation marks.
    pub literals: Vec<String>,
    /// Files, below src/ too, that it declares for tests alone.
    test_files: Vec<String>,
}

impl Source {
    pub fn parse(path: &str, text: &str) -> Self {
        let mut blanked = Blanked::of(text);
        let test_files = blanked.remove_tests().iter().filter_map(|item| files_of(path, item)).collect();
        let literals = blanked.literals.iter().filter(|(at, _)| blanked.code[*at] == '"').map(|(_, l)| l.clone());
        Self {
            path: path.into(),
            text: text.into(),
            literals: literals.collect(),
            words: words(&blanked.code),
            test_files,
        }
    }

    /// The module that the file belongs to: its first folder, or its own name at the top.
    pub fn module(&self) -> &str {
        self.module_path().first().copied().unwrap_or("lib")
    }

    /// The file's path as a module: `[store, backend]`. Empty for lib.rs.
    pub fn module_path(&self) -> Vec<&str> {
        let path = self.path.trim_end_matches(".rs");
        path.split('/').filter(|part| !matches!(*part, "mod" | "lib")).collect()
    }

    /// Is it that file, or below that folder? `store/backend` is both `store/backend.rs` and `store/backend/…`.
    pub fn is_in(&self, place: &str) -> bool {
        self.path.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }

    /// The lines on which these words follow each other.
    pub fn lines_with(&self, sought: &[&str]) -> Vec<usize> {
        let fits = |window: &&[(usize, String)]| window.iter().zip(sought).all(|((_, w), s)| w == s);
        self.words.windows(sought.len()).filter(fits).map(|window| window[0].0).collect()
    }

    /// The names at the top of the package that the file reaches into, by `crate::` or by enough `super::`.
    pub fn reaches(&self) -> Vec<(usize, &str)> {
        let depth = self.module_path().len();
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.words.len() {
            let begin = at;
            let mut up = 0;
            while self.word(at) == "super" && self.word(at + 1) == "::" {
                (up, at) = (up + 1, at + 2);
            }
            let package = matches!(self.word(begin), "crate" | "tenfour") && self.word(begin + 1) == "::";
            let inner = begin > 0 && self.word(begin - 1) == "::";
            if !inner && package {
                self.names_at(begin + 2, &mut found);
            } else if !inner && up > 0 && up == depth {
                self.names_at(at, &mut found);
            }
            at = at.max(begin + 1);
        }
        found
    }

    /// The name at this place, or the first of each branch of the group that opens here.
    fn names_at<'a>(&'a self, at: usize, found: &mut Vec<(usize, &'a str)>) {
        if self.word(at) != "{" {
            found.extend(self.words.get(at).map(|(line, word)| (*line, word.as_str())));
            return;
        }
        let mut depth = 0;
        for (index, (line, word)) in self.words.iter().enumerate().skip(at) {
            match word.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ if depth == 1 && matches!(self.word(index - 1), "{" | ",") => found.push((*line, word)),
                _ => (),
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |(_, word)| word)
    }
}

/// Every file below src/ that is part of the product.
pub fn sources() -> Vec<Source> {
    let mut sources = all_sources();
    let tests: Vec<String> = sources.iter().flat_map(|source| source.test_files.clone()).collect();
    sources.retain(|source| !tests.iter().any(|test| source.is_in(test)));
    sources
}

/// The same with the files that only tests have.
pub fn all_sources() -> Vec<Source> {
    let src = root().join("src");
    let mut sources = Vec::new();
    for file in files_below(&src).into_iter().filter(|file| file.extension().is_some_and(|ext| ext == "rs")) {
        let path = file.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
        sources.push(Source::parse(&path, &fs::read_to_string(&file).unwrap()));
    }
    assert!(!sources.is_empty(), "there is no source below {}", src.display());
    sources
}

/// Where `mod name;` lies, or what its `path` names; nothing for an item with a body. Without the `.rs`, as
/// [`Source::is_in`] takes it.
fn files_of(declared_in: &str, item: &str) -> Option<String> {
    let (attributes, name) = item.strip_suffix(';')?.rsplit_once("mod ")?;
    let folder = declared_in.rsplit_once('/').map_or("", |(folder, _)| folder);
    let own = match declared_in.rsplit('/').next() {
        Some("mod.rs" | "lib.rs" | "main.rs") => folder,
        _ => declared_in.trim_end_matches(".rs"),
    };
    let named = attributes.split_once("path = \"").and_then(|(_, rest)| rest.split_once(".rs\""));
    let file = named.map_or_else(|| format!("{own}/{}", name.trim()), |(path, _)| format!("{folder}/{path}"));
    Some(file.trim_start_matches('/').to_owned())
}

/// Every file below a folder, in order of names, but what is built or fetched.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(fs::DirEntry::path);
    let mut files = Vec::new();
    for entry in entries {
        let kind = entry.file_type().unwrap();
        let foreign = matches!(entry.file_name().to_str(), Some("target" | ".git" | "node_modules"));
        if kind.is_dir() && !foreign {
            files.extend(files_below(&entry.path()));
        } else if kind.is_file() && !foreign {
            files.push(entry.path());
        }
    }
    files
}

/// A source of the same length in which comments and texts are blanks; a text keeps its quotation marks.
struct Blanked {
    code: Vec<char>,
    literals: Vec<(usize, String)>,
}

impl Blanked {
    fn of(text: &str) -> Self {
        let from: Vec<char> = text.chars().collect();
        let mut code = from.clone();
        let mut literals = Vec::new();
        let mut at = 0;
        while at < from.len() {
            let next = from.get(at + 1).copied();
            let end = match from[at] {
                '/' if next == Some('/') => line_end(&from, at),
                '/' if next == Some('*') => comment_end(&from, at),
                '"' => {
                    let end = text_end(&from, at);
                    literals.push((at, from[at + 1..end - 1].iter().collect()));
                    blank(&mut code[at + 1..end - 1]);
                    at = end;
                    continue;
                }
                'r' if !at.checked_sub(1).is_some_and(|before| is_word(from[before]) && from[before] != 'b') => {
                    raw_text_end(&from, at).unwrap_or(at)
                }
                '\'' => character_end(&from, at).unwrap_or(at),
                _ => at,
            };
            blank(&mut code[at..end]);
            at = end.max(at + 1);
        }
        Self { code, literals }
    }

    /// Blanks each item that stands behind `#[cfg(test)]`, and gives its text.
    fn remove_tests(&mut self) -> Vec<String> {
        let marks = ["#[cfg(test)]", "#[cfg(all(test"].map(|mark| mark.chars().collect::<Vec<_>>());
        let (mut at, mut removed) = (0, Vec::new());
        while at < self.code.len() {
            if marks.iter().any(|mark| self.code[at..].starts_with(mark)) {
                let end = self.item_end(at);
                removed.push(self.with_literals(at, end));
                blank(&mut self.code[at..end]);
                at = end;
            }
            at += 1;
        }
        removed
    }

    fn with_literals(&self, begin: usize, end: usize) -> String {
        let mut text = self.code[begin..end].to_vec();
        for (at, literal) in self.literals.iter().filter(|(at, _)| (begin..end).contains(at)) {
            text.splice(at + 1 - begin..at + 1 - begin + literal.chars().count(), literal.chars());
        }
        text.into_iter().collect()
    }

    /// An item ends with its outermost brace, or with a semicolon outside of all.
    fn item_end(&self, begin: usize) -> usize {
        let mut depth = 0;
        for at in begin..self.code.len() {
            match self.code[at] {
                '{' | '[' | '(' => depth += 1,
                '}' | ']' | ')' => depth -= 1,
                _ => (),
            }
            let next = self.code[at + 1..].iter().find(|next| !next.is_whitespace());
            if depth == 0 && (self.code[at] == ';' || self.code[at] == '}' && next != Some(&';')) {
                return at + 1;
            }
        }
        self.code.len()
    }
}

fn blank(code: &mut [char]) {
    for character in code.iter_mut().filter(|character| **character != '\n') {
        *character = ' ';
    }
}

fn line_end(from: &[char], at: usize) -> usize {
    from[at..].iter().position(|c| *c == '\n').map_or(from.len(), |length| at + length)
}

fn comment_end(from: &[char], begin: usize) -> usize {
    let (mut depth, mut at) = (0, begin);
    while at < from.len() {
        match (from[at], from.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 1),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 1),
            _ => (),
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    from.len()
}

fn text_end(from: &[char], begin: usize) -> usize {
    let mut at = begin + 1;
    while at < from.len() && from[at] != '"' {
        at += if from[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(from.len())
}

/// `r"…"` and `r#"…"#`; none where an `r` is just the beginning of a word.
fn raw_text_end(from: &[char], begin: usize) -> Option<usize> {
    let hashes = from[begin + 1..].iter().take_while(|c| **c == '#').count();
    if from.get(begin + 1 + hashes) != Some(&'"') {
        return None;
    }
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = begin + 2 + hashes;
    let length = from[body..].windows(closing.len()).position(|window| window == closing)?;
    Some(body + length + closing.len())
}

/// `'x'` and `'\n'`; none for a lifetime.
fn character_end(from: &[char], begin: usize) -> Option<usize> {
    if from.get(begin + 1) == Some(&'\\') {
        return from[begin + 3..].iter().position(|c| *c == '\'').map(|length| begin + 3 + length + 1);
    }
    (from.get(begin + 2) == Some(&'\'')).then_some(begin + 3)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn words(code: &[char]) -> Vec<(usize, String)> {
    let (mut line, mut at) = (1, 0);
    let mut words = Vec::new();
    while at < code.len() {
        let length = match code[at] {
            c if is_word(c) => code[at..].iter().take_while(|c| is_word(**c)).count(),
            ':' if code.get(at + 1) == Some(&':') => 2,
            _ => 1,
        };
        if code[at] == '\n' {
            line += 1;
        } else if !code[at].is_whitespace() {
            words.push((line, code[at..at + length].iter().collect()));
        }
        at += length;
    }
    words
}

mod tests {
    use super::Source;

    #[test]
    fn comments_texts_and_tests_are_not_code() {
        let source = Source::parse(
            "store/mod.rs",
            r##"//! crate::http
            use crate::{domain::ids, protocol};
            const A: &str = "crate::actors"; // crate::actors
            const B: &str = r#"say "crate::bus" "#;
            fn f<'a>(x: &'a str) -> char { '"' }
            #[cfg(test)]
            use crate::{client, config};
            #[cfg(test)]
            mod tests { fn g() { crate::daemon::run("TENFOUR_TEST") } }
            fn h() { super::auth::check(); super::super::auth::no() }
            "##,
        );
        let names: Vec<_> = source.reaches().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["domain", "protocol", "auth"]);
        assert_eq!(source.literals, ["crate::actors"]);
    }

    #[test]
    fn a_file_that_only_tests_have_is_known_by_its_declaration() {
        let declared = |path, text| Source::parse(path, text).test_files;
        assert_eq!(declared("auth/mod.rs", "#[cfg(test)]\nmod testing;\nmod keys;"), ["auth/testing"]);
        assert_eq!(declared("auth/keys.rs", "#[cfg(test)]\nmod tests;"), ["auth/keys/tests"]);
        let by_path = "#[cfg(test)]\n#[path = \"load_tests.rs\"]\nmod tests;";
        assert_eq!(declared("config/load.rs", by_path), ["config/load_tests"]);
        assert!(declared("lib.rs", "#[cfg(test)]\nmod tests { fn f(); }\n#[cfg(test)]\nuse x::y;").is_empty());
    }

    #[test]
    fn a_place_is_a_file_or_a_folder() {
        let file = Source::parse("store/backend.rs", "");
        let folder = Source::parse("store/backend/mod.rs", "");
        assert!(file.is_in("store/backend") && folder.is_in("store/backend") && folder.is_in("store"));
        assert!(!file.is_in("store/back"));
        assert_eq!((folder.module(), folder.module_path()), ("store", vec!["store", "backend"]));
    }
}
