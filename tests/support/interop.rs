//! The two clients of strangers, in tests/interop, ready to run. `scripts/test` has fetched what they stand on.

#![allow(dead_code, unreachable_pub, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// `client.py`, without its arguments: URL, token, channel, `--send N`, `--expect N`, `--seconds S`.
pub fn python() -> Command {
    let mut command = Command::new(fetched("venv/bin/python"));
    command.arg(script("client.py"));
    command
}

/// `client.mjs`, with the same arguments to come.
pub fn node() -> Command {
    let modules = fetched("node/node_modules");
    let mut command = Command::new("node");
    command.arg(script("client.mjs")).current_dir(modules.parent().expect("the folder of node_modules"));
    command
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name)
}

fn fetched(what: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let path = target.join("interop").join(what);
    assert!(path.exists(), "{} is missing; run scripts/test, which fetches it", path.display());
    path
}
