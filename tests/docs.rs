//! The documents against the code: the table of settings, the metrics, the roles, and every name that they name.
//!
//! `TENFOUR_WRITE_DOCS=1 cargo test --test docs` writes what is generated.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tenfour::config::settings::{CONFIG_ENV, SETTINGS};
use tenfour::fault::Sabotage;
use tenfour::metrics::{BusMoment, Metrics, Moment};

const BEGIN: &str = "<!-- settings: made from src/config/settings.rs -->\n";
const END: &str = "<!-- end of settings -->";
/// Asks to write instead of to compare.
const WRITE: &str = "TENFOUR_WRITE_DOCS";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between backticks, code blocks left out.
fn quoted(document: &str) -> BTreeSet<&str> {
    let outside = document.split("```").step_by(2);
    outside.flat_map(|text| text.split('`').skip(1).step_by(2)).collect()
}

fn settings_table() -> String {
    let mut table = String::from("| in the file | environment | default | meaning |\n| --- | --- | --- | --- |\n");
    for setting in SETTINGS {
        let default = if setting.default.is_empty() { "unset".to_owned() } else { format!("`{}`", setting.default) };
        let doc = setting.doc.replace('|', "\\|");
        writeln!(table, "| `{}` | `{}` | {default} | {doc} |", setting.key, setting.env).unwrap();
    }
    table
}

#[test]
fn the_table_of_settings_is_the_codes() {
    let path = root().join("docs/operations.md");
    let document = read("docs/operations.md");
    assert!(document.contains(CONFIG_ENV));
    let (before, rest) = document.split_once(BEGIN).expect("docs/operations.md has a marker for the settings");
    let (shown, after) = rest.split_once(END).expect("the settings end with a marker");
    let table = settings_table();
    if shown == table {
        return;
    }
    assert!(
        std::env::var_os(WRITE).is_some(),
        "docs/operations.md has other settings than src/config/settings.rs; write them: {WRITE}=1 cargo test --test docs"
    );
    fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
}

#[test]
fn every_metric_is_explained_and_no_other() {
    let text = metrics_text();
    let real: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .filter(|n| is_metric(n))
        .collect();
    let document = read("docs/operations.md");
    let shown: BTreeSet<&str> = quoted(&document).into_iter().filter(|name| is_metric(name)).collect();
    let plain: BTreeSet<&str> = shown.iter().map(|name| name.strip_suffix("_total").unwrap_or(name)).collect();
    assert_eq!(plain, real, "left: docs/operations.md, right: the code");
}

/// With one of each label, without which a metric is not shown.
fn metrics_text() -> String {
    let metrics = Metrics::new();
    metrics.auth_failure("missing");
    metrics.closed(1001);
    metrics.error("conflict");
    metrics.frame("ping");
    metrics.render(Moment {
        uptime: Duration::ZERO,
        users_online: 0,
        lines: 0,
        outbox_bytes: None,
        bus: BusMoment::default(),
    })
}

fn is_metric(name: &str) -> bool {
    name.starts_with("tenfour_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[test]
fn the_roles_are_the_codes() {
    let rows: Vec<String> = read("src/domain/permission.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! |"))
        .map(|row| format!("|{row}"))
        .collect();
    assert!(rows.len() > 5);
    let table = rows.join("\n");
    for document in ["docs/architecture.md", "docs/protocol.md"] {
        assert!(read(document).contains(&table), "{document} has another table than src/domain/permission.rs");
    }
}

#[test]
fn what_the_architecture_names_is_there() {
    let document = read("docs/architecture.md");
    let sources: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| files_below(&root().join(folder)))
        .map(|file| fs::read_to_string(file).unwrap_or_default())
        .collect();
    let mut missing = Vec::new();
    for name in quoted(&document) {
        let is_path = ["src/", "tests/", "migrations/"].iter().any(|folder| name.starts_with(folder));
        let is_test = name.matches('_').count() >= 3 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let is_type = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(char::is_alphabetic);
        let found = match (is_path, is_test, is_type && name != "COMMIT" && name != "BEGIN" && name != "Debug") {
            (true, ..) => root().join(name).exists(),
            (_, true, _) => sources.contains(&format!("fn {name}(")),
            (.., true) => sources.contains(&format!("struct {name}")),
            _ => true,
        };
        if !found {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "docs/architecture.md names what is not there: {missing:?}");
}

#[test]
fn the_guarantees_name_what_checks_them() {
    let document = read("docs/guarantees.md");
    let named = quoted(&document);
    let planted: BTreeSet<&str> = Sabotage::ALL.iter().map(|bug| bug.as_str()).collect();
    let checker = read("storm/src/checker/mod.rs");
    let (_, anomalies) = checker.split_once("enum Anomaly {").expect("the checker has a list of what can be wrong");
    let anomalies = anomalies.split('}').next().unwrap().lines().map(str::trim);
    let anomalies: BTreeSet<String> = anomalies.filter_map(|line| line.strip_suffix(',')).map(snake_case).collect();
    assert!(anomalies.len() > 20, "{anomalies:?}");
    let all = planted.iter().copied().chain(anomalies.iter().map(String::as_str));
    let forgotten: Vec<_> = all.filter(|name| !named.contains(name)).collect();
    assert!(forgotten.is_empty(), "docs/guarantees.md does not name {forgotten:?}");
    let files = ["src", "tests", "storm/src"].iter().flat_map(|folder| files_below(&root().join(folder)));
    let sources: String = files.map(|file| fs::read_to_string(file).unwrap_or_default()).collect();
    let is_test = |name: &str| {
        name.matches('_').count() >= 3
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            && !planted.contains(name)
            && !anomalies.contains(name)
    };
    let gone: Vec<_> = named.iter().filter(|name| is_test(name) && !sources.contains(&format!("fn {name}("))).collect();
    assert!(gone.is_empty(), "docs/guarantees.md names tests that are not there: {gone:?}");
}

fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[test]
fn the_documents_link_to_what_is_there() {
    let mut broken = Vec::new();
    for document in [
        "README.md",
        "CHANGELOG.md",
        "docs/architecture.md",
        "docs/guarantees.md",
        "docs/operations.md",
        "docs/performance.md",
        "docs/protocol.md",
        "docs/quickstart.md",
        "docs/testing.md",
        "docs/webhooks.md",
    ] {
        let text = read(document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(document).parent().unwrap_or(Path::new(""));
            let file = if file.is_empty() { PathBuf::from(document) } else { folder.join(file) };
            let there = fs::read_to_string(root().join(&file));
            let found = there.is_ok_and(|text| anchor.is_empty() || text.lines().any(|line| anchor_of(line) == anchor));
            let is_other_file = anchor.is_empty() && root().join(&file).exists();
            if !found && !is_other_file {
                broken.push(format!("{document}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:?}");
}

/// As the usual renderers make it of a heading.
fn anchor_of(line: &str) -> String {
    let Some(title) = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim()) else {
        return String::new();
    };
    let kept =
        title.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-').collect::<String>();
    kept.replace(' ', "-")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
