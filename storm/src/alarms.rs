//! What a node says in its log that is wrong in itself: a panic that no fail point asked for, a broken rule.

use std::fs;
use std::path::Path;

/// How a fail point's panic begins.
const ASKED_FOR: &str = "a fault was asked for";

pub(crate) fn in_log(node: u8, file: &Path) -> Vec<String> {
    let log = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let mut alarms = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let says = lines.get(at + 1).copied().unwrap_or_default();
        if line.contains("panicked at") && !line.contains(ASKED_FOR) && !says.contains(ASKED_FOR) {
            alarms.push(format!("node {node}: {line} {says}"));
        }
    }
    alarms
}
