//! The metrics as a scraper reads them.

#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use super::started::{PATIENCE, Started};

/// What may follow a family's name in its samples.
const SUFFIXES: &[(&str, &[&str])] =
    &[("gauge", &[""]), ("counter", &["_total"]), ("histogram", &["_bucket", "_sum", "_count"])];

/// Every sample by its name and labels, from a text of which each line is what `OpenMetrics` allows.
fn parse(text: &str) -> HashMap<String, f64> {
    let body = text.strip_suffix("# EOF\n").expect("the text ends with # EOF");
    let mut helped: Vec<&str> = Vec::new();
    let mut family = ("", "");
    let mut samples = HashMap::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect(line);
            assert!(!help.trim().is_empty(), "{line}");
            assert!(!helped.contains(&name), "a family comes twice: {line}");
            helped.push(name);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split_once(' ').expect(line);
            assert_eq!(helped.last(), Some(&family.0), "TYPE without its HELP: {line}");
        } else {
            let (key, value) = line.rsplit_once(' ').expect(line);
            let name = key.split('{').next().unwrap();
            let (_, suffixes) = SUFFIXES.iter().find(|(kind, _)| *kind == family.1).expect(family.1);
            let suffix = name.strip_prefix(family.0).unwrap_or_else(|| panic!("{line} is of no family"));
            assert!(suffixes.contains(&suffix), "{line} is no sample of a {}", family.1);
            assert!(name.starts_with("tenfour_") || name.starts_with("process_"), "{line}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
            check_labels(&key[name.len()..], line);
            let before = samples.insert(key.to_owned(), value.parse::<f64>().expect(line));
            assert_eq!(before, None, "a sample comes twice: {line}");
        }
    }
    samples
}

fn check_labels(labels: &str, line: &str) {
    if labels.is_empty() {
        return;
    }
    let labels = labels.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).expect(line);
    for label in labels.split(',') {
        let (name, value) = label.split_once('=').expect(line);
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
        assert!(value.len() >= 2 && value.starts_with('"') && value.ends_with('"'), "{line}");
    }
}

