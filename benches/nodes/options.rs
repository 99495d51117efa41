//! What this benchmark is told: which parts, and how much of each.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Latency,
    Repair,
    Death,
    Storm,
}

const PARTS: [(&str, Part); 4] =
    [("latency", Part::Latency), ("repair", Part::Repair), ("death", Part::Death), ("storm", Part::Storm)];

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) parts: Vec<Part>,
    /// Messages a second of `latency`, in all channels together.
    pub(crate) rate: u32,
    /// How long `latency` measures.
    pub(crate) time: Duration,
    /// Of `repair`.
    pub(crate) rounds: usize,
    /// Of the node that dies in `death`.
    pub(crate) users: usize,
    /// Of `storm`, one a user.
    pub(crate) sockets: usize,
}

impl Options {
    pub(crate) fn parse() -> Self {
        let mut options = Self {
            parts: Vec::new(),
            rate: 200,
            time: Duration::from_secs(20),
            rounds: 10,
            users: 1000,
            sockets: 2000,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().unwrap_or_else(|| panic!("{word} needs a value"));
                let number: u32 = value.parse().unwrap_or_else(|_| panic!("{word} takes a number, not {value}"));
                assert!(number > 0, "{word} must be above 0");
                number
            };
            match word.as_str() {
                "--rate" => options.rate = number(),
                "--seconds" => options.time = Duration::from_secs(number().into()),
                "--rounds" => options.rounds = size(number()),
                "--users" => options.users = size(number()),
                "--sockets" => options.sockets = size(number()),
                // What cargo says to every benchmark.
                "--bench" => {}
                other => {
                    let part = PARTS.into_iter().find(|(name, _)| *name == other);
                    let known = "latency, repair, death, storm, --rate, --seconds, --rounds, --users and --sockets";
                    options.parts.push(part.unwrap_or_else(|| panic!("{other} is none of {known}")).1);
                }
            }
        }
        if options.parts.is_empty() {
            options.parts.extend(PARTS.map(|(_, part)| part));
        }
        options
    }

    /// Files that a server may have open at a time: it counts a connection at two until it is a socket.
    pub(crate) fn files(&self) -> u64 {
        2 * self.users.max(self.sockets) as u64 + 200
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap()
}
