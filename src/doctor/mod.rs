//! `tenfour doctor`: whether everything that a daemon depends on is as it has to be, and what to do where it is not.
//!
//! Used by the command line. The facts are gathered in one place (`gather`), each within a time; the rules judge facts and ask
//! nobody. Changes nothing, and needs no daemon that runs.

mod certificate;
mod database;
mod finding;
mod gather;
mod machine;
mod redis;
mod way;

use std::time::Duration;

pub use finding::{Finding, State};

use crate::config::Config;
use crate::store;
use finding::{fine, problem, warning};

/// The longest that one part may take.
const WITHIN: Duration = Duration::from_secs(10);

/// What is to be looked at.
#[derive(Debug)]
pub struct Patient<'a> {
    pub config: &'a Config,
    /// None: it has no right URL, which has been told.
    pub store: Option<store::Settings>,
    /// Where clients reach it from outside, such as `https://chat.example`.
    pub url: Option<&'a str>,
    /// What is odd and what is wrong about the settings.
    pub warnings: &'a [String],
    pub problems: &'a [String],
}

/// All of it, in the order of the document.
pub async fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let Patient { config, store, url, warnings, problems } = patient;
    let mut findings = settings(warnings, problems);
    let within = |about: &'static str, found: Result<Vec<Finding>, tokio::time::error::Elapsed>| {
        found.unwrap_or_else(|_| {
            vec![problem(about, "no answer in time".to_owned(), "look whether it hangs, or is out of reach")]
        })
    };
    // Each by itself: one that hangs hides no other.
    let (database, redis, keys, way, here) = tokio::join!(
        tokio::time::timeout(WITHIN, gather::database(store.as_ref())),
        tokio::time::timeout(WITHIN, gather::redis(config)),
        tokio::time::timeout(WITHIN, gather::keys(config)),
        // It asks several times.
        tokio::time::timeout(3 * WITHIN, gather::way(config, *url)),
        tokio::time::timeout(WITHIN, gather::machine(config, store.as_ref())),
    );
    findings.extend(within("database", database));
    findings.extend(within("redis", redis));
    findings.extend(within("keys", keys));
    findings.extend(within("public address", way));
    findings.extend(within("machine", here));
    findings.extend(gather::own_certificate(config, *url));
    findings
}

fn settings(warnings: &[String], problems: &[String]) -> Vec<Finding> {
    let advice = "mend the setting; `tenfour config check` tells all of them";
    let mut findings: Vec<Finding> = problems.iter().map(|text| problem("settings", text, advice)).collect();
    findings.extend(warnings.iter().map(|text| warning("settings", text, advice)));
    if findings.is_empty() {
        findings.push(fine("settings", "right"));
    }
    findings
}
