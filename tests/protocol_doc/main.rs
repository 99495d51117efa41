//! Every example of docs/protocol.md, acted out against a daemon: what the document sends is sent, and what it shows
//! must come, with the same fields, types and values.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "a test stops at the first surprise")]

mod bindings;
mod document;
mod play;

use std::collections::BTreeSet;

use document::{Section, What};
use play::Play;

/// Every frame of the wire: each has an example.
const SENT: &[&str] = &["message", "edit", "delete", "react", "answer", "typing", "read", "sync", "auth", "ping"];
const GOT: &[&str] = &[
    "hello",
    "ack",
    "message",
    "message_updated",
    "message_deleted",
    "typing",
    "typing_stopped",
    "presence",
    "read",
    "channel",
    "channel_removed",
    "members",
    "sync",
    "sync_complete",
    "ok",
    "pong",
    "error",
    "goaway",
    "announcement",
];

fn text() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol.md")).unwrap()
}

fn sections() -> Vec<Section> {
    document::parse(&text())
}

#[tokio::test]
async fn every_example_is_what_the_daemon_does() {
    let mut play = Play::new().await;
    for section in sections() {
        play.act(&section).await;
    }
    assert!(play.wrong.is_empty(), "the document and the daemon differ:\n{}", play.wrong.join("\n"));
    let shown = sections().iter().flat_map(|section| &section.steps).filter(|step| step.what.is_example()).count();
    assert_eq!(play.examples, shown, "not every example was acted out");
}

#[test]
fn every_frame_has_an_example() {
    let (mut sent, mut got) = (BTreeSet::new(), BTreeSet::new());
    for step in sections().iter().flat_map(|section| &section.steps) {
        let (words, text) = match &step.what {
            What::Sends { text, .. } => (&mut sent, text),
            What::Gets { text, .. } => (&mut got, text),
            _ => continue,
        };
        let frame: serde_json::Value = serde_json::from_str(text).unwrap();
        words.insert(frame["type"].as_str().unwrap().to_owned());
    }
    for (shown, all) in [(sent, SENT), (got, GOT)] {
        let missing: Vec<_> = all.iter().filter(|word| !shown.contains(**word)).collect();
        assert!(missing.is_empty(), "no example of {missing:?}");
    }
}

#[tokio::test]
async fn every_call_is_in_the_table() {
    let document = text();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let methods = ["GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE "];
    let shown: BTreeSet<String> =
        rows.filter(|call| methods.iter().any(|method| call.starts_with(method))).map(str::to_owned).collect();
    assert_eq!(shown, Play::new().await.described_calls().await, "left: the document, right: /openapi.json");
}
