//! What is wrong in itself, whatever was broken: a panic that no fail point asked for, a broken rule, an answer that is none.
//!
//! Clients raise some while a run goes on; the logs of nodes are read when it is over. The checker makes findings of them.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Raised while a run goes on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alarms(Arc<Mutex<Vec<String>>>);

impl Alarms {
    pub(crate) fn raise(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

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
