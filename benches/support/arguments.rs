//! What a benchmark is told: `cargo bench --bench NAME -- --rounds 3 --seconds 1 --beside PROGRAM`.

use std::path::PathBuf;
use std::time::Duration;

/// What may be said; the defaults are the benchmark's own.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) rounds: usize,
    /// How long one measurement takes.
    pub(crate) time: Duration,
    /// Another build of the same benchmark, whose servers are measured beside ours, in turns: before and after.
    pub(crate) beside: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn parse(defaults: Self) -> Self {
        let mut arguments = defaults;
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
            match word.as_str() {
                "--rounds" => arguments.rounds = value().parse().expect("--rounds takes a number"),
                "--seconds" => {
                    arguments.time = Duration::from_secs_f64(value().parse().expect("--seconds takes a number"));
                }
                "--beside" => arguments.beside = Some(value().into()),
                // What cargo says to every benchmark.
                "--bench" => {}
                other => panic!("{other} is none of --rounds, --seconds and --beside"),
            }
        }
        assert!(arguments.rounds > 0 && !arguments.time.is_zero(), "--rounds and --seconds must be above 0");
        arguments
    }
}
