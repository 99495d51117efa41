//! The permission table: every call, every frame and every route of the admin address, asked by everybody who might.
//!
//! The table in `law` is the one place that says who may do what; a route or a frame that it does not know fails. Each
//! cell is asked of a real daemon over HTTP or a socket. What is refused must change nothing, tell nobody, and say the
//! same of what is there as of what is not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test stops at the first surprise"
)]

mod admin;
mod askers;
mod cells;
#[path = "../support/daemon.rs"]
mod daemon;
mod law;
mod names;
#[path = "../support/panics.rs"]
mod panics;
#[path = "../support/place.rs"]
mod place;
#[path = "../support/postgres.rs"]
mod postgres;
mod scene;
#[path = "../support/socket.rs"]
mod socket;
mod talk;
#[path = "../support/wire.rs"]
mod wire;

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;
use tenfour::config::AttachmentPlace;
use tenfour::http::admin::ROUTES;
use tenfour::protocol::client::ClientFrame;

use daemon::Setup;
use law::{TABLE, Way};
use talk::Web;

#[tokio::test]
async fn each_cell_is_answered_as_the_table_says_on_sqlite() {
    ask_all(Setup::in_memory()).await;
}

#[tokio::test]
async fn each_cell_is_answered_as_the_table_says_on_postgres() {
    ask_all(Setup::on_postgres().with(|config| config.attachments = Some(AttachmentPlace::Memory))).await;
}

async fn ask_all(setup: Setup) {
    let daemon = setup.start().await;
    let started = Instant::now();
    let outcome = cells::ask_all(&daemon).await;
    println!(
        "{} cells, {} of them twice, in {} scenes, within {:?}",
        outcome.cells,
        outcome.twins,
        outcome.scenes,
        started.elapsed()
    );
    assert!(
        outcome.wrong.is_empty(),
        "{} are not as the table says:\n{}",
        outcome.wrong.len(),
        outcome.wrong.join("\n")
    );
    assert!(outcome.cells > 1500, "{} cells", outcome.cells);
}

/// What is in one list and not in the other.
fn differences(listed: &BTreeSet<String>, there: &BTreeSet<String>) -> Vec<String> {
    let unlisted = there.difference(listed).map(|name| format!("{name} has no line: say who may"));
    let gone = listed.difference(there).map(|name| format!("{name} has a line, and is not there any more"));
    unlisted.chain(gone).collect()
}

fn listed(of: impl Fn(Way) -> Option<String>) -> BTreeSet<String> {
    TABLE.iter().filter_map(|row| of(row.way)).collect()
}

#[tokio::test]
async fn the_table_has_each_call_and_each_frame_of_the_description() {
    let daemon = Setup::in_memory().start().await;
    let answer = Web::new(daemon.addr()).ask("GET", "/openapi.json", "").await;
    let document: Value = serde_json::from_str(&answer.text).unwrap();
    let calls = document["paths"].as_object().unwrap().iter().flat_map(|(path, calls)| {
        let path = path.strip_prefix("/api/v1").expect("all calls are under the prefix");
        calls.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let lines = listed(|way| match way {
        Way::Call { route, .. } => Some(route.to_owned()),
        Way::Frame(_) => None,
    });
    assert_eq!(differences(&lines, &calls.collect()), [""; 0]);

    let frames = listed(|way| match way {
        Way::Frame(kind) => Some(kind.to_owned()),
        Way::Call { .. } => None,
    });
    let described: BTreeSet<String> = document["components"]["schemas"]["ClientFrame"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(words_of_type)
        .collect();
    assert_eq!(differences(&frames, &described), [""; 0]);
    assert_eq!(differences(&frames, &ClientFrame::WORDS.map(str::to_owned).into()), [""; 0]);
}

/// The values that `type` may have, wherever in the schema of a frame that is said.
fn words_of_type(schema: &Value) -> Vec<String> {
    let own = schema["properties"]["type"]["enum"].as_array().into_iter().flatten();
    let own = own.map(|word| word.as_str().unwrap().to_owned());
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(words_of_type);
    own.chain(parts).collect()
}

#[test]
fn the_table_has_each_route_of_the_admin_address() {
    let there = ROUTES.iter().map(|route| format!("{} {}", route.method.to_uppercase(), route.path)).collect();
    let lines = admin::LINES.iter().map(|line| line.route.to_owned()).collect();
    assert_eq!(differences(&lines, &there), [""; 0]);
}

#[test]
fn a_route_without_a_line_is_told() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let told = differences(&set(&["GET /a", "GET /b"]), &set(&["GET /a", "PUT /a"]));
    assert_eq!(told, ["PUT /a has no line: say who may", "GET /b has a line, and is not there any more"]);
}
