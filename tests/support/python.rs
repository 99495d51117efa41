//! Python with the packages that the requirement files below tests/ name. `scripts/test` has fetched them.

#![allow(dead_code, unreachable_pub, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A script below tests/, without its arguments.
pub fn script(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name));
    command
}

/// The interpreter.
pub fn python() -> PathBuf {
    let path = target().join("python/bin/python");
    assert!(path.exists(), "{} is missing; run scripts/test, which fetches it", path.display());
    path
}

/// Where what is built and fetched lies.
pub fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder")
}
