//! What runs in a browser is kept as the daemon is: short files that say what they are for, and packages whose licences cost
//! nothing.

use std::collections::BTreeSet;
use std::fs;

use crate::licences::permits;
use crate::source::root;
use crate::{MAX_LINES, none, tracked_files};

/// Of packages that build and test, and are in nothing that is shipped.
const TO_BUILD_WITH: [&str; 3] = ["0BSD", "MPL-2.0", "Python-2.0"];

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

#[test]
fn every_package_has_a_licence_from_the_list_and_none_is_shipped() {
    let deny: toml::Table = fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let list = deny["licenses"]["allow"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned());
    let allowed: BTreeSet<String> = list.chain(TO_BUILD_WITH.map(str::to_owned)).collect();
    let lock = fs::read_to_string(root().join("clients/package-lock.json")).unwrap();
    let lock: serde_json::Value = serde_json::from_str(&lock).unwrap();
    let packages = lock["packages"].as_object().unwrap();
    let foreign = packages.iter().filter(|(path, one)| path.starts_with("node_modules/") && one["link"] != true);
    let wrong = foreign.filter_map(|(path, one)| {
        let licence = one["license"].as_str().unwrap_or("none named");
        let is_dev = one["dev"] == true || one["devOptional"] == true;
        let why = match (permits(licence, &allowed), is_dev || one["peer"] == true) {
            (true, true) => return None,
            (false, _) => licence,
            (_, false) => "is there to be shipped",
        };
        Some(format!("{path}: {why}"))
    });
    none("packages that build the browser side", &wrong.collect::<Vec<_>>());
}
