//! What runs in a browser is kept as the daemon is: short files that say what they are for, and packages whose licences cost
//! nothing.

use std::collections::BTreeSet;
use std::fs;

use crate::licences::permits;
use crate::source::root;
use crate::{MAX_LINES, none, tracked_files};

/// Of packages that build and test, and are in nothing that is shipped.
const TO_BUILD_WITH: [&str; 3] = ["0BSD", "MPL-2.0", "Python-2.0"];
/// Of what Next.js brings into the example, which nothing of ours depends on: sharp's library, and a table of browsers.
const IN_THE_EXAMPLE: [&str; 2] = ["LGPL-3.0-or-later", "CC-BY-4.0"];

fn written() -> Vec<(String, String)> {
    let is_ours = |file: &String| {
        let is_script = [".ts", ".tsx", ".mjs"].iter().any(|end| file.ends_with(end));
        file.starts_with("clients/") && is_script && !file.ends_with(".gen.ts") && !file.contains("/dist/")
    };
    let files = tracked_files().into_iter().filter(is_ours);
    files.filter_map(|file| fs::read_to_string(root().join(&file)).ok().map(|text| (file, text))).collect()
}

#[test]
fn no_script_is_long_or_silent() {
    let files = written();
    assert!(files.len() > 50, "they are there: {}", files.len());
    let long = files.iter().filter(|(_, text)| text.lines().count() > MAX_LINES);
    let long = long.map(|(file, _)| format!("{file}: more than {MAX_LINES} lines; which rule wants to move out?"));
    let speaks = |text: &str| ["/*", "//"].iter().any(|comment| text.starts_with(comment));
    let silent = files
        .iter()
        .filter(|(file, text)| !file.contains("/test/") && !speaks(text))
        .map(|(file, _)| format!("{file} does not say its role"));
    none("a script is short and says what it is for", &long.chain(silent).collect::<Vec<_>>());
}

#[test]
fn no_script_makes_markup_of_text() {
    let files = written();
    let ways = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "dangerouslySetInnerHTML", "eval("];
    let makes = |text: &str| ways.into_iter().find(|way| text.contains(way));
    let shipped = files.iter().filter(|(file, _)| file.contains("/src/") || file.starts_with("clients/demo/"));
    let wrong = shipped.filter(|(file, _)| !file.contains("/test/"));
    let wrong = wrong.filter_map(|(file, text)| makes(text).map(|way| format!("{file}: {way}")));
    none("what people write is never markup", &wrong.collect::<Vec<_>>());
}

fn packages(lock: &str) -> Vec<(String, serde_json::Value)> {
    let lock = fs::read_to_string(root().join(lock)).unwrap();
    let lock: serde_json::Value = serde_json::from_str(&lock).unwrap();
    let all = lock["packages"].as_object().unwrap().clone().into_iter();
    all.filter(|(path, one)| path.starts_with("node_modules/") && one["link"] != true).collect()
}

#[test]
fn every_package_has_a_licence_from_the_list() {
    let deny: toml::Table = fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let list = deny["licenses"]["allow"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned());
    let mut allowed: BTreeSet<String> = list.chain(TO_BUILD_WITH.map(str::to_owned)).collect();
    for lock in ["clients/package-lock.json", "examples/nextjs/package-lock.json"] {
        if lock.starts_with("examples/") {
            allowed.extend(IN_THE_EXAMPLE.map(str::to_owned));
        }
        let licence = |one: &serde_json::Value| one["license"].as_str().unwrap_or("none named").to_owned();
        let wrong = packages(lock).into_iter().filter(|(_, one)| !permits(&licence(one), &allowed));
        let wrong: Vec<_> = wrong.map(|(path, one)| format!("{lock}: {path}: {}", licence(&one))).collect();
        none("packages have a licence from the list", &wrong);
    }
}

#[test]
fn no_package_of_others_is_shipped() {
    let builds = |one: &serde_json::Value| ["dev", "devOptional", "peer"].iter().any(|word| one[*word] == true);
    let shipped = packages("clients/package-lock.json").into_iter().filter(|(_, one)| !builds(one));
    none("what runs in browsers depends on nothing", &shipped.map(|(path, _)| path).collect::<Vec<_>>());
}
