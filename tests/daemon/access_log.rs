//! A line for each request and each socket, by which they are found again, and in which nothing is that is nobody's to read.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tenfour::auth::mint;
use tenfour::config::AuthSettings;

use crate::daemon::{PATIENCE, SECRET, eventually, id_of};
use crate::process::{ProcessDaemon, command, token};
use crate::wire::{self, upgrade_head};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The line of the log with all of these in it, once it is there.
async fn line_with(daemon: &ProcessDaemon, words: &[&str]) -> String {
    let find = || daemon.log().lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(line) = find() {
            return line;
        }
        assert!(Instant::now() < deadline, "no line with {words:?}:\n{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn get(daemon: &ProcessDaemon, path: &str, headers: &[(&str, &str)]) -> (StatusCode, usize) {
    let mut request = Client::new().get(format!("http://{}{path}", daemon.addr));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.bytes().await.unwrap().len())
}

/// Some of everything, with tokens wherever one may be. The bytes of the first answer.
async fn talk(daemon: &ProcessDaemon) -> usize {
    let bearer = format!("Bearer {}", token("ana"));
    let named = [("authorization", bearer.as_str()), ("x-request-id", "call-1"), ("x-forwarded-for", "203.0.113.9")];
    let (status, bytes) = get(daemon, &format!("/api/v1/channels?token={}", token("ana")), &named).await;
    assert_eq!(status, StatusCode::OK);
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let traced = [("authorization", "Bearer no"), ("traceparent", parent.as_str())];
    assert_eq!(get(daemon, "/api/v1/channels", &traced).await.0, StatusCode::UNAUTHORIZED);
    let pasted = [("authorization", bearer.as_str()), ("x-request-id", "call-2")];
    assert_eq!(get(daemon, &format!("/{}", token("ana")), &pasted).await.0, StatusCode::NOT_FOUND);
    let pasted = [("authorization", bearer.as_str()), ("x-request-id", "call-3")];
    assert_eq!(get(daemon, &format!("/api/v1/channels/{}", token("ana")), &pasted).await.0, StatusCode::NOT_FOUND);
    let head = upgrade_head(&format!("/ws?token={}", token("ana")), &[("X-Request-Id", "call-4")]);
    let (mut stream, answer) = wire::request(daemon.addr, &head).await;
    assert_eq!(answer.status, 101);
    wire::read_frame(&mut stream).await;
    drop(stream);
    bytes
}

#[tokio::test]
async fn each_request_and_each_socket_has_its_line_and_no_token_is_in_any() {
    let daemon = ProcessDaemon::start("sqlite::memory:", &[("TENFOUR_ACCESS_LOG", "on"), ("TENFOUR_LOG", "debug")]);
    let bytes = talk(&daemon).await;
    let ana = id_of("ana");
    let line = line_with(&daemon, &["tenfour::access", "(request call-1)"]).await;
    let said = line.split_once("] ").unwrap().1;
    assert!(said.starts_with("GET /api/v1/channels 200 ") && line.contains(" INFO "), "{line}");
    assert!(said.contains(&format!(" {bytes} bytes from 203.0.113.9 user {ana} ")), "{line}");
    let line = line_with(&daemon, &["tenfour::access", &format!("(request {TRACE})")]).await;
    assert!(line.contains("GET /api/v1/channels 401 ") && !line.contains("user"), "{line}");
    // What is said while a request is answered belongs to it.
    line_with(&daemon, &["a token from 127.0.0.1 was refused", &format!("(request {TRACE})")]).await;
    assert!(line_with(&daemon, &["tenfour::access", "call-2"]).await.contains("GET - 404 "));
    assert!(line_with(&daemon, &["tenfour::access", "call-3"]).await.contains("GET /api/v1/channels/… 404 "));
    let line = line_with(&daemon, &["tenfour::access", "call-4"]).await;
    assert!(line.contains("GET /ws 101 closed 1006 ") && line.contains(&format!("user {ana} session ")), "{line}");
    let signature = token("ana").rsplit('.').next().unwrap().to_owned();
    for secret in ["eyJ", signature.as_str()] {
        assert!(!daemon.log().contains(secret), "{}", daemon.log());
    }
}

