//! `tenfour bench` as a user runs it: each scenario for about a second against a daemon that is real, what it tells, and
//! that it notices a daemon that breaks its promises. Nothing here is about speed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "bench/liar.rs"]
mod liar;
#[path = "bench/program.rs"]
mod program;

use liar::{Liar, Lie};
use program::{Daemon, Ran, SECRET, bench, json_of};
use serde_json::Value;
use tenfour::auth::mint;
use tenfour::config::AuthSettings;

const BRIEF: [&str; 6] = ["--duration", "1s", "--warm-up", "200ms", "--json", "-"];

fn run(arguments: &[&str]) -> Value {
    let ran = bench(&[arguments, &BRIEF].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    json_of(&ran)
}

/// Numbers, each above zero.
fn positive(report: &Value, place: &str) {
    let value = report.pointer(place).unwrap_or_else(|| panic!("{place} is not in {report:#}"));
    assert!(value.as_f64().is_some_and(|number| number > 0.0), "{place} is {value}");
}

fn is_right(report: &Value, scenario: &str) {
    assert_eq!(report["scenario"], scenario);
    assert_eq!(report["verification"]["violations"], 0, "{report:#}");
    assert_eq!(report["own_daemon"], true);
    assert!(report["generator"]["bottleneck"].is_boolean());
    positive(report, "/generator/threads");
}

#[test]
fn fanout_tells_how_many_deliveries_and_what_they_cost() {
    let report = run(&["fanout", "--rooms", "3", "--members", "4", "--window", "2", "--threads", "2"]);
    is_right(&report, "fanout");
    for place in ["/results/deliveries_per_second", "/results/messages_per_second", "/daemon/resident_mebibytes"] {
        positive(&report, place);
    }
    for which in ["ack", "delivery"] {
        for key in ["count", "p50_ms", "p99_ms", "p99_9_ms", "max_ms"] {
            positive(&report, &format!("/results/{which}_latency/{key}"));
        }
    }
    assert_eq!((&report["options"]["members"], &report["generator"]["threads"]), (&4.into(), &2.into()));
    assert!(report["daemon"]["cpus_used"].is_number());
    positive(&report, "/over_time/0/at_seconds");
}

#[test]
fn pairs_answer_each_other() {
    let report = run(&["direct", "--pairs", "3"]);
    is_right(&report, "direct");
    positive(&report, "/results/messages_per_second");
}

#[test]
fn a_steady_rate_sends_what_it_was_asked_to() {
    let report = run(&["paced", "--rate", "50", "--channels", "2", "--members", "3"]);
    is_right(&report, "paced");
    let sent = report["results"]["messages_per_second"].as_f64().unwrap();
    // However slow the daemon is: the moments are fixed beforehand. What a stall of this machine held up is sent after it.
    assert!((20.0..=120.0).contains(&sent), "{sent} of 50 a second");
    positive(&report, "/generator/send_lateness/count");
}

#[test]
fn the_knee_is_climbed_in_steps() {
    let report = run(&["knee", "--rate", "20", "--factor", "10", "--channels", "2", "--members", "2"]);
    is_right(&report, "knee");
    let steps = report["results"]["steps"].as_array().unwrap();
    assert_eq!(steps[0]["rate_per_second"], 20.0);
    // The highest rate that is tried is out of reach: it ends with a bad one, wherever that is today.
    positive(&report, "/results/first_bad_rate_per_second");
    assert!(steps.len() > 1 && steps.iter().any(|step| step["good"] == 0.0), "{steps:?}");
}

#[test]
fn idle_sockets_have_a_price() {
    let report = run(&["idle", "--connections", "40", "--members", "10"]);
    is_right(&report, "idle");
    assert_eq!(report["results"]["connections"], 40.0);
    assert_eq!(report["results"]["steps"].as_array().unwrap().len(), 5);
    positive(&report, "/results/connect_latency/p50_ms");
    assert!(report["results"]["kibibytes_per_connection"].is_number());
}

#[test]
fn a_storm_brings_everybody_back_with_what_they_missed() {
    let report = run(&["storm", "--connections", "40", "--members", "10", "--rounds", "2", "--threads", "2"]);
    is_right(&report, "storm");
    assert_eq!(report["results"]["live_latency"]["count"], 80);
    assert_eq!(report["results"]["rounds"].as_array().unwrap().len(), 2);
    positive(&report, "/results/all_live_ms");
}

#[test]
fn who_comes_back_catches_up_over_several_pages() {
    let report = run(&["catchup", "--messages", "1200"]);
    is_right(&report, "catchup");
    positive(&report, "/results/messages_per_second");
}

#[test]
fn history_is_read_to_its_beginning() {
    let report = run(&["history", "--messages", "30,120", "--page", "20"]);
    is_right(&report, "history");
    let sizes = report["results"]["sizes"].as_array().unwrap();
    assert_eq!([&sizes[0]["messages"], &sizes[1]["messages"]], [30.0, 120.0]);
    positive(&report, "/results/sizes/1/older_p99_ms");
}

#[test]
fn a_person_gets_a_table_a_file_and_plots() {
    let folder = tempfile::tempdir().unwrap();
    let (json, svg) = (folder.path().join("out.json"), folder.path().join("plots"));
    let files = ["--json", json.to_str().unwrap(), "--svg", svg.to_str().unwrap()];
    let ran = bench(&[&["direct", "--pairs", "2", "--duration", "1s", "--warm-up", "0s"][..], &files].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for words in ["messages sent", "acknowledged", "p99.9", "processors used", "verified: "] {
        assert!(ran.out.contains(words), "{words} is not in {}", ran.out);
    }
    let report: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(report["scenario"], "direct");
    for name in ["direct-latency.svg", "direct-rate.svg"] {
        assert!(std::fs::read_to_string(svg.join(name)).unwrap().contains("<polyline"), "{name}");
    }
}

#[test]
fn a_daemon_that_runs_is_measured_with_its_secret_and_its_process() {
    let daemon = Daemon::start("off");
    let pid = daemon.id().to_string();
    let report = run(&["paced", "--url", &daemon.url(), "--pid", &pid, "--jwt-secret-file", daemon.secret()]);
    assert_eq!((&report["own_daemon"], &report["url"]), (&false.into(), &daemon.url().into()));
    assert_eq!(report["verification"]["violations"], 0, "{report:#}");
    positive(&report, "/daemon/resident_mebibytes");
}

#[test]
fn tokens_may_come_from_a_file() {
    let daemon = Daemon::start("off");
    let auth = AuthSettings::with_secret(SECRET);
    let token = |sub: &str, scope| mint(&auth, sub, sub, scope, std::time::Duration::from_secs(600)).unwrap();
    let users = (0..4).map(|user| token(&format!("user-{user}"), None));
    let lines: Vec<String> = std::iter::once(token("host", Some("admin"))).chain(users).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    let url = daemon.url();
    let from = ["--url", &url, "--token-file", file.path().to_str().unwrap()];
    let report = run(&[&["direct", "--pairs", "2"][..], &from].concat());
    assert_eq!(report["verification"]["violations"], 0, "{report:#}");
    positive(&report, "/results/messages_per_second");
    let ran = bench(&[&["direct", "--pairs", "3"][..], &from].concat());
    assert!(ran.code == Some(1) && ran.err.contains("6 users are needed"), "{ran:?}");
}

fn fails(arguments: &[&str], words: &[&str]) -> Ran {
    let ran = bench(&[arguments, &BRIEF].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for words in words {
        assert!(ran.err.contains(words) || ran.out.contains(words), "{words} is not in {ran:?}");
    }
    ran
}

#[test]
fn what_has_to_be_set_is_said() {
    let daemon = Daemon::start("1");
    let url = daemon.url();
    let load = ["direct", "--pairs", "2", "--url", &url];
    fails(&[&load[..], &["--jwt-secret-file", daemon.secret()]].concat(), &["TENFOUR_RATE_LIMIT=off"]);
    fails(&[&load[..], &["--jwt-secret", "another secret, of 32 bytes and more"]].concat(), &["401", "secret"]);
    fails(&["direct", "--url", "ws://127.0.0.1:1/ws", "--jwt-secret-file", daemon.secret()], &["cannot connect"]);
    fails(&["idle", "--url", &url, "--jwt-secret-file", daemon.secret()], &["--pid"]);
}

#[test]
fn a_daemon_that_doubles_drops_or_swaps_is_found_out() {
    let daemon = Daemon::start("off");
    for (lie, key) in [(Lie::Double, "doubled"), (Lie::Drop, "missing"), (Lie::Swap, "out_of_order")] {
        let liar = Liar::before(daemon.addr(), lie);
        let url = format!("ws://{}/ws", liar.addr);
        let load = ["fanout", "--rooms", "1", "--members", "3", "--url", &url, "--jwt-secret-file", daemon.secret()];
        let ran = fails(&load, &["did not do what it promises"]);
        let report = json_of(&ran);
        assert_eq!(report["verification"][key], 1, "{lie:?}: {report:#}");
        assert_eq!(report["verification"]["violations"], 1, "{lie:?}: {report:#}");
        assert_eq!(report["verification"]["examples"].as_array().unwrap().len(), 1);
    }
}
