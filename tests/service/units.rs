//! The units that are shipped: judged by systemd's own tools, where a machine has them, and held to the code.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tenfour::config::EXIT_CONFIG;
use tenfour::config::settings::SETTINGS;

/// Of exposure, in tenths: what the best of the kind come to.
const THRESHOLD: &str = "--threshold=12";
const PROGRAM: &str = "/usr/bin/tenfour";

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dist").join(path)
}

fn service() -> String {
    fs::read_to_string(shipped("systemd/tenfour.service")).unwrap()
}

/// All values of a directive.
fn values<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

/// False where the tool is missing, which is said.
fn has(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        let _ = writeln!(std::io::stderr(), "left out: {tool} is missing (Debian, Ubuntu: apt-get install systemd)");
    }
    there
}

/// What it says of ours, which has to be nothing: it succeeds in spite of directives that it does not know.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}{said}", String::from_utf8_lossy(&output.stdout));
    // A machine may have units of its own that something is to be said of.
    said.lines().filter(|line| line.contains("tenfour")).collect()
}

#[test]
fn the_units_are_right() {
    if !has("systemd-analyze") {
        return;
    }
    // With a program that is there, in a folder of the test's.
    let folder = tempfile::tempdir().unwrap();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]);
    for name in ["tenfour.service", "tenfour.socket"] {
        let text = fs::read_to_string(shipped("systemd").join(name)).unwrap();
        let copy = folder.path().join(name);
        fs::write(&copy, text.replace(PROGRAM, env!("CARGO_BIN_EXE_tenfour"))).unwrap();
        verify.arg(copy);
    }
    assert_eq!(said(&mut verify), "");
}

#[test]
fn the_service_is_exposed_to_little() {
    if !has("systemd-analyze") {
        return;
    }
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--no-pager", THRESHOLD]).arg(shipped("systemd/tenfour.service"));
    said(&mut security);
}

#[test]
fn the_user_and_the_folders_can_be_made() {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !is_root {
        let _ = writeln!(std::io::stderr(), "left out: users and folders are made by root alone");
        return;
    }
    if !has("systemd-sysusers") || !has("systemd-tmpfiles") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let at_root = format!("--root={}", root.path().display());
    fs::create_dir(root.path().join("etc")).unwrap();
    // It says whom it made.
    said(Command::new("systemd-sysusers").arg(&at_root).arg(shipped("sysusers.d/tenfour.conf")));
    let users = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    assert!(users.lines().any(|line| line.starts_with("tenfour:")), "{users}");
    let made =
        said(Command::new("systemd-tmpfiles").args([&at_root, "--create"]).arg(shipped("tmpfiles.d/tenfour.conf")));
    assert_eq!(made, "");
    assert!(root.path().join("etc/tenfour/credentials").is_dir());
}

#[test]
fn the_service_says_what_the_daemon_does() {
    let unit = service();
    assert_eq!(values(&unit, "RestartPreventExitStatus"), [EXIT_CONFIG.to_string()]);
    assert_eq!((values(&unit, "Type"), values(&unit, "NotifyAccess")), (vec!["notify"], vec!["main"]));
    // Each secret and what TLS takes may be a credential, by the name that the daemon looks for, and none has to be there.
    let handed: Vec<&str> =
        SETTINGS.iter().filter(|setting| setting.is_credential()).map(|setting| setting.key).collect();
    let named = |directive: &str| -> Vec<&str> {
        values(&unit, directive).into_iter().filter_map(|value| value.split_once(':')).map(|(name, _)| name).collect()
    };
    assert_eq!((named("LoadCredential"), named("SetCredential")), (handed.clone(), handed));
    assert!(values(&unit, "SetCredential").iter().all(|value| value.ends_with(":\\n")));
    let seconds = |name: &str| -> u64 { values(&unit, name)[0].trim_end_matches('s').parse().unwrap() };
    // A stop has 10 s, and the watchdog is fed also while it goes on.
    assert!(seconds("TimeoutStopSec") > 15 && seconds("WatchdogSec") > 15, "{unit}");
    assert!(values(&unit, "ExecStart")[0].starts_with(PROGRAM));
}

/// A container or a small system has no `/bin/kill`.
#[test]
fn the_service_needs_no_program_but_its_own_and_the_shell() {
    let unit = service();
    let commands = unit.lines().filter(|line| line.starts_with("Exec")).filter_map(|line| line.split_once('='));
    for (name, command) in commands {
        let program = command.split(' ').next().unwrap();
        assert!([PROGRAM, "/bin/sh"].contains(&program), "{name} takes {program}");
    }
}