#[tokio::test]
async fn a_line_as_json_has_a_field_for_each_thing_that_one_looks_for() {
    let settings = [("TENFOUR_ACCESS_LOG", "on"), ("TENFOUR_LOG", "debug"), ("TENFOUR_LOG_FORMAT", "json")];
    let daemon = ProcessDaemon::start("sqlite::memory:", &settings);
    let bytes = talk(&daemon).await;
    let socket: Value = serde_json::from_str(&line_with(&daemon, &["tenfour::access", "call-4"]).await).unwrap();
    let first: Value = serde_json::from_str(&line_with(&daemon, &["tenfour::access", "call-1"]).await).unwrap();
    for line in daemon.log().lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let time = line["time"].as_str().unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{line}");
        assert!(["level", "target", "message"].iter().all(|name| line[name].is_string()), "{line}");
    }
    let ana = id_of("ana").to_string();
    for (line, name, value) in [
        (&first, "level", json!("info")),
        (&first, "method", json!("GET")),
        (&first, "path", json!("/api/v1/channels")),
        (&first, "status", json!(200)),
        (&first, "bytes", json!(bytes)),
        (&first, "client", json!("203.0.113.9")),
        (&first, "request", json!("call-1")),
        (&first, "user", json!(ana)),
        (&socket, "path", json!("/ws")),
        (&socket, "close", json!(1006)),
        (&socket, "user", json!(ana)),
        (&socket, "request", json!("call-4")),
    ] {
        assert_eq!(line[name], value, "{name} in {line}");
    }
    assert!(first["durationMs"].is_u64() && socket["session"].is_string() && socket["bytes"].as_u64() > Some(100));
    let opened = line_with(&daemon, &["opens from", "call-4"]).await;
    let opened: Value = serde_json::from_str(&opened).unwrap();
    assert_eq!(opened["session"], socket["session"]);
}

#[tokio::test]
async fn without_the_setting_or_with_a_filter_there_are_no_such_lines() {
    for settings in [
        [("TENFOUR_ACCESS_LOG", "off"), ("TENFOUR_LOG", "debug")],
        [("TENFOUR_ACCESS_LOG", "on"), ("TENFOUR_LOG", "debug,tenfour::access=off")],
    ] {
        let daemon = ProcessDaemon::start("sqlite::memory:", &settings);
        talk(&daemon).await;
        line_with(&daemon, &["ended with 1006"]).await;
        assert!(!daemon.log().contains("tenfour::access"), "{}", daemon.log());
    }
}

#[tokio::test]
async fn the_journal_is_told_how_important_a_line_is_and_not_when_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    for (format, told, expected) in [
        ("auto", true, "<6>[INFO  tenfour"),
        ("auto", false, "[20"),
        ("journal", false, "<6>[INFO  tenfour"),
        ("text", true, "[20"),
        ("json", true, "<6>{\"level\":\"info\",\"target\":\"tenfour"),
        ("json", false, "{\"time\":\"20"),
    ] {
        let journal = File::create(&path).unwrap();
        let at = journal.metadata().unwrap();
        let inode = if told { at.ino() } else { at.ino() + 1 };
        let stream = format!("{}:{inode}", at.dev());
        let mut command = command("sqlite::memory:", &[("TENFOUR_LOG_FORMAT", format), ("JOURNAL_STREAM", &stream)]);
        let mut child = command.stderr(journal).spawn().unwrap();
        let said = || std::fs::read_to_string(&path).unwrap();
        eventually("it listens", async || said().contains("listening on ")).await;
        child.kill().unwrap();
        child.wait().unwrap();
        for line in said().lines() {
            assert!(line.starts_with(expected), "{format}, {told}: {line}");
        }
    }
}

/// The admin address, as the first line after a start names it.
fn admin_of(daemon: &ProcessDaemon) -> String {
    let log = daemon.log();
    log.split_once("admin ").unwrap().1.split_once(',').unwrap().0.to_owned()
}

#[tokio::test]
async fn an_admin_changes_what_is_logged_until_the_settings_are_read_again() {
    let daemon = ProcessDaemon::start("sqlite::memory:", &[("TENFOUR_LOG", "info")]);
    let url = format!("http://{}/admin/log", admin_of(&daemon));
    let admin = mint(&AuthSettings::with_secret(SECRET), "operator", "Operator", Some("admin"), PATIENCE).unwrap();
    let shown = async || {
        let answer = Client::new().get(&url).bearer_auth(&admin).send().await.unwrap();
        serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()
    };
    let put = async |body: Value| {
        let answer = Client::new().put(&url).bearer_auth(&admin).body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap())
    };
    assert_eq!(shown().await, json!({"filter": "info"}));
    for (filter, problem) in [
        (json!({"filter": "inof"}), "filter must be one of off, error"),
        (json!({"filter": ""}), "filter must be one of"),
        (
            json!({"filter": format!("info,{}=debug", "x".repeat(1_000))}),
            "filter is 1011 bytes long; the limit is 1000",
        ),
        (json!({"filter": 7}), "filter must be a string"),
        (json!({}), "filter is missing"),
    ] {
        let (status, answer) = put(filter).await;
        assert_eq!(status, 422, "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(problem), "{answer}");
    }
    get(&daemon, "/healthz", &[]).await;
    assert!(!daemon.log().contains(" DEBUG "), "{}", daemon.log());
    assert_eq!(put(json!({"filter": "debug"})).await, (200, json!({"filter": "debug"})));
    get(&daemon, "/healthz", &[]).await;
    line_with(&daemon, &[" DEBUG ", "GET /healthz 200"]).await;
    line_with(&daemon, &[" WARN ", "from now on the log is debug", &id_of("operator").to_string()]).await;
    daemon.signal("HUP");
    line_with(&daemon, &["the new settings are in effect"]).await;
    assert_eq!(shown().await, json!({"filter": "info"}));
}
