//! What the dependencies may cost: every licence against the list in deny.toml, so that this guard needs no tool.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::source::root;

#[test]
fn every_dependency_has_a_licence_from_the_list() {
    let deny: toml::Table = fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let allowed = |list: &toml::Value| -> BTreeSet<String> {
        list["allow"].as_array().unwrap().iter().map(|licence| licence.as_str().unwrap().to_owned()).collect()
    };
    let everywhere = allowed(&deny["licenses"]);
    let exceptions = deny["licenses"].get("exceptions").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    for package in metadata()["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let mut list = everywhere.clone();
        for exception in exceptions.iter().filter(|exception| exception["crate"].as_str() == Some(name)) {
            list.extend(allowed(exception));
        }
        match package["license"].as_str() {
            Some(expression) if permits(expression, &list) => (),
            expression => wrong.push(format!("{name}: {}", expression.unwrap_or("none named"))),
        }
    }
    assert!(wrong.is_empty(), "licences that deny.toml does not allow:\n{}", wrong.join("\n"));
}

#[test]
fn every_dependency_comes_from_the_one_registry() {
    let lock: toml::Table = fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let foreign: Vec<_> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| package.get("source").and_then(|s| s.as_str()).is_some_and(|s| !s.starts_with("registry+")))
        .map(|package| package["name"].to_string())
        .collect();
    assert!(foreign.is_empty(), "not from a registry: {foreign:?}");
}

/// The tree for this machine: what other platforms would add need not be here.
fn metadata() -> serde_json::Value {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Does an SPDX expression, or the old form with slashes, leave a choice that is allowed throughout?
pub(crate) fn permits(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut fine = all_of(words, allowed);
    while take(words, "OR") {
        fine |= all_of(words, allowed);
    }
    fine
}

fn all_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut fine = one(words, allowed);
    while take(words, "AND") {
        fine &= one(words, allowed);
    }
    fine
}

fn one(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    if take(words, "(") {
        let fine = any_of(words, allowed);
        return take(words, ")") && fine;
    }
    let Some((licence, rest)) = words.split_first() else { return false };
    *words = rest;
    if take(words, "WITH") {
        let Some((exception, rest)) = words.split_first() else { return false };
        *words = rest;
        return allowed.contains(&format!("{licence} WITH {exception}"));
    }
    allowed.contains(*licence)
}

fn take(words: &mut &[&str], word: &str) -> bool {
    let taken = words.first() == Some(&word);
    if taken {
        *words = &words[1..];
    }
    taken
}

#[test]
fn an_expression_needs_one_choice_that_is_allowed_throughout() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for fine in ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "MIT AND (ISC OR AGPL-3.0)", "(MIT)"] {
        assert!(permits(fine, &allowed), "{fine}");
    }
    for not in ["GPL-3.0", "MIT AND GPL-3.0", "MIT WITH X", "(MIT", "", "MIT ISC", "(GPL-3.0 OR MIT) AND AGPL-3.0"] {
        assert!(!permits(not, &allowed), "{not}");
    }
}
