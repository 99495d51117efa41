//! Everything that reads what strangers send, fed with changed inputs: not only that it stands, but that what has to hold
//! holds.
//!
//! `scripts/test --test fuzz` tries so many inputs of each target, the same each time. For longer, with another seed each time:
//! `TENFOUR_FUZZ_SECONDS=60 scripts/test --test fuzz -- [TARGET…]`. One input again: `… --test fuzz -- TARGET FILE`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a judge stops at the first surprise and says so"
)]

mod engine;
mod mutate;
mod targets;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use engine::{Bad, Budget, Report};
use targets::{TARGETS, Target};

/// For each target, where nothing else is asked for.
const INPUTS: u64 = 20_000;
const SECONDS: &str = "TENFOUR_FUZZ_SECONDS";
const SEED: &str = "TENFOUR_FUZZ_SEED";

fn main() -> ExitCode {
    // What cargo passes on to every test, such as --nocapture, is of no interest here.
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let target_of = |name: &String| TARGETS.iter().find(|target| target.name == *name);
    if let [name, file] = named.as_slice()
        && let (Some(target), None) = (target_of(name), target_of(file))
    {
        return again(target, file);
    }
    if let Some(unknown) = named.iter().find(|name| target_of(name).is_none()) {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("fuzz: no target is called {unknown:?}; there are {}", names.join(", "));
        // `cargo test NAME` says the name of any test to every program of tests: that alone is no mistake.
        let is_meant = named.len() > 1 || [SECONDS, SEED].iter().any(|name| std::env::var_os(name).is_some());
        return if is_meant { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let chosen: Vec<&Target> =
        TARGETS.iter().filter(|it| named.is_empty() || named.contains(&it.name.into())).collect();
    let number = |name: &str| {
        std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap_or_else(|_| panic!("{name} must be a number")))
    };
    let seconds = number(SECONDS);
    let budget = seconds.map_or(Budget::Inputs(INPUTS), |seconds| Budget::Time(Duration::from_secs(seconds)));
    let seed = number(SEED).unwrap_or_else(|| if seconds.is_some() { fastrand::u32(..).into() } else { 1 });
    println!("\nfuzz: {} targets, {SEED}={seed}, each {budget:?}", chosen.len());
    // Panics are the findings, told once each below.
    std::panic::set_hook(Box::new(|_| {}));
    if finds_what_was_planted() && all_hold(&chosen, seed, budget) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One input once more.
fn again(target: &Target, file: &str) -> ExitCode {
    let input = match std::fs::read(file) {
        Ok(input) => input,
        Err(error) => {
            eprintln!("fuzz: {file} is no target and cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = engine::check(target, &input);
    println!("{}: {outcome:?}", target.name);
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn all_hold(chosen: &[&Target], seed: u64, budget: Budget) -> bool {
    let (next, sound) = (AtomicUsize::new(0), AtomicBool::new(true));
    let said = Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(target) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = engine::run(target, seed, budget);
                    let _turn = said.lock().unwrap();
                    match outcome {
                        Ok(Report { tried, outcomes, took }) => {
                            println!("{}: {tried} inputs, {outcomes} outcomes, {took:.1?}", target.name);
                        }
                        Err(bad) => {
                            sound.store(false, Ordering::Relaxed);
                            tell(target, &bad);
                        }
                    }
                }
            });
        }
    });
    sound.into_inner()
}

fn tell(target: &Target, bad: &Bad) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    let file = folder.join(format!("{}-{:x}", target.name, fastrand::u64(..)));
    let kept = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, &bad.input));
    eprintln!("{}: NOT RIGHT: {}", target.name, bad.why);
    eprintln!("  input: \"{}\"", bad.input.escape_ascii());
    match kept {
        Ok(()) => eprintln!("  again: scripts/test --test fuzz -- {} {}", target.name, file.display()),
        Err(error) => eprintln!("  it could not be kept: {error}"),
    }
}

/// A fuzzer that finds nothing proves nothing: it has to find what is hidden in these.
fn finds_what_was_planted() -> bool {
    let planted = [
        Target {
            name: "planted in a tree",
            check: |data| {
                let tree: serde_json::Value = serde_json::from_slice(data).unwrap_or_default();
                assert!(tree["from"]["seq"].as_i64() != Some(i64::MAX), "found");
                u64::from(tree["from"].is_object())
            },
            seeds: || vec![br#"{"from":{"seq":1,"at":"now"}}"#.to_vec()],
            words: &[],
            cost: 1,
        },
        Target {
            name: "planted in bytes",
            check: |data| {
                let steps = data.iter().zip(b"\x89\xfe").take_while(|(byte, sought)| byte == sought).count();
                assert!(steps < 2, "found");
                steps as u64
            },
            seeds: || vec![b"\x81\x80abcd".to_vec()],
            words: &[],
            cost: 1,
        },
    ];
    planted.iter().all(|target| {
        let found = engine::run(target, 1, Budget::Inputs(200_000)).is_err_and(|bad| bad.why == "found");
        if !found {
            eprintln!("{}: not found, so that nothing here can be believed", target.name);
        }
        found
    })
}
