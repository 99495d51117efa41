//! The WebSocket's judge: the cases of the Autobahn test suite, run by `kosoku`, against the daemon's own sockets.
//!
//! `scripts/test --test conformance` runs it. It knows nothing of chat, so that its peer is a server that echoes.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "a test stops at the first surprise")]

mod echo;
#[path = "../support/python.rs"]
mod python;

use std::collections::BTreeMap;
use std::fmt;
use std::process::Stdio;

use serde::Deserialize;

/// How many cases there are without those of speed and of compression.
const CASES: usize = 247;
/// What is right but not as the suite likes it best: a text is looked at when a frame of it is there as a whole, so that
/// one that is no UTF-8 is refused at the end of the frame, not in its middle.
const NON_STRICT: &[&str] = &["6.4.3", "6.4.4"];

#[derive(Debug, Deserialize)]
struct Outcome {
    case: String,
    verdict: String,
    end: String,
    result: String,
    received: String,
    code: Option<u16>,
}

impl Outcome {
    fn is_right(&self) -> bool {
        let right = |word: &str| matches!(word, "OK" | "INFORMATIONAL");
        let non_strict = self.verdict == "NON-STRICT" && NON_STRICT.contains(&self.case.as_str());
        (right(&self.verdict) || non_strict) && right(&self.end)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, verdict, end, result, received, code } = self;
        write!(f, "{case}: {verdict}, its end {end} with {code:?}. {result} Received: {received}")
    }
}

async fn judge(url: &str, cases: &[&str]) -> Vec<Outcome> {
    let mut command = python::script("conformance/cases.py");
    command.arg(url).args(cases).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = actix_web::rt::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[actix_web::test]
async fn every_case_is_passed() {
    let (address, server) = echo::start();
    let outcomes = judge(&format!("ws://{address}/"), &[]).await;
    server.stop(false).await;
    let mut sums = BTreeMap::<&str, usize>::new();
    for outcome in &outcomes {
        *sums.entry(&outcome.verdict).or_default() += 1;
    }
    println!("{} cases: {sums:?}", outcomes.len());
    let wrong: Vec<_> = outcomes.iter().filter(|outcome| !outcome.is_right()).map(Outcome::to_string).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(outcomes.len(), CASES);
}

/// That the judge tells right from wrong: the same server, asked for what it does not do.
#[actix_web::test]
async fn a_case_that_is_not_passed_is_told() {
    let (address, server) = echo::start();
    let outcomes = judge(&format!("ws://{address}/nowhere"), &["1.1.1"]).await;
    server.stop(false).await;
    assert_eq!(outcomes.len(), 1);
    assert!(!outcomes[0].is_right(), "{}", outcomes[0]);
}
