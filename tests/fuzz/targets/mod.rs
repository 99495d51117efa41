//! What is fed, and what has to hold. Each check is a function of the input alone, and says as a number what came of it:
//! inputs that lead to something new are worth changing further.

mod config;
mod files;
mod frames;
mod identity;
mod merge;
mod places;
mod sealed;
mod socket;
mod words;

use std::hash::{DefaultHasher, Hash, Hasher};

pub struct Target {
    pub name: &'static str,
    pub check: fn(&[u8]) -> u64,
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What is worth putting in.
    pub words: &'static [&'static str],
    /// How many times longer than others it takes for an input, about.
    pub cost: u64,
}

pub const TARGETS: &[Target] = &[
    socket::TARGET,
    frames::CLIENT,
    frames::SAID,
    frames::SERVER,
    merge::TARGET,
    identity::TOKEN,
    identity::CLAIMS,
    identity::BEARER,
    identity::IDS,
    places::ORIGIN,
    places::ADDRESS,
    sealed::EVENT,
    sealed::LEASE,
    config::TARGET,
    files::WHOLE,
    files::PIECES,
    words::QUERY,
    words::BODIES,
];

/// A number for what came of it: numbers and the like in its text are taken for the same.
pub fn outcome(of: &impl std::fmt::Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    let text = format!("{of:?}");
    let mut last = 'a';
    for letter in text.chars().filter(char::is_ascii).take(400) {
        let kind = if letter.is_ascii_alphanumeric() && !letter.is_ascii_alphabetic() { '0' } else { letter };
        if kind != last || kind != '0' {
            kind.hash(&mut hasher);
        }
        last = kind;
    }
    hasher.finish()
}

/// An input, taken byte by byte; zeros where it has ended.
pub struct Taken<'a>(pub &'a [u8]);

impl<'a> Taken<'a> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

pub fn seeds(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
