//! The storm as a program: what it is asked on the command line, and a short run from end to end.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn storm(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_storm")).args(arguments).output().unwrap()
}

#[test]
fn it_lists_the_kinds_of_faults() {
    let output = storm(&["faults"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.lines().any(|line| line == "node_kill"), "{text}");
}

#[test]
fn a_fault_or_bug_that_there_is_none_of_is_an_error() {
    assert_eq!(storm(&["run", "--only", "rain"]).status.code(), Some(2));
    assert_eq!(storm(&["prove", "rain"]).status.code(), Some(2));
}

#[test]
fn a_short_run_on_one_node_finds_nothing_and_leaves_a_report() {
    let out = std::env::temp_dir().join(format!("tenfour-storm-test-{}", std::process::id()));
    let folder = out.display().to_string();
    let plain = ["run", "--shape", "single", "--plain-disk", "--seed", "7", "--seconds", "4", "--every-ms", "400"];
    let small = ["--users", "8", "--clients", "10", "--channels", "4", "--rate", "60", "--out", &folder];
    let output = storm(&[&plain[..], &small].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let report = std::fs::read_to_string(out.join("single-7").join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(report["verdict"]["sums"]["sends_acknowledged"].as_u64().unwrap() > 20, "{report}");
    let again = report["command"].as_str().unwrap();
    assert!(again.contains("run --shape single --seed 7 --seconds 4") && text.contains(again), "{again}");
    let campaign = std::fs::read_to_string(out.join("campaign.json")).unwrap();
    let campaign: serde_json::Value = serde_json::from_str(&campaign).unwrap();
    assert_eq!(campaign["sums"]["sends_acknowledged"], report["verdict"]["sums"]["sends_acknowledged"]);
    for page in [out.join("single-7").join("report.html"), out.join("campaign.html")] {
        let page = std::fs::read_to_string(page).unwrap();
        for foreign in ["<script", "<link", "src=", "url(", "@import", "http"] {
            assert!(!page.contains(foreign), "a page that needs nothing but itself has {foreign}");
        }
        assert!(page.contains("prefers-color-scheme: dark") && page.ends_with("</html>\n"));
    }
    std::fs::remove_dir_all(out).unwrap();
}

#[test]
fn a_node_that_ends_without_being_asked_is_found() {
    let out = std::env::temp_dir().join(format!("tenfour-storm-test-end-{}", std::process::id()));
    let plain =
        ["run", "--shape", "single", "--plain-disk", "--seed", "8", "--seconds", "4", "--only", "clients_reset"];
    let small = ["--users", "8", "--clients", "10", "--channels", "4", "--rate", "60", "--out"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_storm"));
    command.args(plain).args(small).arg(&out).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut storm = command.spawn().unwrap();
    let folder = std::env::temp_dir().join(format!("tenfour-storm-{}-8", storm.id()));
    // Killed by somebody else, once everybody is there. The rest of what it says is read so that it can say it.
    let mut said = BufReader::new(storm.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("breaking things")), "it has not come so far");
    let pid = std::fs::read_to_string(folder.join("pids").join("node-0")).unwrap();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let said: Vec<String> = said.collect();
    let output = storm.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}\n{}", said.join("\n"));
    assert!(text.contains("alarm") && text.contains("has ended without being asked: signal: 9"), "{text}");
    for left in [out, folder] {
        std::fs::remove_dir_all(left).unwrap();
    }
}
