//! The two clients of strangers, in tests/interop, ready to run. `scripts/test` has fetched what they stand on.

#![allow(dead_code, unreachable_pub, reason = "a test stops at the first surprise")]

#[path = "python.rs"]
mod python;

use std::path::Path;
use std::process::Command;

/// `client.py`, without its arguments: URL, token, channel, `--send N`, `--expect N`, `--seconds S`.
pub fn python() -> Command {
    python::script("interop/client.py")
}

/// `client.mjs`, with the same arguments to come.
pub fn node() -> Command {
    let folder = python::target().join("interop/node");
    assert!(
        folder.join("node_modules").exists(),
        "{} is not filled; run scripts/test, which sees to it",
        folder.display()
    );
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/client.mjs")).current_dir(folder);
    command
}
