//! Tries inputs on a target: those that are known, then changes of them. What leads to something new is changed further.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::mutate::mutate;
use super::targets::Target;

/// How long one input may take; nothing here waits for anything.
const SLOW: Duration = Duration::from_secs(5);
/// Tries to make a bad input smaller.
const SHRINKS: usize = 2_000;
/// The most inputs that are kept to be changed.
const KEPT: usize = 2_000;

#[derive(Debug, Clone, Copy)]
pub enum Budget {
    Inputs(u64),
    Time(Duration),
}

#[derive(Debug)]
pub struct Report {
    pub tried: u64,
    pub outcomes: usize,
    pub took: Duration,
}

/// An input that breaks what has to hold.
#[derive(Debug)]
pub struct Bad {
    pub input: Vec<u8>,
    pub why: String,
}

pub fn run(target: &Target, seed: u64, budget: Budget) -> Result<Report, Bad> {
    let mut rng = Rng::with_seed(seed);
    let mut known = (target.seeds)();
    known.extend(committed(target.name));
    let (own, mut outcomes) = (known.len(), HashSet::new());
    for input in &known {
        outcomes.insert(check(target, input)?);
    }
    let started = Instant::now();
    let mut tried = known.len() as u64;
    let spent = |tried: u64| match budget {
        Budget::Inputs(most) => tried >= most / target.cost,
        Budget::Time(most) => started.elapsed() >= most,
    };
    while !spent(tried) {
        // Half of them begin at the beginning: otherwise what was found first is lost among what was found since.
        let among = if rng.bool() { own } else { known.len() };
        let begin = rng.usize(..among);
        let input = mutate(&mut rng, &known[begin], &known, target.words);
        let outcome = check(target, &input).map_err(|bad| shrink(target, &mut rng, bad))?;
        if outcomes.insert(outcome) && known.len() < KEPT {
            known.push(input);
        }
        tried += 1;
    }
    Ok(Report { tried, outcomes: outcomes.len(), took: started.elapsed() })
}

/// What came of it, as a number.
pub fn check(target: &Target, input: &[u8]) -> Result<u64, Bad> {
    let bad = |why: String| Bad { input: input.to_vec(), why };
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.check)(input))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
        bad(text.unwrap_or("a panic").to_owned())
    })?;
    let took = started.elapsed();
    if took > SLOW { Err(bad(format!("it took {took:?}"))) } else { Ok(outcome) }
}

/// A smaller input that is bad as well, by leaving pieces out.
fn shrink(target: &Target, rng: &mut Rng, mut bad: Bad) -> Bad {
    for _ in 0..SHRINKS {
        let mut input = bad.input.clone();
        let at = rng.usize(..=input.len());
        let end = (at + rng.usize(1..=32)).min(input.len());
        drop(input.drain(at..end));
        if input.len() < bad.input.len()
            && let Err(smaller) = check(target, &input)
        {
            bad = smaller;
        }
    }
    bad
}

/// Inputs that were bad once, or are hard to come by.
fn committed(name: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(corpus(name)) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
}

pub fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name)
}