async fn scrape(daemon: &Started) -> HashMap<String, f64> {
    let answer = daemon.ask("GET", &daemon.admin_url("/metrics"), &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    parse(&answer.text)
}

/// Scrapes until a sample has its value: what is counted may be seen a moment before its count.
async fn scrape_where(daemon: &Started, sample: &str, value: f64) -> HashMap<String, f64> {
    let until = Instant::now() + PATIENCE;
    loop {
        let samples = scrape(daemon).await;
        if samples.get(sample) == Some(&value) {
            return samples;
        }
        assert!(Instant::now() < until, "{sample} was never {value}: {samples:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[actix_web::test]
async fn a_send_shows_in_the_metrics() {
    let daemon = Started::new().await;
    let channel = daemon.group(&["ana", "ben"]).await;
    let (mut ana, _) = daemon.connect("ana").await;
    let (mut ben, _) = daemon.connect("ben").await;
    let before = scrape(&daemon).await;
    for number in 0..2 {
        let frame =
            json!({"type": "message", "clientId": Uuid::now_v7(), "channelId": channel, "content": number.to_string()});
        ana.send_json(&frame).await.unwrap();
        ana.recv_type("ack", PATIENCE).await.unwrap();
        ben.recv_type("message", PATIENCE).await.unwrap();
    }
    let after = scrape_where(&daemon, "tenfour_message_delivery_duration_seconds_count", 2.0).await;
    for (sample, grown) in [
        ("tenfour_message_persist_duration_seconds_count", 2.0),
        ("tenfour_message_persist_duration_seconds_bucket{le=\"+Inf\"}", 2.0),
        ("tenfour_message_delivery_duration_seconds_count", 2.0),
        ("tenfour_messages_stored_total", 2.0),
        ("tenfour_deliveries_total", 2.0),
        ("tenfour_append_batch_size_count", 2.0),
        ("tenfour_connections", 0.0),
        ("tenfour_connections_opened_total", 0.0),
        ("tenfour_messages_deduplicated_total", 0.0),
    ] {
        assert_eq!(after[sample] - before[sample], grown, "{sample}");
    }
    assert_eq!(after["tenfour_frames_received_total{kind=\"message\"}"], 2.0);
    for (sample, value) in [
        ("tenfour_connections", 2.0),
        ("tenfour_rooms", 1.0),
        ("tenfour_users_online", 2.0),
        ("tenfour_outbox_bytes", 0.0),
    ] {
        assert_eq!(after[sample], value, "{sample}");
    }
    assert!(after["tenfour_message_persist_duration_seconds_sum"] > 0.0);
    assert!(after["tenfour_uptime_seconds"] > before["tenfour_uptime_seconds"]);
    daemon.stop().await;
}

/// The names of metrics that a text speaks of.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("tenfour_") || word.starts_with("process_")).collect()
}

fn shipped(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[actix_web::test]
async fn alerts_and_dashboard_speak_of_what_there_is_and_leave_nothing_out() {
    let daemon = Started::new().await;
    let text = daemon.ask("GET", &daemon.admin_url("/metrics"), &[]).await.text;
    daemon.stop().await;
    let mut known = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let (_, suffixes) = SUFFIXES.iter().find(|(one, _)| *one == kind).unwrap();
        known.extend(suffixes.iter().map(|suffix| format!("{name}{suffix}")));
    }
    // Those that nothing was counted under yet, as the documents tell them.
    let operations = shipped("docs/operations.md");
    let told = operations.lines().filter_map(|line| line.strip_prefix("| `tenfour_")?.split_once('`'));
    known.extend(told.map(|(name, _)| format!("tenfour_{name}")));
    let (alerts, dashboard) = (shipped("dist/prometheus/alerts.yml"), shipped("dist/grafana/tenfour.json"));
    for (path, text) in [("alerts.yml", &alerts), ("tenfour.json", &dashboard)] {
        for name in named(text) {
            assert!(known.contains(name), "{path}: there is no {name}");
        }
    }
    let panels: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(panels["panels"].as_array().unwrap().len() > 12);
    // Each family is on the dashboard, but for what is told by another.
    let shown = named(&dashboard);
    let is_shown = |name: &str| shown.iter().any(|one| one.starts_with(name));
    for name in known.iter().filter(|name| !["_sum", "_count"].iter().any(|end| name.ends_with(end))) {
        let elsewhere = [
            "tenfour_uptime_seconds",
            "tenfour_open_lines",
            "tenfour_append_batch_size_bucket",
            "tenfour_build_info",
            "tenfour_bus_refused_total",
            "tenfour_bus_connections_total",
            "tenfour_sync_requests_total",
        ];
        assert!(is_shown(name) || elsewhere.contains(&name.as_str()), "{name} is on no panel");
    }
    // Who is woken finds what to do.
    let headings: Vec<String> = operations
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-").replace('\'', ""))
        .collect();
    let mut count = 0;
    for book in alerts.lines().filter_map(|line| line.trim().strip_prefix("runbook: docs/operations.md#")) {
        assert!(headings.iter().any(|heading| heading == book), "{book} is no heading of operations.md");
        count += 1;
    }
    assert_eq!(count, alerts.matches("- alert:").count());
}

/// By Prometheus' own tool, where it is there.
#[test]
fn prometheus_takes_the_alerts() {
    let path = format!("{}/dist/prometheus/alerts.yml", env!("CARGO_MANIFEST_DIR"));
    match std::process::Command::new("promtool").args(["check", "rules", &path]).output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(_) => println!("promtool is not installed (Debian: apt-get install prometheus): not judged by it"),
    }
}

#[actix_web::test]
async fn readiness_says_more_where_it_is_asked_to() {
    let daemon = Started::new().await;
    let plain = daemon.ask("GET", &daemon.admin_url("/readyz"), &[]).await;
    assert_eq!((plain.status.as_u16(), plain.text.as_str()), (200, "ok database\nok accepting\n"));
    let more = daemon.ask("GET", &daemon.admin_url("/readyz?verbose"), &[]).await;
    assert_eq!(more.status, 200);
    for words in
        ["ok database\nok accepting\nok redis: none is set", "0 changes wait", "connections", env!("CARGO_PKG_VERSION")]
    {
        assert!(more.text.contains(words), "{words}: {}", more.text);
    }
    assert_eq!(daemon.ask("GET", &daemon.admin_url("/livez"), &[]).await.text, "ok\n");
    daemon.stop().await;
}

#[actix_web::test]
async fn closes_and_refusals_are_counted_by_their_codes() {
    let daemon = Started::new().await;
    let (mut ana, session) = daemon.connect("ana").await;
    let (ben, _) = daemon.connect("ben").await;
    ana.send_json(&json!({"type": "nonsense"})).await.unwrap();
    ana.recv_type("error", PATIENCE).await.unwrap();
    ben.close().await;
    assert_eq!(daemon.admin("DELETE", &format!("/admin/sessions/{session}")).await.status, 204);
    ana.recv_close(PATIENCE).await.unwrap();
    drop(ana);
    daemon.ask("GET", &daemon.admin_url("/admin/rooms"), &[]).await.refuses(401, "unauthorized");
    for sample in [
        "tenfour_connections_closed_total{reason=\"4403\"}",
        "tenfour_connections_closed_total{reason=\"1000\"}",
        "tenfour_errors_sent_total{reason=\"unknown_type\"}",
    ] {
        scrape_where(&daemon, sample, 1.0).await;
    }
    let samples = scrape(&daemon).await;
    assert!(samples.keys().any(|key| key.starts_with("tenfour_auth_failures_total{")), "{samples:#?}");
    daemon.stop().await;
}

#[cfg(target_os = "linux")]
#[actix_web::test]
async fn the_process_is_described_under_the_common_names() {
    let daemon = Started::new().await;
    let samples = scrape(&daemon).await;
    assert!(samples["process_resident_memory_bytes"] > 1e6);
    assert!(samples["process_cpu_seconds_total"] > 0.0);
    assert!((5.0..samples["process_max_fds"]).contains(&samples["process_open_fds"]));
    daemon.stop().await;
}
