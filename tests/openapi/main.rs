//! The judge of the calls: `schemathesis` reads `/openapi.json` and asks a live daemon for whatever that allows and
//! forbids, as nobody, as a user, as the host's server and as a user whom that acts for.
//!
//! `scripts/test --test openapi` runs it; `TENFOUR_EXAMPLES=200 scripts/test --test openapi` for longer. It looks for answers of 5xx,
//! for statuses, types, headers and bodies that are not described, for what is taken though it should not be and refused
//! though it should not be.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test stops at the first surprise"
)]

#[path = "../support/python.rs"]
mod python;
#[path = "../admin/started.rs"]
mod started;

use std::fmt::Write;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use started::Started;
use tenfour::domain::ids::ChannelId;

/// How many requests are made up for each call, beside those that every run makes.
const EXAMPLES: &str = "TENFOUR_EXAMPLES";
const FEW: &str = "8";
/// Of the made-up ones, unless another is given.
const SEED: &str = "TENFOUR_SEED";

/// With a message each.
const CHANNELS: usize = 5;

#[actix_web::test]
async fn nobody_is_answered_as_described() {
    judge(|_| Vec::new()).await;
}

#[actix_web::test]
async fn a_user_is_answered_as_described() {
    judge(|daemon| vec![bearer(&daemon.token("ana", None))]).await;
}

#[actix_web::test]
async fn the_hosts_server_is_answered_as_described() {
    judge(|daemon| vec![bearer(&daemon.admin_token())]).await;
}

#[actix_web::test]
async fn whom_the_hosts_server_acts_for_is_answered_as_described() {
    judge(|daemon| vec![bearer(&daemon.admin_token()), "Tenfour-User: ana".to_owned()]).await;
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// Asks with these headers, each `Name: value`.
async fn judge(headers: impl FnOnce(&Started) -> Vec<String>) {
    let daemon = Started::with(|config| config.limits.rate_limit = None).await;
    let folder = tempfile::tempdir().unwrap();
    let given = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let mut command = Command::new(python::python());
    command.args(["-m", "schemathesis.cli"]);
    command.args(["--no-color", "run", &daemon.public_url("/openapi.json")]);
    command.args(["--max-examples", &given(EXAMPLES, FEW), "--seed", &given(SEED, "1")]);
    // It reads its settings where it runs, and leaves there what it found.
    command.current_dir(folder.path());
    fs::write(folder.path().join("schemathesis.toml"), include_str!("schemathesis.toml")).unwrap();
    for header in headers(&daemon) {
        command.args(["--header", &header]);
    }
    let (mut channels, mut messages) = (String::new(), String::new());
    for _ in 0..CHANNELS {
        let channel = daemon.group(&["ana", "ben", "cem", "dan"]).await;
        writeln!(channels, "\"{channel}\"").unwrap();
        writeln!(messages, "\"{}\"", message(&daemon, channel).await).unwrap();
    }
    fs::write(folder.path().join("channels.txt"), channels).unwrap();
    fs::write(folder.path().join("messages.txt"), messages).unwrap();
    let output = actix_web::rt::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}\n{complaint}", output.status);
    println!("{}", said.split("= SUMMARY =").last().unwrap_or_default());
    daemon.stop().await;
}

/// A message of ana's.
async fn message(daemon: &Started, channel: ChannelId) -> String {
    let url = daemon.public_url(&format!("/api/v1/channels/{channel}/messages"));
    let body = json!({"clientId": uuid::Uuid::new_v4(), "content": "Hello"});
    let request = reqwest::Client::new().post(url).bearer_auth(daemon.token("ana", None)).body(body.to_string());
    let sent: Value = serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    sent["id"].as_str().unwrap_or_else(|| panic!("not sent: {sent}")).to_owned()
}
